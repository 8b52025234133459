"""Which results of a task are believed at once, and which must be repeated first. Pure.

A model behaves the same each time. A process that crashed or timed out may also have been killed or
starved from outside: its task is repeated, and the endings are compared. A lost worker and a kill
by signal 9 are the weakest evidence, so they must be repeated most often.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from itertools import takewhile
from typing import TypeVar

from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import LOST, Observation, RetriedAttempt

__all__ = ["confirm_result", "flaky_statuses", "is_external_kill"]

Seen = TypeVar("Seen", bound=Observation)

# Two equal endings are the model's own. Signal 9 is sent by the kernel when memory is short and by
# `docker kill`, never by a process to itself, so it takes a third one.
ALIKE = 2
ALIKE_IF_KILLED = 3
# A task that ends differently each time counts as it ended last, as a flaky one.
MOST_TRIES = 5


def confirm_result(tries: Sequence[Seen]) -> Seen | None:
    """Return the result of a task that is believed; None if the task must be repeated."""
    last = tries[-1]
    if _is_doubtful(last) and len(tries) < MOST_TRIES:
        alike = len(list(takewhile(lambda seen: _ending(seen) == _ending(last), reversed(tries))))
        if alike < (ALIKE_IF_KILLED if _is_external(last) else ALIKE):
            return None
    before = (
        *last.retried,
        *(RetriedAttempt(status=_status(seen), summary=_reason(seen)) for seen in tries[:-1]),
    )
    return last.but(retried=before) if before else last


def flaky_statuses(retried: Sequence[RetriedAttempt], status: Status) -> tuple[Status, ...]:
    """Return the statuses of all attempts in order, ``status`` last; none if all agree."""
    seen = (*(attempt.status for attempt in retried if attempt.status is not Status.INFRA), status)
    return seen if len(set(seen)) > 1 else ()


def is_external_kill(observation: Observation) -> bool:
    """Whether a process outside may have killed the task each time it was tried."""
    return _is_external(observation) and not _is_out_of_memory(observation)


def _is_doubtful(observation: Observation) -> bool:
    return observation.ended in {"crashed", "timed-out"} or _is_out_of_memory(observation)


def _is_external(observation: Observation) -> bool:
    """Whether the task was ended from outside: a process does not send itself signal 9."""
    return observation.signal == signal.SIGKILL or observation.stage == LOST


def _is_out_of_memory(observation: Observation) -> bool:
    return observation.error is not None and observation.error.type == "MemoryError"


def _ending(observation: Observation) -> tuple[object, ...]:
    """Return the fields that are equal in equal endings."""
    return (
        observation.ended,
        observation.signal,
        observation.exit_code,
        observation.stage == LOST,
        _is_out_of_memory(observation),
    )


def _status(observation: Observation) -> Status:
    if observation.ended == "timed-out":
        return Status.TIMEOUT
    return Status.INFRA if _is_external(observation) else Status.CRASH


def _reason(observation: Observation) -> str:
    """Return in a line how an attempt ended."""
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
