"""Warns before a program loads a model file that its Keras will not load, or will change.

``guard.check(path)`` warns about one file, ``with guard.watch():`` about each file that is loaded
in the block. Both read the file as `predict` does, and predict for the Keras of this program. They
need the standard library and h5py alone, so that they can be used where TensorFlow is.
"""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import inspect
import os
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.inspection.hdf5 import Stored
from kerasmatrix.inspection.read import read_contents
from kerasmatrix.prediction.incompatibilities import find_custom_objects
from kerasmatrix.prediction.keras_api import measured_api
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.predictor import predict_contents
from kerasmatrix.prediction.rules import fixes_in, story_of
from kerasmatrix.prediction.target import Target
from kerasmatrix.text.escape import escape_control_characters
from kerasmatrix.versions import is_legacy_keras, minor_of, minor_text

__all__ = ["IncompatibleModelWarning", "check", "watch"]

# The effect on the file, by the statuses about which the guard warns.
EFFECTS = {
    "fail": "does not load it",
    "drift": "loads it, and it computes other outputs",
    "degraded": "loads it, and it loses something",
}
# A rule that was wrong more often than right says nothing.
LEAST_CONFIDENCE = 0.5
# Rules about the machines on which the table was measured: without a GPU, without PyTorch.
OF_THE_MACHINE = {"cudnn", "torch-module"}
# `load_model(…, safe_mode=False)` does the same as this fix.
UNSAFE = "trust-the-lambda"
# The packages with a `load_model`, and where it is.
LOADERS = {
    "keras": "models.load_model",
    "tf_keras": "models.load_model",
    "tensorflow": "keras.models.load_model",
}
# From this release on, `tf.keras` can be tf_keras.
FIRST_WITH_TF_KERAS = (2, 16)

Load = Callable[..., Any]


class IncompatibleModelWarning(UserWarning):
    """A model file that this Keras does not load, or that it changes.

    Attributes:
        path: of the file.
        saved_with: the version that saved it, in words.
        loaded_with: the version of this program, in words.
        prediction: the status that is predicted, with the cause, the rule and its confidence.
        fix: in words; None if none is known.
    """

    def __init__(self, path: Path, saved_with: str, keras: Keras, prediction: Prediction) -> None:
        self.path = path
        self.saved_with = saved_with
        self.loaded_with = str(keras)
        self.prediction = prediction
        self.fix = "; then: ".join(fix.title for fix in fixes_in(prediction.remedy)) or None
        story = story_of(prediction.cause) if prediction.cause else ""
        cause = f"{story}: {prediction.because}" if story else prediction.because
        can_convert = prediction.status == "fail" and keras.tensorflow
        command = f"kerasmatrix convert {path} --for {keras.environment}"
        lines = (
            f"{path}: {self.loaded_with} {EFFECTS[prediction.status]}. {saved_with} saved it.",
            f"  Cause: {cause}.",
            f"  Fix: {self.fix or 'no fix is known'}.",
            f"  `{command}` writes a file that loads, or says why not." if can_convert else "",
        )
        super().__init__("\n".join(escape_control_characters(line) for line in lines if line))


@dataclass(frozen=True)
class Keras:
    """A Keras of this program; ``tensorflow`` is empty where there is none."""

    package: str
    version: str
    tensorflow: str

    def __str__(self) -> str:
        name = f"{self.package} {self.version}".replace("keras ", "Keras ", 1)
        name = name if self.package == "tf_keras" else name.capitalize()
        return f"{name} (TensorFlow {self.tensorflow})" if self.tensorflow else name

    @property
    def environment(self) -> str:
        """The environment of the stock matrix with this Keras."""
        legacy = "-legacy" if self.package == "tf_keras" else ""
        return f"tf{minor_text(self.tensorflow)}{legacy}" if self.tensorflow else self.package

    @property
    def target(self) -> Target:
        """The properties of it on which a prediction depends."""
        return Target(
            environment=self.environment,
            release=minor_text(self.version),
            tensorflow=self.tensorflow or "0",
            python=platform.python_version(),
            keras_packages=frozenset({self.package.replace("_", "-")}),
        )


def check(
    path: str | os.PathLike[str],
    *,
    compile: bool = True,  # noqa: A002 - as load_model calls it
    safe_mode: bool = True,
) -> IncompatibleModelWarning | None:
    """Warn if ``tf.keras`` of this program does not load a file, or changes it.

    Nothing is imported for it. Without TensorFlow, the installed Keras counts.

    Args:
        path: a file, or the folder of a SavedModel.
        compile: as for ``load_model``: without it, losses of the training state do not count.
        safe_mode: as for ``load_model``.

    Returns:
        The warning; None where nothing is known against the file.
    """
    keras = _installed_keras()
    found = _find(Path(path), keras, compiled=compile, safe=safe_mode) if keras else None
    return _warned(found)


@contextmanager
def watch() -> Iterator[None]:
    """Warn about each file that ``load_model`` loads in the block, before it is loaded.

    It is wrapped wherever a module has it, also as ``from keras.models import load_model``.
    """
    if not any(name in sys.modules for name in LOADERS):
        _import_keras()
    watched = [(function, _watched(function)) for function in _loaders()]
    for function, wrapper in watched:
        _replace(function, wrapper)
    try:
        yield
    finally:
        for function, wrapper in watched:
            _replace(wrapper, function)


def _warned(found: IncompatibleModelWarning | None) -> IncompatibleModelWarning | None:
    """Warn at the line that called `check` or ``load_model``."""
    if found is not None:
        warnings.warn(found, stacklevel=3)
    return found


def _find(
    path: Path, keras: Keras, *, compiled: bool, safe: bool
) -> IncompatibleModelWarning | None:
    """Return the warning about a file; None if there is nothing to say, or it cannot be read."""
    try:
        contents = read_contents(path)
        contents = contents if compiled else _untrained(contents)
        (prediction,) = predict_contents(
            contents,
            [keras.target],
            # A program that lacks one of its own classes fails with every version.
            dict(find_custom_objects(contents.config, contents.training, measured_api())),
            applied=() if safe else (UNSAFE,),
        )
    except Exception:  # noqa: BLE001 - a guard never stops the program that it guards
        return None
    if (
        prediction.status not in EFFECTS
        or prediction.confidence < LEAST_CONFIDENCE
        or prediction.rule in OF_THE_MACHINE
    ):
        return None
    return IncompatibleModelWarning(path, _in_words(contents.writer), keras, prediction)


def _untrained(contents: Contents) -> Contents:
    """Return the contents that ``load_model`` reads with ``compile=False``."""
    stored: Stored = replace(
        contents.stored, optimizer_arrays=0, optimizer_slots=0, optimizer_steps=0
    )
    return replace(contents, training=None, stored=stored)


def _in_words(writer: Writer) -> str:
    if writer.keras is None and writer.tensorflow is None:
        return f"Keras {writer.keras_major}" if writer.keras_major else "An unknown version"
    names = [
        f"{name} {version}"
        for name, version in (("Keras", writer.keras), ("TensorFlow", writer.tensorflow))
        if version
    ]
    return names[0] if len(names) == 1 else f"{names[0]} ({names[1]})"


def _installed_keras() -> Keras | None:
    """Return what ``tf.keras`` is in this program, or else the installed Keras; None without."""
    tensorflow = _version("tensorflow")
    legacy = tensorflow and minor_of(tensorflow) >= FIRST_WITH_TF_KERAS
    package = "tf_keras" if legacy and is_legacy_keras(os.environ) else "keras"
    version = _version(package)
    return Keras(package, version, tensorflow or "") if version else None


@functools.cache
def _distributions() -> dict[str, list[str]]:
    return dict(importlib.metadata.packages_distributions())


def _version(package: str) -> str | None:
    """Return the version of a package, whichever distribution it is from; None without it."""
    version = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(version, str):
        return version
    for distribution in _distributions().get(package, ()):
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(distribution)
    return None


def _import_keras() -> None:
    for name in ("tensorflow", "keras"):
        with suppress(ImportError):
            importlib.import_module(name)
            return


def _loaders() -> list[Load]:
    """Return the ``load_model`` of each imported Keras, once."""
    found: dict[int, Load] = {}
    for name, place in LOADERS.items():
        value: Any = sys.modules.get(name)
        try:
            for part in place.split("."):
                value = getattr(value, part)
        except (AttributeError, ImportError):
            continue
        if inspect.isfunction(value) and not hasattr(value, "__watched__"):
            found[id(value)] = value
    return list(found.values())


def _watched(function: Load) -> Load:
    """Return a ``load_model`` that warns first."""
    package = str(inspect.unwrap(function).__module__).partition(".")[0]
    keras = Keras(package, _version(package) or "", _version("tensorflow") or "")
    signature = inspect.signature(function)

    @functools.wraps(function)
    def load_model(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever it takes and returns
        with suppress(TypeError):  # which Keras explains better
            given = signature.bind(*args, **kwargs).arguments
            path = given.get("filepath")
            if isinstance(path, str | os.PathLike):
                found = _find(
                    Path(path),
                    keras,
                    compiled=given.get("compile", True) is not False,
                    safe=given.get("safe_mode", True) is not False,
                )
                _warned(found)
        return function(*args, **kwargs)

    load_model.__watched__ = True  # type: ignore[attr-defined]
    return load_model


def _replace(function: Load, other: Load) -> None:
    """Put another function in the place of one, in all modules."""
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            names = [name for name, value in list(vars(module).items()) if value is function]
            for name in names:
                setattr(module, name, other)
