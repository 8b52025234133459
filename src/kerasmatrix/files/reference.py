"""Finds what each file is compared with: the version that wrote it, or the nearest that loads it.

A search in steps, each a plan that is carried out in the same workers. First every environment that
was asked for loads each file, and so does the one nearest to its writer, which is added where none
that was asked for is near. Where none of them loads a file, others of the matrix are tried one
after the other, a few at most: to make an environment takes minutes. Where no version that was
tried loads a file plainly, those nearest to its writer load it with remedies that do not change
what it computes.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import InfrastructureError, UsageError, nearest
from kerasmatrix.execution.attempts import Causes
from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.lookup import look_up
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.files.model_input import Given, distances
from kerasmatrix.files.session import Setup
from kerasmatrix.results.cells import TOGETHER
from kerasmatrix.results.observations import (
    Cell,
    Measured,
    SaveFacts,
    SaveObservation,
    Status,
    Weights,
    judge_save,
)

__all__ = ["Search"]

# An environment that was asked for is near enough to a file's writer if so many minors of the same
# Keras lie between them at the most.
NEAR = 2
# So many environments are added to those that were asked for, in all.
MOST_ADDED = 3
# So many are tried with each remedy.
MOST_REPAIRED = 3
# What leaves the layers and the weights as they are in the file.
HARMLESS = (("no-compile",), ("trust-the-lambda",), ("trust-the-lambda", "no-compile"))
# What no version can help against: something is missing that the file does not hold.
BEYOND_VERSIONS = {"custom-class-missing", "weights-only-file", "killed-for-memory"}

# So many names are listed in a sentence.
MOST_NAMED = 6

Take = Measured[SaveObservation]
Found = TypeVar("Found")


class Search:
    """A search for the references of files. Called after each step with what was seen in it."""

    def __init__(
        self,
        setup: Setup,
        files: Sequence[Given],
        environments: Sequence[Environment],
        reference: str | None = None,
    ) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            setup: where and how.
            files: what to load.
            environments: those that were asked for.
            reference: what to compare with, instead of searching.

        Raises:
            UsageError: there is no such reference.
        """
        self._setup = setup
        self._files = files
        self._asked = {env.name: env for env in environments}
        self._added: dict[str, Environment] = {}
        self._takes: dict[Save, Take] = {}
        self._repaired: dict[Save, tuple[str, ...]] = {}
        self._remedies = iter(HARMLESS)
        self._attempted: set[Save] = set()
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._is_over = False
        self._spoilt: dict[str, Exception] = {}
        self._reference = reference
        self._known = {**setup.matrix.environments, **self._asked}
        if reference and reference not in self._known:
            names = list(self._known)
            raise UsageError(f"unknown environment {reference!r}", hint=nearest(reference, names))
        self._distances = self._measure_distances()
        self.first = self._first()

    @property
    def added(self) -> frozenset[str]:
        """The environments that were not asked for and have become the reference of a file."""
        return frozenset(self._added)

    def __call__(self, seen: Observed) -> tuple[Plan, Observed] | None:
        """Return what to do next, and what is known of it; None once all was done."""
        if self._is_over:
            return None
        self._takes.update(seen.saves)
        step = self._more_versions(seen) or self._with_remedies()
        if step is not None:
            return step, self._known_of(step)
        self._is_over = True
        return self._comparison()

    @property
    def is_over(self) -> bool:
        """Whether all was done that could find references."""
        return self._is_over

    def cut_off(self, seen: Observed) -> tuple[Plan, Observed]:
        """Return the comparison as far as it is known, of a search that did not come to its end.

        A version that was not tried may load a file: a file without a reference has none yet.
        """
        self._takes.update(seen.saves)
        plan, known = self._comparison(is_whole=False)
        known.troubles.update(seen.troubles)
        return plan, known

    def told(self, file: Given) -> str:
        """Say in a sentence what a file was compared with, where that has to be said."""
        tried = self._tried(file)
        if not self._is_over or not tried or file.scenario.name in self._spoilt:
            return ""
        row = self._chosen(file)
        if row is None:
            left = [name for name in self._order(file) if name not in tried]
            more = f"; not tried: {_some(left)}" if left else ""
            return f"No version that was tried loads it as it is ({', '.join(tried)}{more})."
        said = []
        if row.saved_with in self._added:
            said.append(
                f"{row.saved_with} was added to compare with: of the matrix it is the nearest to "
                "what wrote the file."
            )
        if row in self._repaired:
            said.append(
                f"No version that was tried loads it as it is: {row.saved_with} with "
                f"{TOGETHER.join(self._repaired[row])} says what it computes."
            )
        return " ".join(said)

    # The steps.

    def _first(self) -> Plan:
        """Return the plan in which every file is loaded where it was asked for, and at home."""
        if self._reference:
            if self._reference not in self._asked:
                self._added[self._reference] = self._known[self._reference]
            return self._taking([(file, self._reference) for file in self._files])
        wanted: Counter[str] = Counter()
        homes = {}
        for file in self._files:
            home = self._order(file)[0]
            near = min((self._distance(file, name) for name in self._asked), default=None)
            if near is None or near > self._distance(file, home) + NEAR:
                wanted[home] += 1
                homes[file.scenario.name] = home
        for name, _ in wanted.most_common(MOST_ADDED):
            self._added[name] = self._known[name]
        pairs = [(file, name) for file in self._files for name in self._asked]
        pairs += [
            (file, homes[file.scenario.name])
            for file in self._files
            if homes.get(file.scenario.name, "") in self._added
        ]
        return self._taking(pairs)

    def _more_versions(self, seen: Observed) -> Plan | None:
        """Return a plan in which files that nothing loads yet are loaded with one more version."""
        pairs = []
        for file in self._without():
            if self._reference or self._unless_spoilt(file, True, self._is_beyond_versions):
                continue
            untried = (
                name
                for name in self._order(file)
                if self._row(file, name) not in self._attempted and name not in seen.troubles
            )
            for name in untried:
                if name not in self._added and len(self._added) >= MOST_ADDED:
                    continue
                self._added.setdefault(name, self._known[name])
                pairs.append((file, name))
                break
        step = self._taking(pairs)
        return step if step.rows else None

    def _with_remedies(self) -> Plan | None:
        """Return a plan in which files that nothing loads plainly are loaded with remedies."""
        without = self._without()
        if not without or self._setup.remedies == "none":
            return None
        for remedies in self._remedies:
            pairs = [(file, name) for file in without for name in self._tried(file)[:MOST_REPAIRED]]
            plan = self._taking(pairs)
            if plan.rows:
                self._repaired.update(dict.fromkeys(plan.rows, remedies))
                return dataclasses.replace(plan, taking=dict.fromkeys(plan.rows, remedies))
        return None

    def _comparison(self, *, is_whole: bool = True) -> tuple[Plan, Observed]:
        """Return the plan in which every file is compared with its reference.

        Args:
            is_whole: whether a file that was loaded with no version yet can be loaded with none.
        """
        chosen = [(file, self._unless_spoilt(file, None, self._chosen)) for file in self._files]
        self._repaired = {row: self._repaired[row] for _, row in chosen if row in self._repaired}
        used = {row.saved_with for _, row in chosen if row is not None}
        self._added = {name: env for name, env in self._added.items() if name in used}
        saves = {}
        rows = []
        for file, row in chosen:
            if row is not None:
                rows.append(row)
                reference = self._unless_spoilt(file, None, partial(self._as_reference, row=row))
                if reference is not None:
                    saves[row] = reference
                continue
            tried = [name for name in self._tried(file) if name in self._columns()]
            rows.append(self._row(file, tried[0] if tried else self._nearest_asked(file)))
            measured = [self._takes[each] for each in self._rows_of(file)]
            if measured and is_whole:
                saves[rows[-1]] = self._nothing_to_compare_with(measured[0])
        only = {
            name: frozenset(row.scenario for row in rows if row.saved_with == name)
            for name in self._added
        }
        plan = dataclasses.replace(self._plan(), rows=tuple(rows), only=only)
        known = Observed(saves=saves)
        if not self._setup.fresh:
            known = look_up(plan, self._setup.store, Causes(plan), saves=saves)
        for file, row in zip(self._files, rows, strict=True):
            error = self._spoilt.get(file.scenario.name)
            if error is not None:
                known.boundary.note(row, error)
        return plan, known

    # What they are made of.

    def _unless_spoilt(self, file: Given, default: Found, find: Callable[[Given], Found]) -> Found:
        """Return what ``find`` finds of a file, or ``default`` if it raises an exception.

        What a file's process answered spoils its own row only; the exception is noted there.
        """
        try:
            return find(file)
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever the answer provokes in us
            self._spoilt.setdefault(file.scenario.name, error)
            return default

    def _columns(self) -> dict[str, Environment]:
        return {**self._asked, **self._added}

    def _plan(self) -> Plan:
        """Return a plan with all columns, and without rows yet."""
        names = tuple(self._columns())
        if names not in self._plans:
            self._plans[names] = self._setup.plan(self._files, list(self._columns().values()))
        return self._plans[names]

    def _taking(self, pairs: Sequence[tuple[Given, str]]) -> Plan:
        """Return a plan in which files are loaded, and nothing is compared."""
        plan = self._plan()
        rows = tuple(dict.fromkeys(self._row(file, name) for file, name in pairs))
        # One that a fault of the machine kept from an answer is not asked for again and again.
        self._attempted.update(rows)
        supported = tuple(row for row in rows if not plan.cannot_save(row))
        return dataclasses.replace(plan, rows=supported, columns=frozenset())

    def _known_of(self, plan: Plan) -> Observed:
        if self._setup.fresh:
            return Observed()
        return look_up(plan, self._setup.store, Causes(plan))

    def _measure_distances(self) -> Mapping[str, Mapping[str, float]]:
        """Return how far each environment that a file's format exists in is from its writer."""
        locks = {}
        for name, env in self._known.items():
            try:
                locks[name] = self._setup.lock(env)
            except UsageError:
                if name in self._asked:
                    raise
        usable = [self._known[name] for name in locks]
        whole = self._setup.plan(self._files, usable)

        def measure(file: Given) -> dict[str, float]:
            return {
                name: distance
                for name, distance in distances(file.told.writer, usable, locks).items()
                if name in self._asked or not whole.cannot_save(self._row(file, name))
            }

        unknown = dict.fromkeys(self._asked, 0.0)
        return {
            file.scenario.name: self._unless_spoilt(file, unknown, measure) for file in self._files
        }

    def _distance(self, file: Given, name: str) -> float:
        return self._distances[file.scenario.name][name]

    def _order(self, file: Given) -> list[str]:
        """Return the environments, the nearest to a file's writer first.

        Of two that are equally near it is the one that was asked for, and then the newer: files
        are mostly read by what came later.
        """
        if self._reference:
            return [self._reference]
        newest_first = sorted(self._known.values(), key=lambda env: env.sort_key, reverse=True)
        age = {env.name: place for place, env in enumerate(newest_first)}
        found = self._distances[file.scenario.name]
        return sorted(found, key=lambda name: (found[name], name not in self._asked, age[name]))

    def _nearest_asked(self, file: Given) -> str:
        return next(name for name in self._order(file) if name in self._asked)

    @staticmethod
    def _row(file: Given, name: str) -> Save:
        return Save(file.scenario.name, file.form, name)

    def _rows_of(self, file: Given) -> list[Save]:
        """Return the rows of a file that were measured, the nearest to its writer first."""
        rows = (self._row(file, name) for name in self._order(file))
        return [row for row in rows if row in self._takes]

    def _tried(self, file: Given) -> list[str]:
        return [row.saved_with for row in self._rows_of(file)]

    def _loaded(self, file: Given) -> Iterator[tuple[Save, SaveFacts]]:
        """Yield the rows of a file in which it was loaded, the nearest to its writer first."""
        for row in self._rows_of(file):
            observation = self._takes[row].observation
            if judge_save(observation) is None and observation.value is not None:
                yield row, observation.value

    def _without(self) -> list[Given]:
        """Return the files that nothing has loaded yet."""
        return [
            file for file in self._files if not self._unless_spoilt(file, True, self._is_loaded)
        ]

    def _is_loaded(self, file: Given) -> bool:
        return next(self._loaded(file), None) is not None

    def _chosen(self, file: Given) -> Save | None:
        """Return the row of a file that the others are compared with.

        It is the nearest that could be called; where none could, the nearest that loads it.
        """
        loaded = list(self._loaded(file))
        called = [row for row, facts in loaded if facts.refused is None]
        return next(iter((*called, *(row for row, _ in loaded))), None)

    def _as_reference(self, file: Given, row: Save) -> Take:
        """Return what the others are compared with, and whether it is so where it was saved."""
        found, facts = self._takes[row], self._takes[row].observation.value
        home, at_home = next(self._loaded(file))
        changes: dict[str, object] = {"remedies": self._repaired.get(row, ())}
        if home != row:
            changes["refused_at_home"] = at_home.refused
        value = facts.model_copy(update=changes) if facts else None
        return Measured(found.observation.model_copy(update={"value": value}), found.at)

    def _is_beyond_versions(self, file: Given) -> bool:
        """Whether all that was seen of a file is that it needs what it does not hold."""
        rows = self._rows_of(file)
        causes = Causes(self._plan())
        found = set()
        for row in rows:
            cell = Cell(*row, row.saved_with)
            found.add(causes.of(cell, Status.FAIL, (), self._takes[row].observation))
        return bool(found) and found <= BEYOND_VERSIONS

    def _nothing_to_compare_with(self, tried: Take) -> Take:
        """Return what stands for the reference of a file that no version loads as it is.

        It is known to no store: the loads that it makes possible say why each version fails.
        """
        with self._setup.store.scratch("nothing") as folder:
            artifact = self._setup.store.keep_artifact(folder)
        nothing = SaveFacts(model="unknown", weights=Weights())
        return Measured(
            SaveObservation(ended="returned", value=nothing, artifact=artifact), tried.at
        )


def _some(names: Sequence[str]) -> str:
    """Return names in a list, the last of many only counted."""
    more = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed
