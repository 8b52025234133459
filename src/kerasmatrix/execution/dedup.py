"""Tells which cells need not be measured: what they load is equal to what another cell loads.

Saves of one scenario in one format form a class if their artifacts are equal up to the version
stamp, and so is all that a load is judged by. Of the cells that load a class with one version one
is measured, and the others are inferred from it. Pure, but for `Observed`, which it adds to; what
is inferred is never stored.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from itertools import takewhile

from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.results.observations import Cell, Observation, compared_facts

__all__ = ["choose", "class_of", "infer_all", "infer_load", "infer_repair", "is_telling"]


def class_of(plan: Plan, observed: Observed, save: Save) -> Hashable | None:
    """Return the class of a save that is known; None if it is in none, or unknown."""
    if not plan.infer:
        return None
    found = observed.saves.get(save)
    if found is None or found.observation.equivalence is None or found.observation.value is None:
        return None
    facts = compared_facts(found.observation.value, save.format)
    # Causes are told apart by which Keras wrote a file, whatever is in it.
    major = plan.keras_major(save.saved_with)
    return (save.scenario, save.format, major, found.observation.equivalence, facts)


def is_telling(observation: Observation) -> bool:
    """Whether an observation is about what was loaded, and not about the machine as well.

    What crashed or took too long did so in one process at one time: each cell gets its own. So it
    does where another try ended otherwise.
    """
    if any(one.status is not None for one in observation.retried):
        return False
    if observation.error is not None and observation.error.type == "MemoryError":
        return False
    return observation.ended in {"returned", "raised"}


def choose(cells: Iterable[Cell]) -> Cell:
    """Return which of equal cells is measured: the one of its version's own file, or the first."""
    first, *others = cells
    return next((cell for cell in (first, *others) if cell.saved_with == cell.loaded_with), first)


def infer_load(observed: Observed, cell: Cell, source: Cell) -> None:
    """Let ``cell`` be what ``source`` was measured to be, an equal file having been loaded."""
    observed.loads[cell] = observed.loads[source]
    observed.inferred[cell] = source


def infer_repair(observed: Observed, cell: Cell, source: Cell) -> None:
    """Let what was found out and tried in ``source`` hold in ``cell``, up to what is not telling.

    Bridges are left out: their hops may go through the versions that wrote these files.
    """
    probe = observed.probes.get(source)
    if probe and is_telling(probe.observation):
        observed.probes[cell] = probe
    tried = (attempt for attempt in observed.attempts.get(source, ()) if not attempt.chain)
    inferred = tuple(takewhile(lambda attempt: is_telling(attempt.measured.observation), tried))
    own = observed.attempts.get(cell, ())
    bridges = tuple(attempt for attempt in own if attempt.chain)
    if len(inferred) > len(own) - len(bridges):
        observed.retell(cell, (*inferred, *bridges))


def infer_all(plan: Plan, observed: Observed) -> None:
    """Infer every cell of the plan that is not known and has an equal one that is."""
    if not plan.infer:
        return
    known: dict[Hashable, list[Cell]] = {}
    unknown: list[tuple[Cell, Hashable]] = []
    classes: dict[Save, Hashable | None] = {}
    for cell in plan.cells():
        with observed.boundary.apart(cell):
            save = Save(*cell[:3])
            if save not in classes:
                classes[save] = class_of(plan, observed, save)
            kind = classes[save]
            if kind is None:
                continue
            loaded = observed.loads.get(cell)
            if loaded is None and plan.cannot_load(cell) is None:
                unknown.append((cell, (kind, cell.loaded_with)))
            elif loaded is not None and is_telling(loaded.observation):
                known.setdefault((kind, cell.loaded_with), []).append(cell)
    for cell, kind in unknown:
        with observed.boundary.apart(cell):
            if kind in known:
                source = choose(known[kind])
                infer_load(observed, cell, source)
                infer_repair(observed, cell, source)
