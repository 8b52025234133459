"""Finds the first release with which a file breaks: over the matrix, then release by release.

A load that fails is an answer here; an environment that cannot be had is passed over. What a file
computes is compared with what it computes with the version that is said to be good.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.matrix import Environment, load_matrix
from kerasmatrix.environments.ad_hoc import lock_of_made, releases_before
from kerasmatrix.environments.index import ask_index
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError
from kerasmatrix.files.binary_search import Finding, next_place, the_change
from kerasmatrix.files.bisect_result import Bisection, Look, ReleaseFound
from kerasmatrix.files.check import check
from kerasmatrix.files.model_input import Given
from kerasmatrix.files.session import Setup
from kerasmatrix.files.version_path import (
    between,
    has_keras_3,
    is_legacy,
    line_of,
    made_between,
    oldest_first,
)
from kerasmatrix.results.observations import Status
from kerasmatrix.results.release_notes import release_notes
from kerasmatrix.results.schema import CellResult, EnvironmentResult

__all__ = ["Bisector"]

GOOD = {Status.PASS, Status.DEGRADED}
SAYS_NOTHING = {Status.NOT_COMPARABLE, Status.INFRA, Status.NOT_RUN}
# What makes a version what it is; TensorFlow's distributions count as one.
KERAS = {True: "tf-keras", False: "keras"}
FIRST_KERAS_3 = "3.0.0"


class Bisector:
    """Looks for the change of one file. Keeps what it has seen; `find` may be called once."""

    def __init__(  # noqa: PLR0913 - what a search is made of
        self,
        setup: Setup,
        file: Given,
        *,
        cache: Path,
        strict: bool = False,
        within_matrix: bool = False,
        told: Callable[[Look], None] = lambda _: None,
        ask: Callable[..., str | None] = ask_index,
    ) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            setup: where and how files are loaded.
            file: what to load.
            cache: where locks and lists of releases are kept.
            strict: a load that loses something is bad, too.
            within_matrix: look at the matrix's environments only.
            told: called with each look, as soon as it was taken.
            ask: asks the package index; see `ask_index`.
        """
        self._setup = dataclasses.replace(setup, remedies="none")
        self._file = file
        self._cache = cache
        self._strict = strict
        self._within_matrix = within_matrix
        self._told = told
        self._ask = ask
        self._reference = ""
        self._looks: dict[str, Look] = {}
        self._seen: dict[str, EnvironmentResult] = {}
        self._locks: dict[str, Lock] = {}
        self._measured = 0
        self._notes: list[str] = []

    def find(self, good: Environment, bad: Environment) -> Bisection:
        """Return between which two neighbours the file breaks on the way from good to bad.

        Raises:
            UsageError: the good one is bad or the bad one good (with the evidence), or there is no
                line between the two.
            InfrastructureError: one of the two cannot be had.
        """
        own = self._setup.matrix.sorted_environments()
        ends = oldest_first(good, bad)
        downwards = ends[0] is bad
        line = line_of(own, *ends)
        self._reference = good.name
        self._check_ends(good, bad)
        line = line[::-1] if downwards else line
        places = self._search(line)
        candidates = {env.name for env in line}
        if not self._within_matrix:
            finer = self._finer(line[places[0]], line[places[1]])
            candidates |= {env.name for env in finer}
            if finer:
                line, places = finer, self._search(finer)
        last, first = line[places[0]], line[places[1]]
        older, newer = oldest_first(last, first)
        return Bisection(
            file=self._file.told.path,
            good=self._looks[good.name],
            bad=self._looks[bad.name],
            downwards=downwards,
            last_good=self._looks[last.name],
            first_bad=self._looks[first.name],
            releases=_releases(newer, *(self._environment(env) for env in (older, newer))),
            also=_also(*(self._environment(env).packages for env in (last, first))),
            skipped=tuple(env.name for env in line[places[0] + 1 : places[1]]),
            notes=tuple(self._notes),
            looks=tuple(self._looks.values()),
            candidates=len(candidates),
            loads=sum(look.finding != "skipped" for look in self._looks.values()),
            measured=self._measured,
        )

    def _search(self, line: list[Environment]) -> tuple[int, int]:
        """Halve ``line``, whose ends are known, and return the two places of the change."""
        while True:
            found: dict[int, Finding] = {
                place: self._looks[env.name].finding
                for place, env in enumerate(line)
                if env.name in self._looks
            }
            place = next_place(len(line), found)
            if place is None:
                return the_change(len(line), found)
            self._look(line[place])

    def _check_ends(self, good: Environment, bad: Environment) -> None:
        """Look at both ends, at the same time, and refuse those that are not what was said.

        Raises:
            UsageError: one of them is not.
            InfrastructureError: one cannot be had.
        """
        self._look(good, bad)
        for env, wanted in ((good, "good"), (bad, "bad")):
            look = self._looks[env.name]
            if look.status is Status.NOT_COMPARABLE:
                raise UsageError(
                    f"{self._file.told.path}: {env.name}, which is said to be {wanted}: "
                    f"{look.summary}",
                    hint="give sample inputs that the model takes with --inputs",
                )
            if look.finding == "skipped":
                raise InfrastructureError(
                    f"{env.name}, which is said to be {wanted}, cannot be had: {look.summary}"
                )
            if look.finding != wanted:
                cause = f", cause {look.cause}" if look.cause else ""
                other = "bad" if wanted == "good" else "good"
                raise UsageError(
                    f"{self._file.told.path}: {env.name} is said to be {wanted} and is {other}: "
                    f"{look.status.value}{cause}: {look.summary}",
                    hint="name a version that is; `kerasmatrix check` tells which ones are",
                )

    def _look(self, *environments: Environment) -> None:
        """Load the file with versions, and note what became of it."""
        good = self._setup.matrix.environments[self._reference]
        locks = dict(self._locks)
        for env in environments:
            if env.name in self._setup.matrix.environments or env.name in locks:
                continue
            try:
                locks[env.name] = lock_of_made(env, self._setup.matrix, self._cache)
            except KerasmatrixError as error:
                self._note(env, Status.INFRA, next(iter(error.message.splitlines()), ""))
                return
        self._locks = locks
        setup = dataclasses.replace(self._setup, locks=self._locks)
        names = {env.name: env for env in (good, *environments)}
        checked = check(setup, [self._file], list(names.values()), reference=self._reference)
        if checked.trouble:
            raise checked.trouble
        self._measured += checked.results.run.measured
        self._seen |= {env.name: env for env in checked.results.environments}
        for env in environments:
            cell = next(c for c in checked.results.cells if c.loaded_with == env.name)
            self._note(env, cell.status, cell.summary, cell)

    def _note(
        self, env: Environment, status: Status, summary: str, cell: CellResult | None = None
    ) -> None:
        good = GOOD - ({Status.DEGRADED} if self._strict else set())
        finding: Finding = "good" if status in good else "bad"
        look = Look(
            environment=env.name,
            tensorflow=env.tensorflow,
            keras=(env.tf_keras if is_legacy(env) else env.keras if has_keras_3(env) else None),
            python=env.python,
            made=env.name not in self._setup.matrix.environments,
            finding="skipped" if status in SAYS_NOTHING else finding,
            status=status,
            summary=summary,
            cause=cell.cause if cell else None,
        )
        self._looks[env.name] = look
        self._told(look)

    def _finer(self, last: Environment, first: Environment) -> list[Environment]:
        """Return the line through single releases between two neighbours, in their direction."""
        older, newer = oldest_first(last, first)
        own = self._setup.matrix.sorted_environments()
        others = load_matrix(bundled_folder() / "matrix.yaml").sorted_environments()
        try:
            tensorflow = self._tensorflow(older, newer, (*own, *others))
            keras = self._keras(older, newer)
        except InfrastructureError as error:
            self._notes.append(f"single releases were not looked at: {error.message}")
            return []
        line = made_between(
            older, newer, tensorflow=tensorflow, keras=keras, own=own, others=others
        )
        return line[::-1] if newer is last else line

    def _tensorflow(
        self, older: Environment, newer: Environment, known: Iterable[Environment]
    ) -> list[str]:
        if older.tensorflow == newer.tensorflow:
            return []
        # Each release has wheels for a few Pythons; those that minors in between are made on.
        kinds = {(older.distribution, older.python), (newer.distribution, newer.python)}
        kinds |= {
            (env.distribution, env.python)
            for env in known
            if between([env.tensorflow], older.tensorflow, newer.tensorflow)
        }
        found: set[str] = set()
        for distribution, python in sorted(kinds):
            found |= set(self._ask_for(distribution, older.tensorflow, newer, python))
        return between(found, older.tensorflow, newer.tensorflow)

    def _keras(self, older: Environment, newer: Environment) -> list[str]:
        legacy = is_legacy(newer)
        upper = newer.tf_keras if legacy else newer.keras if has_keras_3(newer) else None
        if upper is None:
            return []
        lower = older.tf_keras if legacy else older.keras if has_keras_3(older) else None
        if lower == upper:
            return []
        least = lower or ("2.0.0" if legacy else FIRST_KERAS_3)
        package = KERAS[legacy]
        return between(self._ask_for(package, least, newer, newer.python, upper), lower, upper)

    def _ask_for(
        self, package: str, least: str, newer: Environment, python: str, below: str | None = None
    ) -> list[str]:
        return releases_before(
            package,
            below or newer.tensorflow,
            least,
            matrix=self._setup.matrix,
            python=python,
            as_of=newer.as_of,
            cache=self._cache,
            ask=self._ask,
        )

    def _environment(self, env: Environment) -> EnvironmentResult:
        return self._seen[env.name]


def _releases(
    environment: Environment, older: EnvironmentResult, newer: EnvironmentResult
) -> tuple[ReleaseFound, ...]:
    """Return which of TensorFlow and Keras differ, with the notes of the newer."""
    own = {"tensorflow", "tensorflow-cpu"}
    if newer.keras_major > 2 or is_legacy(environment):  # noqa: PLR2004 - a part of it in Keras 2
        own.add(KERAS[is_legacy(environment)])
    found = []
    for notes in release_notes(newer):
        if notes.package not in own:
            continue
        plain = notes.package.removesuffix("-cpu")
        names = (notes.package, plain, f"{plain}-cpu")
        before = next((older.packages[name] for name in names if name in older.packages), None)
        if notes.package.startswith("keras") and older.keras_major < newer.keras_major:
            before = None  # a package of that name beside a TensorFlow that has its own
        if before != notes.version:
            found.append(
                ReleaseFound(package=plain, older=before, newer=notes.version, notes=notes.address)
            )
    return tuple(found)


def _also(
    good: Mapping[str, str], bad: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """Return the packages that differ beside those."""
    left_out = {"tensorflow", "tensorflow-cpu", "keras", "tf-keras"}
    return {
        name: (good.get(name), bad.get(name))
        for name in sorted({*good, *bad} - left_out)
        if good.get(name) != bad.get(name)
    }
