"""Which remedies to try next in a cell, given what was tried. Pure.

A cause names remedies in order; then come those that are worth trying whatever the cause. Where
an attempt fails with another cause than before it has got further, and the new cause's remedies
are added to it: a file can have several things wrong with it, one behind the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kerasmatrix.diagnosis.catalogue import Catalogue, Remedy

__all__ = ["Patient", "Tried", "next_attempt"]

# More than three things wrong at once has not been seen; more attempts cost more than they repair.
TOGETHER = 3
ATTEMPTS = 8

Remedies = tuple[str, ...]


@dataclass(frozen=True)
class Patient:
    """A cell to be repaired: its cause (a slug, or None) and what remedies depend on."""

    cause: str | None
    format: str
    reader_keras: int


@dataclass(frozen=True)
class Tried:
    """How an attempt ended. ``cause`` is that of what it failed with, if it did."""

    verified: bool
    cause: str | None = None


def next_attempt(
    catalogue: Catalogue,
    patient: Patient,
    tried: Mapping[Remedies, Tried],
    *,
    everything: bool = False,
) -> Remedies | None:
    """Return the remedies to try together next, or None when there is nothing left to do.

    Args:
        catalogue: which causes have which remedies.
        patient: the cell.
        tried: the attempts so far.
        everything: go on after the first that works.
    """
    if not everything and any(outcome.verified for outcome in tried.values()):
        return None
    if len(tried) >= ATTEMPTS:
        return None
    seen: set[frozenset[str]] = {frozenset(remedies) for remedies in tried}
    for remedies in _candidates(catalogue, patient, patient.cause, (), tried):
        if frozenset(remedies) not in seen:
            return remedies
    return None


def _candidates(
    catalogue: Catalogue,
    patient: Patient,
    cause: str | None,
    base: Remedies,
    tried: Mapping[Remedies, Tried],
) -> Iterator[Remedies]:
    """Yield what to try on top of ``base``, which failed with ``cause``, deepest first."""
    for remedy in _in_order(catalogue, patient, cause, general=not base):
        if remedy.id in base or len(base) >= TOGETHER:
            continue
        if remedy.final and not all(_is_program(catalogue, id_) for id_ in base):
            continue
        together = _sorted(catalogue, (*base, remedy.id))
        yield together
        outcome = tried.get(together)
        if remedy.final or outcome is None or outcome.verified:
            continue
        if outcome.cause is not None and outcome.cause != cause:
            yield from _candidates(catalogue, patient, outcome.cause, together, tried)


def _in_order(
    catalogue: Catalogue, patient: Patient, cause: str | None, *, general: bool
) -> list[Remedy]:
    """Return the remedies for ``cause`` in its own order, then the general ones."""
    slugs = {known.slug: known for known in catalogue.causes}
    advised = [advice.id for advice in slugs[cause].advice] if cause in slugs else []
    named = [remedy for id_ in advised if (remedy := catalogue.remedy(id_)) is not None]
    more = [remedy for remedy in catalogue.remedies if remedy.general] if general else []
    return [
        remedy
        for remedy in dict.fromkeys((*named, *more))
        if remedy.by == "load"
        and patient.format in remedy.formats
        and remedy.reader_keras in {None, patient.reader_keras}
    ]


def _is_program(catalogue: Catalogue, id_: str) -> bool:
    remedy = catalogue.remedy(id_)
    return remedy is not None and remedy.program


def _sorted(catalogue: Catalogue, remedies: Remedies) -> Remedies:
    """Return ``remedies`` in the catalogue's order, in which they are also carried out."""
    order = {remedy.id: number for number, remedy in enumerate(catalogue.remedies)}
    return tuple(sorted(remedies, key=order.__getitem__))
