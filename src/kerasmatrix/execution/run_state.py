"""The state of a run: all observations of a plan, and what went wrong.

Verdicts, causes and results of fixes are computed once for each cell, since the queue, the search
for fixes and the report ask for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.fix_attempts import Attempt, Causes, judge_attempt
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.results.boundary import Boundary
from kerasmatrix.results.cells import Cell
from kerasmatrix.results.observations import (
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
)
from kerasmatrix.results.schema import RemedyResult, SideResult
from kerasmatrix.results.verdict import Verdict

__all__ = ["Retry", "RunState"]


class Retry(NamedTuple):
    """A save or load that was repeated, the load with ``remedies`` if there are any."""

    remedies: tuple[str, ...]
    measured: Measured[LoadObservation] | Measured[SaveObservation]


@dataclass
class RunState:
    """All that is known about the cells of a plan, and the verdicts that follow from it.

    Attributes:
        plan: the plan.
        saves: the observation of each save, and so on.
        environment_errors: why an environment is unavailable.
        task_errors: which fault of the machine kept a row or cell from being measured.
        inferred: the cells that were not loaded, each with the cell whose load counts for it.
        boundary: everything that is computed of a row or cell is computed inside its ``apart``.
        causes: finds the causes of cells.
    """

    plan: Plan
    saves: dict[Save, Measured[SaveObservation]] = field(default_factory=dict)
    loads: dict[Cell, Measured[LoadObservation]] = field(default_factory=dict)
    probes: dict[Cell, Measured[ProbeObservation]] = field(default_factory=dict)
    attempts: dict[Cell, tuple[Attempt, ...]] = field(default_factory=dict)
    conversions: dict[tuple[Save, Chain], Measured[SaveObservation]] = field(default_factory=dict)
    retries: dict[Save | Cell, tuple[Retry, ...]] = field(default_factory=dict)
    environment_errors: dict[str, str] = field(default_factory=dict)
    task_errors: dict[Save | Cell, str] = field(default_factory=dict)
    inferred: dict[Cell, Cell] = field(default_factory=dict)
    boundary: Boundary = field(default_factory=Boundary)
    causes: Causes = field(init=False)
    _verdicts: dict[Cell, Verdict] = field(default_factory=dict)
    _fix_results: dict[Cell, tuple[RemedyResult, ...]] = field(default_factory=dict)
    _causes: dict[Cell, str] = field(default_factory=dict)
    _sides: dict[int, tuple[object, SideResult]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.causes = Causes(self.plan)

    def is_saved(self, save: Save) -> bool:
        """Whether a save was made, and left a file."""
        return save in self.saves and self.saves[save].observation.artifact is not None

    def verdict(self, cell: Cell) -> Verdict | None:
        """Return the verdict on a cell; None if it was not loaded, or kerasmatrix failed.

        It is made once.
        """
        if self.boundary.faults and self.boundary.of(cell):
            return None
        verdict = self._verdicts.get(cell)
        if verdict is not None:
            return verdict
        saved, loaded = self.saves.get(cell.save), self.loads.get(cell)
        if loaded is None or saved is None or saved.observation.value is None:
            return None
        verdict = self.plan.judge(cell, saved.observation.value, loaded.observation)
        self._verdicts[cell] = verdict
        return verdict

    def cause(self, cell: Cell, verdict: Verdict) -> str:
        """Return the cause of a cell that was loaded and is not a pass. It is computed once."""
        cause = self._causes.get(cell)
        if cause is None:
            observation = self.loads[cell].observation
            cause = self.causes.of(cell, verdict.status, verdict.lost, observation)
            self._causes[cell] = cause
        return cause

    def fix_results(self, cell: Cell) -> tuple[RemedyResult, ...]:
        """Return the results of the attempts in a cell. Each is judged once."""
        attempts = self.attempts.get(cell, ())
        known = self._fix_results.get(cell, ())
        saved = self.saves[cell.save].observation.value if attempts else None
        if saved is not None and len(known) < len(attempts):
            more = (
                judge_attempt(self.plan, self.causes, cell, saved, attempt)
                for attempt in attempts[len(known) :]
            )
            known = self._fix_results[cell] = (*known, *more)
        return known

    def replace_attempts(self, cell: Cell, attempts: tuple[Attempt, ...]) -> None:
        """Replace the attempts of a cell, unlike adding to them, which needs no method."""
        self.attempts[cell] = attempts
        self._fix_results.pop(cell, None)

    def side(self, measured: Measured[Observation]) -> SideResult:
        """Return a save or load as a side of a cell: a save is one of all cells of its row."""
        known = self._sides.get(id(measured))
        # The id alone does not tell: that of an object that is gone is given to another one.
        if known is None or known[0] is not measured:
            known = self._sides[id(measured)] = (measured, _side(measured))
        return known[1]

    @property
    def count(self) -> int:
        """How many tasks these are the results of. Inferred results are not counted."""
        done: list[Mapping[Any, Measured[Any]]] = [
            self.saves, self.conversions, self.loads, self.probes
        ]  # fmt: skip
        tasks = {id(measured) for group in done for measured in group.values()}
        tasks.update(id(attempt.measured) for tried in self.attempts.values() for attempt in tried)
        return len(tasks)

    @property
    def artifacts(self) -> frozenset[str]:
        """The digests of all artifacts."""
        measured = (*self.saves.values(), *self.conversions.values())
        return frozenset(
            save.observation.artifact for save in measured if save.observation.artifact
        )


def _side(measured: Measured[Observation]) -> SideResult:
    observation, when = measured
    value = getattr(observation, "value", None)
    timings: Mapping[str, float] = value.timings if value else {}
    return SideResult(
        ended=observation.ended,
        stage=observation.stage,
        seconds=observation.seconds,
        peak_memory_mb=observation.peak_memory_mb,
        timings=timings,
        log=observation.log,
        retried=tuple(retry.summary for retry in observation.retried),
        measured_at=when,
    )
