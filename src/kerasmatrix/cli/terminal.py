"""What a run shows in the terminal: progress, the agenda of a dry run, the matrix at the end.

Progress is drawn only where standard error is a terminal; elsewhere a run is quiet until its
summary.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from kerasmatrix.execution.plan import Save
from kerasmatrix.execution.priority import Urgency
from kerasmatrix.execution.runner import Progress, Run
from kerasmatrix.execution.work_queue import Again, Conversion, Crossing, Job, Repair
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.cells import REPAIRABLE, RUN_ENDED
from kerasmatrix.results.observations import Cell, Status
from kerasmatrix.results.schema import PredictorResult, Results, count_statuses
from kerasmatrix.text.escape import visible

__all__ = ["TerminalProgress", "print_agenda", "print_results", "say_again"]

STYLES = {
    Status.PASS: "green",
    Status.DEGRADED: "yellow",
    Status.DRIFT: "magenta",
    Status.FAIL: "bold red",
    Status.CRASH: "bold red",
    Status.TIMEOUT: "bold red",
    Status.SAVE_FAILED: "red",
    Status.UNSUPPORTED: "dim",
    Status.NOT_COMPARABLE: "cyan",
    Status.INFRA: "dim cyan",
    Status.NOT_RUN: "dim",
}
SILENT = {Status.UNSUPPORTED, Status.NOT_COMPARABLE, Status.INFRA, Status.NOT_RUN}
# Why a budget is spent on a cell before others.
WANTED: Mapping[Urgency | None, str] = {
    Urgency.CANDIDATE: "the candidate's column",
    Urgency.FRONTIER: "at a frontier",
    Urgency.CHANGED: "changed last time",
}
CORNER = "saved with \\ loaded with"


class TerminalProgress(Progress):
    """Draws a bar with counts, the time left, and what each environment is at."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar: Bar | None = None
        self._at: dict[str, str] = {}
        self._task = TaskID(0)
        self._run: Run | None = None

    def begins(self, run: Run) -> None:
        """Begin to draw ``run``."""
        self._run = run
        if self._console.is_terminal and run.pending:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                MofNCompleteColumn(),
                TextColumn("eta"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[at]}"),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("cells", total=run.pending, at="")
            self._bar.start()

    def ends(self) -> None:
        """Stop drawing."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def opening(self, environment: str) -> None:
        """Show that an environment is being opened."""
        self._show(environment, "opening")

    def started(self, environment: str, job: Job) -> None:
        """Show what an environment is at."""
        self._show(environment, _what(job))

    def ended(self, environment: str, job: Job) -> None:  # noqa: ARG002 - the listener's
        """Count."""
        if self._bar:
            self._bar.advance(self._task)
            if self._run:
                done = self._bar.tasks[0].completed
                self._bar.update(self._task, total=done + self._run.pending)

    def lost(self, environment: str, reason: str) -> None:
        """Say what went wrong, above the bar."""
        first = visible(reason.strip().splitlines()[0])
        self._console.print(Text(f"{environment}: {first}", style="cyan"), soft_wrap=True)

    def _show(self, environment: str, what: str) -> None:
        if self._bar:
            self._at.pop(environment, None)
            self._at[environment] = what
            recent = list(self._at.items())[-2:]
            at = " · ".join(f"{name} {doing}" for name, doing in recent)
            self._bar.update(self._task, at=at)


def print_agenda(run: Run) -> None:
    """List what ``run`` would do, in order, and how much is known."""
    console = Console(highlight=False)
    agenda = run.agenda()
    for environment, job in agenda:
        urgency = run.urgency_of(job)
        why = f"  ({WANTED[urgency]})" if urgency in WANTED else ""
        console.print(Text(f"{environment:<20} {_what(job)}{why}"), soft_wrap=True)
    unsupported = sum(
        run.plan.in_shard(cell) and run.plan.cannot_load(cell) is not None
        for cell in run.plan.cells()
    )
    saves = sum(isinstance(job, Save) for _, job in agenda)
    loads = sum(isinstance(job, Cell) for _, job in agenda)
    repairs = len(agenda) - saves - loads
    also = f" and {repairs} repairs" if repairs else ""
    console.print(
        f"{saves} saves and {loads} loads{also} to do, {run.known} known, "
        f"{unsupported} cells unsupported.",
        soft_wrap=True,
    )


def say_again(wanted: Sequence[Again]) -> None:
    """Say that what would fail the gate is measured again."""
    tasks = "1 task" if len(wanted) == 1 else f"{len(wanted)} tasks"
    times = "once" if wanted[0].times == 1 else f"up to {wanted[0].times} times"
    Console(stderr=True).print(f"The gate would fail: {tasks} to do again, {times}.")


def _what(job: Job) -> str:
    """Say in a few words what a job is, the environment that does it left out."""
    match job:
        case Repair(cell):
            return f"repair {cell.saved_with}'s {cell.scenario} as {cell.format}"
        case Conversion(row, chain):
            return f"convert {row.saved_with}'s {row.scenario} to {chain[-1].format}"
        case Crossing(cell, chain):
            return f"load {cell.saved_with}'s {cell.scenario} by way of {chain[-1].environment}"
        case Again(of):
            return f"once more: {_what(of)}"
        case Cell():
            return f"load {job.saved_with}'s {job.scenario} as {job.format}"
        case Save():
            return f"save {job.scenario} as {job.format}"


def print_results(results: Results, path: Path) -> None:
    """Print the matrix, the counts and where the report is."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # a log is as wide as it needs to be
    _print_table(console, results)
    line = Text(f"{len(results.cells)} cells: ")
    for index, (status, count) in enumerate(count_statuses(results.cells).items()):
        line.append(", " if index else "").append(f"{count} {status.value}", style=STYLES[status])
    console.print(line, soft_wrap=True)
    if results.inferred:
        console.print(
            f"{results.inferred} of them were inferred from cells that load an equal file.",
            soft_wrap=True,
        )
    flaky = sum(cell.flaky for cell in results.cells)
    if flaky:
        said = "1 of them is" if flaky == 1 else f"{flaky} of them are"
        console.print(f"{said} flaky: measured again, something else happened.", soft_wrap=True)
    broken = [cell for cell in results.cells if cell.status in REPAIRABLE]
    if any(cell.remedies for cell in broken):
        repaired = sum(cell.repaired_by is not None for cell in broken)
        console.print(
            f"{len(broken)} of them do not come back as they were; a remedy was seen to work in "
            f"{repaired} of these.",
            soft_wrap=True,
        )
    if results.predictor:
        console.print(_foretold(results.predictor), soft_wrap=True)
    _print_retries(console, results)
    _print_environments(console, results)
    if not results.run.complete:
        left = sum(cell.summary == RUN_ENDED for cell in results.cells)
        what = f"{left} cells were not run" if left else "not every remedy was tried"
        console.print(f"The run is incomplete: {what}. Run it again to go on.", style="bold")
    console.print(Text(f"Report: {path}"), soft_wrap=True)


def _print_environments(console: Console, results: Results) -> None:
    """Print which environments were added, and which could not be had."""
    for environment in results.environments:
        if environment.added:
            said = f"{environment.name} was added: files are compared with what it computes."
            console.print(said, soft_wrap=True)
        if environment.trouble:
            first = visible(environment.trouble.strip().splitlines()[0])
            console.print(Text(f"{environment.name}: {first}", style="cyan"), soft_wrap=True)


def _foretold(predictor: PredictorResult) -> str:
    """Say how well it could be foretold what fails."""
    fail = next((told for told in predictor.statuses if told.status == "fail"), None)
    if fail is None:
        return f"Foretold: no fail in {predictor.cells} cells, and none was measured."
    cause = f", {predictor.causes.right} with its cause" if predictor.causes.of else ""
    return (
        f"Foretold without loading: {fail.right} of {fail.measured} cells that fail{cause}; "
        f"{fail.predicted - fail.right} of {fail.predicted} foretold to fail do not."
    )


def _print_retries(console: Console, results: Results) -> None:
    """Print how often something was tried again before it was believed."""
    if results.run.retries:
        console.print(
            f"{results.run.retries} tries were not believed and made again.", soft_wrap=True
        )


def _print_table(console: Console, results: Results) -> None:
    """Print rows saved-with, columns loaded-with: how many cells pass, of how many measured.

    A row that is a file has the sign of each cell instead.

    Where the names do not fit beside each other, columns are headed by the rows' numbers, and
    where the counts do not either, a cell is its worst status' glyph.
    """
    cells: dict[tuple[str, str], Counter[Status]] = defaultdict(Counter)
    for cell in results.cells:
        row = cell.scenario if results.of_files else cell.saved_with
        cells[row, cell.loaded_with][cell.status] += 1
    names = [environment.name for environment in results.environments]
    rows = [told.name for told in results.scenarios] if results.of_files else names
    corner = "file \\ loaded with" if results.of_files else CORNER
    first = max([len(corner), *(len(name) + 4 for name in rows)])
    counted = max((len(_count(counts)) for counts in cells.values()), default=0)
    named = first + sum(max(len(name), counted) + 2 for name in names) <= console.width
    roomy = first + len(names) * (max(counted, 2) + 2) <= console.width
    counts_fit = (named or roomy) and not results.of_files
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    table.add_column(corner, no_wrap=True, style="bold")
    for number, name in enumerate(names, start=1):
        table.add_column(name if named else str(number), justify="right", no_wrap=True)
    for number, name in enumerate(rows, start=1):
        told = [cells[name, loaded] for loaded in names]
        table.add_row(
            name if named or results.of_files else f"{number:>2} {name}",
            *(
                Text(
                    _count(counts) if counts_fit else _glyph(counts),
                    style=_style(counts),
                )
                for counts in told
            ),
        )
    console.print(table)
    if counts_fit:
        console.print("how many pass, of those that were measured", soft_wrap=True)


def _count(counts: Counter[Status]) -> str:
    told = sum(number for status, number in counts.items() if status not in SILENT)
    if not told:
        return _glyph(counts)
    return f"{counts[Status.PASS]}/{told}"


def _glyph(counts: Counter[Status]) -> str:
    return LOOKS[_worst(counts)].glyph


def _style(counts: Counter[Status]) -> str:
    return STYLES[_worst(counts)]


def _worst(counts: Counter[Status]) -> Status:
    """Return the worst status that says something; where none does, the one that is there."""
    found = [status for status in Status if counts[status]]
    told = [status for status in found if status not in SILENT]
    return (told or found or [Status.NOT_RUN])[-1]
