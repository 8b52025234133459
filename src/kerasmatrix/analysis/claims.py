"""Puts published claims beside the evidence: of the cells a claim speaks of, how many are so."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from kerasmatrix.config.scenario import Claim, Scenario
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import CellResult, ClaimResult
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["check_claims"]

# These say nothing about what Keras does.
SILENT = {Status.UNSUPPORTED, Status.NOT_COMPARABLE, Status.INFRA, Status.NOT_RUN}


def check_claims(
    scenarios: Iterable[Scenario], cells: Sequence[CellResult], order: Sequence[str]
) -> tuple[ClaimResult, ...]:
    """Return a result for every claim of ``scenarios``.

    Args:
        scenarios: whose claims.
        cells: the evidence.
        order: names of the environments, oldest first.
    """
    age = {name: index for index, name in enumerate(order)}
    return tuple(
        _check(scenario.name, claim, cells, age)
        for scenario in scenarios
        for claim in scenario.claims
    )


def _check(
    scenario: str, claim: Claim, cells: Sequence[CellResult], age: Mapping[str, int]
) -> ClaimResult:
    spoken_of = [
        cell
        for cell in cells
        if cell.scenario == scenario
        and cell.format in claim.formats
        and cell.status not in SILENT
        # A save that failed says something about saving only.
        and (cell.status is not Status.SAVE_FAILED or _speaks_of_saving(claim))
        and _stands_in(claim.relation, age[cell.saved_with], age[cell.loaded_with])
        and (not claim.among or cell.status in claim.among)
        and (not claim.names_layers or cell.culprits is not None)
    ]
    so = [_is_so(claim, cell) for cell in spoken_of]
    confirmed = sum(so)
    places = [f"{cell.format}/{cell.saved_with}/{cell.loaded_with}" for cell in spoken_of]
    if not spoken_of:
        verdict = "not measured"
    elif confirmed == len(spoken_of):
        verdict = "holds"
    else:
        verdict = "holds in part" if confirmed else "contradicted"
    return ClaimResult.model_validate(
        {
            "scenario": scenario,
            "says": claim.says,
            "verdict": verdict,
            "cells": len(spoken_of),
            "confirmed": confirmed,
            "statuses": Counter(cell.status for cell in spoken_of),
            "confirmed_by": tuple(compress(places, so)),
            "contradicted_by": tuple(compress(places, map(operator.not_, so))),
        }
    )


def _speaks_of_saving(claim: Claim) -> bool:
    """Whether the claim is about saving: it predicts a failure of it, or any load outcome."""
    any_load = {Status.PASS, Status.DEGRADED, Status.DRIFT, Status.FAIL}
    return Status.SAVE_FAILED in claim.status or any_load <= set(claim.status)


def _stands_in(relation: str, writer: int, reader: int) -> bool:
    return {
        "any": True,
        "same": writer == reader,
        "different": writer != reader,
        "newer-reader": reader > writer,
        "older-reader": reader < writer,
    }[relation]


def _is_so(claim: Claim, cell: CellResult) -> bool:
    if cell.status not in claim.status or (claim.names_layers and not cell.culprits):
        return False
    if claim.error is None:
        return True
    links = cell.error.chain if cell.error else ()
    pattern = compile_pattern(claim.error)
    return any(pattern.is_in(f"{link.type}: {link.message}") for link in links)
