"""``kerasmatrix history``: the stored runs, with the statuses of their cells and the changes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from kerasmatrix.analysis.compare import ChangeKind, compare
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.stored_runs import store_option
from kerasmatrix.results.schema import Results, count_statuses
from kerasmatrix.store.runs import Archive

__all__ = ["history"]


@click.command(epilog=example("kerasmatrix history --limit 3"))
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=1_000_000),
    default=10,
    show_default=True,
    help="Number of runs to list.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
def history(limit: int, store_folder: Path, *, as_json: bool) -> int:
    """List the stored runs, newest last, with the changes from each to the next."""
    archive = Archive(store_folder)
    # One more, which the oldest of them is compared with.
    runs = [archive.read(run) for run in archive.runs()[-limit - 1 :]]
    # The first entry has no run before it, and is dropped below unless all are listed.
    summaries = [_summary_of(head, base) for base, head in zip([None, *runs], runs, strict=False)]
    if as_json:
        click.echo(json.dumps({"runs": [run._asdict() for run in summaries[-limit:]]}, indent=1))
    elif not summaries:
        click.echo("No runs yet. Start one with: kerasmatrix run")
    else:
        for run in summaries[-limit:]:
            click.echo("\n".join(_lines(run)))
    return 0


class RunSummary(NamedTuple):
    """The summary of a run."""

    id: str
    started: str
    engine: str
    complete: bool
    measured: int
    cells: Mapping[str, int]
    changes: Mapping[str, int]


def _summary_of(head: Results, base: Results | None) -> RunSummary:
    changes = Counter(change.kind for change in compare(base, head).changes) if base else {}
    return RunSummary(
        id=head.run.id,
        started=head.run.started.isoformat(),
        engine=head.run.engine,
        complete=head.run.complete,
        measured=head.run.measured,
        cells={status.value: count for status, count in count_statuses(head.cells).items()},
        changes={kind.value: changes[kind] for kind in ChangeKind if changes.get(kind)},
    )


def _lines(run: RunSummary) -> list[str]:
    incomplete = "" if run.complete else ", incomplete"
    lines = [f"{run.id}  {run.engine}, {run.measured} tasks measured{incomplete}"]
    lines.append(f"  {_listed(run.cells)}")
    lines += [f"  against the run before: {_listed(run.changes)}"] if run.changes else []
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())
