"""The difference between two model files, as `diff` returns it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from kerasmatrix.strict_model import StrictModel

__all__ = [
    "ArrayChange",
    "Change",
    "Difference",
    "LayerChange",
    "Sameness",
    "Spelling",
    "TrainingChange",
    "WeightsChange",
]

Sameness = Literal["equal", "different", "missing in a", "missing in b", "none", "unknown"]


class Change(StrictModel):
    """A setting, or another fact, that differs: its name and both values as text."""

    what: str
    a: str
    b: str


class Spelling(StrictModel):
    """An argument that two releases write differently, and that means the same in both."""

    argument: str
    a: str
    b: str
    layers: tuple[str, ...]


class ArrayChange(StrictModel):
    """An array that is in both files with other numbers.

    ``largest`` is the largest absolute difference, None if it is unknown or not finite;
    ``relative`` is that divided by the largest absolute number in ``a``.
    """

    a: str = Field(description="its path in the file a")
    b: str
    shape: tuple[int, ...]
    largest: float | None = None
    relative: float | None = None


class WeightsChange(StrictModel):
    """The weights of one layer.

    ``retrained`` arrays have other numbers, ``reshaped`` ones other shapes. If the order of equally
    shaped arrays is unknown, the state is ``unknown``.
    """

    state: Literal["equal", "retrained", "reshaped", "unknown", "missing in a", "missing in b"]
    numbers: int = Field(description="how many numbers the layer has, in a or else in b")
    arrays: tuple[ArrayChange, ...] = Field(default=(), description="those that differ")
    largest: float | None = None
    relative: float | None = None


class LayerChange(StrictModel):
    """A layer. ``a`` and ``b`` are its names with those of the models it is in, joined by ``/``."""

    a: str | None
    b: str | None
    class_name: str
    is_model: bool = Field(default=False, description="a model in the model")
    arguments: tuple[Change, ...] = ()
    wiring: Change | None = Field(default=None, description="what it is called on")
    weights: WeightsChange | None = None
    moved_to: str | None = Field(
        default=None, description="the layer of b that has the weights this layer has in a"
    )
    not_compared: tuple[str, ...] = ()

    @property
    def state(self) -> Literal["added", "removed", "changed", "renamed", "same"]:
        """The kind of change of the layer's architecture."""
        if self.a is None or self.b is None:
            return "added" if self.a is None else "removed"
        if self.arguments or self.wiring:
            return "changed"
        return "same" if self.a == self.b else "renamed"

    @property
    def name(self) -> str:
        """The layer's name in a, or else in b."""
        return self.a or self.b or self.class_name


class TrainingChange(StrictModel):
    """The compile state and the optimizer's state."""

    compile_state: Sameness = "none"
    changes: tuple[str, ...] = ()
    optimizer_state: Sameness = "none"
    steps: tuple[int, int] = Field(default=(0, 0), description="of the optimizer, in a and b")


class Difference(StrictModel):
    """The difference between the model files ``a`` and ``b``."""

    a: str
    b: str
    equal: bool = Field(
        default=False, description="everything was compared and is equal; spellings may differ"
    )
    verdict: str = Field(default="", description="the result in one sentence")
    same_bytes: bool = False
    architecture: Sameness = "unknown"
    weights: Sameness = "unknown"
    model: tuple[Change, ...] = Field(
        default=(), description="of the whole model: its class, its inputs and outputs"
    )
    layers: tuple[LayerChange, ...] = ()
    spellings: tuple[Spelling, ...] = ()
    training: TrainingChange = TrainingChange()
    assets: tuple[Change, ...] = Field(default=(), description="vocabularies and other files")
    functions: tuple[Change, ...] = Field(
        default=(), description="functions of two SavedModels that differ, by their signatures"
    )
    notes: tuple[str, ...] = Field(default=(), description="what was not compared, and why")

    @property
    def own_layers(self) -> tuple[LayerChange, ...]:
        """The layers without the models that hold some of them."""
        return tuple(layer for layer in self.layers if not layer.is_model)
