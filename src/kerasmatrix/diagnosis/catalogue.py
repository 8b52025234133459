"""Loads the catalogue of causes and fixes, ``causes.yaml`` and ``remedies.yaml``, and checks it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, cached_property
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from kerasmatrix.diagnosis.name_lists import with_names
from kerasmatrix.diagnosis.python_names import STATES
from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.results.cells import Status
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.patterns import PatternSet, compile_pattern

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


class Signature(StrictModel):
    """The evidence that a cause leaves. All conditions that are given must hold.

    ``error`` is a regular expression that must match in a ``type: message`` of the exception chain,
    ``log`` one for the printed text, ``lost`` one for the losses of a degraded cell. ``name`` lists
    states of `python_names`, of which a name in the message has one. The patterns' syntax
    is that of RE2, whose time is linear in the text; ``<<list>>`` stands for the names of a list in
    ``names.yaml``. ``unless`` maps named groups of ``error`` to
    texts that they must not match; the groups in ``same`` must be equal, and of
    the two numbers in ``twice`` one must be twice the other. Of several causes that
    fit, the one with the highest ``rank`` and then with the most conditions wins. `explain` names
    the cause of a low rank only if the signature is enough ``alone``, and gives the advice with the
    id ``first`` before the others.
    """

    error: str | None = None
    log: str | None = None
    lost: str | None = None
    name: tuple[str, ...] = ()
    unless: Mapping[str, str] = Field(default_factory=dict)
    same: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()
    status: tuple[Status, ...] = ()
    format: tuple[str, ...] = ()
    writer_keras: Literal[2, 3] | None = None
    reader_keras: Literal[2, 3] | None = None
    rank: Annotated[int, Field(ge=0, le=9)] = 3
    alone: bool = False
    first: Slug | None = None

    @field_validator("error", "log", "lost")
    @classmethod
    def _valid_pattern(cls, pattern: str | None) -> str | None:
        if pattern is None:
            return None
        complete = with_names(pattern)
        compile_pattern(complete)
        return complete

    @model_validator(mode="after")
    def _known_groups(self) -> Self:
        named = {*self.unless, *self.same, *self.twice}
        groups = compile_pattern(self.error).groups if self.error else frozenset()
        if named - groups:
            raise ValueError(f"error has no group {', '.join(sorted(named - groups))}")
        return self

    @field_validator("format")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(names)

    @field_validator("name")
    @classmethod
    def _known_states(cls, states: tuple[str, ...]) -> tuple[str, ...]:
        for state in states:
            if state not in STATES:
                raise ValueError(f"unknown state {state!r}; known: {', '.join(STATES)}")
        return states

    @property
    def conditions(self) -> int:
        """The number of conditions apart from one text."""
        texts = sum(bool(text) for text in (self.error, self.log, self.lost, self.name))
        facts = (self.status, self.format, self.writer_keras, self.reader_keras)
        return max(0, texts - 1) + sum(bool(fact) for fact in facts)

    @property
    def specificity(self) -> tuple[int, int]:
        """A larger value is more specific."""
        return (self.rank, self.conditions)


class Advice(StrictModel):
    """A known way to deal with a cause. ``loses`` says what it gives up.

    If there is a `Remedy` with the same ``id``, it is tried, too. ``since`` and ``before`` are the
    releases of the loading Keras between which it exists. ``special`` advice is for the texts only
    whose signature names it ``first``.
    """

    id: Slug
    do: Text
    code: str | None = None
    loses: str | None = None
    since: str | None = None
    before: str | None = None
    special: bool = False


class Cause(StrictModel):
    """A cause of failures, losses or other outputs.

    ``within`` is the slug of a wider cause of which this is a special case: where both fit equally
    well, this one is meant. ``symptoms`` are patterns for what people say of it who see no error.
    """

    slug: Slug
    within: Slug | None = None
    story: Text = Field(description="a title for the report")
    what: Text = Field(description="an explanation, with the versions")
    signatures: tuple[Signature, ...] = Field(min_length=1)
    advice: tuple[Advice, ...] = Field(min_length=1)
    sources: tuple[Text, ...] = Field(min_length=1)
    symptoms: tuple[str, ...] = ()
    reported: bool = Field(default=False, description="known from reports of users only")

    @field_validator("symptoms")
    @classmethod
    def _valid_patterns(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            compile_pattern(pattern)
        return patterns

    @model_validator(mode="after")
    def _has_first_advice(self) -> Self:
        ids = {advice.id for advice in self.advice}
        for signature in self.signatures:
            if signature.first not in {None, *ids}:
                raise ValueError(f"no advice has the id {signature.first!r}")
        special = {advice.id for advice in self.advice if advice.special}
        if unused := special - {signature.first for signature in self.signatures}:
            raise ValueError(f"no signature names the advice {', '.join(sorted(unused))} first")
        return self

    @field_validator("signatures")
    @classmethod
    def _says_something(cls, signatures: tuple[Signature, ...]) -> tuple[Signature, ...]:
        for signature in signatures:
            texts = (signature.error, signature.log, signature.lost, signature.name)
            if not (any(texts) or signature.status):
                raise ValueError("a signature needs an error, a log, what was lost, or a status")
        return signatures


class Remedy(StrictModel):
    """A fix that can be tried in a cell, and the code with which a user does the same.

    ``by`` says how it is applied: by another way to load, in another environment, or by way of an
    intermediate version. A ``general`` fix is tried for every cause. A ``program`` fix changes the
    steps before the load; a ``final`` fix replaces the load, so that only ``program`` fixes can be
    combined with it. ``pointless`` are the formats and causes of cells whose load does the same.
    """

    id: Slug
    title: Text
    by: Literal["load", "environment", "bridge"]
    general: bool = False
    final: bool = False
    program: bool = False
    formats: tuple[str, ...] = Field(min_length=1)
    pointless: tuple[tuple[str, Slug], ...] = ()
    reader_keras: Literal[2, 3] | None = None
    code: Text
    gives_up: Text | None = None
    source: Text

    @field_validator("formats")
    @classmethod
    def _known_formats(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _known(names)


class Catalogue(StrictModel):
    """All causes, and all fixes, cheapest first."""

    causes: tuple[Cause, ...]
    remedies: tuple[Remedy, ...] = ()

    @cached_property
    def by_specificity(self) -> tuple[tuple[tuple[Cause, Signature], ...], ...]:
        """All signatures with their causes, the most specific first; equal ones together."""
        pairs = [(cause, sign) for cause in self.causes for sign in cause.signatures]
        pairs.sort(key=lambda pair: pair[1].specificity, reverse=True)
        equal = groupby(pairs, key=lambda pair: pair[1].specificity)
        return tuple(tuple(group) for _, group in equal)

    @cached_property
    def errors(self) -> PatternSet:
        """The patterns for exceptions of all signatures."""
        return PatternSet(
            sign.error for cause in self.causes for sign in cause.signatures if sign.error
        )

    def remedy(self, id: str) -> Remedy | None:  # noqa: A002 - it is the remedy's id
        """Return the fix with that id, or None if it is advice only."""
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


class _Causes(StrictModel):
    causes: tuple[Cause, ...]


class _Remedies(StrictModel):
    remedies: tuple[Remedy, ...]


def load_catalogue(causes: Iterable[Path], remedies: Path) -> Catalogue:
    """Read a catalogue from its files.

    Raises:
        UsageError: an error in one, with its line, or a slug or id that is there twice.
    """
    parsed: list[Cause] = []
    for path in causes:
        source = YamlSource(path)
        more = source.parse(_Causes).causes
        if parsed:  # of the first file, which has the causes that cells show
            more = tuple(cause.model_copy(update={"reported": True}) for cause in more)
        taken = [cause.slug for cause in parsed]
        _check_unique(source, "causes", "slug", [cause.slug for cause in more], taken)
        parsed += more
    source = YamlSource(remedies)
    tried = source.parse(_Remedies).remedies
    _check_unique(source, "remedies", "id", [remedy.id for remedy in tried])
    return Catalogue(causes=tuple(parsed), remedies=tried)


def _check_unique(
    source: YamlSource, kind: str, key: str, names: list[str], taken: Sequence[str] = ()
) -> None:
    for index, name in enumerate(names):
        if name in names[:index] or name in taken:
            raise source.error((kind, index, key), f"{name!r} is there twice")


@cache
def the_catalogue() -> Catalogue:
    """Return the catalogue that comes with kerasmatrix."""
    with resources.as_file(resources.files("kerasmatrix.diagnosis")) as folder:
        try:
            causes = (folder / name for name in ("causes.yaml", "reported.yaml"))
            return load_catalogue(causes, folder / "remedies.yaml")
        except UsageError as error:  # pragma: no cover - a test reads it
            raise AssertionError(error.message) from error
