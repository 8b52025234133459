"""``kerasmatrix gate``: fails when a cell is worse than it was in a baseline."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.compare import counted, told
from kerasmatrix.cli.runs import read_run, store_option
from kerasmatrix.comparison import WORSENING, ChangeKind, Comparison
from kerasmatrix.comparison import compare as compare_results
from kerasmatrix.outcome import Status

__all__ = ["decide", "gate"]

FAILED, INFRASTRUCTURE = 1, 3
UNSEEN = {Status.INFRA, Status.NOT_RUN}


@click.command()
@click.argument("run", default="last")
@click.option(
    "--baseline",
    required=True,
    metavar="RUN",
    help="What it must not be worse than: a results.json, a run's id, or previous.",
)
@store_option
def gate(run: str, baseline: str, store_folder: Path) -> int:
    """Compare RUN with a baseline; exit code 1 if a cell got worse, 3 if too little was seen."""
    head = read_run(run, store_folder)
    found = compare_results(read_run(baseline, store_folder), head)
    return decide(found, complete=head.run.complete)


def decide(found: Comparison, *, complete: bool) -> int:
    """Print what the gate finds and return its exit code.

    A cell that was not measured is no failure; where it was measured in the baseline, nobody
    knows whether it got worse, which is trouble of the machine.
    """
    click.echo(f"Gate against {found.base}: {counted(found)}")
    worse = [change for change in found.changes if change.kind in WORSENING]
    for change in worse:
        click.echo(f"  {change.kind}: {told(change)}")
    if worse:
        click.echo(
            f"The gate fails: {len(worse)} cells are worse. To accept that, keep this run's "
            "results.json as the baseline."
        )
        return FAILED
    if not found.compared:
        click.echo("The gate cannot tell: the two runs have no cell in common.")
        return INFRASTRUCTURE
    unseen = _unseen(found)
    if unseen or not complete:
        click.echo(f"The gate cannot tell: {unseen} cells of the baseline were not measured.")
        return INFRASTRUCTURE
    click.echo("The gate passes.")
    return 0


def _unseen(found: Comparison) -> int:
    return sum(change.after in UNSEEN for change in found.of(ChangeKind.UNMEASURED))
