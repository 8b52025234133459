"""Turns the answers of workers into observations, and stores those that are believed.

A crash or timeout is repeated before it is believed (`kerasmatrix.execution.confirm`). An answer
that is about the machine is a `TaskFault`, and is not stored.
"""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kerasmatrix.config.scenario import digest_scenario
from kerasmatrix.engines.base import Task, WorkDirs
from kerasmatrix.execution.confirm import confirm_result, is_external_kill
from kerasmatrix.execution.plan import Plan
from kerasmatrix.harness import trees
from kerasmatrix.results.answers import parse_answer
from kerasmatrix.results.bounds import LONGEST_LINE, cut
from kerasmatrix.results.observations import Measured, Observation, SaveObservation
from kerasmatrix.results.verdict import infrastructure_fault
from kerasmatrix.store.artifacts import NoArtifact
from kerasmatrix.store.store import Store

__all__ = ["Recorder", "TaskFault", "TaskRequest"]


class TaskFault(Exception):
    """A task failed because of the machine. The message says why."""


@dataclass(frozen=True)
class TaskRequest:
    """A task that a job waits for.

    ``kind`` is the kind of its observation, and ``key`` the one to store it under. ``is_retry``
    says that the observation that is stored there stays. ``with_repair`` says that the key covers
    the code of fixes. ``attempts`` grows with each attempt.
    """

    task: Task
    kind: type[Observation]
    key: str
    is_retry: bool = False
    with_repair: bool = False
    attempts: list[Observation] = field(default_factory=list)

    @property
    def next_task(self) -> Task:
        """The task with an id of its own: files of an earlier attempt would be in its way."""
        if not self.attempts:
            return self.task
        return replace(self.task, id=f"{self.task.id}-{len(self.attempts) + 1}")


class Recorder:
    """Records the answers to the tasks of one plan."""

    def __init__(self, plan: Plan, store: Store, run: str) -> None:
        """Record into ``store`` for the run of this id."""
        self._plan = plan
        self._store = store
        self._run = run

    def record(
        self, environment: str, request: TaskRequest, answer: dict[str, Any], work_dirs: WorkDirs
    ) -> Measured[Any] | None:
        """Commit the observation in an answer; None if the task is to be repeated first.

        Raises:
            TaskFault: the answer is about the machine.
        """
        if "fault" in answer and "ended" not in answer:  # a harness always says how it ended
            raise TaskFault(cut(str(answer["fault"]), LONGEST_LINE))
        task = request.next_task
        folder = work_dirs.scratch / task.id
        observation = parse_answer(request.kind, answer, self._store.observations.shared)
        if isinstance(observation, SaveObservation) and observation.ended == "returned":
            observation = self._with_artifact(observation, task, folder / "artifact")
        # A model's folder can be large, and hundreds of tasks follow.
        trees.remove(str(folder))
        fault = infrastructure_fault(observation) or self._damage(task, work_dirs, observation)
        if fault:
            raise TaskFault(fault)
        # After the faults of the machine: those must not count as one of two crashes.
        request.attempts.append(observation)
        confirmed = confirm_result(request.attempts)
        return self._stored(environment, request, confirmed) if confirmed else None

    def _stored(
        self, environment: str, request: TaskRequest, observation: Observation
    ) -> Measured[Any]:
        # Evidence of a kill from outside is never kept: the machine may have more memory next time.
        if is_external_kill(observation):
            # Shown, but not stored: the next run finds out whether it happens again.
            return Measured(observation, datetime.datetime.now(datetime.UTC))
        observations = self._store.observations
        if request.is_retry:
            return observations.remember_retry(request.key, observation, self._run)
        scenario, with_repair = request.task.scenario, request.with_repair
        origin = self._plan.origin(environment, scenario, with_repair=with_repair)
        return observations.remember(request.key, observation, self._run, origin)

    def _with_artifact(
        self, observation: SaveObservation, task: Task, folder: Path
    ) -> SaveObservation:
        """Store the artifact of a save; return the save with its digest, or as a crash."""
        try:
            digest = self._store.keep_artifact(folder)
        except NoArtifact as error:
            return SaveObservation(
                ended="crashed",
                log=str(error),
                seconds=observation.seconds,
                deadline=observation.deadline,
            )
        path = self._store.artifacts / digest
        equivalence = _equivalence(path) if task.kind == "save" else None
        return observation.but(artifact=digest, equivalence=equivalence)

    def _damage(self, task: Task, work_dirs: WorkDirs, observation: Observation) -> str | None:
        """Return which input of a task was damaged, or None."""
        # Digested after the load: a file that was damaged before or during it explains any result.
        if task.artifact is not None and not self._store.is_intact(task.artifact):
            return "the artifact was damaged or removed: another run saves it again"
        # Scenarios are compared after failures only, which a damaged script would cause.
        if observation.ended != "returned":
            with contextlib.suppress(OSError):
                expected = self._plan.scenarios[task.scenario].digest
                if digest_scenario(work_dirs.scenarios / task.scenario) == expected:
                    return None
            return "the run's copy of the scenario was damaged or removed: run again"
        return None


def _equivalence(artifact: Path) -> str | None:
    # h5py alone takes a sixteenth of a run that has nothing to save.
    from kerasmatrix.inspection.fingerprint import content_fingerprint  # noqa: PLC0415

    return content_fingerprint(artifact)
