"""Opens the weights of a model file of any kind as arrays that are read in blocks.

Nothing outside the file is opened, and at most one block of an array is in memory.
"""

from __future__ import annotations

import io
import itertools
import math
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal

import h5py
import numpy as np

from kerasmatrix.filesystem.plain_files import open_plain
from kerasmatrix.inspection.archive import WEIGHTS_MEMBER, seekable_member
from kerasmatrix.inspection.checkpoint import (
    ITEM_BYTES,
    Variable,
    data_files,
    is_optimizer,
    is_weight,
    read_checkpoint,
)
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.file_type import checkpoint_prefix, detect_file_type
from kerasmatrix.inspection.hdf5 import (
    MOST_ARRAYS,
    NOT_WEIGHTS,
    OPTIMIZER,
    WEIGHTS,
    Array,
    described_arrays,
    own_group,
)
from kerasmatrix.inspection.packed import mlflow_model
from kerasmatrix.inspection.pickled import find_archive, read_archive
from kerasmatrix.inspection.weights_files import shards_of

__all__ = ["BLOCK", "Layout", "StoredArray", "StoredArrays", "open_arrays"]

# How a file says which layer an array belongs to: by the layer's name (HDF5 of Keras 1 and 2), by
# the class and its number (the layout of Keras 3), or by the number of the layer (checkpoints).
Layout = Literal["names", "classes", "numbers", "none"]
BLOCK = 1 << 20  # numbers
# DataType (types.proto) as NumPy has it; bfloat16 is the upper half of a float32.
BFLOAT16 = 14
NUMPY = {
    1: "<f4", 2: "<f8", 3: "<i4", 4: "u1", 5: "<i2", 6: "i1", 9: "<i8", 10: "?", 17: "<u2",
    19: "<f2", 22: "<u4", 23: "<u8", BFLOAT16: "<u2",
}  # fmt: skip
LARGEST_NAMES = 32 << 20  # bytes of an attribute with names
MOST_CHUNKS = 10_000


@dataclass(frozen=True)
class StoredArray:
    """An array of a file.

    Attributes:
        path: its place in the file.
        layer: the name of its layer, if the file has it: of the group, or next to the array.
        place: its number in the order of the file.
        blocks: yields the numbers in C order.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    place: int
    blocks: Callable[[], Iterator[np.ndarray[Any, Any]]]
    layer: str | None = None

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class StoredArrays:
    """The arrays of a file, which can be read as long as it is open.

    Attributes:
        groups: all groups of the layout ``classes``, also those of layers without weights.
        labels: the names that the layout ``classes`` has next to some groups.
        elsewhere: the count of arrays with numbers in another file, which are not read.
    """

    layout: Layout = "none"
    weights: tuple[StoredArray, ...] = ()
    optimizer: tuple[StoredArray, ...] = ()
    groups: frozenset[str] = frozenset()
    labels: tuple[tuple[str, str], ...] = ()
    elsewhere: int = 0


@contextmanager
def open_arrays(contents: Contents) -> Iterator[StoredArrays]:
    """Open the arrays of the file with these contents.

    Raises:
        OSError, ValueError, KeyError: the file is damaged.
    """
    with ExitStack() as stack:
        yield _open(contents, stack)


def _open(contents: Contents, stack: ExitStack) -> StoredArrays:
    path, kind = contents.path, contents.kind
    if contents.holder == "mlflow":
        path = mlflow_model(path)[0]
    if kind.startswith("architecture-"):
        return _open_companion(contents, stack)
    if kind == "saved-model":
        folder = path / "variables"
        is_without = contents.stored.weights.arrays == 0 and not folder.exists()
        return StoredArrays() if is_without else _of_checkpoint(folder / "variables")
    if kind == "checkpoint":
        return _of_checkpoint(checkpoint_prefix(path) or path)
    if kind == "sharded-weights":
        return _of_shards(path, stack)
    if kind.startswith("hdf5-"):
        return _of_hdf5(stack.enter_context(h5py.File(str(path), "r")))
    source = _archived(contents, path, stack)
    return _of_hdf5(stack.enter_context(h5py.File(source, "r"))) if source else StoredArrays()


def _open_companion(contents: Contents, stack: ExitStack) -> StoredArrays:
    if contents.companion is None:
        return StoredArrays()
    path = Path(contents.companion)
    container = detect_file_type(path)
    if container == "checkpoint":
        return _of_checkpoint(checkpoint_prefix(path) or path)
    if container == "sharded-weights":
        return _of_shards(path, stack)
    return _of_hdf5(stack.enter_context(h5py.File(str(path), "r")))


def _archived(contents: Contents, path: Path, stack: ExitStack) -> BinaryIO | None:
    """Return the weights in an archive, as a file; None if it has none."""
    if (path / WEIGHTS_MEMBER).is_file():
        return stack.enter_context(os.fdopen(open_plain(path / WEIGHTS_MEMBER), "rb"))
    if path.is_dir():
        return None
    place = find_archive(path) if contents.holder == "pickle" else None
    source = io.BytesIO(read_archive(path, place)) if place else path
    archive = stack.enter_context(zipfile.ZipFile(source))
    if not contents.stored.weights.arrays:  # none, or too large to be unpacked
        return None
    return stack.enter_context(seekable_member(archive, WEIGHTS_MEMBER))


def _of_hdf5(file: h5py.File) -> StoredArrays:
    group = own_group(file, WEIGHTS) or file
    is_old = "layer_names" in group.attrs
    found = described_arrays(group, skip=() if is_old else NOT_WEIGHTS)
    arrays = [array for array in found if array.size is not None]
    states = [held for name in OPTIMIZER if (held := own_group(file, name))]
    kept = [array for held in states for array in described_arrays(held) if array.size is not None]
    named = _in_order_of_names(group, arrays) if is_old else [(array, None) for array in arrays]
    return StoredArrays(
        layout="names" if is_old else "classes",
        weights=tuple(
            _from_hdf5(array, place, layer) for place, (array, layer) in enumerate(named)
        ),
        optimizer=tuple(_from_hdf5(array, place) for place, array in enumerate(kept)),
        groups=frozenset() if is_old else frozenset(_groups(file)),
        labels=() if is_old else tuple(_labels(file)),
        elsewhere=len(found) - len(arrays),
    )


def _in_order_of_names(
    group: h5py.Group, arrays: list[Array]
) -> Iterator[tuple[Array, str | None]]:
    """Yield the arrays in the order of the file's lists of names, then those without a name."""
    left = {array.path: array for array in arrays}
    for layer in _names(group, "layer_names"):
        held = own_group(group, layer)
        for weight in _names(held, "weight_names") if held is not None else ():
            array = left.pop(f"{layer}/{weight}", None)
            if array is not None:
                yield array, layer
    for array in left.values():
        yield array, None


def _names(group: h5py.Group, key: str) -> Iterator[str]:
    """Yield the names in an attribute, which long ones are cut into several of."""
    whole = [key] if key in group.attrs else ()
    chunks = (f"{key}{number}" for number in range(MOST_CHUNKS))
    for name in itertools.chain(whole, itertools.takewhile(group.attrs.__contains__, chunks)):
        attribute = group.attrs.get_id(name)
        if not math.prod(attribute.shape):
            continue  # HDF5 cannot tell its size
        if attribute.get_storage_size() > LARGEST_NAMES:
            raise ValueError(f"its {name} is too long")
        for item in np.ravel(np.asarray(group.attrs[name])).tolist():
            yield item.decode("utf-8", "replace") if isinstance(item, bytes) else str(item)


def _groups(file: h5py.File) -> Iterator[str]:
    """Yield the paths of all groups, by hard links only."""
    waiting: list[tuple[str, h5py.Group]] = [("", file)]
    count = 0
    while waiting:
        path, group = waiting.pop()
        for name in group:
            if isinstance(name, bytes) or (not path and name in NOT_WEIGHTS):
                continue
            count += 1
            held = own_group(group, name)
            if held is not None and count <= MOST_ARRAYS and path.count("/") < MOST_CHUNKS:
                yield f"{path}{name}"
                waiting.append((f"{path}{name}/", held))


def _labels(file: h5py.File) -> Iterator[tuple[str, str]]:
    """Yield the names of layers that Keras 3.8 and later write next to the arrays."""
    for path in _groups(file):
        if path.endswith("/vars") and "name" in file[path].attrs:
            name = file[path].attrs["name"]
            if isinstance(name, str):
                yield path.removesuffix("/vars"), name


def _from_hdf5(array: Array, place: int, layer: str | None = None) -> StoredArray:
    shape = tuple(array.dataset.shape or ())
    return StoredArray(
        path=array.path,
        shape=shape if array.size else (0,),
        dtype=str(array.dataset.dtype),
        place=place,
        blocks=partial(_hdf5_blocks, array.dataset, array.size or 0),
        layer=layer,
    )


def _hdf5_blocks(dataset: h5py.Dataset, size: int) -> Iterator[np.ndarray[Any, Any]]:
    if not size:
        return
    if not dataset.ndim:
        yield _numbers(dataset[()])
        return
    # One index at a time of the first axes, until what is below fits in a block.
    outer = 0
    while outer < dataset.ndim - 1 and math.prod(dataset.shape[outer + 1 :]) > BLOCK:
        outer += 1
    step = max(1, BLOCK // max(1, math.prod(dataset.shape[outer + 1 :])))
    for index in np.ndindex(*dataset.shape[:outer]):
        for start in range(0, dataset.shape[outer], step):
            yield _numbers(dataset[(*index, slice(start, start + step))])


def _numbers(stored: object) -> np.ndarray[Any, Any]:
    """Return a block in one dimension. Keras 3 stores bfloat16 as opaque bytes, two for each."""
    block = np.ravel(np.asarray(stored))
    is_bfloat16 = block.dtype.kind == "V" and block.dtype.itemsize == ITEM_BYTES[BFLOAT16]
    return _from_bfloat16(block.view("<u2")) if is_bfloat16 else block


def _from_bfloat16(upper: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (upper.astype("<u4") << 16).view("<f4")


def _of_shards(path: Path, stack: ExitStack) -> StoredArrays:
    opened = []
    for name in shards_of(path):
        if os.path.lexists(path.with_name(name)):
            file = stack.enter_context(os.fdopen(open_plain(path.with_name(name)), "rb"))
            opened.append(_of_hdf5(stack.enter_context(h5py.File(file, "r"))))
    return StoredArrays(
        layout="classes",
        weights=tuple(array for each in opened for array in each.weights),
        optimizer=tuple(array for each in opened for array in each.optimizer),
        groups=frozenset[str]().union(*(each.groups for each in opened)),
        labels=tuple(dict(label for each in opened for label in each.labels).items()),
        elsewhere=sum(each.elsewhere for each in opened),
    )


def _of_checkpoint(prefix: Path) -> StoredArrays:
    variables = [item for item in read_checkpoint(prefix) if item.dtype in NUMPY]
    files = data_files(prefix, {entry.name for entry in prefix.parent.iterdir()})
    shards = [prefix.with_name(name) for name in files]
    readable = [item for item in variables if item.shard < len(shards)]
    arrays = [_from_checkpoint(item, place, shards) for place, item in enumerate(readable)]
    pairs = list(zip(readable, arrays, strict=True))
    return StoredArrays(
        layout="numbers",
        weights=tuple(array for item, array in pairs if is_weight(item)),
        optimizer=tuple(array for item, array in pairs if is_optimizer(item)),
        elsewhere=sum(is_weight(item) for item in variables if item.shard >= len(shards)),
    )


def _from_checkpoint(variable: Variable, place: int, shards: list[Path]) -> StoredArray:
    return StoredArray(
        path=variable.name.partition("/.ATTRIBUTES/")[0],
        shape=variable.shape,
        dtype="bfloat16" if variable.dtype == BFLOAT16 else str(np.dtype(NUMPY[variable.dtype])),
        place=place,
        blocks=partial(_checkpoint_blocks, variable, shards[variable.shard]),
    )


def _checkpoint_blocks(variable: Variable, path: Path) -> Iterator[np.ndarray[Any, Any]]:
    size = ITEM_BYTES[variable.dtype]
    left = variable.count
    with os.fdopen(open_plain(path), "rb") as file:
        file.seek(variable.offset)
        while left > 0:
            wanted = min(left, BLOCK)
            raw = file.read(wanted * size)
            if len(raw) < wanted * size:
                raise ValueError(f"the numbers of {variable.name!r} are cut off")
            block = np.frombuffer(raw, dtype=NUMPY[variable.dtype])
            yield _from_bfloat16(block) if variable.dtype == BFLOAT16 else block
            left -= wanted
