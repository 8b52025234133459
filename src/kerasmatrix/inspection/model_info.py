"""The description of a model file that `inspect` returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_serializer

from kerasmatrix.inspection.facts import (
    Hazard,
    Holder,
    Kind,
    Lambda,
    Part,
    Training,
    Weights,
    Writer,
)
from kerasmatrix.strict_model import StrictModel

__all__ = ["ModelFile", "SecondFormat"]


class SecondFormat(StrictModel):
    """The other type of a file that has two types at once."""

    container: Literal["hdf5", "keras-archive", "keras-folder", "orbax-checkpoint"]
    model: ModelFile | None = Field(default=None, description="its description as that type")
    trouble: str | None = Field(default=None, description="why there is none")


class ModelFile(StrictModel):
    """The description of a model file.

    If the file has two types at once, custom objects, Lambdas and hazards are those of both.
    """

    path: str
    kind: Kind
    bytes: int
    holder: Holder | None = Field(default=None, description="what the model is packed in")
    companion: str | None = Field(
        default=None, description="the file next to it with its weights or its architecture"
    )
    writer: Writer = Writer()
    architecture: Part | None = None
    layers: int = 0
    custom_objects: tuple[str, ...] = ()
    lambdas: tuple[Lambda, ...] = ()
    hazards: tuple[Hazard, ...] = ()
    dtype_policies: tuple[str, ...] = ()
    quantized: Mapping[str, int] = Field(
        default_factory=dict, description="the count of quantized layers by mode, such as int8"
    )
    training: Training | None = None
    weights: Weights | None = None
    notes: tuple[str, ...] = Field(default=(), description="warnings for the user")
    second: SecondFormat | None = Field(
        default=None, description="the other type, if the file has two"
    )

    @property
    def is_plain_data(self) -> bool:
        """Whether loading the file runs no code from it, as far as is known.

        A SavedModel is a program. A file with anything unusual is not considered plain data.
        """
        is_program = self.kind == "saved-model"
        unusual = self.lambdas or self.hazards or self.custom_objects or self.notes
        return not (is_program or unusual)

    @field_serializer("path", "companion")
    def _as_text(self, path: str | None) -> str | None:
        """Replace the parts of a path that are not valid Unicode."""
        return None if path is None else path.encode("utf-8", "replace").decode("utf-8")
