"""The files that come with models: the code of their custom classes, and sample inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.errors import UsageError

__all__ = ["ModelAssets"]

INPUTS_ENDING = ".npz"


@dataclass(frozen=True)
class ModelAssets:
    """Code and sample inputs for one or several models.

    Attributes:
        code: the module with the models' custom classes.
        inputs: an npz file for all models, or a folder with one for each.
    """

    code: Path | None = None
    inputs: Path | None = None

    def check(self) -> None:
        """Check that the files exist and have the right type.

        Raises:
            UsageError: one does not.
        """
        if self.code:
            self._check_code(self.code)
        if self.inputs:
            self._check_inputs(self.inputs)

    def inputs_for(self, model: Path) -> Path | None:
        """Return the sample inputs of a model; those in a folder have the model's name."""
        if self.inputs is None or not self.inputs.is_dir():
            return self.inputs
        names = (f"{model.name}{INPUTS_ENDING}", f"{model.stem}{INPUTS_ENDING}")
        return next((path for name in names if (path := self.inputs / name).is_file()), None)

    @staticmethod
    def _check_code(code: Path) -> None:
        if not code.exists():
            raise UsageError(f"{code}: there is no such file")
        if not (code.is_file() and code.suffix == ".py"):
            raise UsageError(
                f"{code}: is not a Python file",
                hint="name the module that defines the model's own classes",
            )
        if not code.stem.isidentifier():
            raise UsageError(
                f"{code}: {code.stem!r} is not a module name",
                hint="use the name under which programs import it",
            )

    @staticmethod
    def _check_inputs(inputs: Path) -> None:
        if inputs.is_dir():
            if not any(inputs.glob(f"*{INPUTS_ENDING}")):
                raise UsageError(
                    f"{inputs}: is a folder without .npz files",
                    hint="the inputs of models/churn.h5 are in churn.npz or churn.h5.npz, "
                    "written with numpy.savez",
                )
        elif not (inputs.is_file() and inputs.suffix == INPUTS_ENDING):
            raise UsageError(
                f"{inputs}: is neither an .npz file nor a folder of them",
                hint="write one with numpy.savez(path, first_input, second_input)",
            )
