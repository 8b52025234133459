"""Whether files of one version live on in another: the question before an upgrade. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.analysis.compare import outcome_of
from kerasmatrix.results.observations import BADNESS, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["Reason", "Upgrade", "examine"]

LOADS = {Status.PASS, Status.DEGRADED, Status.DRIFT}


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Reason(_Value):
    """A file that the new version does not load as well as the one that wrote it."""

    scenario: str
    format: str
    status: Status
    summary: str
    cause: str | None = None
    remedy: str | None = Field(default=None, description="that was seen to work in this cell")


class Upgrade(_Value):
    """What becomes of the files that ``source`` writes and itself loads."""

    source: str
    target: str
    files: int = Field(description="that were measured with both")
    unknown: int = Field(description="that were not measured with the target, or it cannot have")
    reasons: tuple[Reason, ...] = Field(description="the worst first")

    def possible(self, *, accept_remedies: bool = False) -> bool:
        """Whether every file lives on: as it was, or with a remedy where that is accepted."""
        return not any(reason.remedy is None or not accept_remedies for reason in self.reasons)


def examine(
    results: Results,
    source: str,
    target: str,
    *,
    scenarios: Iterable[str] = (),
    formats: Iterable[str] = (),
) -> Upgrade:
    """Return what ``results`` say about going from ``source`` to ``target``.

    Args:
        results: the measured matrix.
        source: the environment that files are from.
        target: the environment that is to load them.
        scenarios: only these, if any.
        formats: only these, if any.
    """
    wanted = (frozenset(scenarios), frozenset(formats))
    ours: dict[tuple[str, str], CellResult] = {}
    theirs: dict[tuple[str, str], CellResult] = {}
    for cell in results.cells:
        asked = (not wanted[0] or cell.scenario in wanted[0]) and (
            not wanted[1] or cell.format in wanted[1]
        )
        if asked and cell.saved_with == source:
            if cell.loaded_with == source:
                ours[cell.scenario, cell.format] = cell
            if cell.loaded_with == target:
                theirs[cell.scenario, cell.format] = cell
    home = {file: cell for file, cell in ours.items() if cell.status in LOADS and file in theirs}
    measured = [file for file in home if theirs[file].status in BADNESS]
    reasons = [
        _reason(theirs[file])
        for file in measured
        if outcome_of(theirs[file]).is_worse_than(outcome_of(home[file]))
    ]
    return Upgrade(
        source=source,
        target=target,
        files=len(measured),
        unknown=len(home) - len(measured),
        reasons=tuple(sorted(reasons, key=lambda reason: -BADNESS[reason.status])),
    )


def _reason(cell: CellResult) -> Reason:
    remedy = cell.repaired_by
    return Reason(
        scenario=cell.scenario,
        format=cell.format,
        status=cell.status,
        summary=cell.summary,
        cause=cell.cause,
        remedy=remedy.id if remedy else None,
    )
