"""The features of the layout of a file's weights that rules test. Pure.

Each is a function; its docstring is its definition. `LAYOUT_FEATURES` has their names in
``rules.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kerasmatrix.prediction.file_features import Features
from kerasmatrix.prediction.target import Target

__all__ = ["LAYOUT_FEATURES"]

DEPENDENCIES = "_layer_checkpoint_dependencies/"
# Keras 2.12 and later choose the layout by this ending (save_weights in saving_api.py).
NEW_NAME = ".weights.h5"


def _dependencies(features: Features, target: Target) -> bool:
    """Its weights have the layout of TensorFlow 2.12 to 2.14 in an archive."""
    return any(path.startswith(DEPENDENCIES) for path in features.contents.stored.paths)


def _layer_arrays(features: Features, target: Target) -> bool:
    """It holds the weights of a layer."""
    return bool(_groups(features))


def _by_twos(features: Features, target: Target) -> bool:
    """It numbers the layers of a class by twos, as 2.12 and 2.13 do: ``dense``, ``dense_2``."""
    return _dependencies(features, target) and bool(
        {name for name in _groups(features) if name.endswith("_2")}
        and not {name for name in _groups(features) if name.endswith("_1")}
    )


def _by_ones(features: Features, target: Target) -> bool:
    """It numbers the layers of a class by ones, as 2.14 and later do: ``dense``, ``dense_1``."""
    return any(name.endswith("_1") for name in _groups(features))


def _groups(features: Features) -> set[str]:
    return {path.split("/")[1] for path in features.contents.stored.paths if path.count("/") > 1}


def _indirect(features: Features, target: Target) -> bool:
    """Its HDF5 has links, virtual datasets, or arrays with their numbers in other files."""
    return bool(features.contents.stored.indirect)


def _path_layout(features: Features, target: Target) -> bool:
    """Its weights are stored by their path, as in Keras 3 and in archives of Keras 2."""
    return features.contents.stored.keras_3_layout


def _new_name(features: Features, target: Target) -> bool:
    """Its name ends in ``.weights.h5``."""
    return features.contents.path.name.endswith(NEW_NAME)


def _windows_paths(features: Features, target: Target) -> bool:
    """The paths of its weights have backslashes, as Keras 2.12 to 2.15 writes them on Windows."""
    return features.contents.stored.windows_paths


LAYOUT_FEATURES: Mapping[str, Callable[[Features, Any], bool]] = {
    "dependencies-layout": _dependencies,
    "layer-arrays": _layer_arrays,
    "counted-by-twos": _by_twos,
    "counted-by-ones": _by_ones,
    "indirect": _indirect,
    "path-layout": _path_layout,
    "new-name": _new_name,
    "windows-paths": _windows_paths,
}
