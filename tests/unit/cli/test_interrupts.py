import signal
import sys
import threading
import weakref

import pytest

from kerasmatrix.cli.interrupts import handle_interrupts

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


@pytest.fixture(autouse=True)
def _handled():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    hook = sys.unraisablehook
    handle_interrupts()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


class Thing:
    pass


def interrupt(*_):
    signal.raise_signal(signal.SIGINT)


def release(things):
    """Clear a list and wait for an interrupt."""
    things.clear()
    threading.Event().wait(30)


def test_interrupt_in_a_finalizer_is_raised_again():
    class Dies:
        __del__ = interrupt

    with pytest.raises(KeyboardInterrupt):
        release([Dies()])


def test_interrupt_in_a_weak_callback_is_raised_again():
    things = [Thing()]
    reference = weakref.ref(things[0], interrupt)
    with pytest.raises(KeyboardInterrupt):
        release(things)
    assert reference() is None


def test_other_ignored_exceptions_reach_the_previous_hook(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    handle_interrupts()
    handle_interrupts()
    thing = Thing()
    weakref.finalize(thing, int)
    reference = weakref.ref(thing, lambda _: 1 / 0)
    del thing
    assert [unraisable.exc_type for unraisable in seen] == [ZeroDivisionError]
    assert reference() is None
