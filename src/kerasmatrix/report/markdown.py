"""Markdown, for the summary of a CI job: the answer, the overview, the causes, what fails. Pure.

A job summary may have a mebibyte; what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kerasmatrix.report.frame import cell_frame, overview
from kerasmatrix.report.symbols import LOOKS, REPAIRED
from kerasmatrix.report.texts import for_markdown
from kerasmatrix.results.cells import REPAIRABLE
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import CellResult, Results, count_statuses

__all__ = ["line", "row", "to_markdown"]

# GitHub cuts a step's summary off at 1 MiB; some room is left for others.
LARGEST = 1_000_000
# So many flaky cells are listed; the report marks all.
LISTED = 50
SILENT = {Status.UNSUPPORTED, Status.NOT_COMPARABLE, Status.INFRA, Status.NOT_RUN}


def to_markdown(results: Results) -> str:
    """Return ``results`` as Markdown of less than a mebibyte."""
    lines = [*_answer(results), *_overview(results), *_causes(results)]
    size = sum(len(line.encode("utf-8", "replace")) + 1 for line in lines)
    failing = [cell for cell in results.cells if cell.status in REPAIRABLE]
    if failing:
        lines += ["", "### What does not come back as it was", ""]
        lines += ["| cell | status | cause | what happened |", "| --- | --- | --- | --- |"]
    for number, cell in enumerate(failing):
        listed = _row(cell)
        size += len(listed.encode("utf-8", "replace")) + 1
        if size > LARGEST:
            lines += ["", f"{len(failing) - number} more are left out here; the report has them."]
            break
        lines.append(listed)
    return "\n".join(lines) + "\n"


def line(template: str, *values: object) -> str:
    """Return ``template`` with each ``{}`` replaced by a value that Markdown does not act on."""
    return template.format(*(for_markdown(str(value)) for value in values))


def row(*values: object) -> str:
    """Return a row of a table of texts that Markdown does not act on."""
    return f"| {' | '.join(for_markdown(str(value)) for value in values)} |"


def _answer(results: Results) -> Iterator[str]:
    yield "## Which saved Keras models load where"
    yield ""
    if not results.run.complete:
        yield "**This run is incomplete.**"
        yield ""
    counts = count_statuses(results.cells)
    found = (f"{LOOKS[status].glyph} {count} {status}" for status, count in counts.items())
    yield f"{len(results.cells)} cells: {' · '.join(found)}"
    broken = [cell for cell in results.cells if cell.status in REPAIRABLE]
    repaired = sum(cell.repaired_by is not None for cell in broken)
    if repaired:
        yield ""
        helped = f"in {repaired} a remedy works {REPAIRED}"
        yield f"{len(broken)} do not come back as they were; {helped}."
    flaky = [cell for cell in results.cells if cell.flaky]
    if flaky:
        yield ""
        yield f"**{len(flaky)} flaky:** measured again, something else happened."
        yield ""
    for cell in flaky[:LISTED]:
        did = ", ".join((cell.status, *(again.remedy or again.status for again in cell.retries)))
        yield line("- {}: {}", _where(cell), did)
    for environment in results.environments:
        if environment.trouble:
            yield ""
            yield line("**{} could not be had:** {}", environment.name, environment.trouble)


def _overview(results: Results) -> Iterator[str]:
    names = [environment.name for environment in results.environments]
    pairs = overview(cell_frame(results))
    yield ""
    yield "Passes of what was measured; rows are saved with, columns loaded with."
    yield ""
    yield f"| {row(*names)}"
    yield f"| --- |{' --- |' * len(names)}"
    for saved in names:
        sums = (_sum(pairs.get((saved, loaded), {})) for loaded in names)
        yield f"{line('| **{}**', saved)} {row(*sums)}"


def _sum(counts: dict[Status, int]) -> str:
    measured = sum(number for status, number in counts.items() if status not in SILENT)
    return f"{counts.get(Status.PASS, 0)}/{measured}" if measured else ""


def _causes(results: Results) -> Iterable[str]:
    if not results.causes:
        return []
    lines = ["", "### Root causes", "", "| cells | cause | repaired |", "| --- | --- | --- |"]
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
