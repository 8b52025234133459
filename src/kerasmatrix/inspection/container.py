"""What a file is by its content; its name says nothing.

Whatever is no model is named for what it is. Nothing is loaded, unpickled or run; only the first
bytes are read, and the list of an archive.
"""

from __future__ import annotations

import itertools
import json
import struct
import zipfile
from pathlib import Path
from typing import Any, Literal

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.signatures import (
    ARCHIVES,
    CHECKPOINT,
    FILES,
    FOLDERS,
    OBJECTS,
    Kind,
    find,
)

__all__ = ["Container", "identify"]

Container = Literal[
    "hdf5", "keras-archive", "saved-model", "architecture-json", "architecture-yaml"
]

HDF5 = b"\x89HDF\r\n\x1a\n"
# The superblock may stand behind a user block (HDF5 File Format Specification, III.A).
HDF5_PLACES = (0, 512, 1024, 2048, 4096, 8192)
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
    except (OSError, ValueError) as error:  # a name can have a zero byte in it
        if path.with_name(f"{path.name}.index").is_file():
            raise UsageError(
                f"{path}: is a TensorFlow checkpoint: weights and no architecture", hint=CHECKPOINT
            ) from None
        told = getattr(error, "strerror", None) or error
        raise UsageError(f"{path}: cannot be read: {told}") from None
    if any(head[place : place + len(HDF5)] == HDF5 for place in HDF5_PLACES):
        return "hdf5"
    if head.startswith(b"PK"):
        return _zip(path)
    _refuse(path, find(FILES, head))
    return _text(path, head)


def _refuse(path: Path, kind: Kind[Any] | None) -> None:
    if kind:
        raise UsageError(f"{path}: is {kind.what}", hint=kind.advice)


def _folder(path: Path) -> Container:
    names = {entry.name for entry in itertools.islice(path.iterdir(), MOST_NAMES)}
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


def _zip(path: Path) -> Container:
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
