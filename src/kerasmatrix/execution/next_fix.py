"""Which fix to try next in a failing cell. Pure.

First the fixes of the catalogue, in the order of `kerasmatrix.diagnosis.fix_search`; then bridges
through intermediate versions (`kerasmatrix.execution.bridges`). The functions here are asked for
what a run has to do and for what an earlier run has done, so that the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.fix_search import FailingCell, Tried, search_fix
from kerasmatrix.execution.bridges import Chain, find_chains, presume_chains
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.results.cells import FIXABLE, LOADS, TOGETHER, Cell, Status
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.schema import RemedyResult

__all__ = ["CALLABLE", "needs_fix", "next_bridges", "next_fix", "saves_a_format_of_its_own"]

# The formats that hold a model that can be trained on, whatever saved it.
WHOLE = ("keras", "h5")
# Fixes after which there is something to call, and no model to save; and those that leave a model
# that another version has made.
CALLABLE = {"saved-model-load", "tfsm-layer"}
NO_MODEL = {*CALLABLE, "bridge"}


def needs_fix(state: RunState, cell: Cell) -> bool:
    """Whether a cell was loaded and failed or drifted."""
    verdict = state.verdict(cell)
    return verdict is not None and verdict.status in FIXABLE


def next_fix(state: RunState, cell: Cell) -> tuple[str, ...] | None:
    """Return the fixes to try next in a failing cell; None if there are none left."""
    verdict = state.verdict(cell)
    if verdict is None or verdict.status not in FIXABLE or state.plan.remedies == "none":
        return None
    cause = state.cause(cell, verdict)
    return _next_in_catalogue(state.plan, cell, cause, state.fix_results(cell))


def _next_in_catalogue(
    plan: Plan, cell: Cell, cause: str | None, judged: Iterable[RemedyResult]
) -> tuple[str, ...] | None:
    """Return the fixes of the catalogue to try next in a cell of this cause."""
    tried = tuple(
        (tuple(result.id.split(TOGETHER)), Tried(result.status == "verified", result.cause))
        for result in judged
    )
    failing = FailingCell(cause, cell.format, plan.keras_major(cell.loaded_with))
    return _search(failing, tried, everything=plan.remedies == "all")


@cache
def _search(
    failing: FailingCell, tried: tuple[tuple[tuple[str, ...], Tried], ...], *, everything: bool
) -> tuple[str, ...] | None:
    """Search the catalogue of the package; many cells have the same attempts."""
    return search_fix(the_catalogue(), failing, dict(tried), everything=everything)


def next_bridges(state: RunState) -> list[tuple[Cell, Chain]]:
    """Return the chain to try next for each cell without a verified fix."""
    if state.plan.chains:
        return _next_walks(state)
    if state.plan.remedies == "none":
        return []
    statuses: dict[Cell, Status] = {}
    for cell in state.loads:
        with state.boundary.apart(cell):
            verdict = state.verdict(cell)
            if verdict:
                statuses[cell] = verdict.status
    wanted = []
    for cell, status in statuses.items():
        if status not in FIXABLE or not state.plan.asked_for(cell):
            continue
        with state.boundary.apart(cell):
            chain = _next_bridge(state, cell, statuses)
            if chain is not None:
                wanted.append((cell, chain))
    return wanted


def _next_bridge(state: RunState, cell: Cell, statuses: Mapping[Cell, Status]) -> Chain | None:
    """Return the chain to try next in a failing cell; None if it needs none, or none is left."""
    plan = state.plan
    results = state.fix_results(cell)
    # A graph that can be called is better than nothing; a whole model may be possible.
    is_whole = any(result.status == "verified" and result.id not in CALLABLE for result in results)
    if is_whole and plan.remedies != "all":
        return None
    names = plan.bridges
    if plan.scenarios[cell.scenario].given:
        # No version but the reference has saved a file of a user: its crossings are presumed.
        chains = presume_chains(
            cell,
            names,
            WHOLE,
            _loads_with(state, cell, statuses),
            partial(saves_a_format_of_its_own, plan),
            causes={result.cause for result in results},
        )
    else:
        chains = find_chains(cell, names, plan.selection.formats, statuses, state.is_saved)
    walked = {attempt.chain for attempt in state.attempts.get(cell, ())}
    return next((chain for chain in chains if chain not in walked), None)


def _loads_with(
    state: RunState, cell: Cell, statuses: Mapping[Cell, Status]
) -> dict[str, tuple[str, ...]]:
    """Return the fixes with which each version loads the file of ``cell`` as a whole model."""
    loading: dict[str, tuple[str, ...]] = {}
    for other, status in statuses.items():
        if other.save != cell.save:
            continue
        if status in LOADS:
            loading[other.loaded_with] = ()
            continue
        with state.boundary.apart(other):
            for result in state.fix_results(other):
                remedies = tuple(result.id.split(TOGETHER))
                if result.status == "verified" and not set(remedies) & NO_MODEL:
                    loading.setdefault(other.loaded_with, remedies)
    return loading


def saves_a_format_of_its_own(plan: Plan, save: Save) -> bool:
    """Whether a version saves a format, and not only the content of another under its name."""
    form = FORMATS[save.format]
    tensorflow = plan.environment(save.saved_with).tensorflow
    return not plan.cannot_save(save) and not form.is_hdf5_by_another_name(tensorflow)


def _next_walks(state: RunState) -> list[tuple[Cell, Chain]]:
    """Return the chain to try next for each cell whose plan names chains.

    The first chain that loses nothing ends the search.
    """
    wanted = []
    for cell, chains in state.plan.chains.items():
        with state.boundary.apart(cell):
            attempts = state.attempts.get(cell, ())
            judged = state.fix_results(cell)
            worth = {
                attempt.chain: result for attempt, result in zip(attempts, judged, strict=True)
            }
            if any(chain in worth and _is_whole(worth[chain]) for chain in chains):
                continue
            chain = next((chain for chain in chains if chain not in worth), None)
            if chain is not None and cell in state.loads and not state.boundary.of(cell):
                wanted.append((cell, chain))
    return wanted


def _is_whole(result: RemedyResult) -> bool:
    return result.status == "verified" and not result.lost
