"""Makes the results: a plan and the state of its run -> one verdict per cell. Pure."""

from __future__ import annotations

from typing import Any

from kerasmatrix.analysis.claims import check_claims
from kerasmatrix.analysis.summary import count_causes, remedies_of
from kerasmatrix.analysis.upstream import upstream_results
from kerasmatrix.execution.confirm import flaky_statuses
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.results.boundary import make_apart, spoilt
from kerasmatrix.results.cells import (
    FIXABLE,
    HAS_CAUSE,
    IN_ANOTHER_SHARD,
    LOADS,
    RUN_ENDED,
    Cell,
    Status,
    cell_of,
)
from kerasmatrix.results.observations import Measured
from kerasmatrix.results.schema import (
    CellResult,
    EnvironmentResult,
    RemedyResult,
    Results,
    RunInfo,
    ScenarioResult,
)
from kerasmatrix.results.verdict import judge_save

__all__ = [
    "judge_cell",
    "tabulate",
]


def tabulate(state: RunState, run: RunInfo) -> Results:
    """Return the results of ``run``: a verdict for every cell of the plan."""
    plan = state.plan
    cells = tuple(_cell(state, cell) for cell in plan.cells())
    cells = _with_other_environments(state, cells)
    bare = _table(state, run, cells)
    results, summary = make_apart(bare, lambda part: _summary(plan, part))
    return results.model_copy(update=summary)


def _cell(state: RunState, cell: Cell) -> CellResult:
    """Return the result of a cell, also if its observations raise an exception in kerasmatrix."""
    with state.boundary.apart(cell):
        return _diagnosed(state, judge_cell(state, cell))
    return spoilt(cell, state.boundary.of(cell) or "")


def _summary(plan: Plan, part: Results) -> dict[str, Any]:
    """Return the fields of `Results` that summarize the cells of ``part``."""
    cells = part.cells
    scenarios = [plan.scenarios[name] for name in plan.selection.scenarios]
    order = [env.name for env in plan.selection.environments]
    return {
        "claims": check_claims(scenarios, cells, order),
        "causes": count_causes(cells),
        "remedies": remedies_of(cells),
        "upstream": upstream_results(cells, part.environments),
    }


def _table(state: RunState, run: RunInfo, cells: tuple[CellResult, ...]) -> Results:
    """Return the results without their summary."""
    plan = state.plan
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
                trouble=state.environment_errors.get(env.name),
                export=env.export,
                backend=env.backend,
            )
            for env in environments
        ),
        scenarios=tuple(
            ScenarioResult(
                name=scenario.name,
                title=scenario.title,
                shows=scenario.shows.strip(),
                reports=scenario.reports,
                file=scenario.title if scenario.given else None,
            )
            for scenario in scenarios
        ),
        formats=plan.selection.formats,
        current=plan.selection.current,
        candidate=plan.selection.candidate,
        claims=(),
        cells=cells,
    )


def judge_cell(state: RunState, cell: Cell) -> CellResult:
    """Return the result of one cell, whether or not it was measured."""
    plan = state.plan
    fault = state.boundary.of(cell)
    if fault and not plan.cannot_load(cell):
        return spoilt(cell, fault)
    saved = state.saves.get(cell.save)
    loaded = state.loads.get(cell)
    sides: dict[str, Any] = {
        "save": state.side(saved) if saved else None,
        "load": state.side(loaded) if loaded else None,
        "artifact": saved.observation.artifact if saved else None,
    }
    source = state.inferred.get(cell)
    # To load the very same file is the same task, and is known as such to the next run.
    if source and state.saves[source.save].observation.artifact == sides["artifact"]:
        source = None

    def result(status: Status, summary: str, **more: Any) -> CellResult:  # noqa: ANN401 - fields
        fields = sides | _tried(status, saved, loaded) | more
        return CellResult(**cell._asdict(), status=status, summary=summary, **fields)

    reason = plan.cannot_load(cell)
    if reason:
        return result(Status.UNSUPPORTED, reason)
    save_verdict = judge_save(saved.observation) if saved else None
    if save_verdict and saved:
        return result(Status.SAVE_FAILED, save_verdict.summary, error=saved.observation.error)
    verdict = state.verdict(cell)
    if verdict and loaded:
        observation = loaded.observation
        facts = observation.value
        return result(
            verdict.status,
            verdict.summary,
            error=observation.error,
            lost=verdict.lost,
            weights_equal=verdict.weights_equal,
            not_compared=verdict.not_compared,
            max_abs_diff=facts.max_abs_diff if facts else None,
            max_abs_reference=facts.max_abs_reference if facts else None,
            seconds=observation.seconds,
            inferred_from=source.saved_with if source else None,
        )
    return result(*_why_not_measured(state, cell))


def _why_not_measured(state: RunState, cell: Cell) -> tuple[Status, str]:
    """Return the status and summary of a cell that was not loaded."""
    plan, row = state.plan, cell.save
    # The nearest reason first. An environment that could save before it became unavailable has its
    # row: then only the loading side can be to blame.
    fault = (
        state.task_errors.get(row)
        or state.task_errors.get(cell)
        or (None if row in state.saves else state.environment_errors.get(cell.saved_with))
        or state.environment_errors.get(cell.loaded_with)
    )
    if fault and plan.in_shard(cell):
        return Status.INFRA, fault
    if not plan.in_shard(cell):
        return Status.NOT_RUN, IN_ANOTHER_SHARD
    if not plan.asked_for(cell):
        return Status.NOT_RUN, "this run was not asked for it"
    return Status.NOT_RUN, RUN_ENDED


def _tried(status: Status, *sides: Measured[Any] | None) -> dict[str, Any]:
    """Return the fields of a flaky cell if attempts of its save or load ended differently."""
    tries = [(attempt, side.at) for side in sides if side for attempt in side.observation.retried]
    if not flaky_statuses([attempt for attempt, _ in tries], status):
        return {}
    retries = tuple(
        attempt.but(summary=f"an earlier attempt: {attempt.summary}", measured_at=at)
        for attempt, at in tries
        if attempt.status is not Status.INFRA
    )
    return {"flaky": True, "retries": retries}


def _diagnosed(state: RunState, verdict: CellResult) -> CellResult:
    """Return a cell with its cause, the layers at fault and the fixes that were tried."""
    if verdict.status not in HAS_CAUSE:
        return verdict
    cell = cell_of(verdict)
    saved = state.saves[cell.save]
    loaded = state.loads.get(cell)
    judged = state.verdict(cell) if loaded else None
    fields: dict[str, Any] = {
        "cause": state.cause(cell, judged)
        if judged
        else state.causes.of(cell, verdict.status, verdict.lost, saved.observation),
    }
    if verdict.status in FIXABLE and saved.observation.value:
        probe = state.probes.get(cell)
        if probe and probe.observation.value:
            fields["culprits"] = probe.observation.value.culprits
        fields["remedies"] = state.fix_results(cell)
        fields["untried"] = state.task_errors.get(cell)
    return verdict.but(**fields)


def _with_other_environments(
    state: RunState, cells: tuple[CellResult, ...]
) -> tuple[CellResult, ...]:
    """Add the fix of switching to tf_keras, where this run measured it."""
    plan = state.plan
    by_cell = {cell_of(cell): cell for cell in cells}
    twins = {env.name: plan.legacy_twin(env.name) for env in plan.selection.environments}
    more = []
    for cell in cells:
        twin = twins[cell.loaded_with] if cell.status in FIXABLE else None
        there = by_cell.get(cell_of(cell)._replace(loaded_with=twin)) if twin else None
        added = cell
        with state.boundary.apart(cell_of(cell)):
            added = _with_another(cell, there) if there else cell
        fault = state.boundary.of(cell_of(cell))
        more.append(spoilt(cell, fault) if fault and there else added)
    return tuple(more)


def _with_another(cell: CellResult, there: CellResult) -> CellResult:
    """Return a cell with the same load in another environment as a fix."""
    if there.status not in LOADS | FIXABLE:
        return cell
    # A degraded load counts: the file is usable there, and the losses are listed.
    works = there.status in {Status.PASS, Status.DEGRADED}
    result = RemedyResult(
        id="legacy-keras",
        status="verified" if works else "rejected" if there.status is Status.DRIFT else "failed",
        summary=there.summary,
        cause=None if works else there.cause,
        lost=there.lost,
        hops=(cell.saved_with, there.loaded_with),
        seconds=there.seconds,
    )
    return cell.but(remedies=(*cell.remedies, result))
