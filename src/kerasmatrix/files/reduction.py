"""Finds the smallest model that fails alike: delta debugging over layers and arguments. Pure.

The minimizing algorithm is `ddmin` (Zeller and Hildebrandt, "Simplifying and Isolating
Failure-Inducing Input", 2002), over the items that can be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from kerasmatrix.files.small_model import (
    SmallModel,
    argument_places,
    layer_names,
    one_layer_models,
    renamed,
    without_arguments,
    without_layers,
)

__all__ = ["Budget", "minimal", "reduced"]

T = TypeVar("T")
MOST_SINGLE = 60  # layers to try alone
ROUNDS = 3


class Budget:
    """Counts trials, and says whether a model fails alike; at the end, that none does."""

    def __init__(self, is_alike: Callable[[SmallModel], bool], most: int) -> None:
        self.tried = 0
        self.most = most
        self._is_alike = is_alike

    @property
    def is_spent(self) -> bool:
        """Whether no trial is left."""
        return self.tried >= self.most

    def __call__(self, model: SmallModel) -> bool:
        """Whether a model fails alike; a model that cannot be made does not."""
        if self.is_spent:
            return False
        self.tried += 1
        return self._is_alike(model)


def reduced(model: SmallModel, is_alike: Budget) -> SmallModel:
    """Return the smallest model that is found to fail as ``model`` does, which does.

    A step that cannot make sense of the configuration, which may be damaged, is left out.
    """
    model = _without_numbers(model, is_alike)
    model = _tried(_one_layer, model, is_alike)
    for _ in range(ROUNDS):
        before = model
        model = _tried(_fewer_layers, model, is_alike)
        model = _tried(_fewer_arguments, model, is_alike)
        if model == before or is_alike.is_spent:
            break
    if model.training is not None:
        model = _first((replace(model, training=None),), is_alike, model)
    return _tried(_other_names, model, is_alike)


def _tried(
    step: Callable[[SmallModel, Budget], SmallModel], model: SmallModel, is_alike: Budget
) -> SmallModel:
    try:
        return step(model, is_alike)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return model


def _without_numbers(model: SmallModel, is_alike: Budget) -> SmallModel:
    smaller = (
        replace(model, arrays=(), training=None),
        replace(model, arrays=()),
        replace(model, training=None),
    )
    return _first(smaller, is_alike, model)


def _one_layer(model: SmallModel, is_alike: Budget) -> SmallModel:
    return _first(islice(one_layer_models(model), MOST_SINGLE), is_alike, model)


def _other_names(model: SmallModel, is_alike: Budget) -> SmallModel:
    return _first((renamed(model),), is_alike, model)


def _first(candidates: Iterable[SmallModel], is_alike: Budget, otherwise: SmallModel) -> SmallModel:
    return next((each for each in candidates if is_alike(each)), otherwise)


def _fewer_layers(model: SmallModel, is_alike: Budget) -> SmallModel:
    names = layer_names(model)
    if not names or len(names) != len(set(names)):
        return model

    def with_layers(kept: Sequence[str]) -> SmallModel:
        return without_layers(model, set(names) - set(kept))

    kept = minimal(names, lambda kept: is_alike(with_layers(kept)))
    return model if kept == names else with_layers(kept)


def _fewer_arguments(model: SmallModel, is_alike: Budget) -> SmallModel:
    places = argument_places(model)

    def with_arguments(kept: Sequence[tuple[str | int, ...]]) -> SmallModel:
        return without_arguments(model, set(places) - set(kept))

    return with_arguments(minimal(places, lambda kept: is_alike(with_arguments(kept))))


def minimal(items: Sequence[T], is_enough: Callable[[Sequence[T]], bool]) -> list[T]:
    """Return some of ``items`` that are enough, of which none can be left out.

    All items together are enough, which is not tried.
    """
    kept = list(items)
    if not kept or is_enough([]):
        return []
    size = len(kept)
    while kept:
        size = min(size, len(kept))
        start, is_smaller = 0, False
        while start < len(kept):
            rest = kept[:start] + kept[start + size :]
            if len(rest) < len(kept) and rest and is_enough(rest):
                kept, is_smaller = rest, True
            else:
                start += size
        if size > 1:
            size = (size + 1) // 2
        elif not is_smaller:
            return kept
    return kept
