"""Global variables of modules and attributes of classes: which of them a task has changed.

`MEANINGLESS` lists globals that change in TensorFlow 1.15 to 2.21 without an effect on later tasks.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from typing import Any

__all__ = ["ModuleState"]

KERAS = ("keras", "tf_keras")
# A module of these that is imported by a task brings state that the snapshot does not have.
WATCHED = (*KERAS, "tensorflow", "tensorflow_core")
# Globals of these types select a mode or an implementation: a flag, a name, a number, a policy, a
# function. Other objects are caches more often than not.
COMPARED_TYPES = (
    bool, int, float, str, bytes, type(None), type, types.FunctionType, types.MethodType,
    types.BuiltinFunctionType, staticmethod, classmethod, property, functools.partial,
)  # fmt: skip
# Caches, clocks and objects that are created at the first use (measured: a load, a call and a save
# of each format of two scenarios in each environment of the group `default`).
MEANINGLESS = {
    "_END_TIME_OF_LAST_WRITE",  # tensorflow.python.checkpoint.checkpoint: when it last wrote
    "_context",  # tensorflow.python.eager.context: created with the first operation
    "FLAGS",  # tensorflow.core.config.flags: likewise
    "_rewriter_config_optimizer_disabled",  # ... function_utils: created at its first use
    "non_mixed_precision_session_created",  # TensorFlow 1 to 2.3: whether there was a session
    "_name_sequence",  # tempfile: the generator of names, created with the first one
    "ag_internal",  # tensorflow.python.autograph.impl.conversion: created at the first conversion
    "custom_vars",  # likewise
    "tf_export",  # tensorflow.python.util.nest in 1.15: gone with the first SavedModel; a decorator
    "_GRAPH",  # tensorflow.python.keras.backend to 2.3: reset with the automatic names
}
# Attributes of module wrappers and of modules themselves: lookups change them.
IGNORED_PREFIXES = ("_tfmw", "__")
# Modules that remember which messages they have printed: each task must print its own.
LOG_ONCE = ("tensorflow.python.util.deprecation", "tensorflow.python.platform.tf_logging",
            "absl.logging")  # fmt: skip
LAZY = {"LazyLoader", "KerasLazyLoader"}  # modules that fill themselves at the first use
MISSING = object()


class ModuleState:
    """The state of all imported modules at the time of creation.

    Args:
        task_folders: see `ProcessState`.
    """

    def __init__(self, task_folders: tuple) -> None:
        self._task_folders = tuple(
            os.path.join(os.path.realpath(folder), "") for folder in task_folders
        )
        self._globals: dict = {}  # by module name: the module, its globals, and a copy of these
        self._containers: list = []  # global containers of Keras, each with a copy of its content
        self._classes: dict = {}  # the attributes of each class of TensorFlow and Keras
        self._packages: set = set()
        self._present = dict(sys.modules)
        self._remember(self._present)

    def restore(self) -> str | None:
        """Restore the content of containers; return a module or global that has changed."""
        harmless: dict = {}
        change = self._check_imports(harmless)
        if change is not None:
            return change
        for live, content in self._containers:
            if live != content:
                live.clear()
                (live.extend if isinstance(live, list) else live.update)(content)
        change = self._check_globals(harmless) or self._check_classes()
        self._remember(harmless)
        self._present = dict(sys.modules)
        return change

    def _check_imports(self, harmless: dict) -> str | None:
        """Remove the modules of a task; return one that was replaced, is gone, or is watched.

        Modules that were imported since and change nothing are added to ``harmless``.
        """
        if _is_equal(sys.modules, self._present):
            return None
        for name, module in list(sys.modules.items()):
            known = self._globals.get(name)
            if known is not None and known[0] is module:
                continue
            if known is None and self._is_of_task(module):
                del sys.modules[name]
                continue
            package = _package(name)
            if known is not None or (package in WATCHED and package not in self._packages):
                return f"the module {name}"
            harmless[name] = module
        gone = self._globals.keys() - sys.modules.keys()
        return f"the module {min(gone)}, which is gone" if gone else None

    def _check_globals(self, harmless: dict) -> str | None:
        """Return a global that has changed; add modules with other changes to ``harmless``.

        These are remembered as they are now, so that the next comparison is quick again.
        """
        for name, (module, now, before) in self._globals.items():
            if _is_equal(now, before):
                continue
            # New names are not compared: they replace nothing, and many are added at first use.
            key = _changed_key(now, before, list(before))
            if key is not None and type(module).__name__ not in LAZY:
                return f"{name}.{key}"
            harmless[name] = module
        return None

    def _check_classes(self) -> str | None:
        """Return an attribute of a class that has changed or is new: it may override a base's."""
        for kind, before in self._classes.items():
            now = vars(kind)
            if _is_equal(now, before):
                continue
            key = _changed_key(now, before, [*before, *(now.keys() - before.keys())])
            if key is not None:
                return f"{kind.__module__}.{kind.__name__}.{key}"
            self._classes[kind] = dict(now)
        return None

    def _remember(self, modules: dict) -> None:
        """Copy the globals of ``modules``, and the containers and classes of new ones."""
        for name, module in modules.items():
            live = _globals_of(module)
            copy = dict(live)
            is_known = name in self._globals
            self._globals[name] = (module, live, copy)
            if is_known:
                continue
            self._packages.add(_package(name))
            is_restored = _package(name) in KERAS or ".keras." in name or name in LOG_ONCE
            for key, value in copy.items():
                if key.startswith(IGNORED_PREFIXES):
                    continue
                if type(value) in (dict, list, set) and is_restored:
                    self._containers.append((value, type(value)(value)))
                elif isinstance(value, type) and _package(str(value.__module__)) in WATCHED:
                    self._classes[value] = dict(vars(value))

    def _is_of_task(self, module: Any) -> bool:
        """Whether a module comes from a scenario's folder, or from a file that a task wrote."""
        names = _globals_of(module)
        paths = [names.get("__file__"), *(names.get("__path__") or ())]
        return any(
            isinstance(path, str) and os.path.realpath(path).startswith(self._task_folders)
            for path in paths
        )


def _is_equal(now: Any, before: dict) -> bool:
    """Whether nothing has changed; quick, since Python does not compare identical values."""
    try:
        return bool(now == before)
    except Exception:
        return False


def _changed_key(now: Any, before: dict, keys: list) -> str | None:
    """Return one of ``keys`` whose value is of a compared type and has changed; else None."""
    for key in keys:
        if key in MEANINGLESS or key.startswith(IGNORED_PREFIXES):
            continue
        new, old = now.get(key, MISSING), before.get(key, MISSING)
        if new is old or not (isinstance(new, COMPARED_TYPES) or isinstance(old, COMPARED_TYPES)):
            continue
        if type(new) is not type(old) or new != old:
            return str(key)
    return None


def _globals_of(module: Any) -> Any:
    # Not with `getattr`, which makes a lazy module load.
    try:
        return object.__getattribute__(module, "__dict__")
    except AttributeError:
        return {}


def _package(name: str) -> str:
    return name.split(".", 1)[0]
