"""Divides the scenarios of a run among machines. Pure.

A scenario is never split: a bridge may go through another format of its scenario, so parts of one
would find fewer fixes than the whole. Every shard computes the division for itself; from the same
plan and the same earlier results all get the same one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kerasmatrix.execution.plan import Plan
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["Shard", "share_out", "take_shard", "weigh"]

# How long a cell is assumed to take if none was measured: only the proportions count.
SECONDS = 1.0


class Shard(NamedTuple):
    """One of several parts: ``Shard(1, 3)`` is the first of three."""

    number: int
    of: int


def take_shard(plan: Plan, shard: Shard, earlier: Iterable[Results]) -> frozenset[str]:
    """Return the scenarios of ``plan`` that are this shard's.

    Args:
        plan: the plan of all shards.
        shard: which part.
        earlier: results of earlier runs with their durations, the newest first.
    """
    cells: dict[str, int] = dict.fromkeys(plan.selection.scenarios, 0)
    for cell in plan.cells():
        cells[cell.scenario] += plan.cannot_load(cell) is None
    return share_out(weigh(cells, earlier), shard.of)[shard.number - 1]


def weigh(cells: Mapping[str, int], earlier: Iterable[Results]) -> dict[str, float]:
    """Return about how many seconds each scenario takes.

    Args:
        cells: how many cells each scenario has.
        earlier: results of earlier runs, the newest first. The newest that measured a scenario
            counts for it; one that none measured is taken to be like the others.
    """
    known: dict[str, float] = {}
    for results in earlier:
        known = {**_seconds_per_cell(results), **known}
        if cells.keys() <= known.keys():
            break
    wanted = [known[name] for name in cells if name in known]
    usual = sum(wanted) / len(wanted) if wanted else SECONDS
    return {name: number * known.get(name, usual) for name, number in cells.items()}


def share_out(weights: Mapping[str, float], count: int) -> tuple[frozenset[str], ...]:
    """Return ``count`` parts of about the same weight: the heaviest first, to the lightest part."""
    # Each machine computes this alone, so it must not depend on the order of a set or a dict.
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    for name in sorted(weights, key=lambda name: (-weights[name], name)):
        lightest = min(range(count), key=lambda number: (loads[number], len(parts[number]), number))
        parts[lightest].append(name)
        loads[lightest] += weights[name]
    return tuple(frozenset(part) for part in parts)


def _seconds_per_cell(results: Results) -> dict[str, float]:
    """Return how long a cell of each measured scenario took, its share of the saves included."""
    saves: dict[tuple[str, str, str], float] = {}
    seconds: dict[str, float] = defaultdict(float)
    cells: dict[str, int] = defaultdict(int)
    for cell in results.cells:
        if cell.save is None:
            continue
        saves[cell.scenario, cell.format, cell.saved_with] = cell.save.seconds
        cells[cell.scenario] += 1
        seconds[cell.scenario] += _load_seconds(cell)
    for (scenario, _, _), taken in saves.items():
        seconds[scenario] += taken
    return {name: seconds[name] / number for name, number in cells.items()}


def _load_seconds(cell: CellResult) -> float:
    tried = sum(remedy.seconds or 0.0 for remedy in cell.remedies)
    return 0.0 if cell.inferred_from else tried + (cell.load.seconds if cell.load else 0.0)
