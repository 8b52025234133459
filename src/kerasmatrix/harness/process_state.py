"""The state of a process that a task may change: restored where possible, reported elsewhere.

A child runs several tasks, and each must find the state that the first one found. Changes that are
cheap and safe to undo are undone. After any other change that may matter the child is replaced.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
import warnings

from . import backend
from .module_state import ModuleState

__all__ = ["ProcessState"]

MAX_LEAKED_FILES = 64  # that may stay open before a child is replaced
SIGNALS = (signal.SIGALRM, signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1,
           signal.SIGUSR2)  # fmt: skip


class ProcessState:
    """The state of this process at the time of creation, before TensorFlow's runtime starts.

    Args:
        task_folders: the folders of scenarios and of their data. A module from there belongs to a
            task, and is imported again by the next one.
    """

    def __init__(self, task_folders: tuple) -> None:
        self._environment = dict(os.environ)
        self._folder = os.getcwd()
        self._import_lists = [(live, list(live)) for live in _import_lists()]
        self._temporary_folder = tempfile.tempdir
        self._warning_filters: list = list(warnings.filters)
        self._show_warning = warnings.showwarning
        self._loggers = {log: (log.level, list(log.handlers), log.disabled) for log in _loggers()}
        self._signal_handlers = {number: signal.getsignal(number) for number in SIGNALS}
        self._interpreter_settings = _interpreter_settings()
        self._open_files = _open_files()
        self._modules = ModuleState(task_folders)

    def restore(self) -> str | None:
        """Undo the changes since; return one that cannot be undone, or None."""
        try:
            self._restore_settings()
            self._restore_logging()
            change = self._modules.restore() or _leftover_threads()
            if change is None and _interpreter_settings() != self._interpreter_settings:
                change = "settings of the interpreter or of NumPy"
            if change is None and _open_files() > self._open_files + MAX_LEAKED_FILES:
                change = "open files"
            if change is None:
                backend.current().restart()
        except Exception as error:  # a state that cannot even be read has changed
            return f"{type(error).__name__}: {error}"
        return change

    def _restore_settings(self) -> None:
        """Restore folder, environment, import paths and signal handlers."""
        os.chdir(self._folder)
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        tempfile.tempdir = self._temporary_folder
        for live, content in self._import_lists:
            if live != content:
                live[:] = content
        signal.alarm(0)
        for number, handler in self._signal_handlers.items():
            # None is a handler that was not installed from Python, and cannot be from there.
            if signal.getsignal(number) != handler and handler is not None:
                signal.signal(number, handler)

    def _restore_logging(self) -> None:
        warnings.filters = list(self._warning_filters)
        warnings.showwarning = self._show_warning
        with warnings.catch_warnings():
            pass  # this makes every module forget which warnings it has printed
        for log in _loggers():
            level, handlers, disabled = self._loggers.get(log, (logging.NOTSET, [], False))
            log.setLevel(level)
            log.handlers[:] = handlers
            log.disabled = disabled


def _import_lists() -> list:
    return [sys.path, sys.meta_path, sys.path_hooks]


def _loggers() -> list:
    named = list(logging.Logger.manager.loggerDict.values())
    return [logging.root, *(log for log in named if isinstance(log, logging.Logger))]


def _interpreter_settings() -> tuple:
    """Return settings of the interpreter and of NumPy that change the effect of code."""
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
        _umask(),
    )


def _umask() -> int:
    # It can only be read by setting it.
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _leftover_threads() -> str | None:
    """Return a thread of Python, or a process, that a task has left running; None if all ended."""
    threads = [thread.name for thread in threading.enumerate()[1:]]
    if threads:
        return f"the thread {threads[0]}"
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return "a process"


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))
