"""Terminal output of a run: progress, the work list of a dry run, the summary at the end.

The progress bar needs standard error to be a terminal. Elsewhere, as in CI, a run is quiet until
its summary; ``--verbose`` logs every task instead.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from kerasmatrix.execution.jobs import ConvertJob, FinalLoad, FixJob, Job, RetryJob
from kerasmatrix.execution.listener import Countable, Progress
from kerasmatrix.execution.runner import Run
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.cells import FIXABLE, RUN_ENDED, SAYS_NOTHING, Cell, Save, Status
from kerasmatrix.results.schema import PredictorResult, Results, count_statuses
from kerasmatrix.text.escape import escape_control_characters
from kerasmatrix.text.lines import first_line

__all__ = ["TerminalProgress", "print_jobs", "print_results", "say_retries"]

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
CORNER = "saved ↓ / loaded →"
FILES_CORNER = "file ↓ / loaded →"
LOG = logging.getLogger(__name__)


class _TimeLeft(ProgressColumn):
    """Shows about how long the rest takes, once that can be estimated."""

    max_refresh = 1

    def render(self, task: Task) -> Text:
        """Return the estimate in seconds or minutes."""
        seconds = task.time_remaining
        if seconds is None:
            return Text("")
        if seconds < 60:  # noqa: PLR2004 - a minute
            return Text(f"about {seconds:.0f} s left")
        return Text(f"about {seconds / 60:.0f} min left")


class TerminalProgress(Progress):
    """Draws a bar with counts, the time left, and the latest task of each environment."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar: Bar | None = None
        self._at: dict[str, str] = {}
        self._task = TaskID(0)
        self._run: Countable | None = None

    def begins(self, run: Countable) -> None:
        """Begin to draw ``run``."""
        self._run = run
        LOG.info("%d tasks to do", run.pending)
        # The bar and log lines would overwrite each other.
        if self._console.is_terminal and run.pending and not LOG.isEnabledFor(logging.INFO):
            self._bar = Bar(
                BarColumn(bar_width=12),
                MofNCompleteColumn(),
                _TimeLeft(),
                # It has the room that the count and the time leave.
                TextColumn(
                    "{task.fields[at]}",
                    table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
                ),
                console=self._console,
                transient=True,
                expand=True,
            )
            self._task = self._bar.add_task("tasks", total=run.pending, at="")
            self._bar.start()

    def ends(self) -> None:
        """Stop drawing."""
        if self._bar:
            self._bar.stop()
            self._bar = None

    def opening(self, environment: str) -> None:
        """Show that an environment starts; the first time, it is installed."""
        LOG.info("%s: starting", environment)
        self._show(environment, "starting (the first time: installing)")

    def started(self, environment: str, job: Job) -> None:
        """Show the job that an environment works on."""
        LOG.info("%s: %s", environment, _description(job))
        self._show(environment, _description(job))

    def ended(self, environment: str, job: Job) -> None:
        """Advance the bar."""
        LOG.debug("%s: done: %s", environment, _description(job))
        if self._bar:
            self._bar.advance(self._task)
            if self._run:
                done = self._bar.tasks[0].completed
                self._bar.update(self._task, total=done + self._run.pending)

    def lost(self, environment: str, reason: str) -> None:
        """Print what went wrong above the bar."""
        LOG.debug("%s: %s", environment, reason)
        first = escape_control_characters(first_line(reason))
        self._console.print(Text(f"{environment}: {first}", style="cyan"), soft_wrap=True)

    def _show(self, environment: str, activity: str) -> None:
        if self._bar:
            self._at.pop(environment, None)
            self._at[environment] = activity
            recent = list(self._at.items())[-2:]
            at = " · ".join(f"{name}: {activity}" for name, activity in recent)
            self._bar.update(self._task, at=at)


def print_jobs(run: Run) -> None:
    """List the jobs of ``run`` in order, and how many results are known already."""
    console = Console(highlight=False)
    jobs = run.jobs()
    for environment, job in jobs:
        console.print(Text(f"{environment:<20} {_description(job)}"), soft_wrap=True)
    unsupported = sum(
        run.plan.in_shard(cell) and run.plan.cannot_load(cell) is not None
        for cell in run.plan.cells()
    )
    saves = sum(isinstance(job, Save) for _, job in jobs)
    loads = sum(isinstance(job, Cell) for _, job in jobs)
    fixes = len(jobs) - saves - loads
    to_do = f"{_count_of(saves, 'save')} and {_count_of(loads, 'load')}"
    if fixes:
        to_do += f" and {_count_of(fixes, 'fix attempt')}"
    console.print(
        f"{to_do} to do, {run.known} known, {_count_of(unsupported, 'cell')} unsupported.",
        soft_wrap=True,
    )


def say_retries(wanted: Sequence[RetryJob]) -> None:
    """Print that results that would fail the gate are measured again."""
    fail = "1 result" if len(wanted) == 1 else f"{len(wanted)} results"
    times = "once" if wanted[0].times == 1 else f"up to {wanted[0].times} times"
    Console(stderr=True).print(
        f"{fail} would fail the gate: measuring again, {times}, to rule out flakiness.",
        soft_wrap=True,
    )


def _description(job: Job) -> str:
    """Describe a job in a few words, without the environment that does it."""
    match job:
        case FixJob(cell):
            return f"try a fix for {cell.saved_with}'s {cell.scenario} as {cell.format}"
        case ConvertJob(row, chain):
            return f"convert {row.saved_with}'s {row.scenario} to {chain[-1].format}"
        case FinalLoad(cell, chain):
            return f"load {cell.saved_with}'s {cell.scenario} via {chain[-1].environment}"
        case RetryJob(of):
            return f"repeat: {_description(of)}"
        case Cell():
            return f"load {job.saved_with}'s {job.scenario} as {job.format}"
        case Save():
            return f"save {job.scenario} as {job.format}"


def _count_of(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_results(results: Results, path: Path) -> None:
    """Print the matrix, the counts and where the report is."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # a log is as wide as it needs to be
    _print_table(console, results)
    cells = results.asked_for
    line = Text(f"{_count_of(len(cells), 'cell')}: ")
    for index, (status, count) in enumerate(count_statuses(cells).items()):
        line.append(", " if index else "").append(f"{count} {status.value}", style=STYLES[status])
    console.print(line, soft_wrap=True)
    for text in (*_measurement_lines(results), *_fix_lines(results)):
        console.print(text, soft_wrap=True)
    if results.predictor:
        LOG.info("%s", _prediction_line(results.predictor))
    _print_environments(console, results)
    if not results.run.complete:
        console.print(f"Run incomplete: {_missing(results)}.", style="bold", soft_wrap=True)
    if not results.of_files:
        console.print(Text(f"Report: {path}"), soft_wrap=True)


def _measurement_lines(results: Results) -> Iterator[str]:
    """Yield how results were obtained, where that is not one measurement each."""
    if results.inferred:
        reused = _count_of(results.inferred, "result")
        yield f"{reused} reused from files that differ only in their version stamp."
    flaky = sum(cell.flaky for cell in results.cells)
    if flaky:
        yield f"{_count_of(flaky, 'flaky result')}: repeated measurements differ."
    if results.run.retries:
        yield f"{_count_of(results.run.retries, 'task')} repeated after a crash or timeout."


def _fix_lines(results: Results) -> Iterator[str]:
    """Yield how many of the failing cells have a fix, if fixes were tried."""
    failing = [cell for cell in results.cells if cell.status in FIXABLE]
    if not any(cell.remedies for cell in failing):
        return
    fixed = sum(cell.repaired_by is not None for cell in failing)
    if not fixed:
        yield f"No fix found for {_count_of(len(failing), 'cell')} with failures or drift."
        return
    yield f"Verified fix for {fixed} of {len(failing)} cells with failures or drift."


def _missing(results: Results) -> str:
    left = sum(cell.summary == RUN_ENDED for cell in results.cells)
    missing = f"{_count_of(left, 'cell')} left" if left else "not every fix was tried"
    return f"{missing}. Run the same command again to resume"


def _print_environments(console: Console, results: Results) -> None:
    """Print which environments were added, and which are unavailable."""
    for environment in results.environments:
        if environment.added:
            console.print(
                f"{environment.name} was added: its outputs are the reference.", soft_wrap=True
            )
        if environment.trouble:
            first = escape_control_characters(first_line(environment.trouble))
            console.print(Text(f"{environment.name}: {first}", style="cyan"), soft_wrap=True)


def _prediction_line(predictor: PredictorResult) -> str:
    """Return how well the predictions of ``fail`` agree with the measurements."""
    fail = next((status for status in predictor.statuses if status.status == "fail"), None)
    if fail is None:
        cells = _count_of(predictor.cells, "cell")
        return f"Prediction check: {cells}, no failure predicted, none measured."
    cause = f" ({predictor.causes.right} with the right cause)" if predictor.causes.of else ""
    return (
        f"Prediction check: {fail.right} of {fail.measured} failures predicted{cause}; "
        f"{_count_of(fail.predicted - fail.right, 'false alarm')}."
    )


def _print_table(console: Console, results: Results) -> None:
    """Print rows saved-with, columns loaded-with: how many cells pass, of how many measured.

    A row that is a file has the glyph of each cell instead. Where the names do not fit, columns are
    headed by the rows' numbers; where the counts do not fit either, a cell is the glyph of its
    worst status.
    """
    cells: dict[tuple[str, str], Counter[Status]] = defaultdict(Counter)
    for cell in results.asked_for:
        row = cell.scenario if results.of_files else cell.saved_with
        cells[row, cell.loaded_with][cell.status] += 1
    names = [environment.name for environment in results.environments if not environment.added]
    rows = [scenario.name for scenario in results.scenarios] if results.of_files else names
    corner = FILES_CORNER if results.of_files else CORNER
    first = max([len(corner), *(len(name) + 4 for name in rows)])
    widest = max((len(_count(counts)) for counts in cells.values()), default=0)
    named = first + sum(max(len(name), widest) + 2 for name in names) <= console.width
    numbered = first + len(names) * (max(widest, 2) + 2) <= console.width
    show_counts = (named or numbered) and not results.of_files
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    table.add_column(corner, no_wrap=True, style="bold")
    for number, name in enumerate(names, start=1):
        table.add_column(name if named else str(number), justify="right", no_wrap=True)
    for number, name in enumerate(rows, start=1):
        label = name if named or results.of_files else f"{number:>2} {name}"
        table.add_row(label, *(_text(cells[name, loaded], show_counts) for loaded in names))
    console.print(table)
    if show_counts:
        console.print("passed / measured", soft_wrap=True)
    elif results.of_files:
        for status in count_statuses(results.asked_for):
            look = LOOKS[status]
            console.print(Text(f"{look.glyph} {look.word}: {look.meaning}", style="dim"))


def _text(counts: Counter[Status], show_counts: bool) -> Text:  # noqa: FBT001 - one call
    return Text(_count(counts) if show_counts else _glyph(counts), style=STYLES[_worst(counts)])


def _count(counts: Counter[Status]) -> str:
    measured = sum(number for status, number in counts.items() if status not in SAYS_NOTHING)
    if not measured:
        return _glyph(counts)
    return f"{counts[Status.PASS]}/{measured}"


def _glyph(counts: Counter[Status]) -> str:
    return LOOKS[_worst(counts)].glyph


def _worst(counts: Counter[Status]) -> Status:
    """Return the worst measured status; without a measurement, the last of the others."""
    present = [status for status in Status if counts[status]]
    measured = [status for status in present if status not in SAYS_NOTHING]
    return (measured or present or [Status.NOT_RUN])[-1]
