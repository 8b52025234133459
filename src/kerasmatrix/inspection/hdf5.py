"""Reads the structure of an HDF5 file that Keras wrote; arrays only for a digest."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import h5py

from kerasmatrix.inspection.model_file import Weights

__all__ = ["Stored", "read_hdf5"]

# How Keras 3 lays weights out in a file of their own.
KERAS_3_GROUPS = {"layers", "_layer_checkpoint_dependencies", "vars", "optimizer"}
OPTIMIZER = ("optimizer_weights", "optimizer")
BESIDE = (*OPTIMIZER, "metrics")
WEIGHTS = "model_weights"
ATTRIBUTES = ("keras_version", "backend", "model_config", "training_config")


@dataclass(frozen=True)
class Stored:
    """What an HDF5 file holds.

    ``parameters`` are by layer, where the file is laid out so; ``paths`` are those of the arrays of
    the weights.
    """

    keras: str | None = None
    backend: str | None = None
    config: Any = None
    training: Any = None
    weights: Weights = field(default_factory=lambda: Weights(arrays=0, parameters=0, bytes=0))
    parameters: Mapping[str, int] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    optimizer_arrays: int = 0
    keras_3_layout: bool = False
    foreign: bool = False


def read_hdf5(source: str | BinaryIO, *, digest: bool) -> Stored:
    """Return what is in ``source``.

    Raises:
        OSError: it is no HDF5, or damaged.
        ValueError: an attribute that should be JSON is not.
    """
    with h5py.File(source, "r") as file:
        attributes = {name: _text(file.attrs[name]) for name in ATTRIBUTES if name in file.attrs}
        groups = set(file)
        # Keras 3 writes weights, and what else has variables, side by side.
        keras_3_layout = bool(groups & KERAS_3_GROUPS) and "layer_names" not in file.attrs
        weights = file.get(WEIGHTS, file)
        arrays = _arrays(weights, skip=BESIDE if keras_3_layout else ())
        parameters: dict[str, int] = defaultdict(int)
        for name, array in arrays:
            parameters[name.partition("/")[0]] += int(array.size)
        return Stored(
            keras=attributes.get("keras_version") or _text_of(weights, "keras_version"),
            backend=attributes.get("backend") or _text_of(weights, "backend"),
            config=_json(attributes.get("model_config")),
            training=_json(attributes.get("training_config")),
            weights=Weights(
                arrays=len(arrays),
                parameters=sum(int(array.size) for _, array in arrays),
                bytes=sum(int(array.size) * array.dtype.itemsize for _, array in arrays),
                digest=_digest(arrays) if digest else None,
            ),
            parameters=dict(parameters),
            paths=tuple(name for name, _ in arrays),
            optimizer_arrays=sum(
                len(_arrays(file[name]))
                for name in OPTIMIZER
                if isinstance(file.get(name), h5py.Group)
            ),
            keras_3_layout=keras_3_layout,
            foreign=not attributes
            and not groups & {*KERAS_3_GROUPS, WEIGHTS}
            and "layer_names" not in file.attrs,
        )


def _arrays(group: h5py.Group, skip: tuple[str, ...] = ()) -> list[tuple[str, h5py.Dataset]]:
    """Return all arrays in ``group`` by path. Links out of the file are not followed."""
    found: list[tuple[str, h5py.Dataset]] = []

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and name.partition("/")[0] not in skip:
            found.append((name, item))

    group.visititems(visit)
    return found


def _digest(arrays: list[tuple[str, h5py.Dataset]]) -> str:
    total = hashlib.sha256()
    for name, array in sorted(arrays, key=lambda named: named[0]):
        total.update(f"{name}\0{array.shape}\0{array.dtype.str}\0".encode())
        total.update(array[()].tobytes())
    return total.hexdigest()


def _text_of(group: h5py.Group, name: str) -> str | None:
    return _text(group.attrs[name]) if name in group.attrs else None


def _text(value: object) -> str:
    # h5py 2 wrote texts as bytes; some files have an array of one.
    item = value.item() if hasattr(value, "item") else value
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _json(text: str | None) -> Any:  # noqa: ANN401 - JSON
    return None if text is None else json.loads(text)
