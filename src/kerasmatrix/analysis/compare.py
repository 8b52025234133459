"""Compares two runs cell by cell. Pure.

A cell that one of the runs did not measure is neither better nor worse, since faults of the machine
say nothing about Keras.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple

from pydantic import Field

from kerasmatrix.results.boundary import make_apart
from kerasmatrix.results.cells import SEVERITY, Cell, Status, cell_of
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.strict_model import StrictModel

__all__ = [
    "WORSENING",
    "Change",
    "ChangeKind",
    "Comparison",
    "Outcome",
    "change_of",
    "compare",
    "kind_of_change",
    "outcome_of",
]

# The severity of a cell that does not load.
BROKEN = SEVERITY[Status.FAIL]


class ChangeKind(enum.StrEnum):
    """The kind of a change, from the most to the least important."""

    BROKEN = "newly broken"
    WORSE = "worse"
    REMEDY_LOST = "lost its remedy"
    UNMEASURED = "not measured any more"
    CAUSE = "another cause"
    FIXED = "newly fixed"
    BETTER = "better"
    REMEDY_FOUND = "has a remedy now"
    MEASURED = "newly measured"


# The kinds that count against an upgrade.
WORSENING = frozenset({ChangeKind.BROKEN, ChangeKind.WORSE, ChangeKind.REMEDY_LOST})


class Change(StrictModel):
    """A cell with another result than before."""

    kind: ChangeKind
    scenario: str
    format: str
    saved_with: str
    loaded_with: str
    before: Status
    after: Status
    cause: str | None = Field(default=None, description="of the result now")
    lost_before: tuple[str, ...] = Field(default=(), description="losses before")
    lost: tuple[str, ...] = Field(default=(), description="losses now")
    summary: str = Field(description="of the result now")


class Names(StrictModel):
    """The names that only one of two runs has."""

    environments: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()


class Comparison(StrictModel):
    """The comparison of two runs, by the cells that both have."""

    base: str = Field(description="id of the run before")
    head: str = Field(description="id of the run after")
    compared: int
    changes: tuple[Change, ...] = Field(description="the most important first")
    gone: int = Field(
        default=0, description="measured cells of the run before that the run after does not have"
    )
    only_in_base: Names
    only_in_head: Names
    packages: Mapping[str, Mapping[str, tuple[str | None, str | None]]] = Field(
        description="by environment, the packages that are not the same: before and after"
    )

    def of(self, *kinds: ChangeKind) -> tuple[Change, ...]:
        """Return the changes of some kinds."""
        return tuple(change for change in self.changes if change.kind in kinds)


def compare(base: Results, head: Results) -> Comparison:
    """Return the changes from ``base`` to ``head``."""
    return make_apart(head, lambda part: _compare(base, part))[1]


def _compare(base: Results, head: Results) -> Comparison:
    before = {_key(cell, base): cell for cell in base.asked_for}
    after = {_key(cell, head): cell for cell in head.asked_for}
    # Cells that only one run has are another selection, not a change; those gone are counted.
    both = [(before[key], cell) for key, cell in after.items() if key in before]
    gone = [key for key, cell in before.items()
            if key not in after and outcome_of(cell).is_measured]  # fmt: skip
    changes = [change for old, new in both if (change := change_of(old, new)) is not None]
    order = {kind: number for number, kind in enumerate(ChangeKind)}
    return Comparison(
        base=base.run.id,
        head=head.run.id,
        compared=len(both),
        changes=tuple(sorted(changes, key=lambda change: order[change.kind])),
        gone=len(gone),
        only_in_base=_only(base, head),
        only_in_head=_only(head, base),
        packages=_packages(base, head),
    )


def _key(cell: CellResult, results: Results) -> Cell:
    """Return the same key for a file, whichever version it is compared with."""
    key = cell_of(cell)
    return key._replace(saved_with="") if results.of_files else key


def change_of(before: CellResult, after: CellResult) -> Change | None:
    """Return how the second of two cells differs from the first; None if it is as good."""
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
    """The part of a cell's result that can be better or worse than another."""

    status: Status
    lost: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether it says something about Keras."""
        return self.status in SEVERITY

    def is_worse_than(self, other: Outcome) -> bool:
        """Whether the status is worse, or there is a loss that ``other`` does not have.

        This is the meaning of worse in compare, the gate and can-upgrade. Both must be measured.
        """
        ours, theirs = SEVERITY[self.status], SEVERITY[other.status]
        # A subset of the losses is not worse. A loss that was exchanged for another one is, since
        # users may rely on what is lost now.
        return ours > theirs or (ours == theirs and not set(self.lost) <= set(other.lost))


def outcome_of(cell: CellResult) -> Outcome:
    """Return the outcome of a cell."""
    return Outcome(cell.status, cell.lost)


def kind_of_change(old: Outcome, new: Outcome) -> ChangeKind | None:
    """Return how an outcome changed, or None if it is as good as before."""
    if not (old.is_measured and new.is_measured):
        # Neither was measured: a change from one reason to another says nothing about Keras.
        if old.is_measured == new.is_measured:
            return None
        return ChangeKind.UNMEASURED if old.is_measured else ChangeKind.MEASURED
    if new.is_worse_than(old):
        return ChangeKind.BROKEN if SEVERITY[new.status] == BROKEN else ChangeKind.WORSE
    if old.is_worse_than(new):
        return ChangeKind.FIXED if SEVERITY[old.status] == BROKEN else ChangeKind.BETTER
    return None


def _kind(before: CellResult, after: CellResult) -> ChangeKind | None:
    old, new = outcome_of(before), outcome_of(after)
    kind = kind_of_change(old, new)
    if kind or not (old.is_measured and new.is_measured):
        return kind
    changed = _remedy_change(before, after)
    return changed or (None if before.cause == after.cause else ChangeKind.CAUSE)


def _remedy_change(before: CellResult, after: CellResult) -> ChangeKind | None:
    if before.repaired_by is None:
        return ChangeKind.REMEDY_FOUND if after.repaired_by else None
    # A fix is not lost if a fault of the machine kept it from being tried.
    is_lost = after.repaired_by is None and after.untried is None
    return ChangeKind.REMEDY_LOST if is_lost else None


def _only(results: Results, other: Results) -> Names:
    def names(part: Results) -> dict[str, tuple[str, ...]]:
        return {
            "environments": tuple(env.name for env in part.environments),
            "scenarios": tuple(scenario.name for scenario in part.scenarios),
            "formats": part.formats,
        }

    ours, theirs = names(results), names(other)
    return Names.model_validate(
        {kind: tuple(name for name in ours[kind] if name not in theirs[kind]) for kind in ours}
    )


def _packages(base: Results, head: Results) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    before = {env.name: env.packages for env in base.environments}
    changed = {}
    for env in head.environments:
        # An environment that only one run has is listed by its name, not by its packages.
        old = before.get(env.name, env.packages)
        differing = {
            name: (old.get(name), env.packages.get(name))
            for name in sorted(old.keys() | env.packages.keys())
            if old.get(name) != env.packages.get(name)
        }
        if differing:
            changed[env.name] = differing
    return changed
