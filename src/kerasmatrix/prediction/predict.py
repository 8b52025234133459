"""Foretells what becomes of a file in an environment. Reads what `inspect` reads; runs nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

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
    """Return a prediction for what was read from a file in each of ``targets``."""
    features = features_of(contents)
    return tuple(_of(features, target, brought) for target in targets)


def _of(features: Features, target: Target, brought: Container[str]) -> Prediction:
    surface, release = the_surface(), target.release

    @cache
    def obstacle() -> Obstacle | None:
        if features.kind not in REBUILT:
            return None
        return next(iter(find_obstacles(features.config, surface, release, brought)), None)

    @cache
    def training() -> Obstacle | None:
        if features.kind not in REBUILT:
            return None
        found = find_training_obstacles(features.training, surface, release, brought)
        return next(iter(found), None)

    rule = next(rule for rule in the_rules() if rule.fits(features, target, obstacle, training))
    certainty = 1.0 if surface.knows(release) else UNSURVEYED
    return Prediction(
        environment=target.environment,
        status=rule.status,
        cause=rule.cause,
        remedy=rule.remedy,
        rule=rule.id,
        confidence=round(rule.confidence * certainty, 3),
        because=_because(
            rule, obstacle() if rule.obstacle else training() if rule.training else None
        ),
    )


def _because(rule: Rule, obstacle: Obstacle | None) -> str:
    if obstacle is None:
        return rule.says
    where = f"layer {obstacle.layer!r}"
    of = f"{obstacle.key!r} of {obstacle.name}" if obstacle.key else obstacle.name
    return f"{rule.says} ({where}: {of})"
