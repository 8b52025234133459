"""Predicts the result of loading a file in an environment. Like `inspect`, it runs nothing."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from pathlib import Path

from kerasmatrix.inspection.architecture import is_custom
from kerasmatrix.inspection.reader_process import READER_LIMITS, run_in_subprocess
from kerasmatrix.prediction.cache import PredictionCache
from kerasmatrix.prediction.features import features_of
from kerasmatrix.prediction.keras_api import measured_api
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.predictor import predict_contents
from kerasmatrix.prediction.rules import confidence_of, is_final, the_rules
from kerasmatrix.prediction.similar_cells import SimilarCells
from kerasmatrix.prediction.similarity import loader_key, similarity_key
from kerasmatrix.prediction.target import Target
from kerasmatrix.prediction.zoo import measured_zoo
from kerasmatrix.strict_model import StrictModel

__all__ = [
    "FilePrediction",
    "predict_by_rules",
    "predict_file",
    "prepare",
    "read_and_predict",
]


class FilePrediction(StrictModel):
    """A file's predictions by rules, with its similarity key.

    ``readers`` has the loader key of each environment.
    """

    predictions: tuple[Prediction, ...]
    similarity_key: str
    readers: Mapping[str, str]


def predict_file(
    path: Path,
    targets: Sequence[Target],
    custom_names: Container[str] = (),
    cache: PredictionCache | None = None,
) -> tuple[Prediction, ...]:
    """Return a prediction for the file at ``path`` in each of ``targets``. It is read in a child.

    Args:
        path: a file, or the folder of a SavedModel.
        targets: the environments.
        custom_names: names of the custom objects that the loading program passes.
        cache: measured cells of other files.

    Raises:
        UsageError: it is damaged or not a model.
    """
    by_rules = predict_by_rules(path, targets, custom_names)
    key = by_rules.similarity_key
    similar = SimilarCells()
    for _, loader, cell in cache.cells(key) if cache else ():
        similar.add(key, loader, cell)
    return tuple(
        similar.weigh(prediction, key, by_rules.readers[prediction.environment])
        for prediction in by_rules.predictions
    )


def predict_by_rules(
    path: Path, targets: Sequence[Target], custom_names: Container[str] = ()
) -> FilePrediction:
    """Return the predictions of rules alone; arguments and errors as for `predict_file`."""
    return run_in_subprocess(read_and_predict, READER_LIMITS, path, targets, custom_names)


def read_and_predict(
    path: Path, targets: Sequence[Target], custom_names: Container[str] = ()
) -> FilePrediction:
    """Do the same as `predict_by_rules` in this process, which a hostile file may crash."""
    from kerasmatrix.inspection.folder_check import refusal  # noqa: PLC0415
    from kerasmatrix.inspection.read import read_contents  # noqa: PLC0415

    contents = read_contents(path)
    if contents.fault:
        raise refusal(path, contents.fault)
    features = features_of(contents)
    return FilePrediction(
        predictions=predict_contents(contents, targets, custom_names),
        similarity_key=similarity_key(features, custom_names),
        readers={target.environment: loader_key(features, target) for target in targets},
    )


def prepare() -> None:
    """Load the data that all children of `run_in_subprocess` need."""
    from kerasmatrix.inspection.contents import known_writers  # noqa: PLC0415

    is_custom("", None, None)
    known_writers()
    for rule in the_rules():
        confidence_of(rule.id)
        is_final(rule.remedy or "")
    measured_api()
    measured_zoo()
