import signal
import sys
import threading
import weakref

import pytest

from kerasmatrix.cli.interrupts import heed_interrupts

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)


@pytest.fixture(autouse=True)
def _heeded():
    before = {number: signal.getsignal(number) for number in NUMBERS}
    hook = sys.unraisablehook
    heed_interrupts()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    sys.unraisablehook = hook


class Thing:
    pass


def interrupt(*_):
    signal.raise_signal(signal.SIGINT)


def release(things):
    """Let go of what is in a list, and wait to be interrupted."""
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


def test_other_ignored_exceptions_go_to_the_hook_before(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    heed_interrupts()
    heed_interrupts()
    thing = Thing()
    weakref.finalize(thing, int)
    reference = weakref.ref(thing, lambda _: 1 / 0)
    del thing
    assert [each.exc_type for each in seen] == [ZeroDivisionError]
    assert reference() is None
