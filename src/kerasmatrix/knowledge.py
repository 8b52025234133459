"""What is known of a plan, and what follows from it: what to try next in a cell that fails.

Reads the store, and does nothing else. The same functions tell a run what to do and a later run
what was done, so that the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from kerasmatrix.bridges import Chain, find_chains, presume_chains
from kerasmatrix.formats import FORMATS
from kerasmatrix.inference import infer_all
from kerasmatrix.outcome import Cell, LoadObservation, Measured, SaveObservation, Status
from kerasmatrix.plan import Plan, Save
from kerasmatrix.repair import REPAIRABLE, Attempt, Causes, next_remedies
from kerasmatrix.results import RemedyResult
from kerasmatrix.store import Store
from kerasmatrix.tabulation import Observed, Retry

__all__ = [
    "artifact_of",
    "failed_crossing",
    "form_of",
    "known_conversion",
    "known_load",
    "look_up",
    "needs_repair",
    "next_attempt",
    "next_bridges",
    "retry_key",
    "saves_a_format_of_its_own",
]

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
        found = store.known_save(plan.save_key(save))
        if found and plan.still_known(found.observation, save.scenario):
            observed.saves[save] = found
    store.fetch_ahead(
        plan.load_key(cell, saved.observation.artifact)
        for cell in plan.cells()
        if (saved := observed.saves.get(Save(*cell[:3]))) and saved.observation.artifact
    )
    for cell in plan.cells():
        load = known_load(plan, store, observed, cell)
        if load:
            observed.loads[cell] = load
    ailing = [cell for cell in observed.loads if needs_repair(plan, observed, cell)]
    _look_up_repairs(plan, store, observed, causes, ailing)
    infer_all(plan, observed)
    ailing = [
        cell for cell in observed.inferred if next_attempt(plan, observed, causes, cell) is not None
    ]
    _look_up_repairs(plan, store, observed, causes, ailing)
    _look_up_bridges(plan, store, observed, causes)
    _look_up_retries(plan, store, observed)
    return observed


def _look_up_retries(plan: Plan, store: Store, observed: Observed) -> None:
    """Add what was done again because it would have failed the gate; mostly nothing was."""
    retried = store.retried()
    if not retried:
        return
    for save in observed.saves:
        key = plan.save_key(save)
        if key in retried:
            saves = store.known_retries(key, SaveObservation)
            observed.retries[save] = tuple(Retry((), each) for each in saves)
    for cell in observed.loads:
        alone = [tried.remedies for tried in observed.attempts.get(cell, ()) if not tried.chain]
        for remedies in ((), *alone):
            key = retry_key(plan, observed, cell, remedies)
            if key in retried:
                loads = store.known_retries(key, LoadObservation)
                told = tuple(Retry(remedies, each) for each in loads)
                observed.retries[cell] = (*observed.retries.get(cell, ()), *told)


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
    probes = {cell: plan.probe_key(cell, artifact_of(observed, cell)) for cell in cells}
    store.fetch_ahead(probes.values())
    for cell, key in probes.items():
        probe = store.known_probe(key)
        if probe:
            observed.probes[cell] = probe
    waiting = list(cells)
    while waiting:
        wanted = {
            cell: remedies
            for cell in waiting
            if (remedies := next_attempt(plan, observed, causes, cell)) is not None
        }
        keys = {
            cell: plan.attempt_key(cell, artifact_of(observed, cell), remedies)
            for cell, remedies in wanted.items()
        }
        store.fetch_ahead(keys.values())
        waiting = []
        for cell, remedies in wanted.items():
            found = store.known_load(keys[cell])
            if found and plan.still_known(found.observation, cell.scenario):
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
        verdict = observed.verdict(plan, cell)
        if verdict:
            statuses[cell] = verdict.status
    saved = {save: bool(found.observation.artifact) for save, found in observed.saves.items()}
    names = tuple(env.name for env in plan.selection.environments)
    for cell, status in statuses.items():
        if status not in REPAIRABLE or not plan.asked_for(cell):
            continue
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
        attempts = observed.attempts.get(cell, ())
        worth = {
            attempt.chain: result
            for attempt, result in zip(attempts, observed.judged(plan, causes, cell), strict=True)
        }
        if any(chain in worth and _is_whole(worth[chain]) for chain in chains):
            continue
        chain = next((chain for chain in chains if chain not in worth), None)
        if chain is not None and cell in observed.loads:
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
    return store.known_save(key)


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
    loaded = store.known_load(plan.attempt_key(cell, artifact, BRIDGE))
    return Attempt(BRIDGE, loaded, chain) if loaded else None


def needs_repair(plan: Plan, observed: Observed, cell: Cell) -> bool:
    """Whether a cell was loaded and did not come back as it was."""
    verdict = observed.verdict(plan, cell)
    return verdict is not None and verdict.status in REPAIRABLE


def artifact_of(observed: Observed, cell: Cell) -> str:
    """Return the digest of the file of a cell that was loaded."""
    return observed.saves[Save(*cell[:3])].observation.artifact or ""


def known_load(
    plan: Plan, store: Store, observed: Observed, cell: Cell
) -> Measured[LoadObservation] | None:
    """Return what is known of ``cell``, given what is known of its save."""
    saved = observed.saves.get(Save(*cell[:3]))
    if saved is None or saved.observation.artifact is None or plan.cannot_load(cell):
        return None
    found = store.known_load(plan.load_key(cell, saved.observation.artifact))
    return found if found and plan.still_known(found.observation, cell.scenario) else None
