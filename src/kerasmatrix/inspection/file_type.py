"""Detects the type of a model file by its content, as each release of Keras does.

Keras looks for HDF5 at the places where the HDF5 library looks, and from 2.12 on for an archive at
the end of a file whose name ends in ``.keras``. One file can be both.

Nothing is loaded, unpickled or run; only the first bytes are read, the places of a superblock, and
the list of an archive.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Literal

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.checkpoint import INDEX, latest_checkpoint
from kerasmatrix.inspection.magic import (
    ARCHIVES,
    FILES,
    FOLDERS,
    OBJECTS,
    ForeignType,
    find,
    is_pickle,
)
from kerasmatrix.inspection.pickled import find_archive

__all__ = [
    "ARCHIVE_NAME",
    "MLMODEL",
    "FileType",
    "SecondType",
    "check_is_model_folder",
    "checkpoint_prefix",
    "detect_file_type",
    "detect_second_type",
    "type_of_archive",
]

FileType = Literal[
    "hdf5",
    "keras-archive",
    "saved-model",
    "architecture-json",
    "architecture-yaml",
    "keras-folder",
    "checkpoint",
    "sharded-weights",
    "pickle",
    "mlflow",
]
# The other type of a file with two: a SavedModel's folder can also be one that Keras 3 loads.
SecondType = Literal["hdf5", "keras-archive", "keras-folder", "orbax-checkpoint"]

HDF5 = b"\x89HDF\r\n\x1a\n"
# The superblock may follow a user block (HDF5 File Format Specification, III.A), which has this
# length, or twice the last one.
FIRST_USER_BLOCK = 512
# Keras 2.12 and later treat a file as an archive if its name ends so and `zipfile.is_zipfile`.
ARCHIVE_NAME = ".keras"
# Keras 3 recognizes a folder of Orbax by these (keras/src/saving/orbax_util.py).
ORBAX = {"orbax.checkpoint", "pytree.orbax-checkpoint", "checkpoint_metadata"}
HEAD = 16_384
LARGEST_TEXT = 32 << 20
MOST_NAMES = 100_000
MLMODEL = "MLmodel"
SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
ENCRYPTED = 0x1
FORMATS = "a model is an HDF5 file, a .keras archive or the folder of a SavedModel"


def detect_file_type(path: Path) -> FileType:
    """Return the type of the model at ``path``.

    Raises:
        UsageError: it does not exist, cannot be read, or is not a Keras model; the message names
            the type that it has instead.
    """
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return _type_of_folder(path)
        _check_is_file(path, status)
        # A file can be replaced by a pipe after it was checked: opening must not block.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            _check_is_file(path, os.fstat(file.fileno()))
            head = file.read(HEAD)
            is_hdf5 = _is_hdf5(file)
    except (OSError, ValueError) as error:  # a name can have a zero byte in it
        if os.path.isfile(f"{path}{INDEX}"):  # noqa: PTH113 - of any path, also one too long
            return "checkpoint"
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read: {reason}") from None
    if is_hdf5:
        return "hdf5"
    return _type_by_head(path, head)


def _type_by_head(path: Path, head: bytes) -> FileType:
    """Return the type of a file that is not HDF5, by its first bytes."""
    if head.startswith(b"PK") or (path.name.endswith(ARCHIVE_NAME) and zipfile.is_zipfile(path)):
        return type_of_archive(path)
    if checkpoint_prefix(path) is not None:
        return "checkpoint"
    if is_pickle(head) and find_archive(path) is not None:
        return "pickle"
    _refuse(path, find(FILES, head))
    return _type_of_text(path, head)


def checkpoint_prefix(path: Path) -> Path | None:
    """Return the common start of the names of a checkpoint's files; None if there is none.

    Args:
        path: that start, one of the files, or a folder with them.
    """
    if path.is_dir():
        return latest_checkpoint(path, _names(path))
    start = path.with_name(re.sub(rf"{INDEX}$|\.data-\d{{5}}-of-\d{{5}}$", "", path.name))
    if os.path.isfile(f"{start}{INDEX}"):  # noqa: PTH113 - of any path, also one too long
        return start
    if path.name == "checkpoint":
        return latest_checkpoint(path.parent, _names(path.parent))
    return None


def detect_second_type(path: Path, first: FileType) -> SecondType | None:
    """Return the other type of a file that has two types at once, ``first`` being one."""
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


def check_is_model_folder(path: Path) -> None:
    """Check that a folder holds a model at its top, before everything below it is looked at.

    Raises:
        UsageError: it does not, or cannot be read.
    """
    if path.is_dir():
        detect_file_type(path)


def _check_is_file(path: Path, status: os.stat_result) -> None:
    """Refuse paths that may block a reader, or never end.

    Raises:
        UsageError: it is a device, a pipe or a socket, or it is empty. A file of the kernel below
            ``/proc``, which may block as well, claims to be empty.
    """
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path}: is a device or a pipe and not a file", hint=FORMATS)
    if status.st_size == 0:
        _refuse(path, find(FILES, b""))


def _is_hdf5(file: BinaryIO) -> bool:
    """Return whether there is a superblock at any place where the HDF5 library looks for one."""
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


def _refuse(path: Path, kind: ForeignType[Any] | None) -> None:
    if kind:
        raise UsageError(f"{path}: is {kind.name}", hint=kind.advice)


def _type_of_folder(path: Path) -> FileType:
    names = _names(path)
    if not names.isdisjoint(SAVED_MODEL):
        return "saved-model"
    if MLMODEL in names:
        return "mlflow"
    if "config.json" in names and names & {"metadata.json", "model.weights.h5"}:
        return "keras-folder"
    if ("checkpoint" in names or any(name.endswith(INDEX) for name in names)) and (
        latest_checkpoint(path, names)
    ):
        return "checkpoint"
    _refuse(path, find(FOLDERS, names))
    below = (path / name for name in sorted(names))
    inner = next((folder for folder in below if (folder / SAVED_MODEL[0]).is_file()), None)
    raise UsageError(
        f"{path}: is a folder without a model",
        hint=f"name the SavedModel in it: {inner}"
        if inner
        else f"a SavedModel holds a {SAVED_MODEL[0]}",
    )


def type_of_archive(path: Path) -> FileType:
    """Return the type of the zip archive at ``path``.

    Raises:
        UsageError: it is damaged, or does not hold a Keras model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, struct.error) as error:
        raise UsageError(
            f"{path}: is a damaged zip archive: {error}",
            hint="it was probably cut off: copy or download it again",
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


def _type_of_text(path: Path, head: bytes) -> FileType:
    if b"\x00" in head or path.stat().st_size > LARGEST_TEXT:
        raise _unknown(path)
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise _unknown(path) from None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        lines = text.splitlines()
        if any(line.startswith("class_name:") for line in lines) and any(
            line.startswith("config:") for line in lines
        ):
            return "architecture-yaml"
        raise UsageError(f"{path}: is a text file", hint=FORMATS) from None
    if isinstance(content, dict) and {"class_name", "config"} <= content.keys():
        return "architecture-json"
    if isinstance(content, dict) and isinstance(content.get("weight_map"), dict):
        return "sharded-weights"
    _refuse(path, find(OBJECTS, content if isinstance(content, dict) else ()))
    raise UsageError(f"{path}: is JSON that does not describe a Keras model", hint=FORMATS)


def _unknown(path: Path) -> UsageError:
    return UsageError(f"{path}: is not a Keras model, but of an unknown type", hint=FORMATS)
