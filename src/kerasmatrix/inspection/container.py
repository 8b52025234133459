"""What a file is by its content; its name says nothing.

Whatever is no model is named for what it is. Nothing is loaded, unpickled or run; only the first
bytes are read, and the list of an archive.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from kerasmatrix.errors import UsageError

__all__ = ["Container", "identify"]

Container = Literal[
    "hdf5", "keras-archive", "saved-model", "architecture-json", "architecture-yaml"
]

HDF5 = b"\x89HDF\r\n\x1a\n"
# The superblock may stand behind a user block (HDF5 File Format Specification, III.A).
HDF5_PLACES = (0, 512, 1024, 2048, 4096, 8192)
HEAD = 16_384
LARGEST_TEXT = 256 << 20
SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
ENCRYPTED = 0x1


class Other(NamedTuple):
    """Something that is no Keras model: how it is known, what it is, what to do."""

    is_so: Callable[[bytes], bool]
    what: str
    hint: str


OTHERS = (
    Other(lambda head: not head, "an empty file", "it was not written to its end: copy it again"),
    Other(
        lambda head: head.startswith(b"version https://git-lfs"),
        "a Git LFS pointer, not the file it stands for",
        "fetch the file itself: git lfs pull",
    ),
    Other(
        lambda head: head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"},
        "a Python pickle",
        "it is not opened, since that would run what is in it: save the model with model.save()",
    ),
    Other(
        lambda head: head[4:8] == b"TFL3",
        "a TensorFlow Lite model",
        "it has no Keras architecture any more: inspect the model it was converted from",
    ),
    Other(
        lambda head: head[:1] == b"\x08" and head[2:3] == b"\x12" and head[1:2] < b"\x20",
        "an ONNX model",
        "it has no Keras architecture any more: inspect the model it was converted from",
    ),
    Other(
        lambda head: head.startswith(b"\x93NUMPY"),
        "a NumPy array",
        "it holds numbers and no model",
    ),
    Other(
        lambda head: head[:1] == b"\x0a" and b"\x12" in head[:64],
        "a TensorFlow graph (a frozen .pb)",
        "it has no Keras architecture any more: inspect the model it was frozen from",
    ),
    Other(
        lambda head: head.startswith(b"\x08\x01\x12"),
        "the graph of a SavedModel",
        "name the folder that it is in",
    ),
    Other(
        lambda head: head.lstrip().lower().startswith((b"<!doctype", b"<html")),
        "an HTML page",
        "the download went wrong: fetch the file itself",
    ),
)


def identify(path: Path) -> Container:
    """Return what holds the model at ``path``.

    Raises:
        UsageError: there is nothing, it cannot be read, or it is no Keras model; the message says
            what it is instead.
    """
    try:
        if path.is_dir():
            return _folder(path)
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if any(head[place : place + len(HDF5)] == HDF5 for place in HDF5_PLACES):
        return "hdf5"
    if head.startswith(b"PK"):
        return _zip(path)
    # An ONNX model and a SavedModel begin alike but for what follows.
    for other in sorted(OTHERS, key=lambda other: other.what != "the graph of a SavedModel"):
        if other.is_so(head):
            raise UsageError(f"{path}: is {other.what}", hint=other.hint)
    return _text(path, head)


def _folder(path: Path) -> Container:
    if any((path / name).is_file() for name in SAVED_MODEL):
        return "saved-model"
    if (path / "checkpoint").is_file() or any(path.glob("*.index")):
        raise UsageError(
            f"{path}: is a TensorFlow checkpoint: weights and no architecture",
            hint="load it into the model that wrote it, and save that with model.save()",
        )
    raise UsageError(
        f"{path}: is a folder without a model", hint=f"a SavedModel holds a {SAVED_MODEL[0]}"
    )


def _zip(path: Path) -> Container:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UsageError(
            f"{path}: is a damaged zip archive: {error}",
            hint="it was cut off on the way: copy or download it again",
        ) from None
    names = {member.filename for member in members}
    if any(member.flag_bits & ENCRYPTED for member in members):
        raise UsageError(f"{path}: is an encrypted zip archive", hint="unpack it first")
    if "config.json" in names and ("metadata.json" in names or "model.weights.h5" in names):
        return "keras-archive"
    for what, hint, is_so in (
        ("a zipped SavedModel", "unpack it and name the folder", _ends(names, SAVED_MODEL)),
        ("a PyTorch file", "it holds no Keras model", _ends(names, ("data.pkl",))),
        ("a NumPy archive", "it holds numbers and no model", _ends(names, (".npy",))),
    ):
        if is_so:
            raise UsageError(f"{path}: is {what}", hint=hint)
    raise UsageError(
        f"{path}: is a zip archive without a Keras model",
        hint="a Keras archive holds a config.json and a metadata.json",
    )


def _ends(names: set[str], endings: tuple[str, ...]) -> bool:
    return any(name.endswith(endings) for name in names)


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
    raise UsageError(f"{path}: is JSON that describes no Keras model")
