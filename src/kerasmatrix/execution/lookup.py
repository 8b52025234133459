"""Looks up the observations of a plan in the store.

Observations of a plan are read from the store here and nowhere else: a timeout of any task is out
of date once its deadline was raised.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.dedup import infer_all
from kerasmatrix.execution.fix_attempts import Attempt, Causes
from kerasmatrix.execution.next_fix import needs_fix, next_bridges, next_fix
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.run_state import Retry, RunState
from kerasmatrix.results.cells import Cell
from kerasmatrix.results.observations import (
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
)
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
    "retry_key",
]

Seen = TypeVar("Seen", bound=Observation)

BRIDGE = ("bridge",)


def look_up(
    plan: Plan,
    store: Store,
    causes: Causes,
    saves: Mapping[Save, Measured[SaveObservation]] | None = None,
) -> RunState:
    """Return what earlier runs have measured of ``plan``; ``saves`` are known already."""
    observed = RunState(saves=dict(saves or {}))
    unknown = [
        save
        for save in plan.saves()
        if save not in observed.saves and not plan.cannot_save(save) and plan.in_shard(save)
    ]
    store.observations.fetch_ahead(map(plan.save_key, unknown))
    for save in unknown:
        with observed.boundary.apart(save):
            saved = known_save(plan, store, save)
            if saved:
                observed.saves[save] = saved
    store.observations.fetch_ahead(
        plan.load_key(cell, saved.observation.artifact)
        for cell in plan.cells()
        if (saved := observed.saves.get(Save(*cell[:3]))) and saved.observation.artifact
    )
    for cell in plan.cells():
        with observed.boundary.apart(cell):
            load = known_load(plan, store, observed, cell)
            if load:
                observed.loads[cell] = load
    failing = _select(observed, observed.loads, lambda cell: needs_fix(plan, observed, cell))
    _look_up_fixes(plan, store, observed, causes, failing)
    # Inferred before fixes of inferred cells are looked up: these have attempts of their own where
    # the source's are not deterministic.
    infer_all(plan, observed)
    failing = _select(
        observed,
        observed.inferred,
        lambda cell: next_fix(plan, observed, causes, cell) is not None,
    )
    _look_up_fixes(plan, store, observed, causes, failing)
    _look_up_bridges(plan, store, observed, causes)
    _look_up_retries(plan, store, observed)
    return observed


def _select(observed: RunState, cells: Iterable[Cell], is_so: Callable[[Cell], bool]) -> list[Cell]:
    """Return the cells that fulfil a condition; a cell whose condition raises is spoilt."""
    selected = []
    for cell in cells:
        with observed.boundary.apart(cell):
            if is_so(cell):
                selected.append(cell)
    return selected


def _look_up_retries(plan: Plan, store: Store, observed: RunState) -> None:
    """Add the retries of cells that would have failed the gate; mostly there are none."""
    retried = store.observations.retried_keys()
    if not retried:
        return
    for save in observed.saves:
        with observed.boundary.apart(save):
            key = plan.save_key(save)
            if key in retried:
                saves = store.observations.find_retries(key, SaveObservation)
                observed.retries[save] = tuple(
                    Retry((), retried_save)
                    for retried_save in saves
                    if _current(plan, save.scenario, retried_save)
                )
    for cell in observed.loads:
        alone = [tried.remedies for tried in observed.attempts.get(cell, ()) if not tried.chain]
        with observed.boundary.apart(cell):
            for remedies in ((), *alone):
                key = retry_key(plan, observed, cell, remedies)
                if key in retried:
                    loads = store.observations.find_retries(key, LoadObservation)
                    retries = tuple(
                        Retry(remedies, retried_load)
                        for retried_load in loads
                        if _current(plan, cell.scenario, retried_load)
                    )
                    observed.retries[cell] = (*observed.retries.get(cell, ()), *retries)


def retry_key(plan: Plan, observed: RunState, cell: Cell, remedies: tuple[str, ...]) -> str:
    """Return the key of a retry of a cell: its load, plain or with ``remedies``."""
    artifact = artifact_of(observed, cell)
    if remedies:
        return plan.attempt_key(cell, artifact, remedies)
    return plan.load_key(cell, artifact)


def _look_up_fixes(
    plan: Plan, store: Store, observed: RunState, causes: Causes, cells: Sequence[Cell]
) -> None:
    """Add the known probes and fix attempts of ``cells``.

    In rounds, since each attempt depends on those before, and the store is asked for many at once.
    """
    artifacts = {cell: artifact_of(observed, cell) for cell in cells}
    store.observations.fetch_ahead(
        plan.probe_key(cell, artifact) for cell, artifact in artifacts.items()
    )
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
                remedies = next_fix(plan, observed, causes, cell)
                if remedies is not None:
                    wanted[cell] = remedies
        store.observations.fetch_ahead(
            plan.attempt_key(cell, artifacts[cell], remedies) for cell, remedies in wanted.items()
        )
        waiting = []
        for cell, remedies in wanted.items():
            with observed.boundary.apart(cell):
                attempt = known_attempt(plan, store, cell, artifacts[cell], remedies)
                if attempt:
                    done = observed.attempts.get(cell, ())
                    observed.attempts[cell] = (*done, Attempt(remedies, attempt))
                    waiting.append(cell)


def form_of(cell: Cell | Save, chain: Chain) -> str:
    """Return the format of what is there after ``chain``."""
    return chain[-1].format if chain else cell.format


def known_conversion(
    plan: Plan, store: Store, observed: RunState, row: Save, chain: Chain
) -> Measured[SaveObservation] | None:
    """Return what is known of the last hop of ``chain``, given what is known of those before."""
    if not chain:
        return observed.saves.get(row)
    before = observed.conversions.get((row, chain[:-1])) if chain[:-1] else observed.saves.get(row)
    if before is None or before.observation.artifact is None:
        return None
    form, artifact = form_of(row, chain[:-1]), before.observation.artifact
    key = plan.conversion_key(row.scenario, form, chain[-1], artifact)
    return _current(plan, row.scenario, store.find_save(key))


def failed_crossing(conversion: Measured[SaveObservation], chain: Chain) -> Attempt:
    """Return the attempt that ended with a hop that could not be made."""
    save = conversion.observation
    common = {field.name: getattr(save, field.name) for field in dataclasses.fields(Observation)}
    ended = LoadObservation(**common)
    return Attempt(BRIDGE, Measured(ended, conversion.at), chain)


def _look_up_bridges(plan: Plan, store: Store, observed: RunState, causes: Causes) -> None:
    """Add what is known of bridges, each as far as it was walked."""
    progress = True
    while progress:
        progress = False
        for cell, chain in next_bridges(plan, observed, causes):
            with observed.boundary.apart(cell):
                if not plan.walks and next_fix(plan, observed, causes, cell) is not None:
                    continue  # a bridge comes after all else: what it follows from is not known
                attempt = _known_crossing(plan, store, observed, cell, chain)
                if attempt:
                    observed.attempts[cell] = (*observed.attempts.get(cell, ()), attempt)
                    progress = True


def _known_crossing(
    plan: Plan, store: Store, observed: RunState, cell: Cell, chain: Chain
) -> Attempt | None:
    row = Save(*cell[:3])
    for length in range(1, len(chain) + 1):
        hops = chain[:length]
        conversion = known_conversion(plan, store, observed, row, hops)
        if conversion is None:
            return None
        observed.conversions[row, hops] = conversion
        if conversion.observation.artifact is None:
            return failed_crossing(conversion, chain)
    artifact = observed.conversions[row, chain].observation.artifact or ""
    loaded = known_attempt(plan, store, cell, artifact, BRIDGE)
    return Attempt(BRIDGE, loaded, chain) if loaded else None


def artifact_of(observed: RunState, cell: Cell) -> str:
    """Return the digest of the file of a cell that was loaded."""
    return observed.saves[Save(*cell[:3])].observation.artifact or ""


def known_save(plan: Plan, store: Store, save: Save) -> Measured[SaveObservation] | None:
    """Return what is known of ``save``."""
    return _current(plan, save.scenario, store.find_save(plan.save_key(save)))


def known_load(
    plan: Plan, store: Store, observed: RunState, cell: Cell
) -> Measured[LoadObservation] | None:
    """Return what is known of ``cell``, given what is known of its save."""
    saved = observed.saves.get(Save(*cell[:3]))
    if saved is None or saved.observation.artifact is None or plan.cannot_load(cell):
        return None
    load = store.observations.find(plan.load_key(cell, saved.observation.artifact), LoadObservation)
    return _current(plan, cell.scenario, load)


def known_probe(
    plan: Plan, store: Store, cell: Cell, artifact: str
) -> Measured[ProbeObservation] | None:
    """Return what is known of the layers of ``artifact``, the file of ``cell``."""
    return _current(
        plan,
        cell.scenario,
        store.observations.find(plan.probe_key(cell, artifact), ProbeObservation),
    )


def known_attempt(
    plan: Plan, store: Store, cell: Cell, artifact: str, remedies: tuple[str, ...]
) -> Measured[LoadObservation] | None:
    """Return what is known of a load of ``artifact`` in ``cell`` with ``remedies``."""
    key = plan.attempt_key(cell, artifact, remedies)
    return _current(plan, cell.scenario, store.observations.find(key, LoadObservation))


def _current(plan: Plan, scenario: str, measured: Measured[Seen] | None) -> Measured[Seen] | None:
    """Return an observation, unless it is a timeout and the scenario has more time by now."""
    return measured if measured and plan.still_known(measured.observation, scenario) else None
