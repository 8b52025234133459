"""Markdown for the summary of a CI job: answer, overview, causes, failing cells. Pure.

The summary is short, to be read; cells that do not fit are counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from kerasmatrix.report.answer import answer_of
from kerasmatrix.report.file_verdict import FileLine, judge_files
from kerasmatrix.report.frame import cell_frame, overview
from kerasmatrix.report.symbols import LOOKS, REPAIRED
from kerasmatrix.report.texts import for_markdown
from kerasmatrix.results.cells import FIXABLE, SAYS_NOTHING, Status
from kerasmatrix.results.schema import CellResult, Results, count_statuses

__all__ = ["line", "row", "to_markdown"]

# Bytes; GitHub accepts 1 MiB for a step.
LARGEST = 30_000
# Number of flaky cells that are listed; the report marks all.
LISTED = 50


def to_markdown(results: Results) -> str:
    """Return ``results`` as Markdown of about 30 kB at the most."""
    if results.of_files and results.candidate:
        return _files(results, results.candidate)
    lines = [*_answer(results), *_overview(results), *_causes(results)]
    failing = [cell for cell in results.cells if cell.status in FIXABLE]
    if failing:
        lines += ["", "### Failing cells", ""]
        lines += ["| cell | status | cause | summary |", "| --- | --- | --- | --- |"]
    return _limited(lines, [_row(cell) for cell in failing])


def _limited(lines: list[str], rows: Sequence[str]) -> str:
    """Return the lines, and as many of the rows as there is room for."""
    lines = list(lines)
    size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
    for number, listed in enumerate(rows):
        size += len(listed.encode("utf-8", "replace")) + 1
        if size > LARGEST:
            lines += ["", f"{len(rows) - number} more are left out; the report has them."]
            break
        lines.append(listed)
    return "\n".join(lines) + "\n"


def _files(results: Results, target: str) -> str:
    """Return the verdict on checked files: a sentence, and a row for each file."""
    verdict = judge_files(results, target, results.current)
    lines = [line("## {}", verdict.headline()), ""]
    if not results.run.complete:
        lines += ["**This run is incomplete.**", ""]
    lines += [*_troubles(results)]
    before = results.current or ""
    lines += [row("file", before, target, "problem", "fix"), f"|{' --- |' * 5}"]
    return _limited(lines, [_file_row(each) for each in verdict.lines])


def _file_row(each: FileLine) -> str:
    home = _look(each.home) if each.home else ""
    fix = each.cell.repaired_by
    helped = f"{REPAIRED} {fix.id}" if fix else "none found" if each.breaks else ""
    losses = fix.lost if fix and each.breaks else each.cell.lost
    if losses:
        helped += f"{'; ' if helped else ''}loses {', '.join(losses)}"
    problem = each.story or ("" if each.cell.status is Status.PASS else each.cell.summary)
    return row(each.file, home, _look(each.cell), problem, helped)


def _look(cell: CellResult) -> str:
    return f"{LOOKS[cell.status].glyph} {cell.status}"


def line(template: str, *values: object) -> str:
    """Return ``template`` with each ``{}`` replaced by a value that Markdown does not act on."""
    return template.format(*(for_markdown(str(value)) for value in values))


def row(*values: object) -> str:
    """Return a row of a table of texts that Markdown does not act on."""
    return f"| {' | '.join(for_markdown(str(value)) for value in values)} |"


def _answer(results: Results) -> Iterator[str]:
    answer = answer_of(results)
    yield (
        line("## {}", answer.step.headline())
        if answer
        else "## Which saved Keras models load where"
    )
    yield ""
    if not results.run.complete:
        yield "**This run is incomplete.**"
        yield ""
    counts = count_statuses(results.cells)
    counted = (f"{LOOKS[status].glyph} {count} {status}" for status, count in counts.items())
    yield f"{len(results.cells)} cells: {' · '.join(counted)}"
    broken = [cell for cell in results.cells if cell.status in FIXABLE]
    repaired = sum(cell.repaired_by is not None for cell in broken)
    if repaired:
        yield ""
        fails = "load fails or changes" if len(broken) == 1 else "loads fail or change"
        have = "has" if repaired == 1 else "have"
        yield f"{len(broken)} {fails}. {repaired} {have} a verified fix {REPAIRED}."
    flaky = [cell for cell in results.cells if cell.flaky]
    if flaky:
        yield ""
        yield f"**{len(flaky)} flaky:** the result changed when it was measured again."
        yield ""
    for cell in flaky[:LISTED]:
        seen = ", ".join((cell.status, *(again.remedy or again.status for again in cell.retries)))
        yield line("- {}: {}", _where(cell), seen)
    yield from _troubles(results)


def _troubles(results: Results) -> Iterator[str]:
    for environment in results.environments:
        if environment.trouble:
            yield ""
            yield line("**{} could not be installed:** {}", environment.name, environment.trouble)
            yield ""


def _overview(results: Results) -> Iterator[str]:
    names = [environment.name for environment in results.environments]
    pairs = overview(cell_frame(results))
    yield ""
    yield "Passed / measured; rows are saved with, columns loaded with."
    yield ""
    yield f"| {row(*names)}"
    yield f"| --- |{' --- |' * len(names)}"
    for saved in names:
        sums = (_sum(pairs.get((saved, loaded), {})) for loaded in names)
        yield f"{line('| **{}**', saved)} {row(*sums)}"


def _sum(counts: dict[Status, int]) -> str:
    measured = sum(number for status, number in counts.items() if status not in SAYS_NOTHING)
    return f"{counts.get(Status.PASS, 0)}/{measured}" if measured else ""


def _causes(results: Results) -> Iterable[str]:
    if not results.causes:
        return []
    lines = ["", "### Root causes", "", "| cells | cause | fixed |", "| --- | --- | --- |"]
    for cause in results.causes:
        repaired = f"{cause.repaired} of {cause.failing}" if cause.failing else ""
        lines.append(row(cause.cells, f"{cause.story} ({cause.slug})", repaired))
    return lines


def _where(cell: CellResult) -> str:
    return f"{cell.scenario} · {cell.format} · {cell.saved_with} → {cell.loaded_with}"


def _row(cell: CellResult) -> str:
    remedy = cell.repaired_by
    helped = f" {REPAIRED} {remedy.id}" if remedy else ""
    status = f"{LOOKS[cell.status].glyph} {cell.status}{helped}"
    return row(_where(cell), status, cell.cause or "", cell.summary)
