"""The contents of a model file, and its writer by what the file records."""

from __future__ import annotations

import itertools
import os
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

from kerasmatrix.filesystem.plain_files import LIMITS, NotPlain
from kerasmatrix.inspection.architecture import words
from kerasmatrix.inspection.facts import Hazard, Holder, Kind, Writer
from kerasmatrix.inspection.file_type import SecondType
from kerasmatrix.inspection.hdf5 import ABSURD, Stored
from kerasmatrix.versions import KERAS_3, minor_of

__all__ = [
    "Contents",
    "SecondContents",
    "known_writers",
    "major_of",
    "size_of",
    "warnings_about",
    "writer_of",
]

KERAS_IS_TENSORFLOW = (2, 5)  # from 2.5 to 2.15 both have the same version number


@dataclass(frozen=True)
class Contents:
    """The contents of a file.

    Attributes:
        config: the architecture as JSON of any shape, or None.
        training: the compile config, likewise.
        fault: the reason why a folder is described, but never copied or loaded.
        second: the contents by the file's other type, if it has two.
        holder: what the model is packed in, if anything.
        companion: the file with the other half of it: the weights, or the architecture.
        bytes: the size of all its files, if it has several outside a folder.
        hazards: what reaches beyond the model outside its configs.
    """

    path: Path
    kind: Kind
    writer: Writer = field(default_factory=Writer)
    config: Any = None
    training: Any = None
    stored: Stored = field(default_factory=Stored)
    notes: tuple[str, ...] = ()
    fault: NotPlain | None = None
    second: SecondContents | None = None
    holder: Holder | None = None
    companion: str | None = None
    bytes: int = 0
    hazards: tuple[Hazard, ...] = ()


@dataclass(frozen=True)
class SecondContents:
    """The contents of a file by its second type, or the reason why they are unknown."""

    container: SecondType
    contents: Contents | None
    trouble: str | None = None


def size_of(path: Path) -> int:
    """Return the size of a file, or of all plain files in a folder; links are not followed.

    For a checkpoint without a file of that name, it is 0.
    """
    if not path.is_dir():
        return path.stat().st_size if path.exists() else 0
    below = (os.path.join(root, name) for root, _, names in os.walk(path) for name in names)  # noqa: PTH118
    statuses = (os.lstat(name) for name in itertools.islice(below, LIMITS.entries))
    return sum(status.st_size for status in statuses if stat.S_ISREG(status.st_mode))


def warnings_about(stored: Stored, size: int) -> Iterator[str]:
    """Yield warnings about a file."""
    if stored.repeated:
        key = words(stored.repeated[0])
        yield f"its JSON has the key {key!r} twice in one object; Keras uses the last"
    if stored.windows_paths:
        yield (
            "its weights have paths with backslashes: only Keras 2.12 to 2.15 on Windows, which "
            "wrote it, reads them"
        )
    if stored.elsewhere:
        path = stored.elsewhere[0]
        where = "another file" if stored.outside.get(path) else "other arrays of the file"
        yield f"the numbers of the array {words(path)!r} are in {where}, and not read"
    if stored.weights.bytes > ABSURD * size:
        yield f"it claims {stored.weights.bytes:,} bytes of weights, many times its own size"


def writer_of(
    keras: object, backend: object, *, date: object = None, keras_3_layout: bool = False
) -> Writer:
    """Return the writer of a file that names the version ``keras``, with deduced fields."""
    recorded = {"keras": keras, "backend": backend, "date": date}
    texts = {name: words(value) for name, value in recorded.items() if value is not None}
    if "keras" not in texts:
        layout = "the layout of its groups, as in TensorFlow 2.12 and later and in Keras 3"
        because = layout if keras_3_layout else None
        return Writer(keras_major=None, recorded=tuple(texts), because=because, **texts)
    tensorflow = _tensorflow_of(texts["keras"])
    return Writer(
        keras_major=major_of(texts["keras"]),
        tensorflow=tensorflow,
        recorded=tuple(texts),
        because="its Keras version" if tensorflow else None,
        **texts,
    )


def _tensorflow_of(keras: str) -> str | None:
    """Return the TensorFlow, or the range of them, that has this Keras, if known."""
    for known in known_writers():
        if known["keras"] == keras:
            return str(known["tensorflow"])
    key = minor_of(keras)
    if KERAS_IS_TENSORFLOW <= key < (KERAS_3,):
        return f"{key[0]}.{key[1]}"
    return None


@cache
def known_writers() -> tuple[Mapping[str, str], ...]:
    """Return the Keras versions that releases of TensorFlow write into files."""
    source = resources.files("kerasmatrix.inspection").joinpath("writers.toml")
    return tuple(tomllib.loads(source.read_text(encoding="utf-8"))["writers"])


def major_of(keras: str | None) -> Literal[1, 2, 3] | None:
    """Return the major version of a Keras, if there is such a one."""
    major = minor_of(keras)[0] if keras else 0
    return cast("Literal[1, 2, 3]", major) if major in {1, 2, 3} else None
