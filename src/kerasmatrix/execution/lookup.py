"""What is known of a plan, and what follows from it: what to try next in a cell that fails.

Reads the store, and does nothing else. The same functions say what a run has to do and what an
earlier run has done, so that the two cannot disagree. Observations of a plan are read from the
store here and nowhere else: every kind of them is out of date once its task may take longer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from kerasmatrix.execution.attempts import Attempt, Causes, next_remedies
from kerasmatrix.execution.bridges import Chain, find_chains, presume_chains
from kerasmatrix.execution.dedup import infer_all
from kerasmatrix.execution.evaluate import Observed, Retry
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.results.cells import REPAIRABLE
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.observations import (
    Cell,
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
    Status,
)
from kerasmatrix.results.schema import RemedyResult
from kerasmatrix.store.store import Store

__all__ = [
    "artifact_of",
    "failed_crossing",
    "form_of",
    "known_attempt",
    "known_conversion",
    "known_load",
    "known_probe",
    "known_save",
    "look_up",
    "needs_repair",
    "next_attempt",
    "next_bridges",
    "retry_key",
    "saves_a_format_of_its_own",
]

Seen = TypeVar("Seen", bound=Observation)

BRIDGE = ("bridge",)
# The formats that hold a model that can be trained on, whatever saved it.
WHOLE = ("keras", "h5")


def look_up(
    plan: Plan,
    store: Store,
    causes: Causes,
    saves: Mapping[Save, Measured[SaveObservation]] | None = None,
) -> Observed:
    """Return what earlier runs have measured of ``plan``; ``saves`` are known already."""
    observed = Observed(saves=dict(saves or {}))
    for save in plan.saves():
        if save in observed.saves or plan.cannot_save(save) or not plan.in_shard(save):
            continue
        with observed.boundary.apart(save):
            found = known_save(plan, store, save)
            if found:
                observed.saves[save] = found
    store.fetch_ahead(
        plan.load_key(cell, saved.observation.artifact)
        for cell in plan.cells()
        if (saved := observed.saves.get(Save(*cell[:3]))) and saved.observation.artifact
    )
    for cell in plan.cells():
        with observed.boundary.apart(cell):
            load = known_load(plan, store, observed, cell)
            if load:
                observed.loads[cell] = load
    ailing = _that(observed, observed.loads, lambda cell: needs_repair(plan, observed, cell))
    _look_up_repairs(plan, store, observed, causes, ailing)
    infer_all(plan, observed)
    ailing = _that(
        observed,
        observed.inferred,
        lambda cell: next_attempt(plan, observed, causes, cell) is not None,
    )
    _look_up_repairs(plan, store, observed, causes, ailing)
    _look_up_bridges(plan, store, observed, causes)
    _look_up_retries(plan, store, observed)
    return observed


def _that(observed: Observed, cells: Iterable[Cell], is_so: Callable[[Cell], bool]) -> list[Cell]:
    """Return the cells of which something is so; those of which it cannot be said are spoilt."""
    found = []
    for cell in cells:
        with observed.boundary.apart(cell):
            if is_so(cell):
                found.append(cell)
    return found


def _look_up_retries(plan: Plan, store: Store, observed: Observed) -> None:
    """Add what was done again because it would have failed the gate; mostly nothing was."""
    retried = store.retried()
    if not retried:
        return
    for save in observed.saves:
        with observed.boundary.apart(save):
            key = plan.save_key(save)
            if key in retried:
                saves = store.known_retries(key, SaveObservation)
                observed.retries[save] = tuple(
                    Retry((), each) for each in saves if _current(plan, save.scenario, each)
                )
    for cell in observed.loads:
        alone = [tried.remedies for tried in observed.attempts.get(cell, ()) if not tried.chain]
        with observed.boundary.apart(cell):
            for remedies in ((), *alone):
                key = retry_key(plan, observed, cell, remedies)
                if key in retried:
                    loads = store.known_retries(key, LoadObservation)
                    retries = tuple(
                        Retry(remedies, each)
                        for each in loads
                        if _current(plan, cell.scenario, each)
                    )
                    observed.retries[cell] = (*observed.retries.get(cell, ()), *retries)


def retry_key(plan: Plan, observed: Observed, cell: Cell, remedies: tuple[str, ...]) -> str:
    """Return the key of what is done again in a cell: its load, plain or with ``remedies``."""
    artifact = artifact_of(observed, cell)
    if remedies:
        return plan.attempt_key(cell, artifact, remedies)
    return plan.load_key(cell, artifact)


def _look_up_repairs(
    plan: Plan, store: Store, observed: Observed, causes: Causes, cells: Sequence[Cell]
) -> None:
    """Add what is known of the repair of ``cells``, as far as it follows from what is known.

    In rounds, as attempts follow from those before, so that the store is asked for many at once.
    """
    artifacts = {cell: artifact_of(observed, cell) for cell in cells}
    store.fetch_ahead(plan.probe_key(cell, artifact) for cell, artifact in artifacts.items())
    for cell, artifact in artifacts.items():
        with observed.boundary.apart(cell):
            probe = known_probe(plan, store, cell, artifact)
            if probe:
                observed.probes[cell] = probe
    waiting = list(cells)
    while waiting:
        wanted: dict[Cell, tuple[str, ...]] = {}
        for cell in waiting:
            with observed.boundary.apart(cell):
                remedies = next_attempt(plan, observed, causes, cell)
                if remedies is not None:
                    wanted[cell] = remedies
        store.fetch_ahead(
            plan.attempt_key(cell, artifacts[cell], remedies) for cell, remedies in wanted.items()
        )
        waiting = []
        for cell, remedies in wanted.items():
            with observed.boundary.apart(cell):
                found = known_attempt(plan, store, cell, artifacts[cell], remedies)
                if found:
                    done = observed.attempts.get(cell, ())
                    observed.attempts[cell] = (*done, Attempt(remedies, found))
                    waiting.append(cell)


def next_attempt(
    plan: Plan, observed: Observed, causes: Causes, cell: Cell
) -> tuple[str, ...] | None:
    """Return the remedies to try next in a cell that was loaded and did not come back."""
    verdict = observed.verdict(plan, cell)
    if verdict is None or verdict.status not in REPAIRABLE or plan.remedies == "none":
        return None
    cause = observed.cause(causes, cell, verdict)
    return next_remedies(plan, cell, cause, observed.judged(plan, causes, cell))


def next_bridges(plan: Plan, observed: Observed, causes: Causes) -> list[tuple[Cell, Chain]]:
    """Return the chain to walk next for each cell that nothing else repaired."""
    if plan.walks:
        return _next_walks(plan, observed, causes)
    if plan.remedies == "none":
        return []
    statuses: dict[Cell, Status] = {}
    wanted = []
    for cell in observed.loads:
        with observed.boundary.apart(cell):
            verdict = observed.verdict(plan, cell)
            if verdict:
                statuses[cell] = verdict.status
    saved = {save: bool(found.observation.artifact) for save, found in observed.saves.items()}
    names = tuple(env.name for env in plan.selection.environments)
    for cell, status in statuses.items():
        if status not in REPAIRABLE or not plan.asked_for(cell):
            continue
        with observed.boundary.apart(cell):
            results = observed.judged(plan, causes, cell)
            verified = any(result.status == "verified" for result in results)
            if verified and plan.remedies != "all":
                continue
            walked = {attempt.chain for attempt in observed.attempts.get(cell, ())}
            told = plan.scenarios[cell.scenario]
            if told.given:
                chains = presume_chains(
                    cell, names, WHOLE, statuses, partial(saves_a_format_of_its_own, plan)
                )
            else:
                chains = find_chains(cell, names, plan.selection.formats, statuses, saved)
            chain = next((chain for chain in chains if chain not in walked), None)
            if chain is not None:
                wanted.append((cell, chain))
    return wanted


def saves_a_format_of_its_own(plan: Plan, save: Save) -> bool:
    """Whether a version saves a format, and not only the content of another under its name."""
    form = FORMATS[save.format]
    tensorflow = plan.environment(save.saved_with).tensorflow
    return not plan.cannot_save(save) and not form.is_hdf5_by_another_name(tensorflow)


def _next_walks(plan: Plan, observed: Observed, causes: Causes) -> list[tuple[Cell, Chain]]:
    """Return the chain to walk next for each cell for which some are asked for.

    One that loses nothing ends it: the others are asked for in case that none does.
    """
    wanted = []
    for cell, chains in plan.walks.items():
        with observed.boundary.apart(cell):
            attempts = observed.attempts.get(cell, ())
            judged = observed.judged(plan, causes, cell)
            worth = {
                attempt.chain: result for attempt, result in zip(attempts, judged, strict=True)
            }
            if any(chain in worth and _is_whole(worth[chain]) for chain in chains):
                continue
            chain = next((chain for chain in chains if chain not in worth), None)
            if chain is not None and cell in observed.loads and not observed.boundary.of(cell):
                wanted.append((cell, chain))
    return wanted


def _is_whole(result: RemedyResult) -> bool:
    return result.status == "verified" and not result.lost


def form_of(cell: Cell | Save, chain: Chain) -> str:
    """Return the format of what is there after ``chain``."""
    return chain[-1].format if chain else cell.format


def known_conversion(
    plan: Plan, store: Store, observed: Observed, row: Save, chain: Chain
) -> Measured[SaveObservation] | None:
    """Return what is known of the last hop of ``chain``, given what is known of those before."""
    if not chain:
        return observed.saves.get(row)
    before = observed.conversions.get((row, chain[:-1])) if chain[:-1] else observed.saves.get(row)
    if before is None or before.observation.artifact is None:
        return None
    form, artifact = form_of(row, chain[:-1]), before.observation.artifact
    key = plan.conversion_key(row.scenario, form, chain[-1], artifact)
    return _current(plan, row.scenario, store.known_save(key))


def failed_crossing(conversion: Measured[SaveObservation], chain: Chain) -> Attempt:
    """Return the attempt that ended with a hop that could not be made."""
    told = conversion.observation.model_dump(exclude={"value", "artifact"})
    ended = LoadObservation.model_validate(told)
    return Attempt(BRIDGE, Measured(ended, conversion.at), chain)


def _look_up_bridges(plan: Plan, store: Store, observed: Observed, causes: Causes) -> None:
    """Add what is known of bridges, each as far as it was walked."""
    progress = True
    while progress:
        progress = False
        for cell, chain in next_bridges(plan, observed, causes):
            with observed.boundary.apart(cell):
                if not plan.walks and next_attempt(plan, observed, causes, cell) is not None:
                    continue  # a bridge comes after all else: what it follows from is not known
                attempt = _known_crossing(plan, store, observed, cell, chain)
                if attempt:
                    observed.attempts[cell] = (*observed.attempts.get(cell, ()), attempt)
                    progress = True


def _known_crossing(
    plan: Plan, store: Store, observed: Observed, cell: Cell, chain: Chain
) -> Attempt | None:
    row = Save(*cell[:3])
    for length in range(1, len(chain) + 1):
        hops = chain[:length]
        found = known_conversion(plan, store, observed, row, hops)
        if found is None:
            return None
        observed.conversions[row, hops] = found
        if found.observation.artifact is None:
            return failed_crossing(found, chain)
    artifact = observed.conversions[row, chain].observation.artifact or ""
    loaded = known_attempt(plan, store, cell, artifact, BRIDGE)
    return Attempt(BRIDGE, loaded, chain) if loaded else None


def needs_repair(plan: Plan, observed: Observed, cell: Cell) -> bool:
    """Whether a cell was loaded and did not come back as it was."""
    verdict = observed.verdict(plan, cell)
    return verdict is not None and verdict.status in REPAIRABLE


def artifact_of(observed: Observed, cell: Cell) -> str:
    """Return the digest of the file of a cell that was loaded."""
    return observed.saves[Save(*cell[:3])].observation.artifact or ""


def known_save(plan: Plan, store: Store, save: Save) -> Measured[SaveObservation] | None:
    """Return what is known of ``save``."""
    return _current(plan, save.scenario, store.known_save(plan.save_key(save)))


def known_load(
    plan: Plan, store: Store, observed: Observed, cell: Cell
) -> Measured[LoadObservation] | None:
    """Return what is known of ``cell``, given what is known of its save."""
    saved = observed.saves.get(Save(*cell[:3]))
    if saved is None or saved.observation.artifact is None or plan.cannot_load(cell):
        return None
    found = store.known_load(plan.load_key(cell, saved.observation.artifact))
    return _current(plan, cell.scenario, found)


def known_probe(
    plan: Plan, store: Store, cell: Cell, artifact: str
) -> Measured[ProbeObservation] | None:
    """Return what is known of the layers of ``artifact``, the file of ``cell``."""
    return _current(plan, cell.scenario, store.known_probe(plan.probe_key(cell, artifact)))


def known_attempt(
    plan: Plan, store: Store, cell: Cell, artifact: str, remedies: tuple[str, ...]
) -> Measured[LoadObservation] | None:
    """Return what is known of a load of ``artifact`` in ``cell`` with ``remedies``."""
    key = plan.attempt_key(cell, artifact, remedies)
    return _current(plan, cell.scenario, store.known_load(key))


def _current(plan: Plan, scenario: str, found: Measured[Seen] | None) -> Measured[Seen] | None:
    """Return what was found, unless a task of ``scenario`` may take longer by now than it took."""
    return found if found and plan.still_known(found.observation, scenario) else None
