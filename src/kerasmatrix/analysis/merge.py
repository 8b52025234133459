"""Merges the results of a run's shards into those of the whole run. Pure.

A measured cell replaces one that was not measured. Contradictory results are refused: either the
shards are not of one run, or a cell is not deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from kerasmatrix.analysis.claims import check_claims
from kerasmatrix.analysis.summary import count_causes, remedies_of
from kerasmatrix.analysis.upstream import upstream_results
from kerasmatrix.config.scenario import Scenario
from kerasmatrix.errors import UsageError
from kerasmatrix.prediction.metrics import score
from kerasmatrix.results.cells import IN_ANOTHER_SHARD, Cell, Status, cell_of
from kerasmatrix.results.schema import CellResult, EnvironmentResult, Results, RunInfo

__all__ = ["merge"]

# The rank of a measured cell: see `_rank`.
MEASURED = 3
# Number of contradictory cells that are named; the rest is counted.
NAMED = 10


def merge(parts: Mapping[str, Results], scenarios: Iterable[Scenario], command: str) -> Results:
    """Return the results of the whole run.

    Args:
        parts: the results to merge, by their name in errors; at least one.
        scenarios: the scenarios of the results, whose claims are checked again.
        command: the command that merges them.

    Raises:
        UsageError: they are of different matrices, or contradict each other.
    """
    (first_name, first), *others = parts.items()
    for name, part in others:
        _check_same_matrix(first_name, first, name, part)
    cells = _merge_cells(parts)
    environments = _merge_environments(list(parts.values()))
    order = [environment.name for environment in environments]
    runs = [part.run for part in parts.values()]
    # The id of the first shard, so that merging twice makes one run in the history.
    earliest = min(runs, key=lambda run: run.started)
    return Results(
        run=RunInfo(
            id=earliest.id,
            started=earliest.started,
            finished=max(run.finished for run in runs),
            engine=earliest.engine,
            command=command,
            complete=all(run.complete for run in runs)
            and not any(cell.summary == IN_ANOTHER_SHARD for cell in cells),
            measured=sum(run.measured for run in runs),
            known=sum(run.known for run in runs),
            retries=sum(run.retries for run in runs),
        ),
        environments=environments,
        scenarios=first.scenarios,
        formats=first.formats,
        current=first.current,
        candidate=first.candidate,
        claims=check_claims(scenarios, cells, order),
        causes=count_causes(cells),
        remedies=remedies_of(cells),
        upstream=upstream_results(cells, environments),
        predictor=score(cells),
        cells=cells,
    )


def _merge_cells(parts: Mapping[str, Results]) -> tuple[CellResult, ...]:
    """Return every cell once, in the order of the first part."""
    merged: dict[Cell, CellResult] = {}
    source: dict[Cell, str] = {}
    contradictions = []
    for name, part in parts.items():
        for result in part.cells:
            cell = cell_of(result)
            before = merged.get(cell)
            # Every shard lists all cells; most are not measured there.
            if before is None or _rank(result) > _rank(before):
                merged[cell], source[cell] = result, name
            elif _rank(result) == MEASURED and _describe(result) != _describe(before):
                contradictions.append(
                    f"{' / '.join(cell)}: {_describe(before)} in {source[cell]}, "
                    f"{_describe(result)} in {name}"
                )
    if contradictions:
        more = len(contradictions) - NAMED
        listed = "\n".join(f"  {text}" for text in contradictions[:NAMED])
        raise UsageError(
            f"the results contradict each other in {len(contradictions)} cells:\n{listed}"
            + (f"\n  and {more} more" if more > 0 else ""),
            hint="merge shards of one run only; measure these cells again with --fresh",
        )
    return tuple(merged.values())


def _rank(result: CellResult) -> int:
    """Return the rank of a result in a merge: the highest if the cell was measured."""
    # A fault of the machine outranks a cell that was not tried.
    if result.status is Status.INFRA:
        return 2
    if result.status is Status.NOT_RUN:
        return 0 if result.summary == IN_ANOTHER_SHARD else 1
    return MEASURED


def _describe(result: CellResult) -> str:
    return f"{result.status.value} ({result.cause})" if result.cause else result.status.value


def _merge_environments(parts: Sequence[Results]) -> tuple[EnvironmentResult, ...]:
    """Return the environments, with the trouble that any shard had with them."""
    merged = []
    for same in zip(*(part.environments for part in parts), strict=True):
        trouble = next((env.trouble for env in same if env.trouble), None)
        merged.append(same[0].model_copy(update={"trouble": trouble}))
    return tuple(merged)


def _check_same_matrix(first_name: str, first: Results, name: str, other: Results) -> None:
    """Raise an error where ``other`` is not about the same matrix as ``first``."""
    views: dict[str, Callable[[Results], object]] = {
        "engine": lambda part: part.run.engine,
        "environments": lambda part: _names(env.name for env in part.environments),
        "scenarios": lambda part: _names(scenario.name for scenario in part.scenarios),
        "formats": lambda part: _names(part.formats),
        "cells": lambda part: len(part.cells),
    }
    for kind, view in views.items():
        if view(first) != view(other):
            raise UsageError(
                f"{name}: is about other {kind} than {first_name}: {view(other)}, "
                f"there {view(first)}",
                hint="merge shards of one run only",
            )
    for here, there in zip(other.environments, first.environments, strict=True):
        for field in ("lock", "python", "variables"):
            if getattr(here, field) != getattr(there, field):
                raise UsageError(
                    f"{name}: environment {here.name!r} has another {field} than in {first_name}: "
                    f"{getattr(here, field)}, there {getattr(there, field)}",
                    hint="merge shards of one run only",
                )
    if {cell_of(result) for result in other.cells} != {cell_of(result) for result in first.cells}:
        raise UsageError(
            f"{name}: has other cells than {first_name}", hint="merge shards of one run only"
        )


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
