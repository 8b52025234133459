"""Says where a message comes from, by the atlas of what Keras, TensorFlow and h5py can raise.

``survey/messages.py`` makes ``atlas.jsonl``: a line for each template, in which ``{}`` stands for a
value. The texts between the gaps are looked for in their order, each once: the time grows with the
message, not faster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.results.bounds import MOST_LINKS
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["Note", "Origin", "Template", "find_origins", "note_on", "the_atlas", "the_notes"]

GAP = "{}"
LONGEST = 20_000  # characters of a message that are compared
FEWEST = 16  # characters of a template that must be found
DISTINCT = 24  # characters that a template must have to say a cause by itself
WHOLE = 0.5  # the share of a template's characters that a message which is cut must have


class Origin(StrictModel):
    """A place that raises a message, and the releases of the package in which it is worded so."""

    package: str
    error: str
    template: str
    place: str
    releases: str
    do: str | None = None
    cause: str | None = None


class Note(StrictModel):
    """The knowledge about messages that no signature recognizes.

    ``cause`` is the slug of what raises them, whatever their wording. Where there is none, ``do``
    this; without it, they are internal.
    """

    message: str | None = None
    place: str | None = None
    do: str | None = None
    cause: str | None = None

    def concerns(self, template: Template) -> bool:
        """Return whether this is a note on ``template``."""
        if self.message is not None:
            return compile_pattern(self.message).is_in(template.text)
        pattern = compile_pattern(self.place or "")
        return any(pattern.is_in(place) for place, _ in template.places)


class _Notes(StrictModel):
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Template:
    """A template of a message, with its places: ``module:function`` and releases."""

    package: str
    error: str
    text: str
    places: tuple[tuple[str, str], ...]
    literals: tuple[str, ...]

    def weight_in(self, message: str) -> int:
        """Return how many characters of the template are found in ``message``, in order.

        Return 0 if one is missing, unless most of them are there: the message may be cut.
        """
        at = found = 0
        for literal in self.literals:
            place = message.find(literal, at)
            if place < 0:
                found += _end(message[at:], literal)
                whole = sum(map(len, self.literals))
                return found if found >= max(2 * FEWEST, WHOLE * whole) else 0
            at = place + len(literal)
            found += len(literal)
        return found


def _end(message: str, literal: str) -> int:
    """Return the length of the longest beginning of ``literal`` with which ``message`` ends."""
    longest = min(len(message), len(literal))
    return next((size for size in range(longest, 3, -1) if message.endswith(literal[:size])), 0)


@cache
def the_atlas() -> tuple[Template, ...]:
    """Return all templates of the atlas that comes with kerasmatrix."""
    text = resources.files("kerasmatrix.diagnosis").joinpath("atlas.jsonl").read_text("utf-8")
    return tuple(_templates(text))


@cache
def the_notes() -> tuple[Note, ...]:
    """Return the notes on messages, the first that concerns one counts."""
    with resources.as_file(resources.files("kerasmatrix.diagnosis")) as folder:
        return YamlSource(folder / "atlas_notes.yaml").parse(_Notes).notes


def note_on(template: Template) -> Note | None:
    """Return the note on a template, if there is one."""
    return next((note for note in the_notes() if note.concerns(template)), None)


def _templates(text: str) -> Iterator[Template]:
    for line in text.splitlines()[1:]:
        package, error, template, places = json.loads(line)
        literals = tuple(part for part in template.split(GAP) if part.strip())
        if sum(map(len, literals)) >= FEWEST:
            yield Template(package, error, template, tuple(places.items()), literals)


def find_origins(chain: Sequence[tuple[str, str]]) -> tuple[Origin, ...]:
    """Return where the exceptions of ``chain`` are raised, by the templates that fit best."""
    for _, whole in chain[:MOST_LINKS]:
        message = whole[:LONGEST]
        begun = [one for one in the_atlas() if one.literals[0] in message]
        weighed = [(one.weight_in(message), one) for one in begun]
        most = max((weight for weight, _ in weighed), default=0)
        if most >= FEWEST:
            best = [one for weight, one in weighed if weight == most]
            return tuple(_origins(best))
    return ()


def _origins(templates: Sequence[Template]) -> Iterator[Origin]:
    for one in templates:
        note = note_on(one)
        for place, releases in one.places:
            yield Origin(
                package=one.package,
                error=one.error,
                template=one.text,
                place=place,
                releases=releases,
                do=note.do if note else None,
                cause=note.cause if note and len(GAP.join(one.literals)) >= DISTINCT else None,
            )
