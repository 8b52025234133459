"""Chooses the fixes to try next in a failing cell, given the attempts so far. Pure.

First come the fixes that the cause names, in its order, then those of the wider cause of which it
is a special case, then the general ones. An attempt that fails with another cause got further, and
the fixes of the new cause are added to it, or the general ones if it is unknown: a file can have
several problems, each of which hides the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kerasmatrix.diagnosis.catalogue import Catalogue, Cause, Remedy

__all__ = ["FailingCell", "Tried", "search_fix"]

# An archive with a Lambda and a hard_sigmoid needs four at once in a Keras without archives.
MOST_TOGETHER = 4
MOST_ATTEMPTS = 10

Remedies = tuple[str, ...]


@dataclass(frozen=True)
class FailingCell:
    """A cell to be fixed: its cause (a slug, or None) and the facts that fixes depend on."""

    cause: str | None
    format: str
    reader_keras: int


@dataclass(frozen=True)
class Tried:
    """The result of an attempt, with the cause of its failure.

    The cause is None if the attempt worked, or if the fix does not apply.
    """

    verified: bool
    cause: str | None = None


def search_fix(
    catalogue: Catalogue,
    failing: FailingCell,
    tried: Mapping[Remedies, Tried],
    *,
    everything: bool = False,
) -> Remedies | None:
    """Return the fixes to try together next, or None if there is nothing left to try.

    Args:
        catalogue: all causes and fixes.
        failing: the cell.
        tried: the attempts so far.
        everything: continue after the first fix that works.
    """
    if not everything and any(outcome.verified for outcome in tried.values()):
        return None
    if len(tried) >= MOST_ATTEMPTS:
        return None
    seen: set[frozenset[str]] = {frozenset(remedies) for remedies in tried}
    for remedies in _candidates(catalogue, failing, failing.cause, (), tried):
        if frozenset(remedies) not in seen:
            return remedies
    return None


def _candidates(
    catalogue: Catalogue,
    failing: FailingCell,
    cause: str | None,
    base: Remedies,
    tried: Mapping[Remedies, Tried],
) -> Iterator[Remedies]:
    """Yield combinations that add to ``base``, which failed with ``cause``, deepest first."""
    is_unknown = cause not in {known.slug for known in catalogue.causes}
    for remedy in _in_order(catalogue, failing, cause, general=not base or is_unknown):
        if remedy.id in base or len(base) >= MOST_TOGETHER:
            continue
        if remedy.final and not all(_is_program(catalogue, id_) for id_ in base):
            continue
        together = _sorted(catalogue, (*base, remedy.id))
        yield together
        outcome = tried.get(together)
        if remedy.final or outcome is None or outcome.verified:
            continue
        if outcome.cause is not None and outcome.cause != cause:
            yield from _candidates(catalogue, failing, outcome.cause, together, tried)


def _in_order(
    catalogue: Catalogue, failing: FailingCell, cause: str | None, *, general: bool
) -> list[Remedy]:
    """Return the fixes for ``cause`` in its order, then the general ones."""
    slugs: dict[str | None, Cause] = {known.slug: known for known in catalogue.causes}
    special = slugs.get(cause)
    # The fixes of a wider cause may help in each of its special cases.
    causes = (special, slugs.get(special.within)) if special else ()
    advised = [advice.id for known in causes if known for advice in known.advice]
    named = [remedy for id_ in advised if (remedy := catalogue.remedy(id_)) is not None]
    more = [remedy for remedy in catalogue.remedies if remedy.general] if general else []
    return [
        remedy
        for remedy in dict.fromkeys((*named, *more))
        if remedy.by == "load"
        and failing.format in remedy.formats
        and (failing.format, cause) not in remedy.pointless
        and remedy.reader_keras in {None, failing.reader_keras}
    ]


def _is_program(catalogue: Catalogue, id_: str) -> bool:
    remedy = catalogue.remedy(id_)
    return remedy is not None and remedy.program


def _sorted(catalogue: Catalogue, remedies: Remedies) -> Remedies:
    """Return ``remedies`` in the order of the catalogue, in which they are also applied."""
    order = {remedy.id: number for number, remedy in enumerate(catalogue.remedies)}
    return tuple(sorted(remedies, key=order.__getitem__))
