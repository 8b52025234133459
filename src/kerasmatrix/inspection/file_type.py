"""What a file is by its content, as each release of Keras decides it.

Keras looks for HDF5 at the places where the HDF5 library looks, and from 2.12 on for an archive at
the end of a file whose name ends in ``.keras``. One file can be both.

Whatever is no model is named for what it is. Nothing is loaded, unpickled or run; only the first
bytes are read, the places of a superblock, and the list of an archive.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Literal

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.magic import (
    ARCHIVES,
    CHECKPOINT,
    FILES,
    FOLDERS,
    OBJECTS,
    Kind,
    find,
)

__all__ = ["ARCHIVE_NAME", "Container", "Second", "archive_of", "identify", "identify_second"]

Container = Literal[
    "hdf5", "keras-archive", "saved-model", "architecture-json", "architecture-yaml"
]
# What a file can be besides: a folder of a SavedModel can also be what Keras 3 loads as a folder.
Second = Literal["hdf5", "keras-archive", "keras-folder", "orbax-checkpoint"]

HDF5 = b"\x89HDF\r\n\x1a\n"
# The superblock may stand behind a user block (HDF5 File Format Specification, III.A), which is as
# long as this or as twice the last place.
FIRST_USER_BLOCK = 512
# Keras 2.12 and later take a file for an archive if its name ends so and `zipfile.is_zipfile`.
ARCHIVE_NAME = ".keras"
# By these Keras 3 knows a folder of Orbax (keras/src/saving/orbax_util.py).
ORBAX = {"orbax.checkpoint", "pytree.orbax-checkpoint", "checkpoint_metadata"}
HEAD = 16_384
LARGEST_TEXT = 32 << 20
MOST_NAMES = 100_000
SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
ENCRYPTED = 0x1


def identify(path: Path) -> Container:
    """Return what holds the model at ``path``.

    Raises:
        UsageError: there is nothing, it cannot be read, or it is no Keras model; the message says
            what it is instead.
    """
    try:
        if path.is_dir():
            return _folder(path)
        if path.exists() and not path.is_file():
            raise UsageError(f"{path}: is a device or a pipe and no file")
        with path.open("rb") as file:
            head = file.read(HEAD)
            is_hdf5 = _is_hdf5(file)
    except (OSError, ValueError) as error:  # a name can have a zero byte in it
        if os.path.isfile(f"{path}.index"):  # noqa: PTH113 - of any path, also one too long
            raise UsageError(
                f"{path}: is a TensorFlow checkpoint: weights and no architecture", hint=CHECKPOINT
            ) from None
        told = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read: {told}") from None
    if is_hdf5:
        return "hdf5"
    if head.startswith(b"PK") or (path.name.endswith(ARCHIVE_NAME) and zipfile.is_zipfile(path)):
        return archive_of(path)
    _refuse(path, find(FILES, head))
    return _text(path, head)


def identify_second(path: Path, first: Container) -> Second | None:
    """Return what a file is besides what `identify` says, if it is two things at once."""
    if first == "hdf5":
        return "keras-archive" if zipfile.is_zipfile(path) else None
    if first == "saved-model":
        names = _names(path)
        if "config.json" in names:
            return "keras-folder"
        if names & ORBAX or any(
            ".orbax-checkpoint-tmp" in name or (name.isdigit() and (path / name).is_dir())
            for name in names
        ):
            return "orbax-checkpoint"
    return None


def _is_hdf5(file: BinaryIO) -> bool:
    """Whether there is a superblock at any place where the HDF5 library looks for one."""
    size = file.seek(0, io.SEEK_END)
    place = 0
    while place < size:
        file.seek(place)
        if file.read(len(HDF5)) == HDF5:
            return True
        place = 2 * place or FIRST_USER_BLOCK
    return False


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in itertools.islice(folder.iterdir(), MOST_NAMES)}


def _refuse(path: Path, kind: Kind[Any] | None) -> None:
    if kind:
        raise UsageError(f"{path}: is {kind.what}", hint=kind.advice)


def _folder(path: Path) -> Container:
    names = _names(path)
    if any(name in names for name in SAVED_MODEL):
        return "saved-model"
    _refuse(path, find(FOLDERS, names))
    below = (path / name for name in sorted(names))
    inside = next((each for each in below if (each / SAVED_MODEL[0]).is_file()), None)
    raise UsageError(
        f"{path}: is a folder without a model",
        hint=f"name the SavedModel in it: {inside}"
        if inside
        else f"a SavedModel holds a {SAVED_MODEL[0]}",
    )


def archive_of(path: Path) -> Container:
    """Return what the zip archive at ``path`` is.

    Raises:
        UsageError: it is damaged, or holds no Keras model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, struct.error) as error:
        raise UsageError(
            f"{path}: is a damaged zip archive: {error}",
            hint="it was cut off on the way: copy or download it again",
        ) from None
    names = {member.filename for member in members}
    if any(member.flag_bits & ENCRYPTED for member in members):
        raise UsageError(f"{path}: is an encrypted zip archive", hint="unpack it first")
    if "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names):
        return "keras-archive"
    _refuse(path, find(ARCHIVES, names))
    raise UsageError(
        f"{path}: is a zip archive without a Keras model",
        hint="a Keras archive holds a config.json and a metadata.json",
    )


def _text(path: Path, head: bytes) -> Container:
    if b"\x00" in head or path.stat().st_size > LARGEST_TEXT:
        raise UsageError(
            f"{path}: is nothing that Keras writes",
            hint="a model is an HDF5 file, a .keras archive or a SavedModel's folder",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(
            f"{path}: is nothing that Keras writes",
            hint="a model is an HDF5 file, a .keras archive or a SavedModel's folder",
        ) from None
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        lines = text.splitlines()
        if any(line.startswith("class_name:") for line in lines) and any(
            line.startswith("config:") for line in lines
        ):
            return "architecture-yaml"
        raise UsageError(
            f"{path}: is a text file", hint="a model is an HDF5 file, an archive or a folder"
        ) from None
    if isinstance(told, dict) and {"class_name", "config"} <= told.keys():
        return "architecture-json"
    _refuse(path, find(OBJECTS, told if isinstance(told, dict) else ()))
    raise UsageError(f"{path}: is JSON that describes no Keras model")
