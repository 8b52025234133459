"""Builds the plan of a run: the one place where a plan gets its digests and limits."""

from __future__ import annotations

from collections.abc import Mapping

from kerasmatrix.config.matrix import Matrix, Selection
from kerasmatrix.config.scenario import Scenario
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import Lock
from kerasmatrix.execution.plan import Plan, Remedies
from kerasmatrix.filesystem.digests import harness_digest, remedies_digest

__all__ = ["build_plan"]


def build_plan(  # noqa: PLR0913 - a plan is made of these
    matrix: Matrix,
    selection: Selection,
    scenarios: Mapping[str, Scenario],
    locks: Mapping[str, Lock],
    engine: Engine,
    *,
    columns: tuple[str, ...] = (),
    remedies: Remedies = "first",
    platform: str | None = None,
) -> Plan:
    """Return the plan of a selection.

    Args:
        matrix: has the limits and the tolerance.
        selection: the environments, scenarios and formats.
        scenarios: by name.
        locks: by the name of the environment.
        engine: opens the environments.
        columns: the only environments that load; all of the selection if empty.
        remedies: which fixes to try on failing cells.
        platform: where the files are used, if that is another one.
    """
    return Plan(
        selection=selection,
        scenarios=scenarios,
        locks=locks,
        engine=engine.name,
        recipe=engine.recipe,
        harness=harness_digest(),
        repair=remedies_digest(),
        limits=matrix.limits,
        tolerance=matrix.tolerance,
        columns=frozenset(columns) or None,
        remedies=remedies,
        platform=platform,
    )
