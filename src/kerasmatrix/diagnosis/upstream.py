"""What TensorFlow and Keras say of loading files: promises, announcements, and known issues.

The data are in ``promises.yaml`` and ``known_issues.yaml``, which quote nothing: each entry states
a fact in our words, with the link, and the day of what was read there.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from packaging.version import Version
from pydantic import Field, StringConstraints

from kerasmatrix.diagnosis.catalogue import Catalogue, Slug, Text, the_catalogue
from kerasmatrix.diagnosis.spans import SPAN, within
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.results.cells import LOADS_OR_DRIFTS, TOGETHER, Status
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.schema import CellResult, EnvironmentResult
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.versions import KERAS_3, minor_of, minor_text, version_key

__all__ = [
    "Kept",
    "KnownIssue",
    "Promise",
    "Side",
    "Sides",
    "Upstream",
    "load_upstream",
    "side_of",
    "the_upstream",
]

Link = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]
Span = Annotated[str, StringConstraints(pattern=SPAN.pattern, min_length=3)]
# How a promise was kept in a cell: None where that was not measured.
Kept = Literal["kept", "broken"] | None


class Side(NamedTuple):
    """An environment as statements see it.

    ``release`` is that of its Keras, such as ``2.15`` and ``3.4``. ``tensorflow`` is None if it is
    not a release of TensorFlow.
    """

    release: str
    tensorflow: Version | None
    backend: str


class Sides(NamedTuple):
    """The two environments of a cell."""

    writer: Side
    reader: Side


class _Statement(StrictModel):
    """The part that promises and issues have in common: the cells that they are about.

    ``writer`` and ``reader`` are spans of releases of Keras: those of Keras 2 are numbered like the
    TensorFlow that they are for, those of Keras 3 by themselves.
    """

    says: Text = Field(description="the fact in our words")
    link: Link
    as_of: datetime.date = Field(description="the day of what was read there")
    formats: tuple[str, ...] = tuple(FORMATS)
    statuses: tuple[Status, ...] = ()
    writer: Span | None = None
    reader: Span | None = None
    reader_backend: str | None = None

    def _is_about(self, cell: CellResult, sides: Sides) -> bool:
        return (
            cell.format in self.formats
            and (not self.statuses or cell.status in self.statuses)
            and within(self.writer, sides.writer.release)
            and within(self.reader, sides.reader.release)
            and self.reader_backend in {None, sides.reader.backend}
        )


class Promise(_Statement):
    """A statement about loading files.

    ``promised``: that it works. ``announced``: that it will no longer work. ``not-promised``: that
    it need not work. ``order`` and ``majors`` compare the TensorFlow of both sides. A cell with a
    status in ``broken_by`` breaks it, unless its cause is one of ``except_causes``: those are not
    promised. If the promise is about another call than ``load_model``, ``kept_by``
    is the fix that makes this call: its result decides.
    """

    id: Slug
    kind: Literal["promised", "announced", "not-promised"]
    order: Literal["later", "earlier"] | None = None
    majors: Literal["same", "next"] | None = None
    broken_by: tuple[Status, ...] = ()
    except_causes: tuple[Slug, ...] = ()
    kept_by: Slug | None = None

    def applies(self, cell: CellResult, sides: Sides) -> bool:
        """Return whether it is about a cell."""
        if not self._is_about(cell, sides) or cell.cause in self.except_causes:
            return False
        if self.order is None and self.majors is None:
            return True
        ours, theirs = sides.writer.tensorflow, sides.reader.tensorflow
        if ours is None or theirs is None:
            return False
        in_order = self.order is None or (ours <= theirs) == (self.order == "later")
        step = {"same": 0, "next": 1}.get(self.majors or "")
        return in_order and (step is None or theirs.major - ours.major == step)

    def kept(self, cell: CellResult) -> Kept:
        """Return whether a cell to which it applies keeps it; None for other kinds."""
        if self.kind != "promised":
            return None
        if cell.status in LOADS_OR_DRIFTS:
            return "kept"
        if cell.status not in self.broken_by:
            return None
        if self.kept_by is None:
            return "broken"
        tried = [fix for fix in cell.remedies if self.kept_by in fix.id.split(TOGETHER)]
        if not tried:
            return None
        return "kept" if any(fix.status != "failed" for fix in tried) else "broken"


class KnownIssue(_Statement):
    """An issue, or a pull request, of Keras or TensorFlow.

    ``state`` is that of the day ``as_of``, which is the newest that was read in the thread. It
    explains cells with one of ``causes`` in a scenario that matches one of ``scenarios``.
    """

    state: Literal["open", "closed", "merged"]
    causes: tuple[Slug, ...] = Field(min_length=1)
    scenarios: tuple[str, ...] = ("*",)

    def explains(self, cell: CellResult, sides: Sides) -> bool:
        """Return whether it explains a cell."""
        return (
            cell.cause in self.causes
            and any(fnmatchcase(cell.scenario, pattern) for pattern in self.scenarios)
            and self._is_about(cell, sides)
        )


class Upstream(StrictModel):
    """All promises and all known issues."""

    promises: tuple[Promise, ...]
    known_issues: tuple[KnownIssue, ...]

    def issues_of(self, cause: str) -> tuple[KnownIssue, ...]:
        """Return the issues that are due to a cause, the open ones first."""
        return self._by_cause.get(cause, ())

    @cached_property
    def _by_cause(self) -> dict[str, tuple[KnownIssue, ...]]:
        found: dict[str, list[KnownIssue]] = defaultdict(list)
        for issue in sorted(self.known_issues, key=lambda issue: issue.state != "open"):
            for cause in issue.causes:
                found[cause].append(issue)
        return {cause: tuple(issues) for cause, issues in found.items()}


def side_of(environment: EnvironmentResult) -> Side:
    """Return an environment as statements see it."""
    known = environment.is_release and environment.tensorflow
    return Side(
        _release(environment),
        version_key(environment.tensorflow) if known else None,
        environment.backend,
    )


def _release(environment: EnvironmentResult) -> str:
    if environment.keras_major >= KERAS_3:
        return minor_text(environment.keras or "3")
    if minor_of(environment.tensorflow) < FIRST_TF_KERAS:
        return minor_text(environment.tensorflow)
    return minor_text(environment.packages.get("tf-keras") or environment.tensorflow)


FIRST_TF_KERAS = (2, 16)  # the first TensorFlow whose Keras 2 is the package tf_keras


class _Promises(StrictModel):
    promises: tuple[Promise, ...]


class _KnownIssues(StrictModel):
    known_issues: tuple[KnownIssue, ...]


def load_upstream(promises: Path, known_issues: Path, catalogue: Catalogue) -> Upstream:
    """Read both files.

    Raises:
        UsageError: an error in one, with its line.
    """
    causes = {cause.slug for cause in catalogue.causes}
    source = YamlSource(promises)
    found = source.parse(_Promises).promises
    for index, promise in enumerate(found):
        at = ("promises", index)
        _check(source, (*at, "except_causes"), promise.except_causes, causes)
        fixes = {remedy.id for remedy in catalogue.remedies}
        _check(source, (*at, "kept_by"), filter(None, [promise.kept_by]), fixes)
        _check(source, (*at, "formats"), promise.formats, FORMATS)
        if promise.id in {other.id for other in found[:index]}:
            raise source.error((*at, "id"), f"{promise.id!r} is there twice")
    source = YamlSource(known_issues)
    issues = source.parse(_KnownIssues).known_issues
    for index, issue in enumerate(issues):
        at = ("known_issues", index)
        _check(source, (*at, "causes"), issue.causes, causes)
        _check(source, (*at, "formats"), issue.formats, FORMATS)
        if issue.link in {other.link for other in issues[:index]}:
            raise source.error((*at, "link"), "is there twice")
    return Upstream(promises=found, known_issues=issues)


def _check(
    source: YamlSource, at: tuple[str | int, ...], names: Iterable[str], known: Collection[str]
) -> None:
    for name in names:
        if name not in known:
            raise source.error(at, f"unknown name {name!r}", hint=nearest(name, known))


@cache
def the_upstream() -> Upstream:
    """Return the promises and issues that come with kerasmatrix."""
    with resources.as_file(resources.files("kerasmatrix.diagnosis")) as folder:
        try:
            return load_upstream(
                folder / "promises.yaml", folder / "known_issues.yaml", the_catalogue()
            )
        except UsageError as error:  # pragma: no cover - a test reads it
            raise AssertionError(error.message) from error
