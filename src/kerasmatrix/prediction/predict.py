"""Foretells what becomes of a file in an environment. Reads what `inspect` reads; runs nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.contents import Contents, read_contents
from kerasmatrix.prediction.obstacles import (
    Obstacle,
    find_obstacles,
    find_training_obstacles,
)
from kerasmatrix.prediction.rules import Rule, the_rules
from kerasmatrix.prediction.signs import Features, features_of
from kerasmatrix.prediction.surface import the_surface
from kerasmatrix.prediction.target import Target

__all__ = ["Prediction", "foretell", "predict"]

# What a rule's confidence is worth for a release that was never surveyed.
UNSURVEYED = 0.7
# What Keras makes anew from its config, layer by layer.
REBUILT = {"hdf5-model", "keras-archive"}


class Prediction(BaseModel):
    """What is likely to become of a file in an environment, and which rule says so."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    environment: str
    status: str = Field(description="pass, degraded, drift, fail, unsupported or unknown")
    cause: str | None = None
    remedy: str | None = None
    rule: str
    confidence: float = Field(description="between 0 and 1: how often the rule was right")
    because: str = Field(description="the rule, in a sentence, and what it found in the file")


def predict(
    path: Path, targets: Sequence[Target], brought: Container[str] = ()
) -> tuple[Prediction, ...]:
    """Return a prediction for the file at ``path`` in each of ``targets``.

    Args:
        path: a file, or the folder of a SavedModel.
        targets: the environments.
        brought: names of the classes and functions that the loading program hands over.

    Raises:
        UsageError: it is no model, or damaged.
    """
    return foretell(read_contents(path), targets, brought)


def foretell(
    contents: Contents, targets: Iterable[Target], brought: Container[str] = ()
) -> tuple[Prediction, ...]:
    """Return a prediction for what was read from a file in each of ``targets``.

    Raises:
        UsageError: it is put together in a way that no Keras would.
    """
    try:
        view = _View(features_of(contents), brought)
        return tuple(view.of(target) for target in targets)
    except RecursionError:
        raise UsageError(f"{contents.path}: its config is nested too deeply to be read") from None


class _View:
    """A file as the releases of Keras see it: each walks the architecture once."""

    def __init__(self, features: Features, brought: Container[str]) -> None:
        self._features = features
        self._brought = brought
        self._rebuilt = features.kind in REBUILT
        self._obstacle = cache(self._find_obstacle)
        self._training = cache(self._find_training_obstacle)

    def of(self, target: Target) -> Prediction:
        release = target.release
        rule = next(
            rule
            for rule in the_rules()
            if rule.fits(
                self._features,
                target,
                lambda: self._obstacle(release),
                lambda: self._training(release),
            )
        )
        certainty = 1.0 if the_surface().knows(release) else UNSURVEYED
        found = (
            self._obstacle(release)
            if rule.obstacle
            else self._training(release)
            if rule.training
            else None
        )
        return Prediction(
            environment=target.environment,
            status=rule.status,
            cause=rule.cause,
            remedy=rule.remedy,
            rule=rule.id,
            confidence=round(rule.confidence * certainty, 3),
            because=_because(rule, found),
        )

    def _find_obstacle(self, release: str) -> Obstacle | None:
        if not self._rebuilt:
            return None
        found = find_obstacles(self._features.config, the_surface(), release, self._brought)
        return next(found, None)

    def _find_training_obstacle(self, release: str) -> Obstacle | None:
        if not self._rebuilt:
            return None
        found = find_training_obstacles(
            self._features.training, the_surface(), release, self._brought
        )
        return next(found, None)


def _because(rule: Rule, obstacle: Obstacle | None) -> str:
    if obstacle is None:
        return rule.says
    where = f"layer {obstacle.layer!r}"
    of = f"{obstacle.key!r} of {obstacle.name}" if obstacle.key else obstacle.name
    return f"{rule.says} ({where}: {of})"
