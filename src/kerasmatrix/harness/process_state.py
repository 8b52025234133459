"""What a task may leave behind in its process: noticed, undone where it can be.

A child does several tasks, and each must find what the first found. What is cheap and safe to undo
is undone (folders, variables, paths, registered objects, automatic names, graphs); where anything
else has changed, the child is given up. What changes without meaning anything is told below, as
seen in TensorFlow 1.15 to 2.21.
"""

from __future__ import annotations

import functools
import logging
import os
import signal
import sys
import tempfile
import threading
import types
import warnings
from typing import Any

__all__ = ["Baseline"]

KERAS = ("keras", "tf_keras")
# Imported late they bring state along that nobody has seen before.
WATCHED = (*KERAS, "tensorflow", "tensorflow_core")
# Globals that say what mode something is in: a flag, a name, a number, a policy, a function.
TELLING = (
    bool, int, float, str, bytes, type(None), type, types.FunctionType, types.MethodType,
    types.BuiltinFunctionType, staticmethod, classmethod, property, functools.partial,
)  # fmt: skip
# Caches, clocks and what is made at the first use (measured: a load, a call and a save of each
# format of two scenarios in each environment of the group `default`).
MEANINGLESS = {
    "_END_TIME_OF_LAST_WRITE",  # tensorflow.python.checkpoint.checkpoint: when it last wrote
    "_context",  # tensorflow.python.eager.context: made with the first operation
    "FLAGS",  # tensorflow.core.config.flags: likewise
    "_rewriter_config_optimizer_disabled",  # ... function_utils: made when it is asked for
    "non_mixed_precision_session_created",  # TensorFlow 1 to 2.3: whether there was a session
    "_name_sequence",  # tempfile: what draws names, made with the first one
    "ag_internal",  # tensorflow.python.autograph.impl.conversion: made with the first conversion
    "custom_vars",  # likewise
    "tf_export",  # tensorflow.python.util.nest in 1.15: gone with the first SavedModel; a decorator
    "_GRAPH",  # tensorflow.python.keras.backend to 2.3: forgotten with automatic names
}
# Not undone: how module wrappers look up names, and what a module itself is.
WRAPPERS = ("_tfmw", "__")
# What was printed once is printed again, as in a new process.
ONCE = ("tensorflow.python.util.deprecation", "tensorflow.python.platform.tf_logging",
        "absl.logging")  # fmt: skip
LAZY = {"LazyLoader", "KerasLazyLoader"}  # modules that fill themselves at the first use
ABSENT = object()
DESCRIPTORS = 64  # files that may stay open before a child is given up


class Baseline:
    """How a process was when this was made; to be made before TensorFlow's runtime starts.

    ``own`` are the folders of scenarios and of what they work on: a module from there is a task's.
    """

    def __init__(self, own: tuple) -> None:
        self._own = tuple(os.path.join(os.path.realpath(folder), "") for folder in own)
        self._environment = dict(os.environ)
        self._folder = os.getcwd()
        self._lists = [(kept, list(kept)) for kept in _import_lists()]
        self._temporary = tempfile.tempdir
        self._filters: list = list(warnings.filters)
        self._show = warnings.showwarning
        self._loggers = {log: (log.level, list(log.handlers), log.disabled) for log in _loggers()}
        self._signals = {number: signal.getsignal(number) for number in _signals()}
        self._mode = _mode()
        self._descriptors = _descriptors()
        self._modules: dict = {}  # by name: the module, its globals, and a copy of these
        self._present: dict = {}
        self._contents: list = []
        self._classes: dict = {}
        self._packages: set = set()
        self._present = dict(sys.modules)
        self._note_modules(self._present)

    def restore(self) -> str | None:
        """Undo what was done since; return what is left that cannot be undone, if anything."""
        try:
            self._restore_process()
            self._restore_logs()
            left = self._restore_modules() or _company()
            if left is None and _mode() != self._mode:
                left = "settings of the interpreter or of NumPy"
            if left is None and _descriptors() > self._descriptors + DESCRIPTORS:
                left = "open files"
            if left is None:
                self._forget_names()
        except Exception as error:  # what cannot even be looked at is not what it was
            return f"{type(error).__name__}: {error}"
        return left

    def _restore_process(self) -> None:
        os.chdir(self._folder)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        tempfile.tempdir = self._temporary
        for kept, content in self._lists:
            if kept != content:
                kept[:] = content
        signal.alarm(0)
        for number, handler in self._signals.items():
            if signal.getsignal(number) != handler and handler is not None:
                signal.signal(number, handler)

    def _restore_logs(self) -> None:
        warnings.filters = list(self._filters)
        warnings.showwarning = self._show
        with warnings.catch_warnings():
            pass  # which makes every module forget what it has warned of
        for log in _loggers():
            level, handlers, disabled = self._loggers.get(log, (logging.NOTSET, [], False))
            log.setLevel(level)
            log.handlers[:] = handlers
            log.disabled = disabled

    def _restore_modules(self) -> str | None:
        late: dict = {}
        left = self._look_for_modules(late)
        if left is not None:
            return left
        for kept, content in self._contents:
            if kept != content:
                kept.clear()
                (kept.extend if isinstance(kept, list) else kept.update)(content)
        left = self._look_into_modules(late) or self._look_into_classes()
        self._note_modules(late)
        self._present = dict(sys.modules)
        return left

    def _look_for_modules(self, late: dict) -> str | None:
        """Put modules that came since into ``late``, but for those of a task, which have to go."""
        if _is_same(sys.modules, self._present):
            return None
        for name, module in list(sys.modules.items()):
            known = self._modules.get(name)
            if known is not None and known[0] is module:
                continue
            if known is None and self._is_own(module):
                del sys.modules[name]
                continue
            package = _package(name)
            if known is not None or (package in WATCHED and package not in self._packages):
                return f"the module {name}"
            late[name] = module
        gone = self._modules.keys() - sys.modules.keys()
        return f"the module {min(gone)}, which is gone" if gone else None

    def _look_into_modules(self, late: dict) -> str | None:
        """Put modules that changed without meaning into ``late``: once seen is enough."""
        for name, (module, now, before) in self._modules.items():
            if _is_same(now, before):
                continue
            # A name that was added changes nothing that was there, and many are added late.
            key = _changed(now, before, list(before))
            if key is not None and type(module).__name__ not in LAZY:
                return f"{name}.{key}"
            late[name] = module
        return None

    def _look_into_classes(self) -> str | None:
        for kind, before in self._classes.items():
            now = vars(kind)
            if _is_same(now, before):
                continue
            key = _changed(now, before, [*before, *(now.keys() - before.keys())])
            if key is not None:
                return f"{kind.__module__}.{kind.__name__}.{key}"
            self._classes[kind] = dict(now)
        return None

    def _note_modules(self, modules: dict) -> None:
        """Remember the globals of ``modules``, and what is in those of Keras."""
        for name, module in modules.items():
            live = _variables(module)
            variables = dict(live)
            known = name in self._modules
            self._modules[name] = (module, live, variables)
            if known:
                continue
            self._packages.add(_package(name))
            for key, value in variables.items():
                if key.startswith(WRAPPERS):
                    continue
                if type(value) in (dict, list, set) and (
                    _package(name) in KERAS or ".keras." in name or name in ONCE
                ):
                    self._contents.append((value, type(value)(value)))
                elif isinstance(value, type) and _package(str(value.__module__)) in WATCHED:
                    self._classes[value] = dict(vars(value))

    def _is_own(self, module: Any) -> bool:
        """Whether a module comes from a scenario's folder, or from what it wrote."""
        variables = _variables(module)
        places = [variables.get("__file__"), *(variables.get("__path__") or ())]
        return any(
            isinstance(place, str) and os.path.realpath(place).startswith(self._own)
            for place in places
        )

    def _forget_names(self) -> None:
        """Number names anew, and begin a new graph, in every Keras that is there."""
        for name in ("keras.backend", "tf_keras.backend"):
            if name in sys.modules:
                _clear_session(sys.modules[name])
        import tensorflow as tf

        _clear_session(tf.keras.backend)
        tf.compat.v1.reset_default_graph()


def _clear_session(backend: Any) -> None:
    try:
        # Keras 3 would collect garbage, which is what a child that ends does best.
        backend.clear_session(free_memory=False)
    except TypeError:
        backend.clear_session()


def _is_same(now: Any, before: dict) -> bool:
    """Whether nothing at all has changed; quick, since what is identical is not looked at."""
    try:
        return bool(now == before)
    except Exception:
        return False


def _changed(now: Any, before: dict, keys: list) -> str | None:
    """Return which of ``keys`` is a telling value and not what it was."""
    for key in keys:
        if key in MEANINGLESS or key.startswith(WRAPPERS):
            continue
        ours, theirs = now.get(key, ABSENT), before.get(key, ABSENT)
        if ours is theirs or not (isinstance(ours, TELLING) or isinstance(theirs, TELLING)):
            continue
        if type(ours) is not type(theirs) or ours != theirs:
            return str(key)
    return None


def _variables(module: Any) -> Any:
    # Never `getattr`: a lazy module would load.
    try:
        return object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}


def _package(name: str) -> str:
    return name.split(".", 1)[0]


def _import_lists() -> list:
    return [sys.path, sys.meta_path, sys.path_hooks]


def _loggers() -> list:
    named = list(logging.Logger.manager.loggerDict.values())
    return [logging.root, *(log for log in named if isinstance(log, logging.Logger))]


def _signals() -> list:
    return [signal.SIGALRM, signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1,
            signal.SIGUSR2]  # fmt: skip


def _mode() -> tuple:
    """Return settings of the interpreter and of NumPy that change what code does."""
    import gc

    import numpy as np

    return (
        sys.getrecursionlimit(),
        gc.isenabled(),
        gc.get_threshold(),
        sys.gettrace(),
        sys.getprofile(),
        sys.excepthook,
        sorted(np.geterr().items()),
        _mask(),
    )


def _mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _company() -> str | None:
    """Say whether a thread of Python's or a process of a task's is left."""
    threads = [thread.name for thread in threading.enumerate()[1:]]
    if threads:
        return f"the thread {threads[0]}"
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return "a process"


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
