"""Copies a model of any shape into a scenario's folder, as files that `load.py` loads."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.files.model_input import FORMATS_BY_KIND, digest_model
from kerasmatrix.filesystem.copies import copy_file, copy_tree
from kerasmatrix.filesystem.plain_files import NotPlain, walk
from kerasmatrix.inspection.architecture_file import architecture_config
from kerasmatrix.inspection.checkpoint import INDEX
from kerasmatrix.inspection.folder_check import refusal
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.inspection.packed import mlflow_model
from kerasmatrix.inspection.parts import parts_of
from kerasmatrix.inspection.pickled import PickledArchive, find_archive, read_archive
from kerasmatrix.inspection.reader_process import READER_LIMITS, run_in_subprocess

__all__ = ["ARCHITECTURE", "ARCHITECTURES", "copy_given", "copy_plain", "is_weights"]

ARCHITECTURE = "architecture.json"
ARCHIVE = "model.keras"
# Keras 3 requires this ending of weights; earlier versions ignore it.
WEIGHTS_ENDING = ".weights.h5"
# An ending that Keras 3 refuses is kept, so that it is refused; one with bytes that a terminal or
# a shell interprets is not.
ENDING = re.compile(r"\.[A-Za-z0-9_+-]{1,32}")
CHECKPOINT_PART = re.compile(r"(\.index|\.data-\d{5}-of-\d{5})$")
ARCHITECTURES = {"architecture-json", "architecture-yaml"}


def is_weights(model_file: ModelFile) -> bool:
    """Return whether a program has to build the model before it loads the file."""
    return FORMATS_BY_KIND.get(model_file.kind) == "weights"


def copy_given(model_file: ModelFile, scenario: Path) -> str:
    """Copy a model into ``scenario/given``, and its architecture next to it; return its digest.

    Raises:
        UsageError: a part of it cannot be copied.
        OSError: ``scenario`` cannot be written.
    """
    given = scenario / "given"
    given.mkdir()
    path = Path(model_file.path)
    if model_file.holder == "pickle":
        _copy_pickled(path, given / ARCHIVE)
    elif model_file.holder == "folder":
        _pack(path, given / ARCHIVE)
    elif model_file.holder == "mlflow":
        inner, _ = mlflow_model(path)
        copy_plain(inner, given / _name_of_copy(inner, model_file))
    elif is_weights(model_file):
        _copy_weights(model_file, given)
        if model_file.companion:
            _copy_architecture(model_file, scenario / ARCHITECTURE)
    else:
        return copy_plain(path, given / _name_of_copy(path, model_file))
    try:
        return digest_model(model_file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def copy_plain(source: Path, target: Path) -> str:
    """Copy a file or a folder and return the digest of the copy.

    Raises:
        UsageError: there is something else in it than plain files and folders.
    """
    try:
        return copy_tree(source, target) if source.is_dir() else copy_file(source, target)
    except NotPlain as error:
        raise refusal(source, error) from error


def _pack(folder: Path, target: Path) -> None:
    """Write the content of a folder as an archive, as Keras does: without compression.

    Raises:
        UsageError: there is something else in it than plain files and folders.
    """
    try:
        with walk(folder) as entries, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for entry in entries:
                if entry.is_folder:
                    continue
                # The date is fixed, so that the same content gives the same archive.
                member = zipfile.ZipInfo(entry.name)
                with (
                    os.fdopen(entry.open(), "rb") as source,
                    archive.open(member, "w", force_zip64=True) as copy,
                ):
                    shutil.copyfileobj(source, copy)
    except NotPlain as error:
        target.unlink(missing_ok=True)
        raise refusal(folder, error) from error


def _copy_pickled(path: Path, target: Path) -> None:
    place = run_in_subprocess(_place_in_pickle, READER_LIMITS, path)
    try:
        target.write_bytes(read_archive(path, place))
    except ValueError as error:
        raise UsageError(f"{path}: {error}") from None


def _place_in_pickle(path: Path) -> PickledArchive:
    place = find_archive(path)
    if place is None:
        raise UsageError(f"{path}: is a Python pickle without a Keras archive")
    return place


def _copy_weights(model_file: ModelFile, given: Path) -> None:
    """Copy the files of the weights under the names by which the harness finds them."""
    path = Path(model_file.path)
    weights = path
    if model_file.kind in ARCHITECTURES:
        weights = Path(model_file.companion or path)
    parts = parts_of(model_file.model_copy(update={"path": str(weights), "companion": None}))
    for part in parts:
        checkpoint = CHECKPOINT_PART.search(part.name)
        if checkpoint and parts[0].name.endswith(INDEX):
            copy_plain(part, given / f"model{checkpoint.group(1)}")
        elif len(parts) == 1:
            copy_plain(part, given / _name_of_copy(part, model_file))
        else:  # Keras derives the names of shards from that of their list
            copy_plain(part, given / part.name)


def _copy_architecture(model_file: ModelFile, target: Path) -> None:
    """Write the architecture as JSON, which every Keras reads."""
    own = model_file.kind in ARCHITECTURES
    source = Path(model_file.path if own else model_file.companion or "")
    config = run_in_subprocess(_architecture, READER_LIMITS, source)
    target.write_text(json.dumps(config))


def _architecture(path: Path) -> Mapping[str, object]:
    config: Mapping[str, object] = architecture_config(path, set())[0]
    return config


def _name_of_copy(path: Path, model_file: ModelFile) -> str:
    """Return the name of a file's copy; it has the same ending, which Keras interprets."""
    if model_file.kind == "saved-model":
        return "model"
    if path.name.endswith(WEIGHTS_ENDING):
        return f"model{WEIGHTS_ENDING}"
    return f"model{path.suffix if ENDING.fullmatch(path.suffix) else ''}"
