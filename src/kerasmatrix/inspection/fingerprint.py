"""Tells which artifacts are one but for what says when and by which release they were written.

An artifact's equivalence digest is made of all that a loader can see in it: every group, array and
attribute of an HDF5 file with its type, every member of an archive, the probe. Left out is what no
release of Keras looks at: of `keras_version` all but the major version (the loaders of TensorFlow
1.15 to 2.21 ask whether it is ``1``), the date in an archive, the times in HDF5 and zip, and the
numbers of shared objects, which are addresses and only name each other.

A SavedModel has none: its graph is written as that release traced it, and of 82 saves of nine
scenarios with ten releases no two had the same one.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.inspection.reader_process import BOUNDS, guarded

__all__ = ["equivalence_digest", "read_digest"]

# Part of the digest: it changes with what is looked at, so that old and new ones never agree.
VERSION = "1"
STAMP = "keras_version"
DATE = "date_saved"
SHARED = "shared_object_id"
# What the save found out about the model; whoever compares artifacts has it from the observation.
FACTS = "manifest.json"
SUPERBLOCK = slice(0, 9)  # HDF5's signature and the version of what follows
MAJOR = re.compile(r"\d+")


class _NotUnderstood(Exception):
    """There is something in the artifact that cannot be compared with certainty."""


def equivalence_digest(folder: Path) -> str | None:
    """Return the equivalence digest of what a save left in ``folder``, which is read in a child.

    None where the format has none, or where something in it is not understood, or too much of it:
    such an artifact is equal to no other.
    """
    try:
        return guarded(read_digest, BOUNDS, folder)
    except KerasmatrixError:
        return None


def read_digest(folder: Path) -> str | None:
    """Return the equivalence digest, read in this process."""
    total = hashlib.sha256(VERSION.encode())
    try:
        for path in sorted(folder.iterdir()):
            for part in _parts(path):
                total.update(repr(part).encode("utf-8", "surrogateescape"))
    except (
        OSError, ValueError, TypeError, KeyError, RuntimeError, RecursionError, zlib.error,
        zipfile.BadZipFile, _NotUnderstood,
    ):  # fmt: skip
        return None
    return total.hexdigest()


def _parts(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield all that is in one file of an artifact; the same, in the same order, for equal ones."""
    if path.is_dir():
        raise _NotUnderstood
    if path.name == FACTS:
        return
    yield ("file", path.name)
    if path.suffix == ".keras" and zipfile.is_zipfile(path):
        yield from _archive(path)
    elif path.suffix in {".h5", ".keras"}:
        with path.open("rb") as file:
            yield from _hdf5(file)
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            for name in sorted(arrays.files):
                yield (name, *_array(arrays[name]))
    else:
        yield (_digest(path.read_bytes()),)


def _archive(path: Path) -> Iterator[tuple[object, ...]]:
    with zipfile.ZipFile(path) as archive:
        for member in sorted(archive.infolist(), key=lambda member: member.filename):
            yield ("member", member.filename, member.compress_type)
            content = archive.read(member)
            if member.filename.endswith(".h5"):
                yield from _hdf5(io.BytesIO(content))
            elif member.filename == "metadata.json":
                told = json.loads(content)
                told.pop(DATE, None)
                if STAMP in told:
                    told[STAMP] = _major(told[STAMP])
                yield (json.dumps(told),)
            elif member.filename.endswith(".json"):
                yield (_plain_json(content.decode()),)
            else:
                yield (_digest(content),)


def _hdf5(file: BinaryIO) -> Iterator[tuple[object, ...]]:
    yield ("hdf5", file.read(SUPERBLOCK.stop))
    file.seek(0)
    with h5py.File(file, "r") as opened:
        yield from _group(opened)


def _group(group: h5py.Group) -> Iterator[tuple[object, ...]]:
    yield ("group", group.name, group.id.get_create_plist().get_link_creation_order())
    yield from _attributes(group)
    for name in sorted(group):
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise _NotUnderstood  # it may lead out of the file
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _group(item)
        elif isinstance(item, h5py.Dataset):
            yield ("dataset", item.name, _type(item.id.get_type()), *_array(item[()]))
            yield from _attributes(item)
        else:
            raise _NotUnderstood


def _attributes(item: h5py.Group | h5py.Dataset) -> Iterator[tuple[object, ...]]:
    for name in sorted(item.attrs):
        value = item.attrs[name]
        kind = _type(item.attrs.get_id(name).get_type())
        text = _text(value)
        if name == STAMP:
            if text is None:
                raise _NotUnderstood
            # A fixed length is that of the text, which is none of the version's business.
            yield ("attribute", name, kind[:1], _major(text))
        elif text is not None and SHARED in text:
            yield ("attribute", name, kind[:1], _plain_json(text))
        else:
            yield ("attribute", name, kind, *_array(value))


def _type(kind: h5py.h5t.TypeID) -> tuple[object, ...]:
    """Return how values are stored: readers of other releases take texts for other things."""
    if isinstance(kind, h5py.h5t.TypeStringID):
        variable = bool(kind.is_variable_str())
        length = None if variable else kind.get_size()
        return (("text", variable, kind.get_cset(), kind.get_strpad()), length)
    return (kind.dtype.str if kind.dtype.names is None else repr(kind.dtype),)


def _array(value: object) -> tuple[object, ...]:
    """Return shape, type and content of what h5py or NumPy has read."""
    if isinstance(value, h5py.Empty):
        return ("empty", str(value.dtype))
    array = np.asarray(value)
    if array.dtype.kind == "O":
        items = array.ravel().tolist()
        if not all(isinstance(item, str | bytes) for item in items):
            raise _NotUnderstood
        return (array.shape, "texts", tuple(items))
    if array.dtype.kind not in "fiubcSU":
        raise _NotUnderstood
    return (array.shape, array.dtype.str, _digest(array.tobytes()))


def _text(value: object) -> str | None:
    item = value.item() if isinstance(value, np.generic | np.ndarray) and value.size == 1 else value
    if isinstance(item, bytes):
        return item.decode()
    return item if isinstance(item, str) else None


def _major(version: object) -> str:
    """Return the first number of a version such as ``2.2.4-tf``."""
    found = MAJOR.match(str(version))
    if found is None:
        raise _NotUnderstood
    return found.group()


def _plain_json(text: str) -> str:
    """Return JSON with the shared objects numbered in the order in which they appear."""
    if SHARED not in text:
        return text
    numbers: dict[int, int] = {}

    def numbered(value: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, list):
            return [numbered(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        return {
            key: numbers.setdefault(inner, len(numbers))
            if key == SHARED and isinstance(inner, int)
            else numbered(inner)
            for key, inner in value.items()
        }

    return json.dumps(numbered(json.loads(text)))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
