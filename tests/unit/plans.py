"""Plans over fake environments, for what works on a plan alone."""

from pathlib import Path

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.execution.plan import Plan
from tests.unit.fakes import make_project


def make_plan(
    folder: Path, *environments: str, current: str | None = None, candidate: str | None = None
) -> Plan:
    """Return the plan of one scenario, `first`, as h5."""
    matrix = load_matrix(make_project(folder, *environments))
    selection = matrix.select(group="default")
    return Plan(
        selection=selection.model_copy(update={"current": current, "candidate": candidate}),
        scenarios={"first": load_scenario(folder / "scenarios" / "first")},
        locks={
            env.name: read_lock(folder / "images" / "locks", env) for env in selection.environments
        },
        engine="fake",
        harness="",
        limits=matrix.limits,
        tolerance=matrix.tolerance,
    )
