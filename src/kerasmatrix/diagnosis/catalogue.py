"""The catalogue of causes as a typed, checked value. It is data: ``causes.yaml``."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from kerasmatrix.errors import UsageError
from kerasmatrix.formats import FORMATS
from kerasmatrix.outcome import Status
from kerasmatrix.yaml_source import YamlSource

__all__ = ["Catalogue", "Cause", "Remedy", "Signature", "load_catalogue", "the_catalogue"]

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signature(_Strict):
    """What a cause looks like. All that is given must fit.

    ``error`` is a regular expression sought in each ``type: message`` of the exception chain,
    ``log`` one sought in what was printed, ``lost`` one sought in what a degraded cell lost.
    ``rank`` settles which of several fitting causes is the more specific; each further condition
    counts one more.
    """

    error: str | None = None
    log: str | None = None
    lost: str | None = None
    status: tuple[Status, ...] = ()
    format: tuple[str, ...] = ()
    writer_keras: Literal[2, 3] | None = None
    reader_keras: Literal[2, 3] | None = None
    rank: Annotated[int, Field(ge=0, le=9)] = 3

    @field_validator("error", "log", "lost")
    @classmethod
    def _valid_pattern(cls, pattern: str | None) -> str | None:
        try:
            re.compile(pattern or "")
        except re.error as problem:
            raise ValueError(f"not a regular expression: {problem}") from None
        return pattern

    @field_validator("format")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in FORMATS:
                raise ValueError(f"unknown format {name!r}")
        return names

    @property
    def conditions(self) -> int:
        """How many things it asks for beside one text."""
        texts = sum(pattern is not None for pattern in (self.error, self.log, self.lost))
        facts = (self.status, self.format, self.writer_keras, self.reader_keras)
        return max(0, texts - 1) + sum(bool(fact) for fact in facts)

    @property
    def specificity(self) -> tuple[int, int]:
        """The larger, the more specific."""
        return (self.rank, self.conditions)


class Remedy(_Strict):
    """Something known to help, cheapest first in its cause. ``loses`` says what it gives up."""

    id: Slug
    do: Text
    code: str | None = None
    loses: str | None = None


class Cause(_Strict):
    """One way in which a model does not come back."""

    slug: Slug
    story: Text = Field(description="one line for the report")
    what: Text = Field(description="what went wrong, and between which versions")
    signatures: tuple[Signature, ...] = Field(min_length=1)
    remedies: tuple[Remedy, ...] = Field(min_length=1)
    sources: tuple[Text, ...] = Field(min_length=1)

    @field_validator("signatures")
    @classmethod
    def _says_something(cls, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        for signature in signatures:
            if not (signature.error or signature.log or signature.lost or signature.status):
                raise ValueError("a signature needs an error, a log, what was lost, or a status")
        return signatures


class Catalogue(_Strict):
    """All causes."""

    causes: tuple[Cause, ...]

    def __getitem__(self, slug: str) -> Cause:
        for cause in self.causes:
            if cause.slug == slug:
                return cause
        raise KeyError(slug)


def load_catalogue(path: Path) -> Catalogue:
    """Read a catalogue.

    Raises:
        UsageError: anything wrong in it, with the line; a slug that stands twice.
    """
    source = YamlSource(path)
    catalogue = source.parse(Catalogue)
    seen: set[str] = set()
    for index, cause in enumerate(catalogue.causes):
        if cause.slug in seen:
            raise source.error(("causes", index, "slug"), f"{cause.slug!r} stands twice")
        seen.add(cause.slug)
    return catalogue


@cache
def the_catalogue() -> Catalogue:
    """Return the catalogue that comes with kerasmatrix."""
    with resources.as_file(resources.files("kerasmatrix.diagnosis") / "causes.yaml") as path:
        try:
            return load_catalogue(path)
        except UsageError as error:  # pragma: no cover - a test reads it
            raise AssertionError(error.message) from error
