"""Answers whether files of one version can be used with another. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from kerasmatrix.analysis.compare import outcome_of
from kerasmatrix.results.cells import LOADS_OR_DRIFTS, SAYS_NOTHING, SEVERITY, Status
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.strict_model import StrictModel

__all__ = ["Reason", "Upgrade", "examine"]


class Reason(StrictModel):
    """A file that is worse in the new version than in the one that wrote it."""

    scenario: str
    format: str
    status: Status
    summary: str
    cause: str | None = None
    remedy: str | None = Field(default=None, description="that was verified in this cell")
    remedy_lost: tuple[str, ...] = Field(
        default=(), description="what the fix loses, and the version that wrote the file does not"
    )


class Upgrade(StrictModel):
    """The results in ``target`` for the files that ``source`` loads, in a matrix of its own."""

    source: str
    target: str
    files: int = Field(description="that were measured with both")
    unknown: int = Field(
        description="that were not measured with the target, or that it does not support"
    )
    reasons: tuple[Reason, ...] = Field(description="the worst first")

    def possible(self, *, accept_remedies: bool = False) -> bool:
        """Whether every file is as good as before, or has a fix if fixes are accepted.

        A fix that loses something counts as little as a cell that does.
        """
        if not accept_remedies:
            return not self.reasons
        return all(reason.remedy and not reason.remedy_lost for reason in self.reasons)


def examine(
    results: Results,
    source: str,
    target: str,
    *,
    scenarios: Iterable[str] = (),
    formats: Iterable[str] = (),
) -> Upgrade:
    """Return the results for an upgrade from ``source`` to ``target``.

    Args:
        results: the results of a run.
        source: the environment that the files are from.
        target: the environment to load them in.
        scenarios: only these, if any.
        formats: only these, if any.
    """
    wanted = (frozenset(scenarios), frozenset(formats))
    ours: dict[tuple[str, str], CellResult] = {}
    theirs: dict[tuple[str, str], CellResult] = {}
    for cell in results.cells:
        selected = (not wanted[0] or cell.scenario in wanted[0]) and (
            not wanted[1] or cell.format in wanted[1]
        )
        # A file of a user counts, whichever version it is compared with.
        if selected and (results.of_files or cell.saved_with == source):
            if cell.loaded_with == source:
                ours[cell.scenario, cell.format] = cell
            if cell.loaded_with == target:
                theirs[cell.scenario, cell.format] = cell
    # Only files that the source itself loads: what is broken there is not lost by the step.
    home = {
        file: cell
        for file, cell in ours.items()
        if cell.status in LOADS_OR_DRIFTS and file in theirs
    }
    measured = [file for file in home if theirs[file].status not in SAYS_NOTHING]
    reasons = [
        _reason(theirs[file], home[file])
        for file in measured
        if outcome_of(theirs[file]).is_worse_than(outcome_of(home[file]))
    ]
    return Upgrade(
        source=source,
        target=target,
        files=len(measured),
        unknown=len(home) - len(measured),
        reasons=tuple(sorted(reasons, key=lambda reason: -SEVERITY[reason.status])),
    )


def _reason(cell: CellResult, home: CellResult) -> Reason:
    verified = [tried for tried in cell.remedies if tried.status == "verified"]
    losses = [tuple(loss for loss in tried.lost if loss not in home.lost) for tried in verified]
    # The first that loses nothing, else the first.
    number = next((place for place, lost in enumerate(losses) if not lost), 0)
    remedy = verified[number] if verified else None
    return Reason(
        scenario=cell.scenario,
        format=cell.format,
        status=cell.status,
        summary=cell.summary,
        cause=cell.cause,
        remedy=remedy.id if remedy else None,
        remedy_lost=losses[number] if remedy else (),
    )
