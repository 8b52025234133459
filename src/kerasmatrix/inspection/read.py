"""Reads the contents of a model of any shape: configs as JSON, and the structure of the weights.

No code in the file is run.
"""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import NotPlain
from kerasmatrix.inspection.architecture_file import read_architecture_file
from kerasmatrix.inspection.archive import read_archive_file
from kerasmatrix.inspection.companions import with_companion
from kerasmatrix.inspection.contents import Contents, SecondContents
from kerasmatrix.inspection.file_type import (
    ARCHIVE_NAME,
    FileType,
    detect_file_type,
    detect_second_type,
    type_of_archive,
)
from kerasmatrix.inspection.folder_check import find_fault, refusal
from kerasmatrix.inspection.packed import mlflow_hazards, mlflow_model, read_pickle, read_unpacked
from kerasmatrix.inspection.polyglot import which_loads_which
from kerasmatrix.inspection.read_saved_model import read_saved_model_folder
from kerasmatrix.inspection.weights_files import (
    read_checkpoint_files,
    read_hdf5_file,
    read_shards,
)
from kerasmatrix.text.lines import first_line

__all__ = ["DAMAGE", "read_contents"]

# Exceptions of h5py, zipfile and the parsers about damaged content.
DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, OverflowError, struct.error,
    zlib.error, zipfile.BadZipFile, lzma.LZMAError,
)  # fmt: skip
LONGEST_LINE = 500  # of an error message, which may quote the file


def read_contents(path: Path, *, digest: bool = False) -> Contents:
    """Return the contents of the model at ``path``.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also compute a digest of all weights.

    Raises:
        UsageError: it is damaged or not a model; the message names its type.
    """
    first = detect_file_type(path)
    second = detect_second_type(path, first)
    if second == "keras-archive":
        return _both(path, digest=digest)
    contents = _read(path, first, digest=digest)
    if second is None:
        return with_companion(contents)
    notes = (which_loads_which(path, second), *contents.notes)
    problem = "only the SavedModel is read"
    return replace(contents, notes=notes, second=SecondContents(second, None, problem))


def _both(path: Path, *, digest: bool) -> Contents:
    """Return the contents of a file that is both HDF5 and a zip archive, if one is a model.

    The type that more versions load is the first; the other is in ``second``.
    """
    read: dict[Literal["hdf5", "keras-archive"], Contents] = {}
    problems: dict[str, str] = {}
    for container in ("hdf5", "keras-archive"):
        try:
            if container == "keras-archive":
                type_of_archive(path)
            read[container] = _read(path, container, digest=digest)
        except UsageError as error:
            problems[container] = error.message.removeprefix(f"{path}: ")
    if not read:
        raise UsageError(
            f"{path}: is both HDF5 and a zip archive, and neither is a model: "
            f"{'; '.join(problems.values())}",
            hint="it is damaged or malicious: copy it again, or save the model again",
        )
    hdf5 = read.get("hdf5")
    archive_first = hdf5 is None or (
        hdf5.kind != "hdf5-model" and path.name.endswith(ARCHIVE_NAME) and "keras-archive" in read
    )
    first: Literal["hdf5", "keras-archive"] = "keras-archive" if archive_first else "hdf5"
    other: Literal["hdf5", "keras-archive"] = "hdf5" if archive_first else "keras-archive"
    notes = [which_loads_which(path, "keras-archive")]
    if other in problems:
        notes.append(f"its {'HDF5' if other == 'hdf5' else 'archive'} {problems[other]}")
    return replace(
        read[first],
        notes=(*notes, *read[first].notes),
        second=SecondContents(other, read.get(other), problems.get(other)),
    )


def _read(path: Path, container: FileType, *, digest: bool) -> Contents:
    """Return the contents of the model at ``path``, read as the type ``container``."""
    try:
        return READERS[container](path, digest=digest)
    except NotPlain as error:
        raise refusal(path, error) from None
    except DAMAGE as error:
        raise UsageError(
            f"{path}: is damaged: {first_line(error)[:LONGEST_LINE] or type(error).__name__}",
            hint="it was cut off or changed: copy it again, or save the model again",
        ) from None


def _mlflow(path: Path, *, digest: bool) -> Contents:
    """Return the contents of the model in a folder of MLflow."""
    inner, notes = mlflow_model(path)
    contents = _read(inner, detect_file_type(inner), digest=digest)
    fault = find_fault(path)
    notes += (f"{fault}: all other commands refuse the folder",) if fault else ()
    return replace(
        contents,
        path=path,
        notes=(*notes, *contents.notes),
        holder="mlflow",
        hazards=(*contents.hazards, *mlflow_hazards(path)),
        fault=contents.fault or fault,
    )


READERS: Mapping[FileType, Callable[..., Contents]] = {
    "hdf5": read_hdf5_file,
    "keras-archive": read_archive_file,
    "saved-model": read_saved_model_folder,
    "architecture-json": read_architecture_file,
    "architecture-yaml": read_architecture_file,
    "keras-folder": read_unpacked,
    "checkpoint": read_checkpoint_files,
    "sharded-weights": read_shards,
    "pickle": read_pickle,
    "mlflow": _mlflow,
}
