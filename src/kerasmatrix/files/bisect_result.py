"""The result of a bisection, which ``kerasmatrix bisect --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from kerasmatrix.files.binary_search import Finding
from kerasmatrix.results.cells import Status
from kerasmatrix.strict_model import StrictModel

__all__ = ["Bisection", "Probe", "ReleaseFound"]


class Probe(StrictModel):
    """A load of the file in one environment.

    ``made`` says that the environment is not in the matrix. ``skipped`` means that the environment
    was unavailable, or the load not comparable: that is not a finding about Keras.
    """

    environment: str
    tensorflow: str
    keras: str | None = Field(default=None, description="if `tf.keras` has releases of its own")
    python: str
    made: bool = False
    finding: Finding
    status: Status
    summary: str
    cause: str | None = None


class ReleaseFound(StrictModel):
    """A package whose release is the change, with its version on both sides."""

    package: str
    older: str | None
    newer: str
    notes: str = Field(description="the address of the newer release's notes")


class Bisection(StrictModel):
    """The two neighbours between which a file breaks.

    ``skipped`` are versions between ``last_good`` and ``first_bad`` that were unavailable. If a
    file breaks more than once on the path, this is one of the changes.
    """

    schema_version: Literal[1] = 1
    file: str
    good: Probe = Field(description="as asked for")
    bad: Probe = Field(description="as asked for")
    downwards: bool = Field(
        default=False, description="the bad one is the older: last and first are counted from above"
    )
    last_good: Probe
    first_bad: Probe
    releases: tuple[ReleaseFound, ...] = Field(description="what changed: TensorFlow, Keras")
    also: Mapping[str, tuple[str | None, str | None]] = Field(
        description="other packages that differ, with their versions with good and bad"
    )
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    looks: tuple[Probe, ...] = Field(description="in the order in which they were made")
    candidates: int = Field(description="versions on the path, ends included")
    loads: int = Field(description="environments that loaded the file")
    measured: int = Field(description="tasks that were run; stored results need none")
