"""Foretells what becomes of a file in an environment. Reads what `inspect` reads; runs nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.architecture import is_custom, words
from kerasmatrix.inspection.reader_process import BOUNDS, guarded
from kerasmatrix.prediction.cache import Notes
from kerasmatrix.prediction.features import Features, features_of
from kerasmatrix.prediction.incompatibilities import (
    Obstacle,
    find_obstacles,
    find_training_obstacles,
)
from kerasmatrix.prediction.keras_api import the_surface
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.rules import (
    TOGETHER,
    Rule,
    confidence_of,
    is_final,
    place_of,
    the_rules,
)
from kerasmatrix.prediction.similar_cells import Precedents
from kerasmatrix.prediction.similarity import likeness, reader_of
from kerasmatrix.prediction.target import Target

if TYPE_CHECKING:  # it takes a while to import, and a run that knows all reads no file
    from kerasmatrix.inspection.read import Contents

__all__ = ["Foretold", "foretell", "foretell_file", "predict", "prepare", "read_and_foretell"]

# What a rule's confidence is worth for a release that was never surveyed.
UNSURVEYED = 0.7
# What Keras makes anew from its config, layer by layer.
REBUILT = {"hdf5-model", "keras-archive"}
# What a remedy does beside what it is for: rewriting takes out of a compile config, too, what the
# reader does not take (measured: h5, tf2.12 to tf2.2).
MENDS_TOO = {"rewrite-config": "no-compile"}
# Of a model with more than that in the way, what is in the way first is enough to know.
MOST_OBSTACLES = 200


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
    from kerasmatrix.inspection.folder_check import refusal  # noqa: PLC0415
    from kerasmatrix.inspection.read import read_contents  # noqa: PLC0415

    contents = read_contents(path)
    if contents.fault:
        raise refusal(path, contents.fault)
    features = features_of(contents)
    return Foretold(
        predictions=foretell(contents, targets, brought),
        likeness=likeness(features, brought),
        readers={target.environment: reader_of(features, target) for target in targets},
    )


def prepare() -> None:
    """Read what all children of `guarded` need."""
    from kerasmatrix.inspection.read import known_writers  # noqa: PLC0415

    is_custom("", None, None)
    known_writers()
    for rule in the_rules():
        confidence_of(rule.id)
        is_final(rule.remedy or "")
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
        self._obstacles = cache(self._find_obstacles)
        self._training = cache(self._find_training_obstacle)

    def of(self, target: Target) -> Prediction:
        """Return the prediction for an environment."""
        rule, found = self._decide(target, ())
        certainty = 1.0 if the_surface().knows(target.release) else UNSURVEYED
        return Prediction(
            environment=target.environment,
            status=rule.status,
            cause=rule.cause,
            remedy=self._remedy(rule, target),
            rule=rule.id,
            confidence=round(confidence_of(rule.id) * certainty, 3),
            because=_because(rule, found),
        )

    def _decide(self, target: Target, done: Container[str | None]) -> tuple[Rule, Obstacle | None]:
        """Return the first rule that fits, and the obstacle it is about, after remedies ``done``.

        What a remedy mends is in the way no longer: rules that name it, and obstacles of theirs.
        """

        @cache
        def obstacle() -> Obstacle | None:
            found = self._obstacles(target.release)
            return next((each for each in found if not self._is_mended(each, done)), None)

        def training() -> Obstacle | None:
            return self._training(target.release)

        rule = next(
            rule
            for rule in the_rules()
            if (rule.remedy is None or rule.remedy not in done)
            and rule.fits(self._features, target, obstacle, training)
        )
        return rule, obstacle() if rule.obstacle else training() if rule.training else None

    def _is_mended(self, obstacle: Obstacle, done: Container[str | None]) -> bool:
        return any(
            rule.remedy is not None
            and rule.remedy in done
            and (not rule.kind or self._features.kind in rule.kind)
            and rule.obstacle is not None
            and rule.obstacle.fits(obstacle)
            for rule in the_rules()
        )

    def _remedy(self, rule: Rule, target: Target) -> str | None:
        """Return what helps: what is in the way behind the first thing needs its remedy, too."""
        done: list[str] = []
        while rule.remedy is not None:
            if is_final(rule.remedy):
                return rule.remedy
            done.append(rule.remedy)
            rule, _ = self._decide(target, {*done, *(MENDS_TOO.get(each) for each in done)})
        needed = set(done) - {MENDS_TOO.get(each) for each in done}
        return TOGETHER.join(sorted(needed, key=place_of)) or None

    def _find_obstacles(self, release: str) -> tuple[Obstacle, ...]:
        if not self._rebuilt:
            return ()
        found = find_obstacles(self._features.config, the_surface(), release, self._brought)
        return tuple(islice(found, MOST_OBSTACLES))

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
