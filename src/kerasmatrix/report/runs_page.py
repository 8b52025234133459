"""The list of earlier runs, newest first, each with what changed since the run before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from kerasmatrix.analysis.compare import ChangeKind, Outcome, kind_of_change
from kerasmatrix.report.html import hash_source, page_style, page_template
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.cells import Cell, Status
from kerasmatrix.results.history import CellSummary, RunSummary, summarize
from kerasmatrix.results.schema import Results

__all__ = ["render_runs"]

# Changed cells of a run that are listed.
LISTED = 40


class _Change(NamedTuple):
    kind: ChangeKind
    cell: Cell
    before: Status
    after: Status


class _Entry(NamedTuple):
    run: RunSummary
    is_newest: bool
    statuses: dict[Status, int]
    compared: int
    kinds: dict[ChangeKind, int]
    changes: list[_Change]


def render_runs(results: Results, past: Sequence[RunSummary]) -> str:
    """Return the page about ``results`` and the runs before it; ``past`` has the oldest first."""
    runs = [*past, summarize(results)]
    entries = [
        _entry(run, base, is_newest=run is runs[-1])
        for base, run in zip([None, *runs], runs, strict=False)
    ]
    style = page_style()
    return page_template("runs.html.j2").render(
        entries=entries[::-1],
        listed=LISTED,
        looks=LOOKS,
        style=Markup(style),  # noqa: S704 - our own file
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {hash_source(style)}",
    )


def _entry(run: RunSummary, base: RunSummary | None, *, is_newest: bool) -> _Entry:
    counts = Counter(result.status for result in run.cells.values())
    before = base.cells if base else {}
    both = [(cell, before[cell], result) for cell, result in run.cells.items() if cell in before]
    changes = [change for cell, old, new in both if (change := _change(cell, old, new))]
    order = {kind: number for number, kind in enumerate(ChangeKind)}
    changes.sort(key=lambda change: order[change.kind])
    kinds = Counter(change.kind for change in changes)
    return _Entry(
        run,
        is_newest,
        {status: counts[status] for status in Status if counts[status]},
        len(both),
        {kind: kinds[kind] for kind in ChangeKind if kinds[kind]},
        changes,
    )


def _change(cell: Cell, before: CellSummary, after: CellSummary) -> _Change | None:
    kind = kind_of_change(Outcome(before.status), Outcome(after.status))
    return _Change(kind, cell, before.status, after.status) if kind else None
