"""Checks published claims: how many of the cells that a claim applies to agree with it. Pure."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress

from kerasmatrix.config.scenario import Claim, Scenario
from kerasmatrix.results.cells import SAYS_NOTHING, Status
from kerasmatrix.results.schema import CellResult, ClaimResult
from kerasmatrix.text.patterns import compile_pattern

__all__ = ["check_claims"]


def check_claims(
    scenarios: Iterable[Scenario], cells: Sequence[CellResult], order: Sequence[str]
) -> tuple[ClaimResult, ...]:
    """Return a result for every claim of ``scenarios``.

    Args:
        scenarios: the scenarios with the claims.
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
    concerned = [
        cell
        for cell in cells
        if cell.scenario == scenario
        and cell.format in claim.formats
        and cell.status not in SAYS_NOTHING
        # A failed save is evidence on saving only.
        and (cell.status is not Status.SAVE_FAILED or _concerns_saving(claim))
        and _has_relation(claim.relation, age[cell.saved_with], age[cell.loaded_with])
        and (not claim.among or cell.status in claim.among)
        and (not claim.names_layers or cell.culprits is not None)
    ]
    agreeing = [_agrees(claim, cell) for cell in concerned]
    confirmed = sum(agreeing)
    places = [f"{cell.format}/{cell.saved_with}/{cell.loaded_with}" for cell in concerned]
    if not concerned:
        verdict = "not measured"
    elif confirmed == len(concerned):
        verdict = "holds"
    else:
        verdict = "holds in part" if confirmed else "contradicted"
    return ClaimResult.model_validate(
        {
            "scenario": scenario,
            "says": claim.says,
            "verdict": verdict,
            "cells": len(concerned),
            "confirmed": confirmed,
            "statuses": Counter(cell.status for cell in concerned),
            "confirmed_by": tuple(compress(places, agreeing)),
            "contradicted_by": tuple(compress(places, map(operator.not_, agreeing))),
        }
    )


def _concerns_saving(claim: Claim) -> bool:
    """Whether the claim is about saving: it predicts a failure of it, or any load outcome."""
    any_load = {Status.PASS, Status.DEGRADED, Status.DRIFT, Status.FAIL}
    return Status.SAVE_FAILED in claim.status or any_load <= set(claim.status)


def _has_relation(relation: str, writer: int, reader: int) -> bool:
    return {
        "any": True,
        "same": writer == reader,
        "different": writer != reader,
        "newer-reader": reader > writer,
        "older-reader": reader < writer,
    }[relation]


def _agrees(claim: Claim, cell: CellResult) -> bool:
    if cell.status not in claim.status or (claim.names_layers and not cell.culprits):
        return False
    if claim.error is None:
        return True
    links = cell.error.chain if cell.error else ()
    pattern = compile_pattern(claim.error)
    return any(pattern.is_in(f"{link.type}: {link.message}") for link in links)
