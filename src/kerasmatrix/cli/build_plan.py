"""Makes the selection and the plan of a run from the options of a command."""

from __future__ import annotations

from kerasmatrix.config.matrix import Matrix, Selection
from kerasmatrix.config.project import Project
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.execution.build_plan import build_plan
from kerasmatrix.execution.plan import Plan, Remedies

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
    """Return the selected part of the matrix. A column is added to the group if it is not in it."""
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
    """Return the plan of a selection."""
    scenarios = {name: load_scenario(project.scenario(name)) for name in selection.scenarios}
    locks = {
        env.name: read_lock(project.locks_with(env.name), env) for env in selection.environments
    }
    return build_plan(
        matrix, selection, scenarios, locks, engine, columns=columns, remedies=remedies
    )
