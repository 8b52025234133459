"""Recognizes the cause of a failure by the signatures of the catalogue. Pure.

The most specific signature that fits wins. If two causes fit equally well, the catalogue is wrong.
If none fits, the result is None and the cell is `unclassified`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kerasmatrix.diagnosis.catalogue import Catalogue, Cause, Signature
from kerasmatrix.diagnosis.python_names import Named
from kerasmatrix.results.bounds import MOST_LINKS, cut
from kerasmatrix.results.cells import Status
from kerasmatrix.text.patterns import compile_pattern

__all__ = [
    "LONGEST_TEXT",
    "AmbiguousError",
    "Candidate",
    "Evidence",
    "candidates",
    "recognize_cause",
]

# The middle of longer texts is ignored; the texts of workers are shorter.
LONGEST_TEXT = 100_000


class AmbiguousError(Exception):
    """Two causes fit equally well: an error of the catalogue."""


@dataclass(frozen=True)
class Evidence:
    """The facts of a cell, or of a message. An unknown one is None, and fits no condition."""

    chain: Sequence[tuple[str, str]] = ()
    log: str = ""
    named: Sequence[Named] = ()
    lost: Sequence[str] = ()
    status: Status | None = None
    format: str | None = None
    writer_keras: int | None = None
    reader_keras: int | None = None

    @cached_property
    def texts(self) -> tuple[bytes, ...]:
        """Each exception of the chain as ``type: message``, up to a limit."""
        return tuple(_limited(f"{kind}: {message}") for kind, message in self.chain[:MOST_LINKS])

    @cached_property
    def logs(self) -> tuple[bytes, ...]:
        """The printed text, up to a limit."""
        return (_limited(self.log),)

    @cached_property
    def losses(self) -> tuple[bytes, ...]:
        """The losses, up to a limit."""
        return tuple(_limited(loss) for loss in self.lost[:MOST_LINKS])


@dataclass(frozen=True)
class Candidate:
    """A cause whose text was found, with the part that matched.

    ``lacks`` are the facts that its signature asks for and that are not known: it may be the cause.
    """

    cause: Cause
    signature: Signature
    matched: str
    lacks: tuple[str, ...] = ()


def recognize_cause(catalogue: Catalogue, evidence: Evidence) -> Cause | None:
    """Return the cause, or None if no signature fits.

    Raises:
        AmbiguousError: several causes fit equally well, and none is a special case of the others.
    """
    errors = _errors(catalogue, evidence)
    for group in catalogue.by_specificity:
        found = {
            cause.slug: cause
            for cause, signature in group
            if signature.error in errors and _fits(signature, evidence)
        }
        if found:
            return _finest(found)
    return None


def _finest(found: Mapping[str, Cause]) -> Cause:
    wider = {cause.within for cause in found.values()}
    finest = [cause for slug, cause in found.items() if slug not in wider]
    # Those that cells show have been measured, and have fixes that can be tried.
    finest = [cause for cause in finest if not cause.reported] or finest
    if len(finest) != 1:
        raise AmbiguousError(f"equally specific: {', '.join(found)}")
    return finest[0]


def candidates(catalogue: Catalogue, evidence: Evidence) -> list[Candidate]:
    """Return each cause whose text is found, by its best signature, the most specific first.

    Those that lack a fact come after those that lack none.
    """
    errors = _errors(catalogue, evidence)
    found: dict[tuple[str, bool], Candidate] = {}
    for group in catalogue.by_specificity:
        for cause, signature in group:
            if signature.error not in errors:
                continue
            lacks = _lacking(signature, evidence)
            if lacks is None or (cause.slug, bool(lacks)) in found:
                continue
            matched = _matched(signature, evidence)
            if matched is not None:
                found[cause.slug, bool(lacks)] = Candidate(cause, signature, matched, lacks)
    complete = {slug for slug, lacks in found if not lacks}
    kept = [one for (slug, lacks), one in found.items() if not (lacks and slug in complete)]
    return sorted(kept, key=lambda one: bool(one.lacks))


def _errors(catalogue: Catalogue, evidence: Evidence) -> set[str | None]:
    """Return the patterns for exceptions that match one of the chain; None, for no pattern, too."""
    return {None}.union(*map(catalogue.errors.found_in, evidence.texts))


def _fits(signature: Signature, evidence: Evidence) -> bool:
    # Facts first: it is cheaper to compare them than to search texts.
    return _lacking(signature, evidence) == () and _matched(signature, evidence) is not None


def _lacking(signature: Signature, evidence: Evidence) -> tuple[str, ...] | None:
    """Return the facts that a signature asks for and that are unknown; None if one contradicts."""
    asked: list[tuple[str, Sequence[object], object]] = [
        ("status", signature.status, evidence.status),
        ("format", signature.format, evidence.format),
        ("writer_keras", _one(signature.writer_keras), evidence.writer_keras),
        ("reader_keras", _one(signature.reader_keras), evidence.reader_keras),
    ]
    asked = [(name, wanted, known) for name, wanted, known in asked if wanted]
    if any(known is not None and known not in wanted for _, wanted, known in asked):
        return None
    return tuple(name for name, _, known in asked if known is None)


def _one(value: object | None) -> tuple[object, ...]:
    return () if value is None else (value,)


def _matched(signature: Signature, evidence: Evidence) -> str | None:
    """Return the text that a signature finds; None if one of its patterns finds none."""
    parts = (
        (signature.error, evidence.texts),
        (signature.log, evidence.logs),
        (signature.lost, evidence.losses),
    )
    found: list[str] = []
    for pattern, texts in parts:
        if pattern is None:
            continue
        only = signature if pattern is signature.error else None
        matched = next(
            (m for text in texts if (m := _first(pattern, text, only)) is not None), None
        )
        if matched is None:
            return None
        found.append(matched)
    if signature.name:
        named = next((one.text for one in evidence.named if one.state in signature.name), None)
        if named is None:
            return None
        found.append(named)
    # A signature of facts only has no text.
    return found[0] if found else ""


def _first(pattern: str, text: bytes, signature: Signature | None) -> str | None:
    compiled = compile_pattern(pattern)
    if signature is None or not (signature.unless or signature.same or signature.twice):
        return compiled.first_in(text)
    for found in compiled.found_in(text):
        allowed = all(found[name] != other for name, other in signature.unless.items())
        equal = len({found[name] for name in signature.same}) <= 1
        if allowed and equal and _is_twice([int(found[name]) for name in signature.twice]):
            return compiled.first_in(text)
    return None


def _is_twice(numbers: Sequence[int]) -> bool:
    return not numbers or 2 * min(numbers) == max(numbers)


def _limited(text: str) -> bytes:
    return cut(text, LONGEST_TEXT).encode()
