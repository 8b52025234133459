"""What changed between two runs, cell by cell. Pure.

A cell that one of the runs did not measure is neither better nor worse: the machine's faults say
nothing about Keras.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.boundary import make_apart
from kerasmatrix.outcome import BADNESS, Cell, Status
from kerasmatrix.results import CellResult, Results
from kerasmatrix.tabulation import cell_of

__all__ = ["WORSENING", "Change", "ChangeKind", "Comparison", "compare"]

BROKEN = 3


class ChangeKind(enum.StrEnum):
    """How a cell changed, from what matters most to what matters least."""

    BROKEN = "newly broken"
    WORSE = "worse"
    REMEDY_LOST = "lost its remedy"
    UNMEASURED = "not measured any more"
    CAUSE = "another cause"
    FIXED = "newly fixed"
    BETTER = "better"
    REMEDY_FOUND = "has a remedy now"
    MEASURED = "newly measured"


# The kinds that somebody has to know of before an upgrade.
WORSENING = frozenset({ChangeKind.BROKEN, ChangeKind.WORSE, ChangeKind.REMEDY_LOST})


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Change(_Value):
    """A cell that is not as it was."""

    kind: ChangeKind
    scenario: str
    format: str
    saved_with: str
    loaded_with: str
    before: Status
    after: Status
    cause: str | None = Field(default=None, description="of what it does now")
    summary: str = Field(description="of what it does now")


class Names(_Value):
    """What one of two runs has and the other has not."""

    environments: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()


class Comparison(_Value):
    """Two runs beside each other; cells that both have are compared."""

    base: str = Field(description="id of the run before")
    head: str = Field(description="id of the run after")
    compared: int
    changes: tuple[Change, ...] = Field(description="what matters most first")
    only_in_base: Names
    only_in_head: Names
    packages: Mapping[str, Mapping[str, tuple[str | None, str | None]]] = Field(
        description="by environment, the packages that are not the same: before and after"
    )

    def of(self, *kinds: ChangeKind) -> tuple[Change, ...]:
        """Return the changes of some kinds."""
        return tuple(change for change in self.changes if change.kind in kinds)


def compare(base: Results, head: Results) -> Comparison:
    """Return what changed from ``base`` to ``head``."""
    return make_apart(head, lambda part: _compare(base, part))[1]


def _compare(base: Results, head: Results) -> Comparison:
    before = {cell_of(cell): cell for cell in base.cells}
    both = [(before[cell_of(cell)], cell) for cell in head.cells if cell_of(cell) in before]
    changes = [change for one, two in both if (change := _change(one, two)) is not None]
    order = {kind: number for number, kind in enumerate(ChangeKind)}
    return Comparison(
        base=base.run.id,
        head=head.run.id,
        compared=len(both),
        changes=tuple(sorted(changes, key=lambda change: order[change.kind])),
        only_in_base=_only(base, head),
        only_in_head=_only(head, base),
        packages=_packages(base, head),
    )


def _change(before: CellResult, after: CellResult) -> Change | None:
    kind = _kind(before, after)
    if kind is None:
        return None
    cell: Cell = cell_of(after)
    return Change(
        kind=kind,
        **cell._asdict(),
        before=before.status,
        after=after.status,
        cause=after.cause,
        summary=after.summary,
    )


def _kind(before: CellResult, after: CellResult) -> ChangeKind | None:
    one, two = BADNESS.get(before.status), BADNESS.get(after.status)
    if one is None or two is None:
        if one is two:
            return None
        return ChangeKind.MEASURED if one is None else ChangeKind.UNMEASURED
    if two > one:
        return ChangeKind.BROKEN if two == BROKEN else ChangeKind.WORSE
    if two < one:
        return ChangeKind.FIXED if one == BROKEN else ChangeKind.BETTER
    if (before.repaired_by is None) != (after.repaired_by is None):
        return ChangeKind.REMEDY_LOST if before.repaired_by else ChangeKind.REMEDY_FOUND
    return None if before.cause == after.cause else ChangeKind.CAUSE


def _only(one: Results, other: Results) -> Names:
    def names(results: Results) -> dict[str, tuple[str, ...]]:
        return {
            "environments": tuple(each.name for each in results.environments),
            "scenarios": tuple(each.name for each in results.scenarios),
            "formats": results.formats,
        }

    ours, theirs = names(one), names(other)
    return Names.model_validate(
        {kind: tuple(name for name in ours[kind] if name not in theirs[kind]) for kind in ours}
    )


def _packages(base: Results, head: Results) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    before = {each.name: each.packages for each in base.environments}
    found = {}
    for each in head.environments:
        ours = before.get(each.name, each.packages)
        names = sorted(ours.keys() | each.packages.keys())
        differing = {
            name: (ours.get(name), each.packages.get(name))
            for name in names
            if ours.get(name) != each.packages.get(name)
        }
        if differing:
            found[each.name] = differing
    return found
