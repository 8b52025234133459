"""From the options of a verb to what is measured: a selection, and the plan of it."""

from __future__ import annotations

from pathlib import Path

import kerasmatrix.harness.remedies
from kerasmatrix.config.matrix import Matrix, Selection
from kerasmatrix.config.project import Project
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.execution.plan import Plan, Remedies
from kerasmatrix.filesystem.digests import digest_folder

__all__ = ["plan_of", "select"]


def select(  # noqa: PLR0913 - one argument per option
    *,
    matrix: Matrix,
    group: str,
    environments: tuple[str, ...],
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
    columns: tuple[str, ...],
) -> Selection:
    """Return what the options select. A column need not be in the group: it is added to it."""
    chosen = matrix.select(
        group=group, environments=environments, scenarios=scenarios, formats=formats
    )
    if not columns:
        return chosen
    names = (*(env.name for env in chosen.environments), *columns)
    return matrix.select(group=group, environments=names, scenarios=scenarios, formats=formats)


def plan_of(  # noqa: PLR0913 - what a plan is made of
    matrix: Matrix,
    project: Project,
    selection: Selection,
    engine: Engine,
    *,
    columns: tuple[str, ...] = (),
    remedies: Remedies = "first",
) -> Plan:
    """Return what is to be measured of a selection."""
    return Plan(
        selection=selection,
        scenarios={name: load_scenario(project.scenario(name)) for name in selection.scenarios},
        locks={
            env.name: read_lock(project.locks_with(env.name), env) for env in selection.environments
        },
        engine=engine.name,
        recipe=engine.recipe,
        harness=digest_folder(Path(kerasmatrix.harness.__file__).parent),
        limits=matrix.limits,
        tolerance=matrix.tolerance,
        columns=frozenset(columns) or None,
        remedies=remedies,
        repair=digest_folder(Path(kerasmatrix.harness.remedies.__file__).parent),
    )
