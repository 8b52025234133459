"""Makes targets of the environments of ``matrix.yaml``."""

from __future__ import annotations

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.version_names import NamedVersion, find_versions
from kerasmatrix.errors import UsageError
from kerasmatrix.prediction.target import Target

__all__ = ["select_targets", "target_of"]

EVERYTHING = "all"  # the group that is selected by default


def target_of(environment: Environment, lock: Lock) -> Target:
    """Return ``environment`` as a target."""
    return Target(
        environment=environment.name,
        release=release_of(environment, lock),
        tensorflow=environment.tensorflow or "",
        python=environment.python,
        keras_packages=lock.importable & {"keras", "tf-keras"},
    )


def select_targets(matrix: Matrix, project: Project, names: tuple[str, ...]) -> tuple[Target, ...]:
    """Return the environments of these names or of groups of these names; all if there are none.

    Other backends than TensorFlow are left out: the rules do not know them.

    Raises:
        UsageError: there is no such environment, it has no lock, or all have another backend.
    """
    default = (EVERYTHING,) if EVERYTHING in matrix.groups else ()
    selected = matrix.ungrouped(names or default) or tuple(matrix.environments)
    others = {env.name for env in matrix.environments.values() if not env.is_release}
    if others.issuperset(selected):
        raise UsageError(
            f"{selected[0]}: nothing is predicted for another backend than TensorFlow",
            hint="measure it: `kerasmatrix check FILE --environments " + selected[0] + "`",
        )
    selected = tuple(name for name in selected if name not in others)
    known = matrix.environments
    if any(name not in known for name in selected):
        every = [_locked(environment, project) for environment in matrix.releases]
        versions = [
            NamedVersion(target.environment, target.tensorflow, target.release, env.legacy_keras)
            for target, env in zip(every, matrix.releases, strict=True)
        ]
        selected = find_versions(selected, versions)
    chosen = matrix.select(environments=selected).environments
    return tuple(_locked(environment, project) for environment in chosen)


def _locked(environment: Environment, project: Project) -> Target:
    return target_of(environment, read_lock(project.locks_with(environment.name), environment))
