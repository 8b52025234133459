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
from kerasmatrix.execution.fix_attempts import Attempt
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
    plan: Plan, store: Store, saves: Mapping[Save, Measured[SaveObservation]] | None = None
) -> RunState:
    """Return what earlier runs have measured of ``plan``; ``saves`` are known already."""
    state = RunState(plan, saves=dict(saves or {}))
    unknown = [
        save
        for save in plan.saves()
        if save not in state.saves and not plan.cannot_save(save) and plan.in_shard(save)
    ]
    store.observations.fetch_ahead(map(plan.save_key, unknown))
    for save in unknown:
        with state.boundary.apart(save):
            saved = known_save(plan, store, save)
            if saved:
                state.saves[save] = saved
    store.observations.fetch_ahead(
        plan.load_key(cell, saved.observation.artifact)
        for cell in plan.cells()
        if (saved := state.saves.get(cell.save)) and saved.observation.artifact
    )
    for cell in plan.cells():
        with state.boundary.apart(cell):
            load = known_load(state, store, cell)
            if load:
                state.loads[cell] = load
    failing = _select(state, state.loads, lambda cell: needs_fix(state, cell))
    _look_up_fixes(state, store, failing)
    # Inferred before fixes of inferred cells are looked up: these have attempts of their own where
    # the source's are not deterministic.
    infer_all(state)
    failing = _select(state, state.inferred, lambda cell: next_fix(state, cell) is not None)
    _look_up_fixes(state, store, failing)
    _look_up_bridges(state, store)
    _look_up_retries(state, store)
    return state


def _select(state: RunState, cells: Iterable[Cell], is_so: Callable[[Cell], bool]) -> list[Cell]:
    """Return the cells that fulfil a condition; a cell whose condition raises is spoilt."""
    selected = []
    for cell in cells:
        with state.boundary.apart(cell):
            if is_so(cell):
                selected.append(cell)
    return selected


def _look_up_retries(state: RunState, store: Store) -> None:
    """Add the retries of cells that would have failed the gate; mostly there are none."""
    plan, retried = state.plan, store.observations.retried_keys()
    if not retried:
        return
    for save in state.saves:
        with state.boundary.apart(save):
            key = plan.save_key(save)
            if key in retried:
                saves = store.observations.find_retries(key, SaveObservation)
                state.retries[save] = tuple(
                    Retry((), retried_save)
                    for retried_save in saves
                    if _current(plan, save.scenario, retried_save)
                )
    for cell in state.loads:
        alone = [tried.remedies for tried in state.attempts.get(cell, ()) if not tried.chain]
        with state.boundary.apart(cell):
            for remedies in ((), *alone):
                key = retry_key(state, cell, remedies)
                if key in retried:
                    loads = store.observations.find_retries(key, LoadObservation)
                    retries = tuple(
                        Retry(remedies, retried_load)
                        for retried_load in loads
                        if _current(plan, cell.scenario, retried_load)
                    )
                    state.retries[cell] = (*state.retries.get(cell, ()), *retries)


def retry_key(state: RunState, cell: Cell, remedies: tuple[str, ...]) -> str:
    """Return the key of a retry of a cell: its load, plain or with ``remedies``."""
    artifact = artifact_of(state, cell)
    if remedies:
        return state.plan.attempt_key(cell, artifact, remedies)
    return state.plan.load_key(cell, artifact)


def _look_up_fixes(state: RunState, store: Store, cells: Sequence[Cell]) -> None:
    """Add the known probes and fix attempts of ``cells``.

    In rounds, since each attempt depends on those before, and the store is asked for many at once.
    """
    plan = state.plan
    artifacts = {cell: artifact_of(state, cell) for cell in cells}
    store.observations.fetch_ahead(
        plan.probe_key(cell, artifact) for cell, artifact in artifacts.items()
    )
    for cell, artifact in artifacts.items():
        with state.boundary.apart(cell):
            probe = known_probe(plan, store, cell, artifact)
            if probe:
                state.probes[cell] = probe
    waiting = list(cells)
    while waiting:
        wanted: dict[Cell, tuple[str, ...]] = {}
        for cell in waiting:
            with state.boundary.apart(cell):
                remedies = next_fix(state, cell)
                if remedies is not None:
                    wanted[cell] = remedies
        store.observations.fetch_ahead(
            plan.attempt_key(cell, artifacts[cell], remedies) for cell, remedies in wanted.items()
        )
        waiting = []
        for cell, remedies in wanted.items():
            with state.boundary.apart(cell):
                attempt = known_attempt(plan, store, cell, artifacts[cell], remedies)
                if attempt:
                    done = state.attempts.get(cell, ())
                    state.attempts[cell] = (*done, Attempt(remedies, attempt))
                    waiting.append(cell)


def form_of(cell: Cell | Save, chain: Chain) -> str:
    """Return the format of what is there after ``chain``."""
    return chain[-1].format if chain else cell.format


def known_conversion(
    state: RunState, store: Store, row: Save, chain: Chain
) -> Measured[SaveObservation] | None:
    """Return what is known of the last hop of ``chain``, given what is known of those before."""
    if not chain:
        return state.saves.get(row)
    before = state.conversions.get((row, chain[:-1])) if chain[:-1] else state.saves.get(row)
    if before is None or before.observation.artifact is None:
        return None
    form, artifact = form_of(row, chain[:-1]), before.observation.artifact
    key = state.plan.conversion_key(row.scenario, form, chain[-1], artifact)
    return _current(state.plan, row.scenario, store.find_save(key))


def failed_crossing(conversion: Measured[SaveObservation], chain: Chain) -> Attempt:
    """Return the attempt that ended with a hop that could not be made."""
    save = conversion.observation
    common = {field.name: getattr(save, field.name) for field in dataclasses.fields(Observation)}
    ended = LoadObservation(**common)
    return Attempt(BRIDGE, Measured(ended, conversion.at), chain)


def _look_up_bridges(state: RunState, store: Store) -> None:
    """Add what is known of bridges, each as far as it was walked."""
    progress = True
    while progress:
        progress = False
        for cell, chain in next_bridges(state):
            with state.boundary.apart(cell):
                if not state.plan.chains and next_fix(state, cell) is not None:
                    continue  # a bridge comes after all else: what it follows from is not known
                attempt = _known_crossing(state, store, cell, chain)
                if attempt:
                    state.attempts[cell] = (*state.attempts.get(cell, ()), attempt)
                    progress = True


def _known_crossing(state: RunState, store: Store, cell: Cell, chain: Chain) -> Attempt | None:
    row = cell.save
    for length in range(1, len(chain) + 1):
        hops = chain[:length]
        conversion = known_conversion(state, store, row, hops)
        if conversion is None:
            return None
        state.conversions[row, hops] = conversion
        if conversion.observation.artifact is None:
            return failed_crossing(conversion, chain)
    artifact = state.conversions[row, chain].observation.artifact or ""
    loaded = known_attempt(state.plan, store, cell, artifact, BRIDGE)
    return Attempt(BRIDGE, loaded, chain) if loaded else None


def artifact_of(state: RunState, cell: Cell) -> str:
    """Return the digest of the file of a cell that was loaded."""
    return state.saves[cell.save].observation.artifact or ""


def known_save(plan: Plan, store: Store, save: Save) -> Measured[SaveObservation] | None:
    """Return what is known of ``save``."""
    return _current(plan, save.scenario, store.find_save(plan.save_key(save)))


def known_load(state: RunState, store: Store, cell: Cell) -> Measured[LoadObservation] | None:
    """Return what is known of ``cell``, given what is known of its save."""
    plan = state.plan
    saved = state.saves.get(cell.save)
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
