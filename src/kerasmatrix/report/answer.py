"""The answer on top of the page, for readers without a script: counts of a step, a row per file.

upgrade.js makes the same for the steps that a reader chooses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kerasmatrix.report.cause_text import fault_of
from kerasmatrix.report.commands import Commands
from kerasmatrix.report.steps import (
    Cells,
    FileStep,
    Step,
    by_importance,
    count_step,
    default_step,
    neighbouring_steps,
)
from kerasmatrix.results.cells import UNCLASSIFIED, Status
from kerasmatrix.results.schema import CellResult, FixedResult, Results
from kerasmatrix.text.lines import first_line

__all__ = ["NOTHING", "Answer", "AnswerRow", "answer_of", "gives_up", "made_with"]

# Rows without a script; with one, all are listed.
LISTED = 50
LONGEST_WHY = 160  # characters; the panel of the cell has the whole summary
NOTHING = "nothing"


class AnswerRow(NamedTuple):
    """A file, with what a reader does about it."""

    key: str
    file: str
    written_by: str | None
    before: Status | None
    after: Status
    why: str
    at: str | None
    cause: str | None
    broken: bool
    fix: str | None
    command: str | None
    gives_up: str
    fixed: str | None  # where the fixed file is


class Answer(NamedTuple):
    """The answer for one step.

    Attributes:
        step: its versions and counts.
        notes: what the counts say beyond the headline, each with its status.
        fix_all: the command that fixes all files that can be fixed.
        rows: the files, the worst first, as many as are listed.
        more: how many are not listed.
        steps: all neighbouring steps, the worst first.
    """

    step: Step
    notes: list[tuple[Status, str]]
    fix_all: str | None
    rows: list[AnswerRow]
    more: int
    steps: list[Step]


def answer_of(results: Results) -> Answer | None:
    """Return the answer for the step in question, or None if nothing was measured."""
    cells = Cells(results)
    chosen = default_step(results, cells)
    if chosen is None:
        return None
    source, target = chosen
    step = count_step(results, cells, source, target)
    of_files = results.of_files
    files = sorted(cells.files(source, target), key=by_importance)
    listed = [
        file
        for file in files
        if of_files or file.counts_as_broken(of_files=False) or file.is_lossy(of_files=of_files)
    ]
    rows = list(_rows(results, listed[:LISTED], target))
    return Answer(
        step=step,
        notes=list(_notes(step, of_files=of_files)),
        fix_all=_fix_all(results, files, target),
        rows=rows,
        more=len(listed) - len(rows),
        steps=[] if of_files else neighbouring_steps(results, cells),
    )


def gives_up(cell: CellResult) -> str:
    """Return what the best fix of a cell gives up, or what the load itself loses."""
    if cell.repaired_by:
        return "; ".join(cell.repaired_by.lost) or NOTHING
    return "; ".join(cell.lost)


def _notes(step: Step, *, of_files: bool) -> Iterator[tuple[Status, str]]:
    if step.in_both:
        verb = "fails" if step.in_both == 1 else "fail"
        which = f"of them {verb} in {step.source} too" if of_files else f"{verb} in both"
        yield Status.FAIL, f"{step.in_both} {which}"
    if step.lossy:
        yield Status.DEGRADED, f"{step.lossy} {_loads(step.lossy)} with losses"
    if step.unchanged:
        yield Status.PASS, f"{step.unchanged} {_loads(step.unchanged)} unchanged"
    if step.unknown:
        yield Status.NOT_RUN, f"{step.unknown} could not be judged"


def _loads(number: int) -> str:
    return "loads" if number == 1 else "load"


def _fix_all(results: Results, files: list[FileStep], target: str) -> str | None:
    if not results.of_files:
        return None
    commands = Commands(results)
    paths = _paths(results)
    fixable = [
        paths[file.there.scenario] for file in files if file.is_broken and file.there.repaired_by
    ]
    if commands.is_fixing or not fixable:
        return None
    return commands.fix_all(fixable, target)


def _paths(results: Results) -> Mapping[str, str]:
    return {scenario.name: scenario.file or scenario.name for scenario in results.scenarios}


def _rows(results: Results, files: list[FileStep], target: str) -> Iterator[AnswerRow]:
    stories = {cause.slug: cause.story for cause in results.causes}
    scenarios = {scenario.name: scenario for scenario in results.scenarios}
    commands = Commands(results)
    for file in files:
        cell, scenario = file.there, scenarios[file.there.scenario]
        path = scenario.file
        helped = cell.repaired_by
        fixed = scenario.fixed if target == results.candidate else None
        known = cell.cause if cell.cause != UNCLASSIFIED else None
        yield AnswerRow(
            key=f"{cell.scenario}/{cell.format}/{cell.saved_with}/{cell.loaded_with}",
            file=path or f"{cell.scenario} · {cell.format}",
            written_by=scenario.written_by,
            before=file.home.status if file.home else None,
            after=cell.status,
            why=_why(cell, stories.get(known or "")),
            at=fault_of(cell),
            cause=known if known in stories else None,
            broken=file.is_broken,
            # A file may be made with more fixes than load it, so that it needs none.
            fix=made_with(fixed) or (helped.id if helped else None),
            command=commands.fix(path, target) if path and helped and not fixed else None,
            gives_up=("; ".join(fixed.lost) or NOTHING) if fixed else gives_up(cell),
            fixed=fixed.path if fixed else None,
        )


def made_with(fixed: FixedResult | None) -> str | None:
    """Return the ids of the fixes that a file was written with."""
    return " + ".join(fixed.remedies) or None if fixed else None


def _why(cell: CellResult, story: str | None) -> str:
    if cell.status is Status.PASS:
        return ""
    text = story or first_line(cell.summary)
    return text if len(text) <= LONGEST_WHY else f"{text[: LONGEST_WHY - 1]}…"
