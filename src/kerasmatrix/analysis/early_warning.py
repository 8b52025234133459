"""Compares versions that are not released with the last release, in one run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from kerasmatrix.analysis.compare import WORSENING, Change, ChangeKind, change_of, outcome_of
from kerasmatrix.results.cells import Cell, Status, cell_of
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.strict_model import StrictModel

__all__ = ["BrokenKind", "ComingVersion", "coming_versions"]

BETTER = (ChangeKind.FIXED, ChangeKind.BETTER, ChangeKind.REMEDY_FOUND)


class BrokenKind(StrictModel):
    """The cells that a coming version breaks for one cause; the first is typical."""

    cause: str | None
    changes: tuple[Change, ...] = Field(min_length=1)


class ComingVersion(StrictModel):
    """A pre-release or nightly build, compared with the last release.

    A file that the release saved is compared in both; one that the coming version saves and loads
    is compared with the same model in the release.
    """

    environment: str
    tensorflow: str
    keras: str
    trouble: str | None = Field(default=None, description="why it could not be measured")
    compared: int
    unmeasured: int = Field(description="cells that only the release has a result for")
    changes: tuple[Change, ...]

    @property
    def broken(self) -> tuple[Change, ...]:
        """The changes for the worse, without other numbers."""
        return tuple(
            change for change in self.changes if change.kind in WORSENING and not _drifts(change)
        )

    @property
    def improved(self) -> tuple[Change, ...]:
        """The changes for the better."""
        return tuple(change for change in self.changes if change.kind in BETTER)

    @property
    def other_numbers(self) -> tuple[Change, ...]:
        """The cells with other weights or outputs than in the release."""
        return tuple(change for change in self.changes if _drifts(change))

    @property
    def broken_kinds(self) -> tuple[BrokenKind, ...]:
        """The changes for the worse by cause; the kind with most cells first."""
        kinds: dict[str | None, list[Change]] = {}
        for change in self.broken:
            kinds.setdefault(change.cause, []).append(change)
        grouped = (BrokenKind(cause=cause, changes=tuple(them)) for cause, them in kinds.items())
        return tuple(sorted(grouped, key=lambda kind: -len(kind.changes)))


def coming_versions(
    results: Results, release: str, coming: Sequence[str]
) -> tuple[ComingVersion, ...]:
    """Return how each coming version differs from the release.

    Args:
        results: a run that measured all of them.
        release: the environment of the last release.
        coming: the environments to compare with it.
    """
    cells = {cell_of(cell): cell for cell in results.cells}
    environments = {environment.name: environment for environment in results.environments}
    versions = []
    for name in coming:
        pairs = list(_pairs(cells, release, name, of_files=results.of_files))
        measured = [pair for pair in pairs if all(outcome_of(cell).is_measured for cell in pair)]
        changes = [change for pair in measured if (change := change_of(*pair))]
        environment = environments[name]
        versions.append(
            ComingVersion(
                environment=name,
                tensorflow=environment.tensorflow,
                keras=environment.keras,
                trouble=environment.trouble,
                compared=len(measured),
                unmeasured=sum(outcome_of(before).is_measured for before, _ in pairs)
                - len(measured),
                changes=tuple(changes),
            )
        )
    return tuple(versions)


def _pairs(
    cells: Mapping[Cell, CellResult], release: str, name: str, *, of_files: bool
) -> list[tuple[CellResult, CellResult]]:
    """Return the cells of the release, each with that of the coming version."""
    pairs = []
    for key, before in cells.items():
        if key.loaded_with != release or not (of_files or key.saved_with == release):
            continue
        others = [key._replace(loaded_with=name)]
        if not of_files:
            others.append(key._replace(saved_with=name, loaded_with=name))
        pairs += [(before, cells[other]) for other in others if other in cells]
    return pairs


def _drifts(change: Change) -> bool:
    return change.after is Status.DRIFT and change.before is not Status.DRIFT
