"""The facts about a model file of which its contents and its description consist."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from kerasmatrix.slotted import Slotted

__all__ = ["Hazard", "Holder", "Kind", "Lambda", "Part", "Training", "Weights", "Writer"]

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


def _described(text: str, default: Any = dataclasses.MISSING) -> Any:  # noqa: ANN401 - a field
    """Return a field that the JSON schema describes."""
    return field(default=default, metadata={"description": text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer(Slotted):
    """The version that wrote the file. The file has the ``recorded`` fields; others are deduced."""

    keras: str | None = None
    keras_major: Literal[1, 2, 3] | None = None
    tensorflow: str | None = _described("a version, or a range of them", None)
    backend: str | None = None
    date: str | None = None
    recorded: tuple[str, ...] = ()
    because: str | None = _described("the source of the deduced fields", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Slotted):
    """A layer or model of the architecture, with what is inside it."""

    name: str | None = None
    class_name: str
    module: str | None = None
    registered_name: str | None = None
    custom: bool = _described("no known release of Keras has it", default=False)
    shape: tuple[int | None, ...] | None = _described("of its input, if known", None)
    dtype: str | None = None
    parameters: int | None = None
    parts: tuple[Part, ...] = ()

    def walk(self) -> Iterator[Part]:
        """Yield this part and all inside it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lambda(Slotted):
    """A Lambda layer: its Python bytecode runs when the model is called.

    A ``function`` is the name of one that the file does not hold. ``raw`` bytecode, of Keras 2.0,
    is not encoded, and no later version reads it.
    """

    layer: str
    python: str | None = _described("the minors that can read it; None if unknown")
    function: str | None = _described("the name of a function, if stored so", None)
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard(Slotted):
    """A part of the file that reaches beyond the model when the file is loaded.

    ``code`` is a function or class of Python, or a function of Keras that acts outside a model;
    ``pickle`` a pickle, which runs code when it is read; ``file`` a path outside the file, or an
    operation on files.
    """

    kind: Literal["code", "pickle", "file"]
    layer: str = _described("the layer, or the part of the file")
    names: str = _described("the code, the argument, the path, or the operation")

    @property
    def sentence(self) -> str:
        """A sentence about the effect on the machine that loads the file."""
        if self.kind == "pickle":
            return f"{self.layer} holds a pickle ({self.names}), which runs code when it is read"
        if self.kind == "file":
            return f"{self.layer} reaches outside the file: {self.names}"
        return f"{self.layer} names code outside the model, which a load can call: {self.names}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training(Slotted):
    """The compile settings."""

    optimizer: str | None = None
    optimizer_state: bool | None = _described("None if unknown", None)
    optimizer_slots: int = _described("arrays other than counters and rates, such as moments", 0)
    optimizer_steps: int = _described("made so far; 0 also if unknown", 0)
    loss: str | None = None
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights(Slotted):
    """The weight arrays; ``digest``, if requested, is over names, shapes, types and bytes."""

    arrays: int
    parameters: int
    bytes: int
    digest: str | None = None
