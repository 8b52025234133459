"""Which answers are believed at once, and which only when they are seen again. Pure.

What a model does, it does again. A child that crashed or did not end may also have been killed,
stopped or starved by somebody: it is asked once more, and what it answers then is held against
what it did before. A lost worker and a child killed by signal 9 say least, so they must be seen
most often.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from itertools import takewhile
from typing import TypeVar

from kerasmatrix.results.observations import LOST, Observation, Status, Try

__all__ = ["is_the_machines", "settle", "unsteady"]

Seen = TypeVar("Seen", bound=Observation)

ALIKE = 2
ALIKE_IF_KILLED = 3
MOST_TRIES = 5


def settle(tries: Sequence[Seen]) -> Seen | None:
    """Return what is believed of a task that was tried; None if it is to be tried again."""
    last = tries[-1]
    if _doubtful(last) and len(tries) < MOST_TRIES:
        alike = len(list(takewhile(lambda one: _ending(one) == _ending(last), reversed(tries))))
        if alike < (ALIKE_IF_KILLED if _by_the_machine(last) else ALIKE):
            return None
    before = (*last.retried, *(Try(status=_status(one), reason=_told(one)) for one in tries[:-1]))
    return last.model_copy(update={"retried": before}) if before else last


def unsteady(retried: Sequence[Try], status: Status) -> tuple[Status, ...]:
    """Return the statuses that were seen in order, ending with ``status``; none if all agree."""
    seen = (*(one.status for one in retried if one.status is not None), status)
    return seen if len(set(seen)) > 1 else ()


def is_the_machines(observation: Observation) -> bool:
    """Whether nothing tells that the model did it, and not somebody else who did it every time."""
    return _by_the_machine(observation) and not _out_of_memory(observation)


def _doubtful(observation: Observation) -> bool:
    return observation.ended in {"crashed", "timed-out"} or _out_of_memory(observation)


def _by_the_machine(observation: Observation) -> bool:
    """Whether it is the mark of somebody else's hand: nobody sends himself signal 9."""
    return observation.signal == signal.SIGKILL or observation.stage == LOST


def _out_of_memory(observation: Observation) -> bool:
    return observation.error is not None and observation.error.type == "MemoryError"


def _ending(observation: Observation) -> tuple[object, ...]:
    """Return what must be the same for two endings to be alike."""
    return (
        observation.ended,
        observation.signal,
        observation.exit_code,
        observation.stage == LOST,
        _out_of_memory(observation),
    )


def _status(observation: Observation) -> Status | None:
    if observation.ended == "timed-out":
        return Status.TIMEOUT
    return None if _by_the_machine(observation) else Status.CRASH


def _told(observation: Observation) -> str:
    """Say in a line how a try ended."""
    if observation.ended == "timed-out":
        return "no answer in time"
    if observation.stage == LOST:
        return next(iter(observation.log.strip().splitlines()), "the worker was lost")
    if observation.signal is not None:
        return f"killed by signal {observation.signal}"
    if observation.error:
        return observation.error.type
    if observation.exit_code is not None:
        return f"left with exit code {observation.exit_code}"
    return "no understandable answer"
