"""A model file as a value: what `inspect` found out about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_serializer

__all__ = [
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
]


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Writer(_Fact):
    """What wrote the file. ``recorded`` are the fields that the file names; others are deduced."""

    keras: str | None = None
    keras_major: Literal[1, 2, 3] | None = None
    tensorflow: str | None = Field(default=None, description="a version, or a range of them")
    backend: str | None = None
    date: str | None = None
    recorded: tuple[str, ...] = ()
    because: str | None = Field(default=None, description="what the rest was deduced from")


class Part(_Fact):
    """A layer or model of the architecture, with what is inside it."""

    name: str | None = None
    class_name: str
    module: str | None = None
    registered_name: str | None = None
    custom: bool = Field(default=False, description="no release of Keras that is known has it")
    shape: tuple[int | None, ...] | None = Field(default=None, description="of its input, if said")
    dtype: str | None = None
    parameters: int | None = None
    parts: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """Yield this part and all inside it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Lambda(_Fact):
    """Python bytecode in the file. It runs when the model does."""

    layer: str
    python: str | None = Field(description="which minors can read it; None if it says nothing")


class Training(_Fact):
    """What the model was compiled with."""

    optimizer: str | None = None
    optimizer_state: bool | None = Field(default=None, description="None where that is not known")
    optimizer_slots: int = Field(
        default=0, description="arrays that it keeps beside counters and rates, such as moments"
    )
    optimizer_steps: int = Field(
        default=0, description="that it has made; 0 also where the file does not say"
    )
    loss: str | None = None
    metrics: tuple[str, ...] = ()


class Weights(_Fact):
    """The weight arrays; ``digest`` is over names, shapes, types and bytes, if asked for."""

    arrays: int
    parameters: int
    bytes: int
    digest: str | None = None


class SecondFormat(_Fact):
    """What a file is besides, if it is two formats at once."""

    container: Literal["hdf5", "keras-archive", "keras-folder", "orbax-checkpoint"]
    model: ModelFile | None = Field(default=None, description="as which it is described")
    trouble: str | None = Field(default=None, description="why it is not described")


class ModelFile(_Fact):
    """All that is known of a file.

    Of one that is two formats at once, custom objects and Lambdas are those of both.
    """

    path: str
    kind: Kind
    bytes: int
    writer: Writer = Writer()
    architecture: Part | None = None
    layers: int = 0
    custom_objects: tuple[str, ...] = ()
    lambdas: tuple[Lambda, ...] = ()
    dtype_policies: tuple[str, ...] = ()
    training: Training | None = None
    weights: Weights | None = None
    notes: tuple[str, ...] = Field(default=(), description="what a user should know of it")
    second: SecondFormat | None = Field(
        default=None, description="the other format, if the file is two at once"
    )

    @property
    def is_plain_data(self) -> bool:
        """Whether nothing was found in the file that runs code when it is loaded.

        A SavedModel is a program. Whatever is unusual about a file speaks against it.
        """
        is_program = self.kind == "saved-model"
        return not (is_program or self.lambdas or self.custom_objects or self.notes)

    @field_serializer("path")
    def _as_text(self, path: str) -> str:
        """Write a path that is no UTF-8 as text all the same."""
        return path.encode("utf-8", "replace").decode("utf-8")
