"""First step of a conversion: checks the file in the target, and finds fixes that work there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files.check import CheckResult, check
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.session import Session
from kerasmatrix.files.version_distance import by_version_distance
from kerasmatrix.results.cells import LOADS, Status
from kerasmatrix.results.schema import CellResult

__all__ = ["TargetCheck", "search_fixes"]

INPUTS = "probe.npz"


class TargetCheck(NamedTuple):
    """A check of a file, and its cell in the target version."""

    session: Session
    model_input: ModelInput
    target: Environment
    checked: CheckResult
    cell: CellResult

    @property
    def has_fix(self) -> bool:
        """Whether the target loads the file, as it is or with a fix."""
        fixes = self.cell.remedies
        return self.cell.status in LOADS or any(fix.status == "verified" for fix in fixes)

    @property
    def has_reference(self) -> bool:
        """Whether a version loads the file as it is and has computed its outputs."""
        saved = next(iter(self.checked.observed.saves.values()), None)
        if saved is None or saved.observation.artifact is None:
            return False
        return (self.session.store.artifacts / saved.observation.artifact / INPUTS).is_file()


def search_fixes(
    session: Session, model_input: ModelInput, target: Environment, through: Sequence[Environment]
) -> TargetCheck:
    """Return a check of the file in the target.

    At first only the target and the version nearest to the file's writer load the file; all of
    ``through`` do if that does not suffice.

    Raises:
        UsageError: the target does not have the file's format.
        InfrastructureError: an environment that is needed is unavailable.
    """
    environments = tuple({env.name: env for env in (*through, target)}.values())
    locks = {env.name: session.lock(env) for env in environments}
    nearest = by_version_distance(model_input.model_file.writer, environments, locks)[0]
    few = [env for env in environments if env.name in {nearest, target.name}]
    target_check = _check(session, model_input, target, few)
    if not (target_check.has_fix and target_check.has_reference) and len(few) < len(environments):
        target_check = _check(session, model_input, target, environments)
    _require_measured(target_check)
    return target_check


def _check(
    session: Session,
    model_input: ModelInput,
    target: Environment,
    environments: Sequence[Environment],
) -> TargetCheck:
    checked = check(session, [model_input], environments)
    if checked.interruption:
        raise checked.interruption
    cell = next(cell for cell in checked.results.cells if cell.loaded_with == target.name)
    return TargetCheck(session, model_input, target, checked, cell)


def _require_measured(target_check: TargetCheck) -> None:
    """Check that the cell was measured.

    Raises:
        UsageError: the target does not have the file's format.
        InfrastructureError: an environment that is needed is unavailable.
    """
    cell = target_check.cell
    if cell.status is Status.UNSUPPORTED:
        raise UsageError(
            f"{target_check.model_input.path}: {cell.summary}",
            hint="convert it into an .h5 file for a version that has the format, "
            "and then that file",
        )
    if cell.status in {Status.INFRA, Status.NOT_RUN}:
        raise InfrastructureError(
            f"{target_check.target.name}: environment unavailable: {cell.summary}"
        )
    unavailable = [env for env in target_check.checked.results.environments if env.trouble]
    if unavailable and not target_check.has_reference:
        raise InfrastructureError(
            f"{unavailable[0].name}: environment unavailable, and no other version loads the "
            f"file: {unavailable[0].trouble}"
        )
