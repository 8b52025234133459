"""``kerasmatrix gate``: fails when a cell is worse than expected, or than in a baseline."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.analysis.compare import Comparison
from kerasmatrix.analysis.compare import compare as compare_results
from kerasmatrix.analysis.gate import FindingKind, count_inconclusive, findings
from kerasmatrix.cli.compare import count_line, notes
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import INCONCLUSIVE, NO
from kerasmatrix.cli.options import matrix_option, retries_options, store_folder_option
from kerasmatrix.cli.output import say
from kerasmatrix.cli.rerun import repeat_jobs
from kerasmatrix.cli.stored_runs import read_run
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.flaky import suspects
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import Archive

__all__ = ["decide", "gate"]

WAYS_OUT = {
    FindingKind.WORSE_THAN_BASELINE: "to accept it, keep this run's results.json as the baseline, "
    "or expect it in matrix.yaml",
    FindingKind.GONE: "measure the same environments, scenarios and formats, or keep this run's "
    "results.json as the baseline",
    FindingKind.WORSE_THAN_EXPECTED: "fix it, or change what is expected",
    FindingKind.BETTER_THAN_EXPECTED: "remove the expectation",
    FindingKind.UNMATCHED: "remove it, or correct its patterns",
    FindingKind.EXPIRED: "give it another date, or remove it",
    FindingKind.FLAKY: "repeated measurements differ, so it is unknown whether they got worse",
}


@click.command(epilog=example("kerasmatrix gate --baseline main/results.json"))
@click.argument("run", default="last")
@click.option(
    "--baseline",
    metavar="RUN",
    help="Run to compare with: a results.json, a run's id, or previous.",
)
@retries_options(default=0)
@matrix_option
@store_folder_option
def gate(  # noqa: PLR0913 - one argument per option
    *,
    run: str,
    baseline: str | None,
    retries: int,
    accept_flaky: bool,
    matrix_file: Path,
    store_folder: Path,
) -> int:
    """Fail if RUN is worse than a baseline, or than matrix.yaml expects.

    RUN is a results.json, a run's id, or last (the default). Exit codes: 0 no regression, 1
    regression, 3 inconclusive: something could not be measured, or is flaky.
    """
    head = read_run(run, store_folder)
    if baseline is None and not head.expectations:
        raise UsageError(
            "nothing to compare with: no baseline, and the run had no expectations",
            hint="pass --baseline results.json, or add expectations to matrix.yaml and run again",
        )
    base = read_run(baseline, store_folder) if baseline else None
    comparison = compare_results(base, head) if base else None
    wanted = suspects(head, base, findings(head, comparison), retries) if retries else []
    if wanted:
        head = repeat_jobs(head, wanted, matrix_file, store_folder)
        Archive(store_folder).keep(head)
        click.echo(f"The retries are stored: kerasmatrix report {head.run.id} --format html")
    return decide(head, comparison, accept_flaky=accept_flaky)


def decide(head: Results, comparison: Comparison | None, *, accept_flaky: bool = False) -> int:
    """Print what the gate finds and return its exit code.

    A cell that was not measured is not a failure. If the baseline has it, it is unknown whether it
    got worse, and the exit code is that of an infrastructure error; so it is for a flaky cell,
    unless ``accept_flaky`` is given.
    """
    if comparison:
        click.echo(count_line(comparison, base=comparison.base))
        for line in notes(comparison):
            say(f"  {line}")
    all_findings = findings(head, comparison)
    for kind in FindingKind:
        these = [finding for finding in all_findings if finding.kind is kind]
        if these:
            click.echo(f"{kind} ({len(these)}): {WAYS_OUT[kind]}")
        for finding in these:
            where = f"{finding.where}: " if finding.where else ""
            say(f"  {where}{finding.text}")
    flaky = sum(finding.kind is FindingKind.FLAKY for finding in all_findings)
    if len(all_findings) > flaky:
        click.echo("The gate fails.")
        return NO
    doubt = _doubt(head, comparison)
    if flaky and not accept_flaky:
        doubt = f"{flaky} {'cell is' if flaky == 1 else 'cells are'} flaky"
    if doubt:
        click.echo(f"The gate cannot decide: {doubt}.")
        return INCONCLUSIVE
    click.echo(f"The gate passes{f', {flaky} flaky cells accepted' if flaky else ''}.")
    return 0


def _doubt(head: Results, comparison: Comparison | None) -> str | None:
    """Return why too little was measured to decide, or None."""
    if comparison and not comparison.compared:
        return "the two runs have no cell in common"
    missing = count_inconclusive(comparison) if comparison else 0
    if missing:
        return f"{missing} cells of the baseline were not measured"
    if not head.run.complete:
        return "the run is incomplete"
    infra = sum(cell.status is Status.INFRA for cell in head.cells)
    return f"{infra} cells could not be measured" if infra and not comparison else None
