"""What changed between two runs, cell by cell. Pure.

A cell that one of the runs did not measure is neither better nor worse: the machine's faults say
nothing about Keras.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.results.boundary import make_apart
from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.observations import BADNESS, Cell, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = [
    "WORSENING",
    "Change",
    "ChangeKind",
    "Comparison",
    "Outcome",
    "compare",
    "outcome_of",
]

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
    lost_before: tuple[str, ...] = Field(default=(), description="what did not come back")
    lost: tuple[str, ...] = Field(default=(), description="what does not come back now")
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
        lost_before=before.lost,
        lost=after.lost,
        summary=after.summary,
    )


class Outcome(NamedTuple):
    """A cell's result, as far as it can be better or worse than another."""

    status: Status
    lost: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether it says something about Keras."""
        return self.status in BADNESS

    def is_worse_than(self, other: Outcome) -> bool:
        """Whether something is wrong here that is not wrong in ``other``; both are measured.

        This is what compare, the gate and can-upgrade mean by worse: another status, or something
        lost that the other still has.
        """
        one, two = BADNESS[self.status], BADNESS[other.status]
        return one > two or (one == two and not set(self.lost) <= set(other.lost))


def outcome_of(cell: CellResult) -> Outcome:
    """Return what a cell did."""
    return Outcome(cell.status, cell.lost)


def _kind(before: CellResult, after: CellResult) -> ChangeKind | None:
    one, two = outcome_of(before), outcome_of(after)
    if not (one.is_measured and two.is_measured):
        if one.is_measured == two.is_measured:
            return None
        return ChangeKind.UNMEASURED if one.is_measured else ChangeKind.MEASURED
    if two.is_worse_than(one):
        return ChangeKind.BROKEN if BADNESS[two.status] == BROKEN else ChangeKind.WORSE
    if one.is_worse_than(two):
        return ChangeKind.FIXED if BADNESS[one.status] == BROKEN else ChangeKind.BETTER
    changed = _remedy_change(before, after)
    return changed or (None if before.cause == after.cause else ChangeKind.CAUSE)


def _remedy_change(before: CellResult, after: CellResult) -> ChangeKind | None:
    if before.repaired_by is None:
        return ChangeKind.REMEDY_FOUND if after.repaired_by else None
    # A remedy that the machine kept from being tried is not lost.
    is_lost = after.repaired_by is None and after.untried is None
    return ChangeKind.REMEDY_LOST if is_lost else None


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
