"""Handles Ctrl-C: the first ends the work and reports the results, the second exits at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

from kerasmatrix.cli.exit_codes import INTERRUPTED

__all__ = ["handle_interrupts"]

RETRY_SECONDS = 0.01  # by then the callback has ended, or the next attempt follows
SHOW_CURSOR = b"\x1b[?25h"
LEAVING = b"\nkerasmatrix: interrupted again, exiting at once. Measured results are kept.\n"


def handle_interrupts() -> None:
    """Let SIGINT and SIGTERM interrupt the program, and the second of them exit at once.

    SIGTERM acts like Ctrl-C, since batch schedulers send it. To exit at once is safe at any time:
    workers end when their input closes, and every write to the store is a transaction.
    """
    interrupted = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        if interrupted:
            # A progress bar may have hidden the cursor.
            os.write(2, (SHOW_CURSOR if sys.stderr.isatty() else b"") + LEAVING)
            os._exit(INTERRUPTED)
        interrupted = True
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    signal.signal(signal.SIGALRM, _interrupt_again)
    if not isinstance(sys.unraisablehook, _UnraisableHook):
        sys.unraisablehook = _UnraisableHook(sys.unraisablehook)


class _UnraisableHook:
    """Raises an interrupt again if it arrived where Python ignores exceptions.

    That is in a callback of `os.fork`, in a finalizer or in a callback of a weak reference.
    """

    def __init__(self, previous: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self._previous = previous

    def __call__(self, unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)
        else:
            self._previous(unraisable)


def _interrupt_again(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
