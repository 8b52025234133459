"""A user's model file, together with the scenario under which it is measured."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.config.scenario import Scenario
from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.filesystem.plain_files import NotPlain, walk
from kerasmatrix.inspection.folder_check import refusal
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.inspection.parts import parts_of
from kerasmatrix.prediction.required_objects import RequiredObject

__all__ = [
    "CHANGED",
    "FORMATS_BY_KIND",
    "FileState",
    "ModelInput",
    "describe",
    "digest_model",
    "file_state",
    "writer_of",
]

FORMATS_BY_KIND = {
    "hdf5-model": "h5",
    "hdf5-weights": "weights",
    "keras-archive": "keras",
    "saved-model": "savedmodel",
    "sharded-weights": "weights",
    "checkpoint": "weights",
    "architecture-json": "weights",
    "architecture-yaml": "weights",
}

# About a file that differs from the copy that is measured.
CHANGED = "It has changed in the meantime: this is about the file as it was."
# The name, inode, size and modification time of a file, or of each entry of a folder.
FileState = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True)
class ModelInput:
    """A model file and its scenario.

    Attributes:
        model_file: the description that `inspect` returns.
        scenario: a scenario that saves nothing and loads a copy of the file.
        sha256: the digest of the copy.
        required: the classes and functions that a program must bring to load it.
    """

    model_file: ModelFile
    scenario: Scenario
    sha256: str = ""
    required: tuple[RequiredObject, ...] = ()

    @property
    def path(self) -> str:
        """The path that the user named."""
        return self.model_file.path

    @property
    def format(self) -> str:
        """The file's format, by its content."""
        return FORMATS_BY_KIND[self.model_file.kind]

    @property
    def has_changed(self) -> bool:
        """Whether the file differs from the copy that is measured."""
        try:
            return digest_model(self.model_file) != self.sha256
        except (OSError, UsageError):
            return True


def digest_model(model_file: ModelFile) -> str:
    """Return the digest of all files of a model.

    Raises:
        OSError: one cannot be read, or is neither a file nor a folder of plain files.
        UsageError: one is missing.
    """
    parts = parts_of(model_file)
    if len(parts) == 1:
        return digest_path(parts[0])
    total = hashlib.sha256()
    for part in parts:
        total.update(f"{part.name}\0{digest_path(part)}\n".encode())
    return total.hexdigest()


def writer_of(model_file: ModelFile) -> str | None:
    """Return the version of Keras that wrote a file, as far as the file says it."""
    writer = model_file.writer
    version = writer.keras or writer.keras_major
    return f"Keras {version}" if version else None


def describe(model_file: ModelFile) -> str:
    """Return a description of a file in one sentence."""
    name = writer_of(model_file)
    classes = ", ".join(model_file.custom_objects)
    custom = f", custom classes {classes}" if classes else ""
    count = model_file.weights.parameters if model_file.weights else 0
    second = model_file.second.container.replace("-", " ") if model_file.second else ""
    also = f" The file is also a {second}: versions differ in which they load." if second else ""
    packed = f" in a {model_file.holder}" if model_file.holder else ""
    if model_file.companion:
        packed += f" with {Path(model_file.companion).name}"
    return (
        f"{model_file.kind.replace('-', ' ')}{packed}, written by {name or 'an unknown version'}, "
        f"{model_file.layers} layers, {count:,} numbers{custom}.{also}"
    )


def file_state(path: Path) -> FileState:
    """Return metadata that changes when a file, or an entry of a folder, is written.

    Nothing is opened for it.

    Raises:
        UsageError: it is a folder with an entry that is neither a plain file nor a folder.
    """
    try:
        if path.is_dir():
            with walk(path) as entries:
                return tuple(_entry_state(entry.name, entry.status) for entry in entries)
        return (_entry_state("", path.stat()),)
    except NotPlain as error:
        raise refusal(path, error) from error
    except (OSError, ValueError):
        return ()


def _entry_state(name: str, status: os.stat_result) -> tuple[str, int, int, int]:
    return name, status.st_ino, status.st_size, status.st_mtime_ns
