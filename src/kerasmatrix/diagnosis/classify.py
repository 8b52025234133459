"""From what was seen in a cell to its cause. Pure.

The most specific signature that fits wins. Where two causes fit equally well the catalogue is at
fault, and where none fits the answer is None: that is honest, and the cell says `unclassified`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from kerasmatrix.diagnosis.catalogue import Catalogue, Cause, Signature
from kerasmatrix.results.bounds import MOST_LINKS, cut
from kerasmatrix.results.observations import Status
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["LONGEST_TEXT", "AmbiguousError", "Evidence", "candidates", "classify"]

# Of a text so much is looked at, its middle left out; what a worker answers is shorter.
LONGEST_TEXT = 100_000


class AmbiguousError(Exception):
    """Two causes fit equally well: an error of the catalogue."""


@dataclass(frozen=True)
class Evidence:
    """What is known of a cell.

    A status or format that is not known is None and contradicts no signature; a signature that
    asks for the Keras of a side needs it to be known.
    """

    chain: Sequence[tuple[str, str]] = ()
    log: str = ""
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
        """What was printed, up to a limit."""
        return (_limited(self.log),)

    @cached_property
    def losses(self) -> tuple[bytes, ...]:
        """What was lost, up to a limit."""
        return tuple(_limited(what) for what in self.lost[:MOST_LINKS])


def classify(catalogue: Catalogue, evidence: Evidence) -> Cause | None:
    """Return the cause, or None where the catalogue knows none.

    Raises:
        AmbiguousError: several causes fit and none is the more specific.
    """
    found = candidates(catalogue, evidence)
    if not found:
        return None
    best = max(specificity for _, specificity in found)
    causes = [cause for cause, specificity in found if specificity == best]
    if len(causes) > 1:
        slugs = ", ".join(cause.slug for cause in causes)
        raise AmbiguousError(f"equally specific: {slugs}")
    return causes[0]


def candidates(catalogue: Catalogue, evidence: Evidence) -> list[tuple[Cause, tuple[int, int]]]:
    """Return the causes that fit, each with the specificity of its best signature."""
    found = []
    for cause in catalogue.causes:
        fitting = [sign.specificity for sign in cause.signatures if _fits(sign, evidence)]
        if fitting:
            found.append((cause, max(fitting)))
    return found


def _fits(signature: Signature, evidence: Evidence) -> bool:
    # The facts first: they cost less to compare than texts to search.
    if not (
        _agrees(signature.status, evidence.status)
        and _agrees(signature.format, evidence.format)
        and signature.writer_keras in {None, evidence.writer_keras}
        and signature.reader_keras in {None, evidence.reader_keras}
    ):
        return False
    if signature.error is not None and not _shows_error(signature, evidence.texts):
        return False
    if signature.log is not None and not _shows(signature.log, evidence.logs):
        return False
    if signature.lost is not None and not _shows(signature.lost, evidence.losses):
        return False
    asks_for_text = signature.error or signature.log or signature.lost
    # What is not known contradicts nothing, but it shows nothing either.
    return bool(asks_for_text) or evidence.status is not None


def _shows_error(signature: Signature, texts: Sequence[bytes]) -> bool:
    if not (signature.unless or signature.same):
        return _shows(signature.error or "", texts)
    pattern = compile_pattern(signature.error or "")
    return any(
        all(found[name] != text for name, text in signature.unless.items())
        and len({found[name] for name in signature.same}) <= 1
        for text in texts
        for found in pattern.found_in(text)
    )


def _shows(pattern: str, texts: Sequence[bytes]) -> bool:
    compiled = compile_pattern(pattern)
    return any(compiled.is_in(text) for text in texts)


def _limited(text: str) -> bytes:
    return cut(text, LONGEST_TEXT).encode("utf-8", "replace")


def _agrees(wanted: Sequence[object], found: object | None) -> bool:
    return not wanted or found is None or found in wanted
