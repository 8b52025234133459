"""Counts what becomes of the files in a step from one version to another. Pure.

upgrade.js counts in the same way for the steps that a reader chooses.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from kerasmatrix.analysis.compare import outcome_of
from kerasmatrix.report.file_verdict import best_source, is_code_error, newest
from kerasmatrix.results.cells import FIXABLE, LOADS_OR_DRIFTS, SAYS_NOTHING, SEVERITY, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = [
    "Cells",
    "FileStep",
    "Step",
    "by_importance",
    "count_step",
    "default_step",
    "neighbouring_steps",
]


class FileStep(NamedTuple):
    """A file in a step: its cell in the target, and the one in the source, if there is one."""

    home: CellResult | None
    there: CellResult

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known about the target."""
        return self.there.status in SAYS_NOTHING or is_code_error(self.there)

    @property
    def is_broken(self) -> bool:
        """Whether the target does not load the file, or computes something else."""
        return self.there.status in FIXABLE and not self.is_unknown

    @property
    def fails_in_both(self) -> bool:
        """Whether the file is broken in the source too."""
        return self.is_broken and self.home is not None and self.home.status in FIXABLE

    def counts_as_broken(self, *, of_files: bool) -> bool:
        """Whether the step breaks the file; see `Step`."""
        return self.is_broken and (of_files or not self.fails_in_both)

    def is_lossy(self, *, of_files: bool) -> bool:
        """Whether the file loads with losses; those of a test model count if they are new."""
        if self.there.status is not Status.DEGRADED:
            return False
        if of_files or self.home is None or self.home.status not in LOADS_OR_DRIFTS:
            return True
        return outcome_of(self.there).is_worse_than(outcome_of(self.home))


class Step(NamedTuple):
    """The counts of a step; ``files`` are all of a user's files, or the measured test models.

    A user's file is broken if the target does not load it, wherever it is from. Of the test models
    those count that the source itself loads.
    """

    source: str | None
    target: str
    files: int
    broken: int
    fixable: int
    fixed: int
    in_both: int  # of a user's files these are among the broken ones
    lossy: int
    unchanged: int
    unknown: int

    @property
    def name(self) -> str:
        """Both versions."""
        return f"{self.source} → {self.target}" if self.source else self.target

    def headline(self) -> str:
        """Return the answer in one line."""
        if not self.files:
            return f"{self.name}: no file was measured"
        files = "1 file" if self.files == 1 else f"{self.files} files"
        if not self.broken:
            return f"{self.name}: none of {files} breaks"
        breaks = "breaks" if self.broken == 1 else "break"
        return f"{self.name}: {self.broken} of {files} {breaks}; {self._fixes()}"

    def _fixes(self) -> str:
        if self.fixed:
            return f"{self.fixed} fixed" if self.fixed < self.broken else f"all {self.fixed} fixed"
        if not self.fixable:
            return "no fix found"
        if self.fixable < self.broken:
            return f"{self.fixable} can be fixed"
        return "it can be fixed" if self.broken == 1 else f"all {self.broken} can be fixed"


class Cells:
    """The cells of results by file and version."""

    def __init__(self, results: Results) -> None:
        self._of_files = results.of_files
        self._rows: dict[tuple[str, str, str], dict[str, CellResult]] = {}
        for cell in results.cells:
            # A user's file is one row, whichever version it is compared with.
            saved = "" if self._of_files else cell.saved_with
            self._rows.setdefault((cell.scenario, cell.format, saved), {})[cell.loaded_with] = cell

    def files(self, source: str | None, target: str) -> Iterator[FileStep]:
        """Yield the files of a step: those of users, or those that ``source`` saved."""
        for (_, _, saved), row in self._rows.items():
            if target not in row or not (self._of_files or saved == source):
                continue
            if row[target].status is not Status.SAVE_FAILED:
                yield FileStep(row.get(source or ""), row[target])


def count_step(results: Results, cells: Cells, source: str | None, target: str) -> Step:
    """Return the counts of a step."""
    files = list(cells.files(source, target))
    unknown = sum(file.is_unknown for file in files)
    of_files = results.of_files
    in_both = sum(file.fails_in_both for file in files)
    broken = [file for file in files if file.counts_as_broken(of_files=of_files)]
    lossy = sum(file.is_lossy(of_files=of_files) for file in files)
    # Test models that fail in both are neither broken by the step nor unchanged.
    other = 0 if of_files else in_both
    # Fixed files were written for this version, and say nothing about others.
    scenarios = results.scenarios if target == results.candidate else ()
    written = {scenario.name for scenario in scenarios if scenario.fixed}
    return Step(
        source=source,
        target=target,
        files=len(files) if of_files else len(files) - unknown,
        broken=len(broken),
        fixable=sum(file.there.repaired_by is not None for file in broken),
        fixed=sum(file.there.scenario in written for file in broken),
        in_both=in_both,
        lossy=lossy,
        unchanged=len(files) - unknown - len(broken) - lossy - other,
        unknown=unknown,
    )


def neighbouring_steps(results: Results, cells: Cells) -> list[Step]:
    """Return the steps from each version to the next, the worst first."""
    steps = [count_step(results, cells, old, new) for old, new in pairwise(results.versions)]
    return sorted(
        (step for step in steps if step.files), key=lambda step: (-step.broken, -step.lossy)
    )


def default_step(results: Results, cells: Cells) -> tuple[str | None, str] | None:
    """Return the step that the page answers: the one that was asked for, else the worst.

    For a matrix, a step across a major version of Keras comes before others.
    """
    if results.candidate and (results.current or results.of_files):
        return results.current, results.candidate
    if results.of_files:
        target = newest(results)
        return best_source(results, target), target
    steps = neighbouring_steps(results, cells)
    majors = {environment.name: environment.keras_major for environment in results.environments}
    across = [step for step in steps if majors[step.source or ""] != majors[step.target]]
    chosen = next(iter(across or steps), None)
    return (chosen.source, chosen.target) if chosen else None


def by_importance(file: FileStep) -> tuple[bool, int, bool]:
    """Sort the files of a step: broken ones first, those without a fix before the others."""
    severity = SEVERITY.get(file.there.status, -1)
    return (not file.is_broken, -severity, file.there.repaired_by is not None)
