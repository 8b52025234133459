"""Runs a batch of tasks in children, several in one child where that changes nothing.

Where a task does not return, an earlier task of the same child may be the cause. Then the task is
repeated in a new child, and that result counts. If the new child raises the same error, the error
is confirmed: the old child goes on, and tasks of this group that raise it are not repeated again.
"""

from __future__ import annotations

from typing import Any

from . import answer
from .child import Child
from .child_process import Settings

__all__ = ["run"]

# A child keeps at most what its tasks may allocate; a limit on their number makes that rare.
MAX_TASKS_PER_CHILD = 100


def run(tasks: list, settings: Settings, watch: Any = None, confirmed: set | None = None) -> Any:
    """Run ``tasks`` in children and yield their results, in order.

    Args:
        tasks: functions without arguments that return JSON-ready data. Each has a ``deadline`` in
            seconds (see `deadline.Deadline`) and a ``group``: tasks in a row of one group may share
            a child.
        settings: what all children have in common.
        watch: a `protocol.Line` that ends when the runner has hung up.
        confirmed: the errors that a new child has raised, by group; is added to.

    Yields:
        ``ended`` (``returned``, ``raised``, ``crashed``, ``timed-out``), ``value``, ``error``,
        ``stage``, ``exit_code``, ``signal``, ``log``, ``seconds``, ``peak_memory_mb``;
        ``replaced`` says why the child runs no more tasks.

    Raises:
        RunnerGone: ``watch`` has ended.
    """
    confirmed = set() if confirmed is None else confirmed
    while tasks:
        done = yield from _run_in_one_child(_first_group(tasks), settings, watch, confirmed)
        tasks = tasks[done:]


def _first_group(tasks: list) -> list:
    """Return the first task, and those that may follow it in the same child."""
    number = 1
    while number < min(len(tasks), MAX_TASKS_PER_CHILD) and tasks[number].group == tasks[0].group:
        number += 1
    return tasks[:number]


def _run_in_one_child(tasks: list, settings: Settings, watch: Any, confirmed: set) -> Any:
    """Yield results of ``tasks`` until one demands a new child; return the number of results."""
    done = 0
    with Child(tasks, settings) as child:
        for number, task in enumerate(tasks, start=1):
            result = child.result(task, watch, is_last=number == len(tasks))
            error = signature = answer.error_signature(result)
            may_be_disturbed = done and result["ended"] != "returned"
            if may_be_disturbed and (task.group, error) not in confirmed:
                if error is None or child.has_ended:
                    break  # the next child begins with this task
                result = _run_alone(task, settings, watch, child)
                signature = answer.error_signature(result)
            if signature is not None:
                confirmed.add((task.group, signature))
            done += 1
            yield result
            if child.has_ended or signature != error:
                break
            if error is not None:
                child.permit_next()
    return done


def _run_alone(task: Any, settings: Settings, watch: Any, waiting: Child) -> dict:
    """Return the result of a task in a new child, while the one that was ``waiting`` waits."""
    with Child([task], settings, waiting) as child:
        return child.result(task, watch, is_last=True)
