"""Describes a job of a run in a few words."""

from __future__ import annotations

from kerasmatrix.execution.jobs import ConvertJob, FinalLoad, FixJob, Job, RetryJob
from kerasmatrix.results.cells import Cell, Save

__all__ = ["describe_job"]


def describe_job(job: Job) -> str:
    """Describe a job in a few words, without the environment that does it."""
    match job:
        case FixJob(cell):
            return f"try a fix for {cell.saved_with}'s {cell.scenario} as {cell.format}"
        case ConvertJob(row, chain):
            return f"convert {row.saved_with}'s {row.scenario} to {chain[-1].format}"
        case FinalLoad(cell, chain):
            return f"load {cell.saved_with}'s {cell.scenario} via {chain[-1].environment}"
        case RetryJob(subject):
            return f"repeat: {describe_job(subject)}"
        case Cell():
            return f"load {job.saved_with}'s {job.scenario} as {job.format}"
        case Save():
            return f"save {job.scenario} as {job.format}"
