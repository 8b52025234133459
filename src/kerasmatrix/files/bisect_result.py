"""What a bisection found, as a value: what ``kerasmatrix bisect --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.files.binary_search import Finding
from kerasmatrix.results.observations import Status

__all__ = ["Bisection", "Look", "ReleaseFound"]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Look(_Value):
    """An environment, and what became of the file there.

    ``made`` says that it is none of the matrix's. ``skipped`` is an environment that could not be
    had: that says nothing about Keras.
    """

    environment: str
    tensorflow: str
    keras: str | None = Field(default=None, description="where `tf.keras` has releases of its own")
    python: str
    made: bool = False
    finding: Finding
    status: Status
    summary: str
    cause: str | None = None


class ReleaseFound(_Value):
    """A package whose release is the change, with its version on either side."""

    package: str
    older: str | None
    newer: str
    notes: str = Field(description="the address of the newer release's notes")


class Bisection(_Value):
    """Between which two neighbours a file breaks.

    ``last_good`` and ``first_bad`` are neighbours as far as versions can be had: ``skipped`` are
    those in between that cannot. Where a file breaks more than once on the way, this is one of the
    places.
    """

    schema_version: Literal[1] = 1
    file: str
    good: Look = Field(description="as asked for")
    bad: Look = Field(description="as asked for")
    downwards: bool = Field(
        default=False, description="the bad one is the older: last and first are counted from above"
    )
    last_good: Look
    first_bad: Look
    releases: tuple[ReleaseFound, ...] = Field(description="what changed: TensorFlow, Keras")
    also: Mapping[str, tuple[str | None, str | None]] = Field(
        description="other packages that differ, with their versions with good and bad"
    )
    skipped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    looks: tuple[Look, ...] = Field(description="in the order in which they were taken")
    candidates: int = Field(description="versions among which it was sought, ends included")
    loads: int = Field(description="environments in which the file was to be loaded")
    measured: int = Field(description="tasks done for it; none where all was known")
