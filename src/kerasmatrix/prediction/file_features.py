"""A file's contents, and the parts of them that features test. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kerasmatrix.inspection.architecture import inside
from kerasmatrix.inspection.hazards import hazards
from kerasmatrix.inspection.lambdas import lambdas
from kerasmatrix.versions import KERAS_3

if TYPE_CHECKING:
    from kerasmatrix.inspection.contents import Contents
    from kerasmatrix.inspection.facts import Hazard, Lambda

__all__ = ["Features", "features_of"]

RELEASE = re.compile(r"\d{1,3}\.\d{1,3}(?!\d)")
DEEPEST = 200
# For files without a version: Keras 1 and 2 before TensorFlow's own Keras.
BEFORE_TENSORFLOW, FIRST_KERAS_3 = "1.15", "3.0"


@dataclass(frozen=True)
class Features:
    """The contents of a file, and the parts of them that rules need.

    ``writer`` is the first release of Keras that may have written it, ``latest_writer`` the last.
    """

    contents: Contents
    writer: str | None
    layers: tuple[Mapping[str, Any], ...]
    lambdas: tuple[Lambda, ...]
    latest_writer: str | None = None

    @property
    def kind(self) -> str:
        """The kind that `inspect` reports."""
        return self.contents.kind

    @property
    def config(self) -> Mapping[str, Any]:
        """The architecture, empty if there is none."""
        return self.contents.config if isinstance(self.contents.config, Mapping) else {}

    @property
    def training(self) -> Mapping[str, Any]:
        """The compile config, empty if there is none."""
        return self.contents.training if isinstance(self.contents.training, Mapping) else {}

    @cached_property
    def hazards(self) -> tuple[Hazard, ...]:
        """Parts of the architecture that reach beyond the model."""
        return hazards(self.config)

    @cached_property
    def classes(self) -> frozenset[str]:
        """The classes of all layers."""
        return frozenset(str(layer.get("class_name")).rpartition(">")[2] for layer in self.layers)


def features_of(contents: Contents) -> Features:
    """Return the features of a file's contents."""
    config = contents.config if isinstance(contents.config, Mapping) else {}
    if contents.kind == "hdf5-weights" and contents.companion and config:
        # Its architecture builds the model, as if that were named.
        contents = replace(contents, kind="architecture-json")
    return Features(
        contents=contents,
        writer=_writer(contents),
        latest_writer=_latest_writer(contents),
        layers=tuple(_walk(config)) if config else (),
        lambdas=lambdas(config) if config else (),
    )


def _writer(contents: Contents) -> str | None:
    """Return the release of Keras that wrote the file: the recorded one, or the first possible."""
    writer = contents.writer
    if writer.keras_major == KERAS_3:
        return _minor(writer.keras or "") or FIRST_KERAS_3
    if writer.tensorflow:
        return _minor(writer.tensorflow.partition(" ")[0])
    return BEFORE_TENSORFLOW if writer.keras_major else None


def _latest_writer(contents: Contents) -> str | None:
    """Return the last release that records the version in the file: 2.3 and 2.4 have the same."""
    tensorflow = contents.writer.tensorflow
    latest = tensorflow and _minor(tensorflow.rpartition(" ")[2])
    return latest or _writer(contents)


def _minor(version: str) -> str | None:
    """Return the minor in a file's version, if that is one: it may be any text."""
    release = RELEASE.match(version)
    return release.group() if release else None


def _walk(layer: Mapping[str, Any], depth: int = 0) -> Iterator[Mapping[str, Any]]:
    yield layer
    if depth < DEEPEST:
        for inner in inside(layer.get("config")):
            yield from _walk(inner, depth + 1)
