"""What is left to do in a run, and in which order: saves, loads, repairs, bridges.

A value that changes as outcomes come in. It starts nothing and waits for nothing; whoever uses it
from several threads holds a lock around every call. Of cells that load equal files one is to be
done, and the others follow from it.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

from kerasmatrix.execution.attempts import Causes
from kerasmatrix.execution.bridges import Chain
from kerasmatrix.execution.dedup import choose, class_of, infer_load, infer_repair, is_telling
from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.lookup import needs_repair, next_attempt, next_bridges
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.execution.priority import Rank, Urgency
from kerasmatrix.results.observations import Cell, judge_save

__all__ = ["Again", "Agenda", "Conversion", "Crossing", "Job", "Repair"]

# What is stored with its architecture, which can be looked at layer by layer.
PROBED_FORMATS = {"h5", "keras", "keras-archive"}


class Repair(NamedTuple):
    """A cell that does not come back as it was: find out what is at fault, and try remedies."""

    cell: Cell


class Conversion(NamedTuple):
    """The last hop of a chain: a version in between loads what is there and saves it anew."""

    row: Save
    chain: Chain


class Crossing(NamedTuple):
    """The end of a chain: a cell's version loads what the last version in between made."""

    cell: Cell
    chain: Chain


class Again(NamedTuple):
    """A save or load to be done again, up to so many times; the load with ``remedies``, if any."""

    of: Save | Cell
    times: int
    remedies: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """Where it is done."""
        return self.of.loaded_with if isinstance(self.of, Cell) else self.of.saved_with


Job = Save | Cell | Repair | Conversion | Crossing | Again
Queued = TypeVar("Queued", Save, Cell, Repair)
Waiting = TypeVar("Waiting")
LAST = Rank(Urgency.OTHER, 1, math.inf)


class _Batch(NamedTuple, Generic[Queued]):
    urgency: int
    environment: str
    jobs: Sequence[Queued]


class Agenda:
    """The jobs of a plan that are not done, by environment.

    Of ``observed`` nothing is changed but that what follows by inference is added.
    """

    def __init__(
        self,
        plan: Plan,
        observed: Observed,
        causes: Causes,
        ranks: Mapping[Cell, Rank] | None = None,
        *,
        room: Callable[[], int],
    ) -> None:
        """Queue what is not known.

        Args:
            plan: what is wanted.
            observed: what is known.
            causes: those of ``plan``.
            ranks: what is done first, if not all is wanted alike.
            room: says how many workers may stay open; asked once something is to be done.
        """
        self._room = room
        self._plan = plan
        self._observed = observed
        self._causes = causes
        self._busy: set[str] = set()
        self._saves: dict[str, list[Save]] = {}
        self._loads: dict[str, list[Cell]] = {}
        self._repairs: dict[str, list[Repair]] = {}
        self._bridges: dict[str, list[Conversion | Crossing]] = {}
        # Cells that were measured, by what they loaded and with which version, and their equals.
        self._classes: dict[Save, int | None] = {}
        self._numbers: dict[Hashable, int] = {}
        self._sources: dict[Hashable, Cell] = {}
        self._unlike: set[Hashable] = set()
        self._equals: dict[Cell, list[Cell]] = defaultdict(list)
        self._under_repair: set[Cell] = set()
        self._ranks = ranks or {}
        self._row_ranks: dict[Save, Rank] = {}
        self._queue_what_is_not_known()
        for cell, source in observed.inferred.items():
            self._equals[source].append(cell)
        for cell in list(observed.loads):
            if plan.asked_for(cell) and cell not in observed.inferred:
                with observed.boundary.apart(cell):
                    self.loaded(cell)
        if not self.pending:
            self._queue_bridges()

    def _queue_what_is_not_known(self) -> None:
        plan, observed = self._plan, self._observed
        for save in plan.saves():
            if save in observed.saves or plan.cannot_save(save) or observed.boundary.of(save):
                continue
            if plan.in_shard(save):
                self._saves.setdefault(save.saved_with, []).append(save)
        for cell in plan.cells():
            if cell in observed.loads or not plan.asked_for(cell) or plan.cannot_load(cell):
                continue
            row = Save(*cell[:3])
            saved = observed.saves.get(row)
            with observed.boundary.apart(cell):
                if saved is None or judge_save(saved.observation) is None:
                    self._loads.setdefault(cell.loaded_with, []).append(cell)
                    self._row_ranks[row] = min(self._row_ranks.get(row, LAST), self._rank(cell))

    @property
    def _queues(self) -> tuple[Mapping[str, Sequence[Job]], ...]:
        return (self._saves, self._loads, self._repairs, self._bridges)

    @property
    def pending(self) -> int:
        """How many jobs are still to be done, as far as is known."""
        return sum(len(batch) for queue in self._queues for batch in queue.values())

    @property
    def environments(self) -> int:
        """How many environments have something to do, as far as is known."""
        return len({name for queue in self._queues for name in queue})

    @property
    def idle(self) -> bool:
        """Whether nobody is at work, so that nothing new can come up."""
        return not self._busy

    @cached_property
    def keeps_workers(self) -> bool:
        """Whether workers stay open between batches.

        Where they do not, all is saved before anything is loaded, so that none is opened thrice.
        """
        return len(self._plan.selection.environments) <= self._room()

    def jobs(self) -> list[tuple[str, Job]]:
        """Return what would be done, in order, each with its environment."""
        loads = {name: self._distinct(cells) for name, cells in self._loads.items()}
        first: list[tuple[int, str, Job]] = [
            *_listed(self._batches(self._saves)), *_listed(self._batches(loads))
        ]  # fmt: skip
        first.sort(key=lambda told: told[0])  # of one urgency saves stay before loads
        then = [
            *((name, job) for _, name, job in _listed(self._batches(self._repairs))),
            *((name, hop) for name, hops in self._bridges.items() for hop in hops),
        ]
        return [*((name, job) for _, name, job in first), *then]

    def urgency_of(self, job: Job) -> Urgency | None:
        """Return why a job comes before others; None where all are wanted alike."""
        if not self._ranks or not isinstance(job, Save | Cell | Repair):
            return None
        return self._rank(job).urgency

    def take(self) -> tuple[str, list[Job]] | None:
        """Return a free environment, which is busy from now on, and its jobs; None if none has."""
        batch = self._next_batch()
        if batch:
            self._busy.add(batch[0])
        return batch

    def free(self, environment: str) -> None:
        """Note that nobody is at work in an environment any more."""
        self._busy.discard(environment)

    def drop(self, environment: str) -> None:
        """Give up what an environment had to do: it cannot be had."""
        for queue in (self._saves, self._loads, self._repairs, self._bridges):
            queue.pop(environment, None)
        self._give_up(
            lambda row, chain: any(
                hop.environment == environment
                and (row, chain[:length]) not in self._observed.conversions
                for length, hop in enumerate(chain, start=1)
            )
        )

    def give_up(self, conversion: Conversion) -> list[Cell]:
        """Give up the chains that go on from a hop that was not made; return their cells."""
        row, chain = conversion
        return self._give_up(lambda other, further: other == row and further[: len(chain)] == chain)

    def _give_up(self, is_stuck: Callable[[Save, Chain], bool]) -> list[Cell]:
        """Take queued hops of some chains out; return the cells that the chains were for."""
        cells = []
        for name, hops in list(self._bridges.items()):
            left = []
            for hop in hops:
                row = hop.row if isinstance(hop, Conversion) else Save(*hop.cell[:3])
                if not is_stuck(row, hop.chain):
                    left.append(hop)
                elif isinstance(hop, Crossing):
                    cells.append(hop.cell)
            self._bridges[name] = left
            if not left:
                del self._bridges[name]
        return cells

    def done(self, cell: Cell) -> None:
        """Note that a load is done, however it ended."""
        waiting = self._loads.get(cell.loaded_with, [])
        if cell in waiting:
            waiting.remove(cell)
        if not waiting:
            self._loads.pop(cell.loaded_with, None)

    def loaded(self, cell: Cell) -> None:
        """Note what was loaded: its equals follow, and its repair if there is something to do."""
        key = self._key(cell)
        if key is not None:
            if not is_telling(self._observed.loads[cell].observation):
                self._unlike.add(key)
            elif key not in self._sources or cell.saved_with == cell.loaded_with:
                self._sources[key] = cell
        self._queue_repair(cell)
        if cell not in self._under_repair:
            self.repaired(cell)

    def repaired(self, cell: Cell) -> None:
        """Note that all was tried in a cell: what was found holds for its equals."""
        self._under_repair.discard(cell)
        for equal in self._equals.get(cell, ()):
            with self._observed.boundary.apart(equal):
                infer_repair(self._observed, equal, cell)
                self._queue_repair(equal)

    def _queue_repair(self, cell: Cell) -> None:
        if self._plan.remedies == "none" or not needs_repair(self._plan, self._observed, cell):
            return
        if self.to_probe(cell) or self.next_attempt(cell) is not None:
            self._repairs.setdefault(cell.loaded_with, []).append(Repair(cell))
            self._under_repair.add(cell)

    def infer(self) -> None:
        """Infer what follows from what was loaded so far."""
        for environment in self._loads:
            self._ready(environment)

    def has_more(self) -> bool:
        """Whether there is something left that could be done, if nobody is at work."""
        self.infer()
        return self.pending > 0 or bool(next_bridges(self._plan, self._observed, self._causes))

    def to_probe(self, cell: Cell) -> bool:
        """Whether the parts of a failing cell's model are still to be looked at."""
        return cell.format in PROBED_FORMATS and cell not in self._observed.probes

    def next_attempt(self, cell: Cell) -> tuple[str, ...] | None:
        """Return the remedies to try next in a cell."""
        return next_attempt(self._plan, self._observed, self._causes, cell)

    def _next_batch(self) -> tuple[str, list[Job]] | None:
        saves = self._most_urgent(self._free(self._saves))
        ready = self._most_urgent(
            {name: cells for name in self._free(self._loads) if (cells := self._ready(name))}
        )
        # Of one urgency saves come first, since loads wait for them.
        if saves and (ready is None or saves.urgency <= ready.urgency):
            _take_out(self._saves, saves)
            return saves.environment, list(saves.jobs)
        if ready and (self.keeps_workers or not self._saving(ready.urgency)):
            return ready.environment, list(ready.jobs)
        # What breaks is known before what helps against it is sought, and bridges come last.
        if self._saves or any(self._free(self._loads).values()):
            return None
        broken = self._most_urgent(self._free(self._repairs))
        if broken:
            _take_out(self._repairs, broken)
            return broken.environment, list(broken.jobs)
        if self.idle and not self._repairs and not self._bridges:
            self._queue_bridges()
        return self._next_hops()

    def _most_urgent(self, free: Mapping[str, Sequence[Queued]]) -> _Batch[Queued] | None:
        return next(iter(self._batches(free)), None)

    def _batches(self, queue: Mapping[str, Sequence[Queued]]) -> list[_Batch[Queued]]:
        """Return what is queued in the order of work: of one urgency the longest batch first."""
        batches = [
            _Batch(urgency, name, jobs)
            for name, batch in queue.items()
            for urgency, jobs in self._by_urgency(batch)
        ]
        return sorted(batches, key=lambda batch: (batch.urgency, -len(batch.jobs)))

    def _by_urgency(self, batch: Sequence[Queued]) -> Iterator[tuple[int, list[Queued]]]:
        """Yield the parts of a batch, each in the order in which it is to be done."""
        if not self._ranks:
            yield 0, list(batch)
            return
        ordered = sorted(batch, key=self._rank)
        for urgency, jobs in itertools.groupby(ordered, key=lambda job: self._rank(job).urgency):
            yield urgency, list(jobs)

    def _rank(self, job: Save | Cell | Repair) -> Rank:
        """Return the rank of a job: a save is wanted as much as any cell of its row."""
        if isinstance(job, Save):
            return self._row_ranks.get(job, LAST)
        return self._ranks.get(job.cell if isinstance(job, Repair) else job, LAST)

    def _free(self, queue: dict[str, list[Waiting]]) -> dict[str, list[Waiting]]:
        return {name: batch for name, batch in queue.items() if name not in self._busy}

    def _saving(self, urgency: int) -> bool:
        """Whether saves are to be done, or under way, that are as urgent."""
        return any(
            self._is_as_urgent(save, urgency) for saves in self._saves.values() for save in saves
        ) or any(
            self._is_as_urgent(cell, urgency)
            and Save(*cell[:3]) not in self._observed.saves
            and cell.saved_with not in self._observed.troubles
            for cells in self._loads.values()
            for cell in cells
        )

    def _is_as_urgent(self, job: Save | Cell, urgency: int) -> bool:
        return not self._ranks or self._rank(job).urgency <= urgency

    def _ready(self, environment: str) -> list[Cell]:
        """Return the loads whose artifacts are there, dropping those that can never be done."""
        ready, later = [], []
        for cell in self._loads[environment]:
            row = Save(*cell[:3])
            saved = self._observed.saves.get(row)
            if row in self._observed.faults or (
                saved is None and cell.saved_with in self._observed.troubles
            ):
                continue
            with self._observed.boundary.apart(cell):
                if self._observed.boundary.of(cell):
                    continue
                if saved is None:
                    later.append(cell)
                elif judge_save(saved.observation) is None and not self._follows(cell):
                    ready.append(cell)
        self._loads[environment] = ready + later
        return self._distinct(ready)

    def _follows(self, cell: Cell) -> bool:
        """Infer a cell from its equal, if that was loaded already."""
        source = self._sources.get(self._key(cell))
        if source is None:
            return False
        infer_load(self._observed, cell, source)
        self._equals[source].append(cell)
        if source not in self._under_repair:
            infer_repair(self._observed, cell, source)
            self._queue_repair(cell)
        return True

    def _distinct(self, cells: Iterable[Cell]) -> list[Cell]:
        """Return those to be loaded now; the others may follow from them."""
        equal: dict[Hashable, list[Cell]] = {}
        for cell in cells:
            with self._observed.boundary.apart(cell):
                key = self._key(cell)
                alone = key is None or key in self._unlike
                equal.setdefault(cell if alone else key, []).append(cell)
        if self._ranks:
            return [min(group, key=self._rank) for group in equal.values()]
        return [choose(group) for group in equal.values()]

    def _key(self, cell: Cell) -> Hashable | None:
        """Return what equal cells have in common; None for a cell that has no equals."""
        save = Save(*cell[:3])
        if save not in self._classes:
            if save not in self._observed.saves:
                return None
            kind = class_of(self._plan, self._observed, save)
            # A number is compared sooner than all that a class is made of.
            number = self._numbers.setdefault(kind, len(self._numbers))
            self._classes[save] = None if kind is None else number
        found = self._classes[save]
        return None if found is None else (found, cell.loaded_with)

    def _queue_bridges(self) -> None:
        """Queue the next chain of each cell that nothing has repaired, with all hops it takes."""
        queued: set[Conversion] = set()
        for cell, chain in next_bridges(self._plan, self._observed, self._causes):
            names = {cell.loaded_with, *(hop.environment for hop in chain)}
            if names & self._observed.troubles.keys() or cell in self._observed.faults:
                continue
            row = Save(*cell[:3])
            for length in range(1, len(chain) + 1):
                hop = Conversion(row, chain[:length])
                if (row, hop.chain) not in self._observed.conversions and hop not in queued:
                    queued.add(hop)
                    self._bridges.setdefault(chain[length - 1].environment, []).append(hop)
            self._bridges.setdefault(cell.loaded_with, []).append(Crossing(cell, chain))

    def _next_hops(self) -> tuple[str, list[Job]] | None:
        """Return the hops of a free environment that begin with what is there already."""
        for name, hops in self._free(self._bridges).items():
            ready = [hop for hop in hops if self._can_begin(hop)]
            if not ready:
                continue
            self._bridges[name] = [hop for hop in hops if hop not in ready]
            if not self._bridges[name]:
                del self._bridges[name]
            return name, list(ready)
        return None

    def _can_begin(self, hop: Conversion | Crossing) -> bool:
        if isinstance(hop, Conversion):
            return len(hop.chain) == 1 or (hop.row, hop.chain[:-1]) in self._observed.conversions
        return (Save(*hop.cell[:3]), hop.chain) in self._observed.conversions


def _listed(batches: Iterable[_Batch[Queued]]) -> Iterator[tuple[int, str, Queued]]:
    for batch in batches:
        yield from ((batch.urgency, batch.environment, job) for job in batch.jobs)


def _take_out(queue: dict[str, list[Queued]], batch: _Batch[Queued]) -> None:
    """Take a batch out of its queue."""
    taken = set(batch.jobs)
    queue[batch.environment] = [job for job in queue[batch.environment] if job not in taken]
    if not queue[batch.environment]:
        del queue[batch.environment]
