"""The kinds of jobs of a run: saves and loads, and the work on cells that fail or are in doubt."""

from __future__ import annotations

from typing import NamedTuple

from kerasmatrix.execution.bridges import Chain
from kerasmatrix.results.cells import Cell, Save

__all__ = ["ConvertJob", "FinalLoad", "FixJob", "Job", "RetryJob", "subject_of"]


class FixJob(NamedTuple):
    """Find the layer at fault in a failing cell, and try fixes."""

    cell: Cell


class ConvertJob(NamedTuple):
    """The last step of a chain: an intermediate version loads a file and saves it again."""

    row: Save
    chain: Chain


class FinalLoad(NamedTuple):
    """The end of a chain: the cell's version loads the file of the last intermediate version."""

    cell: Cell
    chain: Chain


class RetryJob(NamedTuple):
    """Repeat a save or load, a load with ``remedies`` if there are any, at ``most`` so often."""

    subject: Save | Cell
    most: int
    remedies: tuple[str, ...] = ()

    @property
    def environment(self) -> str:
        """The environment of the task that is repeated."""
        of = self.subject
        return of.loaded_with if isinstance(of, Cell) else of.saved_with


Job = Save | Cell | FixJob | ConvertJob | FinalLoad | RetryJob


def subject_of(job: Job) -> Save | Cell:
    """Return the row or cell that a job is about."""
    match job:
        case FixJob() | FinalLoad():
            return job.cell
        case ConvertJob():
            return job.row
        case RetryJob():
            return job.subject
    return job
