"""What Ctrl-C does: the first ends the work and reports what is known, the second leaves now."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

__all__ = ["INTERRUPTED", "heed_interrupts"]

INTERRUPTED = 130
SOON = 0.01  # seconds: the callback has ended by then, or it is tried once more
SHOW_CURSOR = b"\x1b[?25h"
LEAVING = b"\nkerasmatrix: interrupted again: leaving at once. What was measured is kept.\n"


def heed_interrupts() -> None:
    """Let SIGINT and SIGTERM interrupt the program, and leave it when they come again.

    A scheduler that ends a run gets what Ctrl-C gets. To leave at once is safe at any time: workers
    end when nobody holds the other end of their input, and the store is made to be left so.
    """
    heard = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if heard:
            # A bar may have hidden the cursor, and nobody will show it any more.
            os.write(2, (SHOW_CURSOR if sys.stderr.isatty() else b"") + LEAVING)
            os._exit(INTERRUPTED)
        heard = True
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    signal.signal(signal.SIGALRM, _interrupt_again)
    if not isinstance(sys.unraisablehook, _Hook):
        sys.unraisablehook = _Hook(sys.unraisablehook)


class _Hook:
    """Raises an interrupt again that came where Python ignores exceptions.

    It may come in a callback of `os.fork`, in a finalizer or in a weak reference's callback.
    """

    def __init__(self, others: Callable[[sys.UnraisableHookArgs], object]) -> None:
        self._others = others

    def __call__(self, unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, SOON)
        else:
            self._others(unraisable)


def _interrupt_again(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
