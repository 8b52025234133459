"""Foretells what becomes of a file in an environment. Reads what `inspect` reads; runs nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.architecture import is_custom, words
from kerasmatrix.inspection.contents import Contents, known_writers, read_contents
from kerasmatrix.inspection.guarded import BOUNDS, guarded
from kerasmatrix.prediction.likeness import likeness, reader_of
from kerasmatrix.prediction.notes import Notes
from kerasmatrix.prediction.obstacles import (
    Obstacle,
    find_obstacles,
    find_training_obstacles,
)
from kerasmatrix.prediction.precedents import Precedents
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.rules import Rule, the_rules
from kerasmatrix.prediction.signs import Features, features_of
from kerasmatrix.prediction.surface import the_surface
from kerasmatrix.prediction.target import Target

__all__ = ["Foretold", "foretell", "foretell_file", "predict", "prepare", "read_and_foretell"]

# What a rule's confidence is worth for a release that was never surveyed.
UNSURVEYED = 0.7
# What Keras makes anew from its config, layer by layer.
REBUILT = {"hdf5-model", "keras-archive"}


class Foretold(BaseModel):
    """What is read of a file: what rules say of it, and what tells which files are like it.

    ``readers`` is by environment: what of it decides what becomes of such a file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    predictions: tuple[Prediction, ...]
    likeness: str
    readers: Mapping[str, str]


def predict(
    path: Path,
    targets: Sequence[Target],
    brought: Container[str] = (),
    notes: Notes | None = None,
) -> tuple[Prediction, ...]:
    """Return a prediction for the file at ``path`` in each of ``targets``. It is read in a child.

    Args:
        path: a file, or the folder of a SavedModel.
        targets: the environments.
        brought: names of the classes and functions that the loading program hands over.
        notes: what was measured of other files.

    Raises:
        UsageError: it is no model, or damaged.
    """
    found = foretell_file(path, targets, brought)
    precedents = Precedents()
    for likeness_of, reader, cell in notes.cells(found.likeness) if notes else ():
        precedents.add(likeness_of, reader, cell)
    return tuple(
        precedents.weigh(each, found.likeness, found.readers[each.environment])
        for each in found.predictions
    )


def foretell_file(path: Path, targets: Sequence[Target], brought: Container[str] = ()) -> Foretold:
    """Return what rules say of the file at ``path``; arguments and errors as `predict`."""
    return guarded(read_and_foretell, BOUNDS, path, targets, brought)


def read_and_foretell(
    path: Path, targets: Sequence[Target], brought: Container[str] = ()
) -> Foretold:
    """Do what `foretell_file` does in this process, which a hostile file may end or make large."""
    contents = read_contents(path)
    features = features_of(contents)
    return Foretold(
        predictions=foretell(contents, targets, brought),
        likeness=likeness(features, brought),
        readers={target.environment: reader_of(features, target) for target in targets},
    )


def prepare() -> None:
    """Read what all children of `guarded` need."""
    is_custom("", None, None)
    known_writers()
    the_rules()
    the_surface()


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
    return f"{rule.says} ({words(where)}: {words(of)})"
