"""Finds the first release with which a file breaks: in the matrix, then release by release.

A failing load is a result here; an unavailable environment is skipped. The outputs are compared
with those of the version that the user calls good.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.matrix import Environment, load_matrix
from kerasmatrix.environments.ad_hoc import ad_hoc_lock, releases_before
from kerasmatrix.environments.index import ask_index
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError
from kerasmatrix.files.binary_search import Finding, boundary, next_position
from kerasmatrix.files.bisect_result import Bisection, Probe, ReleaseFound
from kerasmatrix.files.check import check
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.reference_candidates import ReferencePolicy
from kerasmatrix.files.session import Session
from kerasmatrix.files.version_path import (
    has_keras_3,
    is_legacy,
    oldest_first,
    path_of_releases,
    releases_between,
    tensorflow_of,
    version_path,
)
from kerasmatrix.results.cells import INCONCLUSIVE, LOADS, Status
from kerasmatrix.results.release_notes import release_notes
from kerasmatrix.results.schema import CellResult, EnvironmentResult
from kerasmatrix.text.lines import first_line
from kerasmatrix.versions import KERAS_DISTRIBUTIONS, TENSORFLOW_DISTRIBUTIONS

__all__ = ["Bisector"]

# The package that holds Keras, by whether an environment has tf_keras.
KERAS = {True: "tf-keras", False: "keras"}
FIRST_KERAS_3 = "3.0.0"


class Bisector:
    """Bisects one file. It keeps its probes; `find` may be called once."""

    def __init__(  # noqa: PLR0913 - seven values that do not belong together
        self,
        session: Session,
        model_input: ModelInput,
        *,
        cache: Path,
        strict: bool = False,
        within_matrix: bool = False,
        on_probe: Callable[[Probe], None] = lambda _: None,
        ask: Callable[..., str | None] = ask_index,
    ) -> None:
        """Prepare; nothing is loaded yet.

        Args:
            session: where and how files are loaded.
            model_input: the file.
            cache: the folder for locks and lists of releases.
            strict: count a load that loses something as bad.
            within_matrix: probe environments of the matrix only.
            on_probe: called with each probe as soon as it is made.
            ask: asks the package index; see `ask_index`.
        """
        options = dataclasses.replace(session.options, remedies="none")
        self._session = dataclasses.replace(session, options=options)
        self._model_input = model_input
        self._cache = cache
        self._strict = strict
        self._within_matrix = within_matrix
        self._on_probe = on_probe
        self._ask = ask
        self._reference = ""
        self._probes: dict[str, Probe] = {}
        self._measured_environments: dict[str, EnvironmentResult] = {}
        self._locks: dict[str, Lock] = {}
        self._measured = 0
        self._notes: list[str] = []

    def find(self, good: Environment, bad: Environment) -> Bisection:
        """Return the two neighbours on the path from good to bad between which the file breaks.

        Raises:
            UsageError: the good one is bad or the bad one good (with the evidence), or there is no
                path between the two.
            InfrastructureError: one of the two is unavailable.
        """
        for end in (good, bad):
            if not end.is_release:
                raise UsageError(
                    f"{end.name}: has the backend {end.backend}, and a bisection walks releases of "
                    "TensorFlow",
                    hint="compare backends with `kerasmatrix check`",
                )
        own = self._session.matrix.releases
        ends = oldest_first(good, bad)
        downwards = ends[0] is bad
        path = version_path(own, *ends)
        self._reference = good.name
        self._check_ends(good, bad)
        path = path[::-1] if downwards else path
        low, high = self._search(path)
        candidates = {env.name for env in path}
        if not self._within_matrix:
            releases = self._releases_between(path[low], path[high])
            candidates |= {env.name for env in releases}
            if releases:
                path = releases
                low, high = self._search(path)
        last, first = path[low], path[high]
        older, newer = oldest_first(last, first)
        return Bisection(
            file=self._model_input.path,
            good=self._probes[good.name],
            bad=self._probes[bad.name],
            downwards=downwards,
            last_good=self._probes[last.name],
            first_bad=self._probes[first.name],
            releases=_releases(newer, *(self._environment(env) for env in (older, newer))),
            also=_also(*(self._environment(env).packages for env in (last, first))),
            skipped=tuple(env.name for env in path[low + 1 : high]),
            notes=tuple(self._notes),
            looks=tuple(self._probes.values()),
            candidates=len(candidates),
            loads=sum(probe.finding != "skipped" for probe in self._probes.values()),
            measured=self._measured,
        )

    def _search(self, path: list[Environment]) -> tuple[int, int]:
        """Bisect ``path``, whose ends are probed, and return the two positions of the change."""
        while True:
            findings: dict[int, Finding] = {
                position: self._probes[env.name].finding
                for position, env in enumerate(path)
                if env.name in self._probes
            }
            position = next_position(len(path), findings)
            if position is None:
                return boundary(len(path), findings)
            self._probe(path[position])

    def _check_ends(self, good: Environment, bad: Environment) -> None:
        """Probe both ends at the same time, and check that they are good and bad as stated.

        Raises:
            UsageError: one of them is not.
            InfrastructureError: one is unavailable.
        """
        self._probe(good, bad)
        for env, wanted in ((good, "good"), (bad, "bad")):
            probe = self._probes[env.name]
            if probe.status is Status.NOT_COMPARABLE:
                raise UsageError(
                    f"{self._model_input.path}: --{wanted} {env.name}: {probe.summary}",
                    hint="pass sample inputs that the model takes with --inputs",
                )
            if probe.finding == "skipped":
                raise InfrastructureError(
                    f"--{wanted} {env.name}: environment unavailable: {probe.summary}"
                )
            if probe.finding != wanted:
                cause = f", cause {probe.cause}" if probe.cause else ""
                other = "bad" if wanted == "good" else "good"
                raise UsageError(
                    f"{self._model_input.path}: --{wanted} {env.name} is {other}: "
                    f"{probe.status.value}{cause}: {probe.summary}",
                    hint="`kerasmatrix check` shows which versions load the file",
                )

    def _probe(self, *environments: Environment) -> None:
        """Load the file in ``environments``, and record a probe for each."""
        good = self._session.matrix.environments[self._reference]
        locks = dict(self._locks)
        for env in environments:
            if env.name in self._session.matrix.environments or env.name in locks:
                continue
            try:
                locks[env.name] = ad_hoc_lock(env, self._session.matrix, self._cache)
            except KerasmatrixError as error:
                self._record(env, Status.INFRA, first_line(error.message))
                return
        self._locks = locks
        session = dataclasses.replace(self._session, locks=self._locks)
        names = {env.name: env for env in (good, *environments)}
        policy = ReferencePolicy(only=self._reference)
        checked = check(session, [self._model_input], list(names.values()), policy=policy)
        if checked.interruption:
            raise checked.interruption
        self._measured += checked.results.run.measured
        self._measured_environments |= {env.name: env for env in checked.results.environments}
        for env in environments:
            cell = next(c for c in checked.results.cells if c.loaded_with == env.name)
            self._record(env, cell.status, cell.summary, cell)

    def _record(
        self, env: Environment, status: Status, summary: str, cell: CellResult | None = None
    ) -> None:
        good = LOADS - ({Status.DEGRADED} if self._strict else set())
        finding: Finding = "good" if status in good else "bad"
        probe = Probe(
            environment=env.name,
            tensorflow=tensorflow_of(env),
            keras=(env.tf_keras if is_legacy(env) else env.keras if has_keras_3(env) else None),
            python=env.python,
            made=env.name not in self._session.matrix.environments,
            finding="skipped" if status in INCONCLUSIVE else finding,
            status=status,
            summary=summary,
            cause=cell.cause if cell else None,
        )
        self._probes[env.name] = probe
        self._on_probe(probe)

    def _releases_between(self, last: Environment, first: Environment) -> list[Environment]:
        """Return the path of single releases between two neighbours, in their direction."""
        older, newer = oldest_first(last, first)
        own = self._session.matrix.releases
        others = load_matrix(bundled_folder() / "matrix.yaml").releases
        try:
            tensorflow = self._tensorflow(older, newer, (*own, *others))
            keras = self._keras(older, newer)
        except InfrastructureError as error:
            self._notes.append(f"single releases were not tried: {error.message}")
            return []
        path = path_of_releases(
            older, newer, tensorflow=tensorflow, keras=keras, own=own, others=others
        )
        return path[::-1] if newer is last else path

    def _tensorflow(
        self, older: Environment, newer: Environment, known: Iterable[Environment]
    ) -> list[str]:
        if tensorflow_of(older) == tensorflow_of(newer):
            return []
        # Each release has wheels for a few Pythons: those of the minors in between.
        kinds = {(older.distribution, older.python), (newer.distribution, newer.python)}
        kinds |= {
            (env.distribution, env.python)
            for env in known
            if releases_between([tensorflow_of(env)], tensorflow_of(older), tensorflow_of(newer))
        }
        releases: set[str] = set()
        for distribution, python in sorted(kinds):
            releases |= set(self._ask_for(distribution, tensorflow_of(older), newer, python))
        return releases_between(releases, tensorflow_of(older), tensorflow_of(newer))

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
        return releases_between(
            self._ask_for(package, least, newer, newer.python, upper), lower, upper
        )

    def _ask_for(
        self, package: str, least: str, newer: Environment, python: str, below: str | None = None
    ) -> list[str]:
        return releases_before(
            package,
            below or tensorflow_of(newer),
            least,
            matrix=self._session.matrix,
            python=python,
            as_of=newer.as_of,
            cache=self._cache,
            ask=self._ask,
        )

    def _environment(self, env: Environment) -> EnvironmentResult:
        return self._measured_environments[env.name]


def _releases(
    environment: Environment, older: EnvironmentResult, newer: EnvironmentResult
) -> tuple[ReleaseFound, ...]:
    """Return the packages of TensorFlow and Keras that differ, with the newer one's notes."""
    own = {*TENSORFLOW_DISTRIBUTIONS}
    if newer.keras_major > 2 or is_legacy(environment):  # noqa: PLR2004 - a part of it in Keras 2
        own.add(KERAS[is_legacy(environment)])
    changes = []
    for notes in release_notes(newer):
        if notes.package not in own:
            continue
        plain = notes.package.removesuffix("-cpu")
        names = (notes.package, plain, f"{plain}-cpu")
        before = next((older.packages[name] for name in names if name in older.packages), None)
        if notes.package.startswith("keras") and older.keras_major < newer.keras_major:
            before = None  # the older TensorFlow has a Keras of its own, whatever that package is
        if before != notes.version:
            changes.append(
                ReleaseFound(package=plain, older=before, newer=notes.version, notes=notes.address)
            )
    return tuple(changes)


def _also(
    good: Mapping[str, str], bad: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """Return the other packages that differ."""
    left_out = {*TENSORFLOW_DISTRIBUTIONS, *KERAS_DISTRIBUTIONS, "tf-keras"}
    return {
        name: (good.get(name), bad.get(name))
        for name in sorted({*good, *bad} - left_out)
        if good.get(name) != bad.get(name)
    }
