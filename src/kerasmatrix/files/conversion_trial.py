"""Second step of a conversion: executes plans, and verifies the files that they make.

Each file is loaded with the target as any program would, without a fix, and compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.fix_attempts import Causes
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.execution.runner import Run
from kerasmatrix.files.conversion_plan import (
    ConversionPlan,
    best_plan,
    conversion_plans,
    legacy_twin,
)
from kerasmatrix.files.conversion_search import TargetCheck
from kerasmatrix.files.manifest import ConversionAttempt
from kerasmatrix.results.cells import Cell, Save, cell_of
from kerasmatrix.results.observations import LoadObservation
from kerasmatrix.results.schema import RemedyResult

__all__ = ["Trial", "Trials", "verify_plans"]


class Trial(NamedTuple):
    """An executed plan: the file it made, and the load of that file in the target."""

    plan: ConversionPlan
    result: RemedyResult
    loaded: LoadObservation
    artifact: str | None
    did: tuple[str, ...]

    def as_attempt(self, file_format: str) -> ConversionAttempt:
        """Return the record of this trial for a manifest."""
        return ConversionAttempt(
            remedies=self.plan.remedies,
            hops=tuple(hop.environment for hop in self.plan.chain),
            format=file_format,
            status=self.result.status,
            summary=self.result.summary,
        )


class Trials(NamedTuple):
    """The best verified trial, if there is one, and the records of all trials."""

    best: Trial | None
    attempts: tuple[ConversionAttempt, ...]


def verify_plans(target_check: TargetCheck, file_format: str) -> Trials:
    """Execute each plan for a file of ``file_format``, and load the files with the target.

    Raises:
        InfrastructureError: a fault of the machine prevented a trial.
    """
    cell, plan = cell_of(target_check.cell), target_check.checked.plan
    judged = target_check.checked.observed.fix_results(plan, Causes(plan), cell)
    attempts = target_check.checked.observed.attempts.get(cell, ())
    plans = conversion_plans(
        cell,
        target_check.cell.status,
        zip(attempts, judged, strict=True),
        file_format,
        legacy_twin(target_check.cell.remedies),
    )
    if not plans:
        return Trials(None, ())
    walks = {cell: tuple(candidate.chain for candidate in plans)}
    run = target_check.session.new_run(dataclasses.replace(plan, walks=walks), "convert")
    target_check.session.execute(run)
    if cell in run.observed.task_errors:
        raise InfrastructureError(
            f"{cell.loaded_with}: could not be tried: {run.observed.task_errors[cell]}",
            hint="fix that and run again: completed measurements are kept",
        )
    trials = list(_trials(run, cell, {candidate.chain: candidate for candidate in plans}))
    best = best_plan({trial.plan: trial.result for trial in trials})
    return Trials(
        next((trial for trial in trials if trial.plan == best), None),
        tuple(trial.as_attempt(file_format) for trial in trials),
    )


def _trials(run: Run, cell: Cell, plans: dict[Chain, ConversionPlan]) -> Iterator[Trial]:
    results = run.observed.fix_results(run.plan, run.causes, cell)
    row = Save(*cell[:3])
    for attempt, result in zip(run.observed.attempts.get(cell, ()), results, strict=True):
        if attempt.chain in plans:
            yield Trial(
                plans[attempt.chain],
                result,
                attempt.measured.observation,
                run.observed.conversions[row, attempt.chain].observation.artifact,
                (*result.did, *_done(run.observed, row, attempt.chain)),
            )


def _done(observed: RunState, row: Save, chain: Chain) -> Iterator[str]:
    """Yield the actions of the fixes along a chain."""
    for length in range(1, len(chain) + 1):
        converted = observed.conversions.get((row, chain[:length]))
        if converted and converted.observation.value:
            yield from converted.observation.value.did
