"""Counts the causes of cells and collects the fixes that were tried. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.results.cells import FIXABLE, TOGETHER, UNCLASSIFIED
from kerasmatrix.results.schema import CauseResult, CellResult, RemedyInfo

__all__ = ["count_causes", "remedies_of"]


def count_causes(cells: Iterable[CellResult]) -> tuple[CauseResult, ...]:
    """Return the causes of cells, the most frequent first, and how many cells were fixed."""
    counts: Counter[str] = Counter()
    failing: Counter[str] = Counter()
    repaired: dict[str, Counter[str]] = defaultdict(Counter)
    for cell in cells:
        if cell.cause is None or cell.cause == UNCLASSIFIED:
            continue
        counts[cell.cause] += 1
        failing[cell.cause] += cell.status in FIXABLE
        if cell.repaired_by:
            repaired[cell.cause][cell.repaired_by.id] += 1
    causes = []
    for slug, number in counts.most_common():
        cause = the_catalogue()[slug]
        facts = cause.model_dump(
            include={"slug", "story", "what", "advice", "sources"},
            exclude={"advice": {"__all__": {"since", "before", "special"}}},
        )
        by = repaired[slug]
        causes.append(
            CauseResult.model_validate(
                {
                    **facts,
                    "cells": number,
                    "failing": failing[slug],
                    "repaired": by.total(),
                    "repaired_by": dict(by.most_common()),
                }
            )
        )
    return tuple(causes)


def remedies_of(cells: Iterable[CellResult]) -> tuple[RemedyInfo, ...]:
    """Return the fixes that were tried in cells, in the order of the catalogue."""
    used = {part for cell in cells for tried in cell.remedies for part in tried.id.split(TOGETHER)}
    return tuple(
        RemedyInfo.model_validate(remedy.model_dump(include={"id", "title", "code", "gives_up"}))
        for remedy in the_catalogue().remedies
        if remedy.id in used
    )
