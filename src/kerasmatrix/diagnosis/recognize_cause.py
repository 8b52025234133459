"""Recognizes the cause of a failure by the signatures of the catalogue. Pure.

The most specific signature that fits wins. If two causes fit equally well, the catalogue is wrong.
If none fits, the result is None and the cell is `unclassified`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from kerasmatrix.diagnosis.catalogue import Catalogue, Cause, Signature
from kerasmatrix.results.bounds import MOST_LINKS, cut
from kerasmatrix.results.cells import Status
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["LONGEST_TEXT", "AmbiguousError", "Evidence", "candidates", "recognize_cause"]

# The middle of longer texts is ignored; the texts of workers are shorter.
LONGEST_TEXT = 100_000


class AmbiguousError(Exception):
    """Two causes fit equally well: an error of the catalogue."""


@dataclass(frozen=True)
class Evidence:
    """The facts of a cell.

    An unknown status or format is None and contradicts no signature. An unknown Keras version fits
    no signature that requires one.
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
        """The printed text, up to a limit."""
        return (_limited(self.log),)

    @cached_property
    def losses(self) -> tuple[bytes, ...]:
        """The losses, up to a limit."""
        return tuple(_limited(loss) for loss in self.lost[:MOST_LINKS])


def recognize_cause(catalogue: Catalogue, evidence: Evidence) -> Cause | None:
    """Return the cause, or None if no signature fits.

    Raises:
        AmbiguousError: several causes fit equally well.
    """
    # Almost all cells have a specific cause: most signatures need not be searched for.
    for group in catalogue.by_specificity:
        causes = {cause.slug: cause for cause, signature in group if _fits(signature, evidence)}
        if len(causes) > 1:
            raise AmbiguousError(f"equally specific: {', '.join(causes)}")
        if causes:
            return next(iter(causes.values()))
    return None


def candidates(catalogue: Catalogue, evidence: Evidence) -> list[tuple[Cause, tuple[int, int]]]:
    """Return the causes that fit, each with the specificity of its best signature."""
    found = []
    for cause in catalogue.causes:
        fitting = [sign.specificity for sign in cause.signatures if _fits(sign, evidence)]
        if fitting:
            found.append((cause, max(fitting)))
    return found


def _fits(signature: Signature, evidence: Evidence) -> bool:
    # Facts first: it is cheaper to compare them than to search texts.
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
    # Without a text to find, an unknown status is not evidence.
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
