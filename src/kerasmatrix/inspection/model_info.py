"""The description of a model file that `inspect` returns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field, field_serializer

from kerasmatrix.strict_model import StrictModel

__all__ = [
    "Hazard",
    "Holder",
    "Kind",
    "Lambda",
    "ModelFile",
    "Part",
    "SecondFormat",
    "Training",
    "Weights",
    "Writer",
]

Kind = Literal[
    "hdf5-model",
    "hdf5-weights",
    "keras-archive",
    "saved-model",
    "architecture-json",
    "architecture-yaml",
    "sharded-weights",
    "checkpoint",
]
# A holder is an archive that is unpacked into a folder, a pickle, or a folder of MLflow.
Holder = Literal["folder", "pickle", "mlflow"]


class Writer(StrictModel):
    """The version that wrote the file. The file has the ``recorded`` fields; others are deduced."""

    keras: str | None = None
    keras_major: Literal[1, 2, 3] | None = None
    tensorflow: str | None = Field(default=None, description="a version, or a range of them")
    backend: str | None = None
    date: str | None = None
    recorded: tuple[str, ...] = ()
    because: str | None = Field(default=None, description="the source of the deduced fields")


class Part(StrictModel):
    """A layer or model of the architecture, with what is inside it."""

    name: str | None = None
    class_name: str
    module: str | None = None
    registered_name: str | None = None
    custom: bool = Field(default=False, description="no known release of Keras has it")
    shape: tuple[int | None, ...] | None = Field(default=None, description="of its input, if known")
    dtype: str | None = None
    parameters: int | None = None
    parts: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """Yield this part and all inside it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Lambda(StrictModel):
    """A Lambda layer: its Python bytecode runs when the model is called.

    A ``function`` is the name of one that the file does not hold. ``raw`` bytecode, of Keras 2.0,
    is not encoded, and no later version reads it.
    """

    layer: str
    python: str | None = Field(description="the minors that can read it; None if unknown")
    function: str | None = Field(default=None, description="the name of a function, if stored so")
    raw: bool = False


class Hazard(StrictModel):
    """A part of the file that reaches beyond the model when the file is loaded.

    ``code`` is a function or class of Python, or a function of Keras that acts outside a model;
    ``pickle`` a pickle, which runs code when it is read; ``file`` a path outside the file, or an
    operation on files.
    """

    kind: Literal["code", "pickle", "file"]
    layer: str = Field(description="the layer, or the part of the file")
    names: str = Field(description="the code, the argument, the path, or the operation")

    @property
    def sentence(self) -> str:
        """A sentence about the effect on the machine that loads the file."""
        if self.kind == "pickle":
            return f"{self.layer} holds a pickle ({self.names}), which runs code when it is read"
        if self.kind == "file":
            return f"{self.layer} reaches outside the file: {self.names}"
        return f"{self.layer} names code outside the model, which a load can call: {self.names}"


class Training(StrictModel):
    """The compile settings."""

    optimizer: str | None = None
    optimizer_state: bool | None = Field(default=None, description="None if unknown")
    optimizer_slots: int = Field(
        default=0, description="arrays other than counters and rates, such as moments"
    )
    optimizer_steps: int = Field(default=0, description="made so far; 0 also if unknown")
    loss: str | None = None
    metrics: tuple[str, ...] = ()


class Weights(StrictModel):
    """The weight arrays; ``digest``, if requested, is over names, shapes, types and bytes."""

    arrays: int
    parameters: int
    bytes: int
    digest: str | None = None


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
