"""Describes a job of a run in a few words."""

from __future__ import annotations

from kerasmatrix.execution.jobs import ConvertJob, FinalLoad, FixJob, Job, RetryJob
from kerasmatrix.files.discover import ENDINGS
from kerasmatrix.results.cells import Cell, Save

__all__ = ["describe_job"]


def describe_job(job: Job) -> str:
    """Describe a job in a few words, without the environment that does it."""
    match job:
        case FixJob(cell):
            return f"try a fix for {_file(cell)}"
        case ConvertJob(row, chain):
            return f"convert {_file(row)} to {chain[-1].format}"
        case FinalLoad(cell, chain):
            return f"load {_file(cell)} via {chain[-1].environment}"
        case RetryJob(subject):
            return f"repeat: {describe_job(subject)}"
        case Cell():
            return f"load {_file(job)}"
        case Save():
            is_file = _is_model_file(job)
            return f"look at {job.scenario}" if is_file else f"save {job.scenario} as {job.format}"


def _file(job: Cell | Save) -> str:
    """Return the name of a user's file, or which file of a scenario it is."""
    if _is_model_file(job):
        return job.scenario
    return f"{job.saved_with}'s {job.scenario} as {job.format}"


def _is_model_file(job: Cell | Save) -> bool:
    """Return whether a scenario is a file that a user named, as far as its name shows."""
    return job.scenario.endswith(ENDINGS)
