"""Makes targets of the environments of ``matrix.yaml``."""

from __future__ import annotations

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.version_names import NamedVersion, find_versions
from kerasmatrix.prediction.target import Target

__all__ = ["select_targets", "target_of"]

EVERYTHING = "all"  # the group that is selected by default


def target_of(environment: Environment, lock: Lock) -> Target:
    """Return ``environment`` as a target."""
    return Target(
        environment=environment.name,
        release=release_of(environment, lock),
        tensorflow=environment.tensorflow,
        python=environment.python,
        keras_packages=lock.importable & {"keras", "tf-keras"},
    )


def select_targets(matrix: Matrix, project: Project, names: tuple[str, ...]) -> tuple[Target, ...]:
    """Return the environments of these names or of groups of these names; all if there are none.

    Raises:
        UsageError: there is no such environment, or it has no lock.
    """
    default = (EVERYTHING,) if EVERYTHING in matrix.groups else ()
    selected = matrix.ungrouped(names or default) or tuple(matrix.environments)
    known = matrix.environments
    if any(name not in known for name in selected):
        every = [_locked(environment, project) for environment in matrix.sorted_environments()]
        versions = [
            NamedVersion(target.environment, target.tensorflow, target.release, env.legacy_keras)
            for target, env in zip(every, matrix.sorted_environments(), strict=True)
        ]
        selected = find_versions(selected, versions)
    chosen = matrix.select(environments=selected).environments
    return tuple(_locked(environment, project) for environment in chosen)


def _locked(environment: Environment, project: Project) -> Target:
    return target_of(environment, read_lock(project.locks_with(environment.name), environment))
