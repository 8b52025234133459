"""Summaries of a table: the causes that its cells have, and the fixes that were tried. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.results.cells import REPAIRABLE, TOGETHER, UNCLASSIFIED
from kerasmatrix.results.schema import CauseResult, CellResult, RemedyInfo

__all__ = ["count_causes", "remedies_of"]


def count_causes(cells: Iterable[CellResult]) -> tuple[CauseResult, ...]:
    """Return the causes that cells have, the commonest first, and how many were repaired."""
    counts: Counter[str] = Counter()
    failing: Counter[str] = Counter()
    repaired: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        if cell.cause is None or cell.cause == UNCLASSIFIED:
            continue
        counts[cell.cause] += 1
        failing[cell.cause] += cell.status in REPAIRABLE
        if cell.repaired_by:
            repaired[cell.cause][cell.repaired_by.id] += 1
    found = []
    for slug, number in counts.most_common():
        cause = the_catalogue()[slug]
        told = cause.model_dump(include={"slug", "story", "what", "advice", "sources"})
        by = repaired[slug]
        found.append(
            CauseResult.model_validate(
                {
                    **told,
                    "cells": number,
                    "failing": failing[slug],
                    "repaired": by.total(),
                    "repaired_by": dict(by.most_common()),
                }
            )
        )
    return tuple(found)


def remedies_of(cells: Iterable[CellResult]) -> tuple[RemedyInfo, ...]:
    """Return what the catalogue says of the remedies that cells tell of, in its order."""
    used = {part for cell in cells for tried in cell.remedies for part in tried.id.split(TOGETHER)}
    return tuple(
        RemedyInfo.model_validate(remedy.model_dump(include={"id", "title", "code", "gives_up"}))
        for remedy in the_catalogue().remedies
        if remedy.id in used
    )
