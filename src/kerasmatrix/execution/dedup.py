"""Finds cells that need not be measured, since another cell loads an equal file.

Saves of one scenario in one format form a class if their artifacts are equal up to the version
stamp, and so is all that a load is judged by. Of the cells that load a class with one version one
is measured, and the others are inferred from it. Pure, except that results are added to `RunState`;
inferred results are never stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from itertools import takewhile

from kerasmatrix.execution.plan import Save
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.observations import Observation
from kerasmatrix.results.verdict import compared_facts

__all__ = [
    "EqualCells",
    "choose",
    "class_of",
    "infer_all",
    "infer_fixes",
    "infer_load",
    "is_deterministic",
]


def class_of(state: RunState, save: Save) -> Hashable | None:
    """Return the class of a save that is known; None if it is in none, or unknown."""
    if not state.plan.infer:
        return None
    saved = state.saves.get(save)
    if saved is None or saved.observation.equivalence is None or saved.observation.value is None:
        return None
    facts = compared_facts(saved.observation.value, save.format)
    # A cause depends on the Keras that wrote a file, whatever its content.
    major = state.plan.keras_major(save.saved_with)
    return (save.scenario, save.format, major, saved.observation.equivalence, facts)


def is_deterministic(observation: Observation) -> bool:
    """Whether equal files give equal observations: the machine has no part in this one.

    A crash or timeout is of one process at one time, so each cell is measured. The same holds if
    another attempt ended otherwise.
    """
    # Repeated attempts that ended differently mean a flaky model, whose next load may differ too.
    if any(attempt.status is not Status.INFRA for attempt in observation.retried):
        return False
    if observation.error is not None and observation.error.type == "MemoryError":
        return False
    return observation.ended in {"returned", "raised"}


def choose(cells: Iterable[Cell]) -> Cell:
    """Return the cell of equal ones to measure: that of its version's own file, or the first."""
    first, *others = cells
    return next((cell for cell in (first, *others) if cell.saved_with == cell.loaded_with), first)


def infer_load(state: RunState, cell: Cell, source: Cell) -> None:
    """Infer the load of ``cell`` from ``source``, which loaded an equal file."""
    state.loads[cell] = state.loads[source]
    state.inferred[cell] = source


def infer_fixes(state: RunState, cell: Cell, source: Cell) -> None:
    """Infer the fix attempts of ``cell`` from ``source``, up to one that may differ.

    Bridges are left out: their hops may go through the versions that wrote these files.
    """
    probe = state.probes.get(source)
    if probe and is_deterministic(probe.observation):
        state.probes[cell] = probe
    tried = (attempt for attempt in state.attempts.get(source, ()) if not attempt.chain)
    inferred = tuple(
        takewhile(lambda attempt: is_deterministic(attempt.measured.observation), tried)
    )
    own = state.attempts.get(cell, ())
    bridges = tuple(attempt for attempt in own if attempt.chain)
    if len(inferred) > len(own) - len(bridges):
        state.replace_attempts(cell, (*inferred, *bridges))


def infer_all(state: RunState) -> None:
    """Infer every cell of the plan that is not known and has an equal one that is."""
    plan = state.plan
    if not plan.infer:
        return
    known: dict[Hashable, list[Cell]] = {}
    unknown: list[tuple[Cell, Hashable]] = []
    classes: dict[Save, Hashable | None] = {}
    for cell in plan.cells():
        with state.boundary.apart(cell):
            if cell.save not in classes:
                classes[cell.save] = class_of(state, cell.save)
            kind = classes[cell.save]
            if kind is None:
                continue
            loaded = state.loads.get(cell)
            if loaded is None and plan.cannot_load(cell) is None:
                unknown.append((cell, (kind, cell.loaded_with)))
            elif loaded is not None and is_deterministic(loaded.observation):
                known.setdefault((kind, cell.loaded_with), []).append(cell)
    for cell, kind in unknown:
        with state.boundary.apart(cell):
            if kind in known:
                source = choose(known[kind])
                infer_load(state, cell, source)
                infer_fixes(state, cell, source)


class EqualCells:
    """The classes of cells that load equal files with one version, as far as they are known."""

    def __init__(self, state: RunState) -> None:
        """Begin with the cells that ``state`` has inferred already."""
        self._state = state
        self._classes: dict[Save, int | None] = {}
        self._numbers: dict[Hashable, int] = {}
        # The cell of each class that was loaded, and the classes whose loads depend on more.
        self._sources: dict[Hashable, Cell] = {}
        self._unlike: set[Hashable] = set()
        self._following: dict[Cell, list[Cell]] = defaultdict(list)
        for cell, source in state.inferred.items():
            self.let_follow(cell, source)

    def note_loaded(self, cell: Cell) -> None:
        """Note a cell that was loaded: its class follows, if its result is deterministic."""
        key = self._key(cell)
        if key is None:
            return
        if not is_deterministic(self._state.loads[cell].observation):
            self._unlike.add(key)
        # A version's own file is preferred as the source: readers expect that cell to be measured.
        elif key not in self._sources or cell.saved_with == cell.loaded_with:
            self._sources[key] = cell

    def source_of(self, cell: Cell) -> Cell | None:
        """Return the equal cell that was loaded, if there is one."""
        return self._sources.get(self._key(cell))

    def let_follow(self, cell: Cell, source: Cell) -> None:
        """Note that a cell is inferred from ``source``."""
        self._following[source].append(cell)

    def following(self, source: Cell) -> list[Cell]:
        """Return the cells that are inferred from ``source``."""
        return self._following.get(source, [])

    def distinct(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return the cells to load now: one of each class."""
        equal: dict[Hashable, list[Cell]] = {}
        for cell in cells:
            with self._state.boundary.apart(cell):
                key = self._key(cell)
                alone = key is None or key in self._unlike
                equal.setdefault(cell if alone else key, []).append(cell)
        return [choose(group) for group in equal.values()]

    def _key(self, cell: Cell) -> Hashable | None:
        """Return the key of a cell's class; None for a cell that has no equals."""
        save = cell.save
        if save not in self._classes:
            if save not in self._state.saves:
                return None
            kind = class_of(self._state, save)
            # Numbers are compared faster than the contents of a class.
            number = self._numbers.setdefault(kind, len(self._numbers))
            self._classes[save] = None if kind is None else number
        number_of = self._classes[save]
        return None if number_of is None else (number_of, cell.loaded_with)
