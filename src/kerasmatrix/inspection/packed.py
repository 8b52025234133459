"""Reads models that are packed in something: a folder, a pickle, a folder of MLflow."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import NotPlain, open_plain
from kerasmatrix.inspection.architecture import words
from kerasmatrix.inspection.archive import (
    CONFIG_MEMBER,
    LARGEST_CONFIG,
    METADATA_MEMBER,
    WEIGHTS_MEMBER,
    archive_contents,
    read_archive,
)
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.facts import Hazard
from kerasmatrix.inspection.file_type import ARCHIVE_NAME, MLMODEL, detect_file_type
from kerasmatrix.inspection.folder_check import find_fault, refusal
from kerasmatrix.inspection.hazards import MOST_HAZARDS, hazards
from kerasmatrix.inspection.hdf5 import Stored, read_hdf5
from kerasmatrix.inspection.pickled import find_archive
from kerasmatrix.inspection.pickled import read_archive as read_pickled
from kerasmatrix.inspection.strict_json import read_json

__all__ = ["mlflow_hazards", "mlflow_model", "mlmodel", "read_pickle", "read_unpacked"]

LARGEST_MLMODEL = 4 << 20
# Where the flavors `tensorflow` and `keras` of MLflow 1 to 3 put the model.
MLFLOW_PLACES = (
    "data/model.keras",
    "data/model.h5",
    "data/model",
    "model.keras",
    "model.h5",
    "data",
    "tfmodel",
    "model",
)
# The packages that MLflow imports for a Keras model, and its keys for paths (mlflow/keras,
# mlflow/tensorflow, mlflow/pyfunc).
MODULES = {"keras", "mlflow", "tensorflow", "tf_keras"}
PLACES = {"code", "data", "env", "model_path", "saved_model_dir"}
# The other configs of a preset of KerasHub (src/utils/preset_utils.py).
PRESET = (
    "task.json", "tokenizer.json", "preprocessor.json", "image_converter.json",
    "audio_converter.json",
)  # fmt: skip
CUSTOM = "custom_objects.cloudpickle"
MODELS = {"hdf5", "keras-archive", "saved-model", "keras-folder"}


def read_unpacked(path: Path, *, digest: bool) -> Contents:
    """Return the contents of an archive that is unpacked into the folder ``path``."""
    repeated: set[str] = set()
    try:
        config = read_json(_plain(path / CONFIG_MEMBER), repeated)
        metadata: Any = {}
        if os.path.lexists(path / METADATA_MEMBER):
            metadata = read_json(_plain(path / METADATA_MEMBER), repeated)
        stored, notes = Stored(), []
        if os.path.lexists(path / WEIGHTS_MEMBER):
            with os.fdopen(open_plain(path / WEIGHTS_MEMBER), "rb") as file:
                stored = read_hdf5(file, digest=digest)
        else:
            notes.append("it holds no weights")
        parts = [name for name in PRESET if os.path.lexists(path / name)]
        found = hazards(*(read_json(_plain(path / name), repeated) for name in parts))
    except NotPlain as error:
        raise refusal(path, error) from None
    if parts:
        notes.append("it is a preset of KerasHub, which also reads " + ", ".join(parts))
    if path.name.endswith(ARCHIVE_NAME):
        notes.append("it is a folder with the name of an archive, which Keras opens as a file")
    fault = find_fault(path)
    if fault:
        notes.append(f"{fault}: all other commands refuse the folder")
    stored = replace(stored, repeated=tuple(sorted(repeated)))
    contents = archive_contents(path, config, metadata, stored, notes)
    return replace(contents, holder="folder", fault=fault, hazards=found)


def read_pickle(path: Path, *, digest: bool) -> Contents:
    """Return the contents of the archive in a pickle, which is not unpickled.

    Raises:
        UsageError: there is none.
    """
    place = find_archive(path)
    if place is None:
        raise UsageError(f"{path}: is a Python pickle without a Keras archive")
    contents = read_archive(path, io.BytesIO(read_pickled(path, place)), digest=digest)
    notes = ["it is a Python pickle, which runs code when it is loaded: the archive in it is read"]
    if place.others:
        notes.append(f"it holds {place.others + 1} archives, of which the first is read")
    return replace(contents, notes=(*notes, *contents.notes), holder="pickle")


def mlmodel(path: Path) -> dict[str, Any]:
    """Return the description in a folder of MLflow; empty if it is not valid."""
    from kerasmatrix.inspection.yaml_as_json import read_yaml  # noqa: PLC0415 - see guard.py

    try:
        content = read_yaml(_plain(path / MLMODEL, LARGEST_MLMODEL).decode())
    except (NotPlain, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def mlflow_model(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Return the model in a folder of MLflow, and notes about the folder.

    Raises:
        UsageError: there is none that Keras wrote.
    """
    inner = next(_mlflow_models(path), None)
    if inner is None:
        described = mlmodel(path).get("flavors")
        names = described if isinstance(described, dict) else ()
        flavors = ", ".join(words(name) for name in names) or "unknown"
        raise UsageError(
            f"{path}: is a model of MLflow without a Keras model in it; its flavors: {flavors}"
        )
    return inner, tuple(_mlflow_notes(path))


def _mlflow_models(path: Path) -> Iterator[Path]:
    for place in MLFLOW_PLACES:
        inner = path / place
        if _is_inside(path, place) and inner.exists():
            try:
                if detect_file_type(inner) in MODELS:
                    yield inner
            except UsageError:
                continue


def _is_inside(folder: Path, place: str) -> bool:
    """Return whether no part of ``place`` below ``folder`` is a link."""
    parts = place.split("/")
    return not any(
        folder.joinpath(*parts[: number + 1]).is_symlink() for number in range(len(parts))
    )


def _mlflow_notes(path: Path) -> Iterator[str]:
    described = mlmodel(path)
    flavors = described.get("flavors")
    for name, flavor in (flavors if isinstance(flavors, dict) else {}).items():
        if name == "python_function" or not isinstance(flavor, dict):
            continue
        version = flavor.get("keras_version")
        says = f", Keras {words(version)}" if version else ""
        by = described.get("mlflow_version")
        yield f"it is a model of MLflow{f' {words(by)}' if by else ''}, flavor {words(name)}{says}"
    if os.path.lexists(path / "data" / CUSTOM):
        yield (
            f"its custom objects are pickled code ({CUSTOM}), which is not run: pass the module "
            "that defines them with --custom-objects"
        )


def mlflow_hazards(path: Path) -> tuple[Hazard, ...]:
    """Return what MLflow imports or reads for this folder beyond the model's own packages."""
    described = mlmodel(path).get("flavors")
    flavors = described.values() if isinstance(described, dict) else ()
    settings = [item for held in flavors if isinstance(held, dict) for item in held.items()]
    found = []
    for key, value in settings:
        if not isinstance(value, str):
            continue
        if key.endswith("_module") and value.partition(".")[0] not in MODULES:
            found.append(Hazard(kind="code", layer=MLMODEL, names=words(value)))
        elif key in PLACES and (value.startswith("/") or ".." in value.split("/")):
            found.append(Hazard(kind="file", layer=MLMODEL, names=words(value)))
    return tuple(dict.fromkeys(found))[:MOST_HAZARDS]


def _plain(path: Path, largest: int = LARGEST_CONFIG) -> bytes:
    with os.fdopen(open_plain(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > largest:
            raise ValueError(f"its {path.name} is too large")
        return file.read(largest)
