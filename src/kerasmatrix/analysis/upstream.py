"""Finds the promises and known issues of TensorFlow and Keras that are about a cell. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kerasmatrix.diagnosis.upstream import (
    Kept,
    KnownIssue,
    Promise,
    Side,
    Sides,
    Upstream,
    side_of,
    the_upstream,
)
from kerasmatrix.results.schema import CellResult, EnvironmentResult, UpstreamResult

__all__ = ["Said", "said_of", "upstream_results"]

# The title of a promise by its kind.
WORDS = {
    "promised": "Promised",
    "announced": "Announced",
    "not-promised": "Not promised",
}


class Said(NamedTuple):
    """A statement about one cell, and whether the cell keeps it if it is a promise."""

    statement: Promise | KnownIssue
    kept: Kept = None

    @property
    def words(self) -> str:
        """The statement with its kind, state and day, as a line of text."""
        about = self.statement
        if isinstance(about, KnownIssue):
            return f"Known issue ({about.state}, {about.as_of}): {about.says}"
        kept = f", {self.kept} here" if self.kept else ""
        return f"{WORDS[about.kind]}{kept} ({about.as_of}): {about.says}"


def said_of(
    cell: CellResult,
    sides: Mapping[str, Side],
    upstream: Upstream | None = None,
) -> tuple[Said, ...]:
    """Return what upstream says of a cell, promises first.

    Args:
        cell: the cell.
        sides: the environments of its run, by name: see `side_of`.
        upstream: the statements; by default all that come with kerasmatrix.
    """
    known = upstream or the_upstream()
    writer, reader = sides.get(cell.saved_with), sides.get(cell.loaded_with)
    if writer is None or reader is None:
        return ()
    return tuple(_said(cell, Sides(writer, reader), known))


def _said(cell: CellResult, sides: Sides, upstream: Upstream) -> Iterator[Said]:
    for promise in upstream.promises:
        if promise.applies(cell, sides):
            yield Said(promise, promise.kept(cell))
    for issue in upstream.issues_of(cell.cause or ""):
        if issue.explains(cell, sides):
            yield Said(issue)


def upstream_results(
    cells: Iterable[CellResult], environments: Iterable[EnvironmentResult]
) -> tuple[UpstreamResult, ...]:
    """Return the statements that are about a cell that is not pass, with these cells."""
    sides = {environment.name: side_of(environment) for environment in environments}
    about: dict[str, list[str]] = defaultdict(list)
    broken: dict[str, list[str]] = defaultdict(list)
    statements: dict[str, Promise | KnownIssue] = {}
    for cell in cells:
        if cell.cause is None:
            continue
        name = f"{cell.scenario}/{cell.format}/{cell.saved_with}/{cell.loaded_with}"
        for said in said_of(cell, sides):
            key = _key(said.statement)
            statements[key] = said.statement
            about[key].append(name)
            if said.kept == "broken":
                broken[key].append(name)
    return tuple(
        UpstreamResult(
            id=key,
            kind=statement.kind if isinstance(statement, Promise) else "issue",
            says=statement.says,
            link=statement.link,
            as_of=statement.as_of,
            state=statement.state if isinstance(statement, KnownIssue) else None,
            cells=tuple(about[key]),
            broken=tuple(broken[key]),
        )
        for key, statement in statements.items()
    )


def _key(statement: Promise | KnownIssue) -> str:
    return statement.id if isinstance(statement, Promise) else statement.link
