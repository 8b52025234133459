"""Terminal output of a run: the work list of a dry run, the summary at the end."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kerasmatrix.execution.jobs import RetryJob
from kerasmatrix.execution.runner import Run
from kerasmatrix.report.answer import answer_of
from kerasmatrix.report.file_verdict import is_code_error
from kerasmatrix.report.job_text import describe_job
from kerasmatrix.report.steps import Cells, neighbouring_steps
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.cells import FIXABLE, RUN_ENDED, SAYS_NOTHING, Cell, Save, Status
from kerasmatrix.results.schema import PredictorResult, Results, count_statuses
from kerasmatrix.text.escape import escape_control_characters
from kerasmatrix.text.lines import brief_line

__all__ = ["print_counts", "print_files", "print_jobs", "print_results", "say_retries"]

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
# With less room for the names of files, a table says nothing; the report has it.
SHORTEST_NAME = 12


def print_jobs(run: Run) -> None:
    """List the jobs of ``run`` in order, and how many results are known already."""
    console = Console(highlight=False)
    jobs = run.jobs()
    for environment, job in jobs:
        console.print(Text(f"{environment:<20} {describe_job(job)}"), soft_wrap=True)
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
    times = "once" if wanted[0].most == 1 else f"up to {wanted[0].most} times"
    Console(stderr=True).print(
        f"{fail} would fail the gate: measuring again, {times}, to rule out flakiness.",
        soft_wrap=True,
    )


def _count_of(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _wide_console() -> Console:
    """Return a console as wide as the terminal, or as a log needs to be."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 10_000  # rich takes 80 columns where it knows none
    return console


def print_results(results: Results, path: Path) -> None:
    """Print a matrix: the table, the verdict on a step, the counts, where the report is."""
    console = _wide_console()
    _print_matrix(console, results)
    _print_environments(console, results)
    console.print()
    if answer := answer_of(results):
        console.print(Text(f"{answer.step.headline()}.", style="bold"), soft_wrap=True)
        if answer.step.broken:
            console.print("To check your own files: kerasmatrix check models/", soft_wrap=True)
    print_counts(results, console)
    console.print(Text(f"Report: {path}"), soft_wrap=True)


def print_counts(results: Results, console: Console | None = None) -> None:
    """Print how many cells have which status, and how that was measured."""
    console = console or Console(highlight=False)
    cells = results.asked_for
    line = Text(f"{_count_of(len(cells), 'cell')}: ")
    for index, (status, count) in enumerate(count_statuses(cells).items()):
        line.append(", " if index else "").append(f"{count} {status.value}", style=STYLES[status])
    console.print(line, soft_wrap=True)
    for text in (*_measurement_lines(results), *_fix_lines(results)):
        console.print(text, soft_wrap=True)
    if results.predictor:
        LOG.info("%s", _prediction_line(results.predictor))
    if not results.run.complete:
        console.print(f"Run incomplete: {_missing(results)}.", style="bold", soft_wrap=True)


def print_files(results: Results) -> None:
    """Print the table of a check: a row for each file, a glyph for each version."""
    console = _wide_console()
    cells = {(cell.scenario, cell.loaded_with): cell.status for cell in results.asked_for}
    names = [environment.name for environment in results.environments if not environment.added]
    rows = [scenario.name for scenario in results.scenarios]
    heads, room = names, _room(console, names)
    if room < _first_width(FILES_CORNER, rows):
        heads = [str(number) for number, _ in enumerate(names, start=1)]
        room = _room(console, heads)
    if room >= SHORTEST_NAME:
        table = _new_table(_shortened(FILES_CORNER, room), heads)
        for row in rows:
            glyphs = (_glyph(cells.get((row, name))) for name in names)
            table.add_row(_shortened(row, room), *glyphs)
        console.print(table)
        if heads is not names:
            numbered = ", ".join(
                f"{number} {name}" for number, name in zip(heads, names, strict=True)
            )
            console.print(Text(f"Columns: {numbered}", style="dim"))
    for status in count_statuses(results.asked_for):
        look = LOOKS[status]
        console.print(Text(f"{look.glyph} {look.word}: {look.meaning}", style="dim"))
    _print_environments(console, results)


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
    failing = [cell for cell in results.cells if cell.status in FIXABLE and not is_code_error(cell)]
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
    if added := [environment.name for environment in results.environments if environment.added]:
        were = "was" if len(added) == 1 else "were"
        console.print(f"{', '.join(added)} {were} added to compare outputs with.", soft_wrap=True)
    for environment in results.environments:
        if environment.trouble:
            first = escape_control_characters(brief_line(environment.trouble))
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


def _print_matrix(console: Console, results: Results) -> None:
    """Print rows saved-with, columns loaded-with: how many cells pass, of how many measured.

    In a narrow terminal it is the share in percent, under the rows' numbers. Where that does not
    fit either, the steps from each version to the next are listed.
    """
    cells: dict[tuple[str, str], Counter[Status]] = defaultdict(Counter)
    for cell in results.cells:
        cells[cell.saved_with, cell.loaded_with][cell.status] += 1
    names = [environment.name for environment in results.environments]
    for label, legend in ((_passed, "passed / measured"), (_share, "passed, in % of the measured")):
        widest = max((len(label(counts)) for counts in cells.values()), default=1)
        for heads, rows in (
            (names, names),
            ([str(number) for number, _ in enumerate(names, start=1)],
             [f"{number:>2} {name}" for number, name in enumerate(names, start=1)]),
        ):  # fmt: skip
            width = sum(max(len(head), widest) + 2 for head in heads)
            if _first_width(CORNER, rows) + width > console.width:
                continue
            table = _new_table(CORNER, heads)
            for saved, row in zip(names, rows, strict=True):
                table.add_row(row, *(_styled(cells[saved, loaded], label) for loaded in names))
            console.print(table)
            console.print(legend, soft_wrap=True)
            return
    _print_steps(console, results)


def _print_steps(console: Console, results: Results) -> None:
    """Print the steps from each version to the next, the worst first."""
    table = _new_table("step", ("break", "files", "fixable"))
    for step in neighbouring_steps(results, Cells(results)):
        style = "red" if step.broken else "green"
        table.add_row(
            step.name, Text(str(step.broken), style=style), str(step.files), str(step.fixable)
        )
    console.print(table)


def _room(console: Console, heads: Iterable[str]) -> int:
    """Return the columns of the terminal that are left for names of rows."""
    return console.width - sum(len(head) + 2 for head in heads) - 1


def _shortened(name: str, room: int) -> str:
    """Return a name without its middle, if it is too long."""
    if len(name) <= room:
        return name
    half = room // 2
    return f"{name[: room - half - 1]}…{name[len(name) - half :]}"


def _first_width(corner: str, rows: Iterable[str]) -> int:
    return max([len(corner), *map(len, rows)]) + 1


def _new_table(corner: str, heads: Iterable[str]) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold", pad_edge=False)
    table.add_column(corner, no_wrap=True, style="bold")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _styled(counts: Counter[Status], label: Callable[[Counter[Status]], str]) -> Text:
    return Text(label(counts), style=STYLES[_worst(counts)])


def _passed(counts: Counter[Status]) -> str:
    measured = _measured(counts)
    return f"{counts[Status.PASS]}/{measured}" if measured else LOOKS[_worst(counts)].glyph


def _share(counts: Counter[Status]) -> str:
    measured = _measured(counts)
    return f"{100 * counts[Status.PASS] // measured}" if measured else LOOKS[_worst(counts)].glyph


def _measured(counts: Counter[Status]) -> int:
    return sum(number for status, number in counts.items() if status not in SAYS_NOTHING)


def _glyph(status: Status | None) -> Text:
    return Text(LOOKS[status].glyph, style=STYLES[status]) if status else Text("")


def _worst(counts: Counter[Status]) -> Status:
    """Return the worst measured status; without a measurement, the last of the others.

    A failed save counts only where nothing was loaded.
    """
    present = [status for status in Status if counts[status]]
    measured = [status for status in present if status not in SAYS_NOTHING]
    loads = [status for status in measured if status is not Status.SAVE_FAILED]
    return (loads or measured or present or [Status.NOT_RUN])[-1]
