"""The catalogue of causes and remedies as a typed, checked value.

It is data: ``causes.yaml`` and ``remedies.yaml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.results.observations import Status
from kerasmatrix.text.patterns import compile_pattern

__all__ = [
    "Advice",
    "Catalogue",
    "Cause",
    "Remedy",
    "Signature",
    "load_catalogue",
    "the_catalogue",
]

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Signature(_Strict):
    """What a cause looks like. All that is given must fit.

    ``error`` is a regular expression sought in each ``type: message`` of the exception chain,
    ``log`` one sought in what was printed, ``lost`` one sought in what a degraded cell lost. Their
    syntax is that of RE2, which takes a time linear in the text. ``unless`` are groups of ``error``
    by name, each with a text that it must not be; ``same`` are groups that must be equal.
    ``rank`` settles which of several fitting causes is the more specific; each further condition
    counts one more.
    """

    error: str | None = None
    log: str | None = None
    lost: str | None = None
    unless: Mapping[str, str] = Field(default_factory=dict)
    same: tuple[str, ...] = ()
    status: tuple[Status, ...] = ()
    format: tuple[str, ...] = ()
    writer_keras: Literal[2, 3] | None = None
    reader_keras: Literal[2, 3] | None = None
    rank: Annotated[int, Field(ge=0, le=9)] = 3

    @field_validator("error", "log", "lost")
    @classmethod
    def _valid_pattern(cls, pattern: str | None) -> str | None:
        compile_pattern(pattern or "")
        return pattern

    @model_validator(mode="after")
    def _known_groups(self) -> Self:
        named = {*self.unless, *self.same}
        groups = compile_pattern(self.error).groups if self.error else frozenset()
        if named - groups:
            raise ValueError(f"error has no group {', '.join(sorted(named - groups))}")
        return self

    @field_validator("format")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(names)

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


class Advice(_Strict):
    """Something known to help against a cause. ``loses`` says what it gives up.

    Where ``id`` is that of a `Remedy`, it is also tried.
    """

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
    advice: tuple[Advice, ...] = Field(min_length=1)
    sources: tuple[Text, ...] = Field(min_length=1)

    @field_validator("signatures")
    @classmethod
    def _says_something(cls, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        for signature in signatures:
            if not (signature.error or signature.log or signature.lost or signature.status):
                raise ValueError("a signature needs an error, a log, what was lost, or a status")
        return signatures


class Remedy(_Strict):
    """A remedy that can be tried in a cell, and what a user would write to the same end.

    ``by`` says what carries it out: a load made differently, another environment, or a version
    in between. A ``general`` one is worth trying whatever the cause. A ``program`` one changes
    what comes before the load; a ``final`` one takes its place, so only those go with it.
    """

    id: Slug
    title: Text
    by: Literal["load", "environment", "bridge"]
    general: bool = False
    final: bool = False
    program: bool = False
    formats: tuple[str, ...] = Field(min_length=1)
    reader_keras: Literal[2, 3] | None = None
    code: Text
    gives_up: Text | None = None
    source: Text

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(names)


class Catalogue(_Strict):
    """All causes, and all remedies, cheapest first."""

    causes: tuple[Cause, ...]
    remedies: tuple[Remedy, ...] = ()

    def remedy(self, id: str) -> Remedy | None:  # noqa: A002 - it is the remedy's id
        """Return the remedy of that id, or None where it is only advice."""
        return next((remedy for remedy in self.remedies if remedy.id == id), None)

    def __getitem__(self, slug: str) -> Cause:
        for cause in self.causes:
            if cause.slug == slug:
                return cause
        raise KeyError(slug)


def _known(formats: tuple[str, ...]) -> tuple[str, ...]:
    for name in formats:
        if name not in FORMATS:
            raise ValueError(f"unknown format {name!r}")
    return formats


class _Causes(_Strict):
    causes: tuple[Cause, ...]


class _Remedies(_Strict):
    remedies: tuple[Remedy, ...]


def load_catalogue(causes: Path, remedies: Path) -> Catalogue:
    """Read a catalogue from its two files.

    Raises:
        UsageError: anything wrong in one, with the line; a slug or an id that stands twice.
    """
    source = YamlSource(causes)
    found = source.parse(_Causes).causes
    _check_unique(source, "causes", "slug", [cause.slug for cause in found])
    source = YamlSource(remedies)
    tried = source.parse(_Remedies).remedies
    _check_unique(source, "remedies", "id", [remedy.id for remedy in tried])
    return Catalogue(causes=found, remedies=tried)


def _check_unique(source: YamlSource, kind: str, key: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise source.error((kind, index, key), f"{name!r} stands twice")


@cache
def the_catalogue() -> Catalogue:
    """Return the catalogue that comes with kerasmatrix."""
    with resources.as_file(resources.files("kerasmatrix.diagnosis")) as folder:
        try:
            return load_catalogue(folder / "causes.yaml", folder / "remedies.yaml")
        except UsageError as error:  # pragma: no cover - a test reads it
            raise AssertionError(error.message) from error
