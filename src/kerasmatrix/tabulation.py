"""Makes the table: a plan and what was observed -> one verdict per cell. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kerasmatrix.claims import check_claims
from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.classify import AmbiguousError, Evidence, classify
from kerasmatrix.outcome import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    SaveObservation,
    Status,
    judge_load,
    judge_save,
)
from kerasmatrix.plan import Plan, Save
from kerasmatrix.results import (
    CauseResult,
    CellResult,
    EnvironmentResult,
    Results,
    RunInfo,
    ScenarioResult,
    SideResult,
)

__all__ = ["Observed", "judge_cell", "tabulate"]


@dataclass
class Observed:
    """All that is known about the cells of a plan. ``troubles`` are by environment."""

    saves: dict[Save, Measured[SaveObservation]] = field(default_factory=dict)
    loads: dict[Cell, Measured[LoadObservation]] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    faults: dict[Save | Cell, str] = field(default_factory=dict)


def tabulate(plan: Plan, observed: Observed, run: RunInfo) -> Results:
    """Return the results of ``run``: a verdict for every cell of the plan."""
    causes: dict[Evidence, str] = {}  # many cells look alike
    cells = tuple(
        _with_cause(plan, judge_cell(plan, observed, cell), causes) for cell in plan.cells()
    )
    environments = plan.selection.environments
    scenarios = [plan.scenarios[name] for name in plan.selection.scenarios]
    return Results(
        run=run,
        environments=tuple(
            EnvironmentResult(
                name=env.name,
                python=env.python,
                packages=dict(plan.locks[env.name].packages),
                variables=env.variables,
                keras_major=plan.keras_major(env.name),
                lock=plan.locks[env.name].digest,
                trouble=observed.troubles.get(env.name),
            )
            for env in environments
        ),
        scenarios=tuple(
            ScenarioResult(
                name=told.name,
                title=told.title,
                shows=told.shows.strip(),
                reports=told.reports,
            )
            for told in scenarios
        ),
        formats=plan.selection.formats,
        claims=check_claims(scenarios, cells, [env.name for env in environments]),
        causes=_count_causes(cells),
        cells=cells,
    )


def judge_cell(plan: Plan, observed: Observed, cell: Cell) -> CellResult:
    """Return the verdict on one cell, whatever is or is not known about it."""
    row = Save(*cell[:3])
    saved = observed.saves.get(row)
    loaded = observed.loads.get(cell)
    sides = {
        "save": _side(saved) if saved else None,
        "load": _side(loaded) if loaded else None,
        "artifact": saved.observation.artifact if saved else None,
    }

    def result(status: Status, summary: str, **more: object) -> CellResult:
        return CellResult.model_validate(
            {**cell._asdict(), **sides, "status": status, "summary": summary, **more}
        )

    reason = plan.cannot_load(cell)
    if reason:
        return result(Status.UNSUPPORTED, reason)
    save_verdict = judge_save(saved.observation) if saved else None
    if save_verdict and saved:
        return result(Status.SAVE_FAILED, save_verdict.summary, error=saved.observation.error)
    if loaded and saved and saved.observation.value:
        observation = loaded.observation
        tolerance = plan.tolerance_of(cell.scenario)
        verdict = judge_load(saved.observation.value, cell.format, observation, tolerance)
        facts = observation.value
        return result(
            verdict.status,
            verdict.summary,
            error=observation.error,
            lost=verdict.lost,
            weights_equal=verdict.weights_equal,
            max_abs_diff=facts.max_abs_diff if facts else None,
            max_abs_reference=facts.max_abs_reference if facts else None,
            seconds=observation.seconds,
        )
    trouble = (
        observed.faults.get(row)
        or observed.faults.get(cell)
        or (None if saved else observed.troubles.get(cell.saved_with))
        or observed.troubles.get(cell.loaded_with)
    )
    if trouble:
        return result(Status.INFRA, trouble)
    if not plan.asked_for(cell):
        return result(Status.NOT_RUN, "this run was not asked for it")
    return result(Status.NOT_RUN, "the run ended before this cell")


# A cell with one of these has something wrong with it that has a cause in Keras.
TROUBLED = {
    Status.DEGRADED,
    Status.DRIFT,
    Status.FAIL,
    Status.CRASH,
    Status.TIMEOUT,
    Status.SAVE_FAILED,
}
UNCLASSIFIED = "unclassified"


def _with_cause(plan: Plan, cell: CellResult, causes: dict[Evidence, str]) -> CellResult:
    """Return ``cell`` with the cause that the catalogue knows for it; ``causes`` remembers."""
    if cell.status not in TROUBLED:
        return cell
    side = cell.load or cell.save
    evidence = Evidence(
        chain=tuple((link.type, link.message) for link in cell.error.chain) if cell.error else (),
        log=side.log if side else "",
        lost=cell.lost,
        status=cell.status,
        format=cell.format,
        writer_keras=plan.keras_major(cell.saved_with),
        reader_keras=plan.keras_major(cell.loaded_with),
    )
    if evidence not in causes:
        try:
            cause = classify(the_catalogue(), evidence)
        except AmbiguousError:
            cause = None
        causes[evidence] = cause.slug if cause else UNCLASSIFIED
    return cell.model_copy(update={"cause": causes[evidence]})


def _count_causes(cells: Iterable[CellResult]) -> tuple[CauseResult, ...]:
    """Return the causes that cells have, the commonest first."""
    counts = Counter(cell.cause for cell in cells if cell.cause and cell.cause != UNCLASSIFIED)
    found = []
    for slug, number in counts.most_common():
        cause = the_catalogue()[slug]
        told = cause.model_dump(include={"slug", "story", "what", "remedies", "sources"})
        found.append(CauseResult.model_validate({**told, "cells": number}))
    return tuple(found)


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
        measured_at=when,
    )
