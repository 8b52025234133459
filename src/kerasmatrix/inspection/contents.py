"""Reads what is in a model file, as it is there: configs as JSON, and the structure of weights.

Nothing that is in the file is run.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import yaml

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.container import identify
from kerasmatrix.inspection.hdf5 import Stored, read_hdf5
from kerasmatrix.inspection.model_file import Kind, Weights, Writer
from kerasmatrix.inspection.saved_model import read_saved_model
from kerasmatrix.matrix import version_key
from kerasmatrix.yaml_source import YamlSource

__all__ = ["Contents", "read_contents"]

# No config is near this; a member that claims to be is a bomb.
LARGEST_CONFIG = 256 << 20
WEIGHTS_MEMBER = "model.weights.h5"
COPY = 1 << 20
KERAS_IS_TENSORFLOW = (2, 5)  # from here to 2.15 both have one version number
KERAS_3 = 3


@dataclass(frozen=True)
class Contents:
    """What is in a file. ``config`` and ``training`` are JSON of whatever shape, or None."""

    path: Path
    kind: Kind
    writer: Writer = field(default_factory=Writer)
    config: Any = None
    training: Any = None
    stored: Stored = field(default_factory=Stored)
    notes: tuple[str, ...] = ()


def read_contents(path: Path, *, digest: bool = False) -> Contents:
    """Return what is in the model at ``path``.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also read all weights and make a digest of them.

    Raises:
        UsageError: it is no model, or damaged; the message says what it is.
    """
    container = identify(path)
    readers = {
        "hdf5": _hdf5,
        "keras-archive": _archive,
        "saved-model": _saved_model,
        "architecture-json": _architecture_file,
        "architecture-yaml": _architecture_file,
    }
    try:
        return readers[container](path, digest=digest)
    except (OSError, ValueError, KeyError, RecursionError, zlib.error, zipfile.BadZipFile) as error:
        raise UsageError(
            f"{path}: is damaged: {_first_line(error)}",
            hint="it was cut off or changed on the way: copy it again, or save it anew",
        ) from None


def _hdf5(path: Path, *, digest: bool) -> Contents:
    stored = read_hdf5(str(path), digest=digest)
    if stored.foreign:
        raise UsageError(
            f"{path}: is an HDF5 file that Keras did not write",
            hint="Keras's have a model_config, layer_names, or a group of layers",
        )
    misnamed = path.suffix == ".keras"
    return Contents(
        path,
        "hdf5-weights" if stored.config is None else "hdf5-model",
        writer=_writer(stored.keras, stored.backend, keras_3_layout=stored.keras_3_layout),
        config=stored.config,
        training=stored.training,
        stored=stored,
        notes=("it is HDF5 under the name of an archive: Keras 3 refuses it so",)
        if misnamed
        else (),
    )


def _archive(path: Path, *, digest: bool) -> Contents:
    with zipfile.ZipFile(path) as archive:
        config = _member(archive, "config.json")
        names = archive.namelist()
        metadata = _member(archive, "metadata.json") if "metadata.json" in names else {}
        stored = Stored()
        if WEIGHTS_MEMBER in names:
            with _seekable(archive, WEIGHTS_MEMBER) as weights:
                stored = read_hdf5(weights, digest=digest)
    writer = _writer(metadata.get("keras_version"), None, date=metadata.get("date_saved"))
    notes = () if WEIGHTS_MEMBER in names else ("it holds no weights",)
    training = config.get("compile_config")
    return Contents(
        path, "keras-archive", writer=writer, config=config, training=training, stored=stored,
        notes=notes,
    )  # fmt: skip


def _saved_model(path: Path, *, digest: bool) -> Contents:
    if not (path / "saved_model.pb").is_file():
        raise UsageError(
            f"{path}: is a SavedModel written as text", hint="only saved_model.pb can be read"
        )
    told = read_saved_model(path)
    metadata = told.metadata if isinstance(told.metadata, Mapping) else {}
    keras = metadata.get("keras_version")
    recorded = [
        name for name, value in (("tensorflow", told.tensorflow), ("keras", keras)) if value
    ]
    writer = Writer(
        keras=keras,
        keras_major=_major(keras),
        tensorflow=told.tensorflow,
        backend=metadata.get("backend"),
        recorded=tuple(recorded),
    )
    notes = [] if metadata else ["exported without Keras's metadata: it can predict, and no more"]
    if digest:
        notes.append("no digest is made of a SavedModel's weights")
    weights = Weights(arrays=told.variables, parameters=told.parameters, bytes=told.bytes)
    return Contents(
        path,
        "saved-model",
        writer=writer,
        config=metadata if "config" in metadata else None,
        training=metadata.get("training_config"),
        stored=Stored(weights=weights),
        notes=tuple(notes),
    )


def _architecture_file(path: Path, *, digest: bool) -> Contents:  # noqa: ARG001 - as all readers
    text = path.read_text(encoding="utf-8")
    kind: Literal["architecture-json", "architecture-yaml"] = "architecture-json"
    try:
        config = json.loads(text)
    except ValueError:
        kind = "architecture-yaml"
        try:
            config = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(str(error)) from None
    writer = _writer(config.get("keras_version"), config.get("backend"))
    return Contents(path, kind, writer=writer, config=config, notes=("it holds no weights",))


def _writer(
    keras: object, backend: object, *, date: object = None, keras_3_layout: bool = False
) -> Writer:
    """Return who wrote a file that names the version ``keras``, and what follows from it."""
    told = {"keras": keras, "backend": backend, "date": date}
    texts = {name: str(value) for name, value in told.items() if value is not None}
    if "keras" not in texts:
        layout = "the layout of its groups, which is that of Keras 3" if keras_3_layout else None
        major = _major("3") if keras_3_layout else None
        return Writer(keras_major=major, recorded=tuple(texts), because=layout, **texts)
    tensorflow = _tensorflow_of(texts["keras"])
    return Writer(
        keras_major=_major(texts["keras"]),
        tensorflow=tensorflow,
        recorded=tuple(texts),
        because="its Keras version" if tensorflow else None,
        **texts,
    )


def _tensorflow_of(keras: str) -> str | None:
    """Return which TensorFlow has this Keras, where that is one or a few."""
    for known in _writers():
        if known["keras"] == keras:
            return str(known["tensorflow"])
    key = version_key(keras)
    if KERAS_IS_TENSORFLOW <= key[:2] < (KERAS_3,):
        return f"{key[0]}.{key[1]}"
    return None


@cache
def _writers() -> tuple[Mapping[str, str], ...]:
    with resources.as_file(resources.files("kerasmatrix.inspection")) as folder:
        return tuple(YamlSource(folder / "writers.yaml").data["writers"])


def _major(keras: str | None) -> Literal[1, 2, 3] | None:
    major = version_key(keras)[:1] if keras else ()
    return cast("Literal[1, 2, 3]", major[0]) if major and major[0] in {1, 2, 3} else None


def _member(archive: zipfile.ZipFile, name: str) -> Any:  # noqa: ANN401 - JSON
    if archive.getinfo(name).file_size > LARGEST_CONFIG:
        raise ValueError(f"its {name} claims to be {archive.getinfo(name).file_size} bytes")
    return json.loads(archive.read(name))


def _seekable(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Return a member as a file one can move about in: a compressed one is unpacked first."""
    member = archive.open(name)
    if archive.getinfo(name).compress_type == zipfile.ZIP_STORED:
        return cast("BinaryIO", member)
    unpacked = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    with member:
        while block := member.read(COPY):
            unpacked.write(block)
    unpacked.seek(0)
    return cast("BinaryIO", unpacked)


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    return line or type(error).__name__
