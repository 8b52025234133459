"""Reads the structure of an HDF5 file that Keras wrote; the arrays only for a digest.

Nothing outside the file is opened: links to other files are not followed, arrays with data in other
files are not read, and no filters are loaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np

from kerasmatrix.inspection.facts import Weights
from kerasmatrix.inspection.strict_json import read_json

__all__ = [
    "ABSURD",
    "MOST_ARRAYS",
    "NOT_WEIGHTS",
    "OPTIMIZER",
    "WEIGHTS",
    "Array",
    "Stored",
    "described_arrays",
    "own_group",
    "read_hdf5",
]

# The groups in a weights file of Keras 3.
KERAS_3_GROUPS = {"layers", "_layer_checkpoint_dependencies", "vars", "optimizer"}
# Keras 2.12 to 2.15 on Windows joins the path of a group by it into one name
# (https://github.com/keras-team/keras/issues/18528).
BACKSLASH = "\\"
OPTIMIZER = ("optimizer_weights", "optimizer")
NOT_WEIGHTS = (*OPTIMIZER, "metrics")
WEIGHTS = "model_weights"
ATTRIBUTES = ("keras_version", "backend", "model_config", "training_config")
LARGEST_ATTRIBUTE = 32 << 20  # bytes; real configs are far smaller
MOST_ARRAYS = 200_000
DEEPEST = 200  # real models are never nested so deeply
LARGEST_BLOCK = 16 << 20  # bytes of an array to read at once
# A file that claims this many times its own size is meant to exhaust memory or time.
ABSURD = 1000
MOST_ZEROS = 1 << 30
# In a virtual dataset, the name of the file itself.
SAME_FILE = "."
# HDF5 can address no more; an array that claims more numbers is damaged.
MOST_NUMBERS = 1 << 62


@dataclass(frozen=True)
class Stored:
    """The content of an HDF5 file.

    Attributes:
        parameters: their number by layer, if the layout has layers.
        paths: of the weight arrays.
        elsewhere: paths of arrays with data in other files.
        outside: the other files that arrays or links name, by path.
        indirect: paths of links, and of arrays without numbers of their own.
        shapes: of the weight arrays, by path.
        repeated: keys that an object of its JSON has twice.
        foreign: whether Keras did not write it.
        lacks_numbers: whether the file with the numbers is missing.
        must_restore: the classes of layers of a SavedModel that are made from their configs only.
        windows_paths: whether the paths of its groups are joined by backslashes.
    """

    keras: str | None = None
    backend: str | None = None
    config: Any = None
    training: Any = None
    weights: Weights = field(default_factory=lambda: Weights(arrays=0, parameters=0, bytes=0))
    parameters: Mapping[str, int] = field(default_factory=dict)
    paths: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    outside: Mapping[str, str] = field(default_factory=dict)
    indirect: tuple[str, ...] = ()
    optimizer_arrays: int = 0
    optimizer_slots: int = 0
    optimizer_steps: int = 0
    keras_3_layout: bool = False
    repeated: tuple[str, ...] = ()
    foreign: bool = False
    lacks_numbers: bool = False
    must_restore: tuple[str, ...] = ()
    windows_paths: bool = False


class Array(NamedTuple):
    """A described array; ``size`` is its count of numbers, None if they are in another file."""

    path: str
    dataset: h5py.Dataset
    size: int | None
    itemsize: int


def read_hdf5(source: str | BinaryIO, *, digest: bool) -> Stored:
    """Return the content of ``source``.

    Raises:
        OSError: it is not HDF5, or damaged.
        ValueError: an attribute is not valid JSON, or the structure is not valid.
    """
    repeated: set[str] = set()
    with h5py.File(source, "r") as file:
        attributes = {name: _attribute(file, name) for name in ATTRIBUTES if name in file.attrs}
        groups = set(itertools.islice(file, MOST_ARRAYS))
        # Keras 3 writes the groups of weights, optimizer and metrics side by side.
        firsts = {name.partition(BACKSLASH)[0] for name in groups}
        keras_3_layout = bool(firsts & KERAS_3_GROUPS) and "layer_names" not in file.attrs
        weights = own_group(file, WEIGHTS) or file
        indirect: dict[str, str] = {}
        skipped = NOT_WEIGHTS if keras_3_layout else ()
        described = described_arrays(weights, skipped, indirect)
        arrays = [array for array in described if array.size is not None]
        parameters: dict[str, int] = defaultdict(int)
        for array in arrays:
            parameters[array.path.partition("/")[0]] += array.size or 0
        optimizers = [group for name in OPTIMIZER if (group := own_group(file, name))]
        kept = [array for group in optimizers for array in described_arrays(group, (), indirect)]
        return Stored(
            keras=attributes.get("keras_version") or _attribute(weights, "keras_version"),
            backend=attributes.get("backend") or _attribute(weights, "backend"),
            config=_json(attributes.get("model_config"), repeated),
            training=_json(attributes.get("training_config"), repeated),
            weights=Weights(
                arrays=len(arrays),
                parameters=sum(array.size or 0 for array in arrays),
                bytes=sum((array.size or 0) * array.itemsize for array in arrays),
                digest=_digest(arrays) if digest and not _absurd(arrays) else None,
            ),
            parameters=dict(parameters),
            paths=tuple(array.path for array in arrays),
            shapes={array.path: tuple(array.dataset.shape or ()) for array in arrays},
            elsewhere=tuple(array.path for array in described if array.size is None),
            outside={path: name for path, name in indirect.items() if name},
            indirect=tuple(indirect),
            optimizer_arrays=len(kept),
            optimizer_slots=sum(bool(array.size) and array.dataset.ndim > 0 for array in kept),
            optimizer_steps=_steps(kept),
            keras_3_layout=keras_3_layout,
            windows_paths=keras_3_layout and firsts != groups,
            repeated=tuple(sorted(repeated)),
            foreign=not attributes
            and not firsts & {*KERAS_3_GROUPS, WEIGHTS}
            and "layer_names" not in file.attrs,
        )


def own_group(file: h5py.File, name: str) -> h5py.Group | None:
    """Return a group of the file; None for the target of a soft or external link."""
    if name not in file or not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return None
    item = file.get(name)
    return item if isinstance(item, h5py.Group) else None


def described_arrays(
    group: h5py.Group, skip: tuple[str, ...] = (), indirect: dict[str, str] | None = None
) -> list[Array]:
    """Return all arrays in ``group``, sorted by path, without duplicates. Only hard links count.

    The paths of other links, and of arrays without numbers of their own, are put into ``indirect``,
    each with the name of the other file; it is empty for a soft link. The visit function of HDF5
    takes minutes for groups nested a few thousand deep.
    """
    is_named = "layer_names" in group.attrs
    arrays: list[Array] = []
    indirect = {} if indirect is None else indirect
    seen: set[int] = set()
    waiting: list[tuple[str, h5py.Group, int]] = [("", group, 0)]
    while waiting:
        path, holder, depth = waiting.pop()
        if depth > DEEPEST:
            raise ValueError(f"its groups are nested more than {DEEPEST} deep")
        for stored in holder:
            # h5py returns a name that is not UTF-8 as bytes.
            raw = stored if isinstance(stored, bytes) else stored.encode("utf-8", "surrogateescape")
            name = _name(raw, is_named=is_named or depth > 0)
            link = holder.id.links.get_info(raw)
            if link.type != h5py.h5l.TYPE_HARD:
                is_external = link.type == h5py.h5l.TYPE_EXTERNAL
                other = _text(holder.id.links.get_val(raw)[0]) if is_external else ""
                indirect[f"{path}{name}"] = other
                continue
            if link.u in seen or (not depth and name.partition("/")[0] in skip):
                continue
            seen.add(link.u)
            if len(seen) > MOST_ARRAYS:
                raise ValueError(f"it has more than {MOST_ARRAYS:,} groups and arrays")
            item = holder[stored]
            if isinstance(item, h5py.Dataset):
                arrays.append(_described(f"{path}{name}", item))
                if arrays[-1].size is None:
                    indirect[f"{path}{name}"] = _other_file(item)
            elif isinstance(item, h5py.Group):
                waiting.append((f"{path}{name}/", item, depth + 1))
    return sorted(arrays, key=lambda array: array.path)


def _name(raw: bytes, *, is_named: bool) -> str:
    """Return the name of a group or array; a path that Windows joined, unless a user named it."""
    name = raw.decode("utf-8", "replace")
    return name if is_named else name.replace(BACKSLASH, "/")


def _described(path: str, dataset: h5py.Dataset) -> Array:
    """Describe an array. The space of one with data elsewhere is not read: HDF5 would look there.

    H5D__get_space does so for a virtual dataset without a fixed extent (H5Dvirtual.c).
    """
    itemsize = dataset.id.get_type().get_size()
    created = dataset.id.get_create_plist()
    if created.get_layout() == h5py.h5d.VIRTUAL or created.get_external_count():
        return Array(path, dataset, None, itemsize)
    space = dataset.id.get_space()
    size = math.prod(space.get_simple_extent_dims()) if space.is_simple() else 0
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        size = 0
    if size > MOST_NUMBERS:
        raise ValueError(f"its array {path!r} claims more numbers than a file can hold")
    return Array(path, dataset, size, itemsize)


def _other_file(dataset: h5py.Dataset) -> str:
    """Return the name of the first other file with the numbers of an array; empty if none is."""
    created = dataset.id.get_create_plist()
    if created.get_external_count():
        return _text(created.get_external(0)[0])
    count = min(created.get_virtual_count(), MOST_ARRAYS)
    names = (_text(created.get_virtual_filename(index)) for index in range(count))
    return next((name for name in names if name != SAME_FILE), "" if count else "a virtual array")


def _steps(kept: list[Array]) -> int:
    """Return the number of steps of an optimizer, which is its only integer."""
    steps = [0]
    for array in kept:
        with contextlib.suppress(OSError):  # only this array may be damaged
            if array.size == 1 and array.dataset.dtype.kind in "iu":
                steps.append(int(array.dataset[()].item()))
    return max(steps)


def _absurd(arrays: list[Array]) -> bool:
    """Return whether one claims far more numbers than the file has: they would be zeros."""
    claims = (((array.size or 0) * array.itemsize, array.dataset) for array in arrays)
    return any(
        claimed > MOST_ZEROS and claimed > ABSURD * dataset.id.get_storage_size()
        for claimed, dataset in claims
    )


def _digest(arrays: list[Array]) -> str:
    total = hashlib.sha256()
    for path, dataset, size, _ in sorted(arrays, key=lambda array: array.path):
        total.update(f"{path}\0{dataset.shape}\0{dataset.dtype.str}\0".encode("utf-8", "replace"))
        for block in _blocks(dataset) if size else ():
            total.update(block)
    return total.hexdigest()


def _blocks(dataset: h5py.Dataset) -> Iterator[bytes]:
    """Yield the bytes of an array in C order, in blocks; texts are preceded by their length."""
    rows = (
        max(1, LARGEST_BLOCK // max(1, dataset.nbytes // dataset.shape[0])) if dataset.ndim else 0
    )
    ranges = range(0, dataset.shape[0], rows) if dataset.ndim else (0,)
    for start in ranges:
        block = dataset[start : start + rows] if dataset.ndim else dataset[()]
        values = np.asarray(block)
        if values.dtype.hasobject:
            for item in values.ravel():
                text = item if isinstance(item, bytes) else str(item).encode("utf-8", "replace")
                yield f"{len(text)}\0".encode() + text
        else:
            yield values.tobytes()


def _attribute(holder: h5py.Group, name: str) -> str | None:
    """Return the text of an attribute, or None if there is none.

    Raises:
        ValueError: it is not a text, or too long.
    """
    if name not in holder.attrs:
        return None
    attribute = holder.attrs.get_id(name)
    if math.prod(attribute.shape) != 1 or attribute.get_storage_size() > LARGEST_ATTRIBUTE:
        raise ValueError(f"its {name} is not a text, or too long")
    return _text(holder.attrs[name])


def _text(value: object) -> str:
    # h5py 2 wrote texts as bytes; some files have an array with one item.
    item = value.item() if hasattr(value, "item") else value
    return item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _json(text: str | None, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    return None if text is None else read_json(text, repeated)
