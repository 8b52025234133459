"""Makes the table: a plan and what was observed -> one verdict per cell. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kerasmatrix.analysis.claims import check_claims
from kerasmatrix.analysis.summary import count_causes, remedies_of
from kerasmatrix.execution.attempts import Attempt, Causes, judge_attempt
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.confirm import unsteady
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.results.boundary import Boundary, make_apart, spoilt
from kerasmatrix.results.cells import (
    IN_ANOTHER_SHARD,
    REPAIRABLE,
    RUN_ENDED,
    TROUBLED,
    cell_of,
)
from kerasmatrix.results.observations import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
    Status,
    Verdict,
    judge_save,
)
from kerasmatrix.results.schema import (
    CellResult,
    EnvironmentResult,
    RemedyResult,
    Results,
    RetryResult,
    RunInfo,
    ScenarioResult,
    SideResult,
)

__all__ = [
    "Observed",
    "Retry",
    "judge_cell",
    "tabulate",
]


class Retry(NamedTuple):
    """A save or load that was done again, or a load with ``remedies``, and what was seen."""

    remedies: tuple[str, ...]
    measured: Measured[LoadObservation] | Measured[SaveObservation]


@dataclass
class Observed:
    """All that is known about the cells of a plan. ``troubles`` are by environment.

    ``inferred`` are the cells that were not loaded, each with the one whose load is theirs too.
    What is computed of a row or cell is computed inside ``boundary.apart``.
    """

    saves: dict[Save, Measured[SaveObservation]] = field(default_factory=dict)
    loads: dict[Cell, Measured[LoadObservation]] = field(default_factory=dict)
    probes: dict[Cell, Measured[ProbeObservation]] = field(default_factory=dict)
    attempts: dict[Cell, tuple[Attempt, ...]] = field(default_factory=dict)
    conversions: dict[tuple[Save, Chain], Measured[SaveObservation]] = field(default_factory=dict)
    retries: dict[Save | Cell, tuple[Retry, ...]] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    faults: dict[Save | Cell, str] = field(default_factory=dict)
    inferred: dict[Cell, Cell] = field(default_factory=dict)
    boundary: Boundary = field(default_factory=Boundary)
    _verdicts: dict[Cell, Verdict] = field(default_factory=dict)
    _judged: dict[Cell, tuple[RemedyResult, ...]] = field(default_factory=dict)
    _causes: dict[Cell, str] = field(default_factory=dict)
    _sides: dict[int, tuple[object, SideResult]] = field(default_factory=dict)

    def verdict(self, plan: Plan, cell: Cell) -> Verdict | None:
        """Return the verdict on a cell that was loaded; None where it was not. It is made once.

        There is none either on a cell that a fault of ours has spoilt: nothing is done about it.
        """
        if self.boundary.faults and self.boundary.of(cell):
            return None
        found = self._verdicts.get(cell)
        if found is not None:
            return found
        saved, loaded = self.saves.get(Save(*cell[:3])), self.loads.get(cell)
        if loaded is None or saved is None or saved.observation.value is None:
            return None
        verdict = plan.judge(cell, saved.observation.value, loaded.observation)
        self._verdicts[cell] = verdict
        return verdict

    def cause(self, causes: Causes, cell: Cell, verdict: Verdict) -> str:
        """Return the cause of a cell that was loaded and is not a pass. It is found once."""
        found = self._causes.get(cell)
        if found is None:
            observation = self.loads[cell].observation
            found = causes.of(cell, verdict.status, verdict.lost, observation)
            self._causes[cell] = found
        return found

    def judged(self, plan: Plan, causes: Causes, cell: Cell) -> tuple[RemedyResult, ...]:
        """Return what was tried in a cell, each with what it is worth. Each is judged once."""
        attempts = self.attempts.get(cell, ())
        known = self._judged.get(cell, ())
        saved = self.saves[Save(*cell[:3])].observation.value if attempts else None
        if saved is not None and len(known) < len(attempts):
            more = (
                judge_attempt(plan, causes, cell, saved, each) for each in attempts[len(known) :]
            )
            known = self._judged[cell] = (*known, *more)
        return known

    def retell(self, cell: Cell, attempts: tuple[Attempt, ...]) -> None:
        """Say anew what was tried in a cell: other than more of it, which needs no telling."""
        self.attempts[cell] = attempts
        self._judged.pop(cell, None)

    def side(self, measured: Measured[Observation]) -> SideResult:
        """Return a save or load as a side of a cell: a save is one of all cells of its row."""
        known = self._sides.get(id(measured))
        if known is None or known[0] is not measured:
            known = self._sides[id(measured)] = (measured, _side(measured))
        return known[1]

    @property
    def count(self) -> int:
        """How many tasks' outcomes this is. What is inferred is another cell's."""
        done: list[Mapping[Any, Measured[Any]]] = [
            self.saves, self.conversions, self.loads, self.probes
        ]  # fmt: skip
        made = {id(measured) for found in done for measured in found.values()}
        made.update(id(each.measured) for tried in self.attempts.values() for each in tried)
        return len(made)

    @property
    def artifacts(self) -> frozenset[str]:
        """The digests of all files that this is about."""
        made = (*self.saves.values(), *self.conversions.values())
        return frozenset(each.observation.artifact for each in made if each.observation.artifact)


def tabulate(plan: Plan, observed: Observed, run: RunInfo, causes: Causes | None = None) -> Results:
    """Return the results of ``run``: a verdict for every cell of the plan.

    ``causes`` are those that were found already, if the caller has them.
    """
    causes = causes or Causes(plan)
    cells = tuple(_cell(plan, observed, causes, cell) for cell in plan.cells())
    cells = _with_other_environments(plan, observed, cells)
    bare = _table(plan, observed, run, cells)
    results, summary = make_apart(bare, lambda part: _summary(plan, part.cells))
    return results.model_copy(update=summary)


def _cell(plan: Plan, observed: Observed, causes: Causes, cell: Cell) -> CellResult:
    """Return the result of a cell, whatever its observations provoke in us."""
    with observed.boundary.apart(cell):
        return _diagnosed(plan, observed, causes, judge_cell(plan, observed, cell))
    return spoilt(cell, observed.boundary.of(cell) or "")


def _summary(plan: Plan, cells: tuple[CellResult, ...]) -> dict[str, Any]:
    """Return what is said of all ``cells`` together, as fields of `Results`."""
    scenarios = [plan.scenarios[name] for name in plan.selection.scenarios]
    order = [env.name for env in plan.selection.environments]
    return {
        "claims": check_claims(scenarios, cells, order),
        "causes": count_causes(cells),
        "remedies": remedies_of(cells),
    }


def _table(plan: Plan, observed: Observed, run: RunInfo, cells: tuple[CellResult, ...]) -> Results:
    """Return the results without what is said of all cells together."""
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
                file=told.title if told.given else None,
            )
            for told in scenarios
        ),
        formats=plan.selection.formats,
        current=plan.selection.current,
        candidate=plan.selection.candidate,
        claims=(),
        cells=cells,
    )


def judge_cell(plan: Plan, observed: Observed, cell: Cell) -> CellResult:
    """Return the verdict on one cell, whatever is or is not known about it."""
    fault = observed.boundary.of(cell)
    if fault and not plan.cannot_load(cell):
        return spoilt(cell, fault)
    row = Save(*cell[:3])
    saved = observed.saves.get(row)
    loaded = observed.loads.get(cell)
    sides: dict[str, Any] = {
        "save": observed.side(saved) if saved else None,
        "load": observed.side(loaded) if loaded else None,
        "artifact": saved.observation.artifact if saved else None,
    }
    source = observed.inferred.get(cell)
    # To load the very same file is the same task, and is known as such to the next run.
    if source and observed.saves[Save(*source[:3])].observation.artifact == sides["artifact"]:
        source = None

    def result(status: Status, summary: str, **more: Any) -> CellResult:  # noqa: ANN401 - fields
        told = sides | _tried(status, saved, loaded) | more
        return CellResult(**cell._asdict(), status=status, summary=summary, **told)

    reason = plan.cannot_load(cell)
    if reason:
        return result(Status.UNSUPPORTED, reason)
    save_verdict = judge_save(saved.observation) if saved else None
    if save_verdict and saved:
        return result(Status.SAVE_FAILED, save_verdict.summary, error=saved.observation.error)
    verdict = observed.verdict(plan, cell)
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
    trouble = (
        observed.faults.get(row)
        or observed.faults.get(cell)
        or (None if saved else observed.troubles.get(cell.saved_with))
        or observed.troubles.get(cell.loaded_with)
    )
    if trouble and plan.in_shard(cell):
        return result(Status.INFRA, trouble)
    return result(Status.NOT_RUN, _why_not_run(plan, cell))


def _tried(status: Status, *sides: Measured[Any] | None) -> dict[str, Any]:
    """Say that a cell is flaky where tries of its save or load ended otherwise, and how."""
    tries = [(one, side.at) for side in sides if side for one in side.observation.retried]
    if not unsteady([one for one, _ in tries], status):
        return {}
    retries = tuple(
        RetryResult(status=one.status, summary=f"an earlier try: {one.reason}", measured_at=at)
        for one, at in tries
        if one.status is not None
    )
    return {"flaky": True, "retries": retries}


def _why_not_run(plan: Plan, cell: Cell) -> str:
    if not plan.in_shard(cell):
        return IN_ANOTHER_SHARD
    if not plan.asked_for(cell):
        return "this run was not asked for it"
    return RUN_ENDED


def _diagnosed(plan: Plan, observed: Observed, causes: Causes, verdict: CellResult) -> CellResult:
    """Return a judged cell with its cause, the parts at fault and the remedies that were tried."""
    if verdict.status not in TROUBLED:
        return verdict
    cell = cell_of(verdict)
    saved = observed.saves[Save(*cell[:3])]
    loaded = observed.loads.get(cell)
    judged = observed.verdict(plan, cell) if loaded else None
    told: dict[str, Any] = {
        "cause": observed.cause(causes, cell, judged)
        if judged
        else causes.of(cell, verdict.status, verdict.lost, saved.observation),
    }
    if verdict.status in REPAIRABLE and saved.observation.value:
        probe = observed.probes.get(cell)
        if probe and probe.observation.value:
            told["culprits"] = probe.observation.value.culprits
        told["remedies"] = observed.judged(plan, causes, cell)
        told["untried"] = observed.faults.get(cell)
    return verdict.but(**told)


def _with_other_environments(
    plan: Plan, observed: Observed, cells: tuple[CellResult, ...]
) -> tuple[CellResult, ...]:
    """Add the remedy of switching to tf_keras, where this run measured just that."""
    by_cell = {cell_of(cell): cell for cell in cells}
    twins = {env.name: plan.legacy_twin(env.name) for env in plan.selection.environments}
    more = []
    for cell in cells:
        twin = twins[cell.loaded_with] if cell.status in REPAIRABLE else None
        there = by_cell.get(cell_of(cell)._replace(loaded_with=twin)) if twin else None
        added = cell
        with observed.boundary.apart(cell_of(cell)):
            added = _with_another(cell, there) if there else cell
        fault = observed.boundary.of(cell_of(cell))
        more.append(spoilt(cell, fault) if fault and there else added)
    return tuple(more)


def _with_another(cell: CellResult, there: CellResult) -> CellResult:
    """Return a cell with what the same load did in another environment as a remedy."""
    if there.status not in {Status.PASS, Status.DEGRADED, *REPAIRABLE}:
        return cell
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
        retried=tuple(retry.reason for retry in observation.retried),
        measured_at=when,
    )
