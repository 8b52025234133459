"""First step of a conversion: checks the files in the target, and finds fixes that work there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError
from kerasmatrix.files.check import CheckResult, check
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.reference_candidates import ReferencePolicy
from kerasmatrix.files.session import Session
from kerasmatrix.results.cells import LOADS, Save, Status
from kerasmatrix.results.schema import CellResult

__all__ = ["TargetCheck", "search_fixes", "target_checks"]

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
        saved = self.checked.state.saves.get(Save(*self.row))
        if saved is None or saved.observation.artifact is None:
            return False
        return (self.session.store.artifacts / saved.observation.artifact / INPUTS).is_file()

    @property
    def row(self) -> Save:
        """The file with its format and its reference."""
        return Save(self.cell.scenario, self.cell.format, self.cell.saved_with)

    @property
    def obstacle(self) -> KerasmatrixError | None:
        """Why the cell was not measured, if it was not."""
        cell = self.cell
        if cell.status is Status.UNSUPPORTED:
            return UsageError(
                f"{self.model_input.path}: {cell.summary}",
                hint="convert it into an .h5 file for a version that has the format, "
                "and then that file",
            )
        if cell.status in {Status.INFRA, Status.NOT_RUN}:
            return InfrastructureError(
                f"{self.target.name}: environment unavailable: {cell.summary}"
            )
        unavailable = [env for env in self.checked.results.environments if env.trouble]
        if unavailable and not self.has_reference:
            return InfrastructureError(
                f"{unavailable[0].name}: environment unavailable, and no other version loads the "
                f"file: {unavailable[0].trouble}"
            )
        return None


def search_fixes(
    session: Session,
    model_inputs: Sequence[ModelInput],
    target: Environment,
    through: Sequence[Environment],
) -> list[TargetCheck]:
    """Return a check of each file in the target, in their order.

    At first only the target and the version nearest to each file's writer load the files; all of
    ``through`` do where that does not suffice.
    """
    policy = ReferencePolicy(among=tuple(through), near=0)
    checked = check(session, model_inputs, [target], policy=policy)
    found = target_checks(session, model_inputs, target, checked)
    left = [each.model_input for each in found if not (each.has_fix and each.has_reference)]
    environments = tuple({env.name: env for env in (*through, target)}.values())
    if left and len(environments) > len(checked.results.environments):
        again = check(session, left, environments)
        better = target_checks(session, left, target, again)
        by_name = {each.model_input.scenario.name: each for each in better}
        found = [by_name.get(each.model_input.scenario.name, each) for each in found]
    return found


def target_checks(
    session: Session,
    model_inputs: Sequence[ModelInput],
    target: Environment,
    checked: CheckResult,
) -> list[TargetCheck]:
    """Return the cell of each file in the target.

    Raises:
        BaseException: that which ended the check.
    """
    if checked.interruption:
        raise checked.interruption
    cells = {cell.scenario: cell for cell in checked.results.cells
             if cell.loaded_with == target.name}  # fmt: skip
    return [
        TargetCheck(session, model, target, checked, cells[model.scenario.name])
        for model in model_inputs
    ]
