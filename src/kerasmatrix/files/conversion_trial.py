"""Second step of a conversion: executes plans, and verifies the files that they make.

Each file is loaded with the target as any program would, without a fix, and compared. The plans of
all files are one run, so that each environment is opened once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.execution.runner import Run
from kerasmatrix.files.conversion_plan import ConversionPlan, conversion_plans, legacy_twin
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

    @property
    def format(self) -> str:
        """The format of the file."""
        return self.plan.chain[-1].format

    @property
    def as_attempt(self) -> ConversionAttempt:
        """The record of this trial for a manifest."""
        return ConversionAttempt(
            remedies=self.plan.remedies,
            hops=tuple(hop.environment for hop in self.plan.chain),
            format=self.format,
            status=self.result.status,
            summary=self.result.summary,
        )


class Trials(NamedTuple):
    """The trials of a file, or the fault of the machine that prevented one."""

    all: tuple[Trial, ...] = ()
    fault: InfrastructureError | None = None

    def best(self, formats: Sequence[str]) -> Trial | None:
        """Return the verified trial that loses least; of several, that of the first format."""
        verified = [
            trial
            for trial in self.all
            if trial.result.status == "verified" and trial.format in formats
        ]
        key = {form: place for place, form in enumerate(formats)}
        return min(
            verified, key=lambda trial: (len(trial.result.lost), key[trial.format]), default=None
        )

    @property
    def attempts(self) -> tuple[ConversionAttempt, ...]:
        """The records of all trials."""
        return tuple(trial.as_attempt for trial in self.all)


def verify_plans(wanted: Sequence[tuple[TargetCheck, tuple[str, ...]]]) -> list[Trials]:
    """Execute the plans for each file in each of its formats, and load the files with the target.

    Args:
        wanted: the checks of files, with the formats to try; returned in this order.
    """
    trials: dict[str, Trials] = {}
    for _, group in groupby(wanted, key=lambda each: id(each[0].checked)):
        trials.update(_verify(list(group)))
    return [trials[each.model_input.scenario.name] for each, _ in wanted]


def _verify(wanted: Sequence[tuple[TargetCheck, tuple[str, ...]]]) -> dict[str, Trials]:
    """Return the trials of files that were checked together, by scenario."""
    plans = {each.cell.scenario: _plans(each, formats) for each, formats in wanted}
    chains: dict[Cell, tuple[Chain, ...]] = {
        cell_of(each.cell): tuple(plans[each.cell.scenario])
        for each, _ in wanted
        if plans[each.cell.scenario]
    }
    if not chains:
        return {each.cell.scenario: Trials() for each, _ in wanted}
    first = wanted[0][0]
    run = first.session.new_run(dataclasses.replace(first.checked.plan, chains=chains), "convert")
    first.session.execute(run)
    for each, _ in wanted:
        _remark(run.state, each.checked.state, cell_of(each.cell))
    return {
        each.cell.scenario: _collect(run, cell_of(each.cell), plans[each.cell.scenario])
        for each, _ in wanted
    }


def _remark(state: RunState, checked: RunState, cell: Cell) -> None:
    """Add the remarks on how a file's reference was loaded, which are not stored."""
    if cell.save in checked.saves:
        state.saves[cell.save] = checked.saves[cell.save]
        state.replace_attempts(cell, state.attempts.get(cell, ()))


def _plans(target_check: TargetCheck, formats: Iterable[str]) -> dict[Chain, ConversionPlan]:
    cell = cell_of(target_check.cell)
    judged = target_check.checked.state.fix_results(cell)
    attempts = target_check.checked.state.attempts.get(cell, ())
    return {
        candidate.chain: candidate
        for file_format in formats
        for candidate in conversion_plans(
            cell,
            target_check.cell.status,
            list(zip(attempts, judged, strict=True)),
            file_format,
            legacy_twin(target_check.cell.remedies),
        )
    }


def _collect(run: Run, cell: Cell, plans: Mapping[Chain, ConversionPlan]) -> Trials:
    fault = run.state.task_errors.get(cell) if plans else None
    if fault:
        return Trials(
            fault=InfrastructureError(
                f"{cell.loaded_with}: could not be tried: {fault}",
                hint="fix that and run again: completed measurements are kept",
            )
        )
    return Trials(tuple(_trials(run, cell, plans)))


def _trials(run: Run, cell: Cell, plans: Mapping[Chain, ConversionPlan]) -> Iterator[Trial]:
    results = run.state.fix_results(cell)
    for attempt, result in zip(run.state.attempts.get(cell, ()), results, strict=True):
        if attempt.chain in plans:
            yield Trial(
                plans[attempt.chain],
                result,
                attempt.measured.observation,
                run.state.conversions[cell.save, attempt.chain].observation.artifact,
                (*result.did, *_done(run.state, cell.save, attempt.chain)),
            )


def _done(state: RunState, row: Save, chain: Chain) -> Iterator[str]:
    """Yield the actions of the fixes along a chain."""
    for length in range(1, len(chain) + 1):
        converted = state.conversions.get((row, chain[:length]))
        if converted and converted.observation.value:
            yield from converted.observation.value.did
