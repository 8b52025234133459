"""Reads files that hold weights alone: HDF5, shards of it, and TensorFlow checkpoints."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import open_plain
from kerasmatrix.inspection.checkpoint import (
    INDEX,
    ITEM_BYTES,
    Variable,
    data_files,
    is_named,
    is_optimizer,
    is_weight,
    read_checkpoint,
    read_steps,
)
from kerasmatrix.inspection.contents import Contents, size_of, warnings_about, writer_of
from kerasmatrix.inspection.facts import Weights, Writer
from kerasmatrix.inspection.file_type import ARCHIVE_NAME, checkpoint_prefix
from kerasmatrix.inspection.hdf5 import Stored, read_hdf5

__all__ = ["read_checkpoint_files", "read_hdf5_file", "read_shards", "shards_of"]

SHARD = re.compile(r"[^/\\\0]{1,200}\.weights\.h5")
MOST_SHARDS = 1000
KERAS_2_NAME = "layer_with_weights-"  # Network._layer_checkpoint_dependencies in Keras 2
LARGEST_LIST = 32 << 20
NAMED = "its variables have names without a model, as tf.train.Saver and estimators write them"


def read_hdf5_file(path: Path, *, digest: bool) -> Contents:
    """Return the contents of an HDF5 file: a whole model, or weights.

    Raises:
        UsageError: Keras did not write it.
    """
    stored = read_hdf5(str(path), digest=digest)
    if stored.foreign:
        raise UsageError(
            f"{path}: is an HDF5 file that Keras did not write",
            hint="a file of Keras has a model_config, layer_names, or a group of layers",
        )
    notes = []
    if path.name.endswith(ARCHIVE_NAME) and not zipfile.is_zipfile(path):
        notes.append("it is HDF5 with the name of an archive, which Keras 3 refuses")
    return Contents(
        path,
        "hdf5-weights" if stored.config is None else "hdf5-model",
        writer=writer_of(stored.keras, stored.backend, keras_3_layout=stored.keras_3_layout),
        config=stored.config,
        training=stored.training,
        stored=stored,
        notes=(*notes, *warnings_about(stored, size_of(path))),
    )


def shards_of(path: Path) -> tuple[str, ...]:
    """Return the names of the files next to ``path`` that hold its weights.

    Raises:
        ValueError: it is not the list that ``save_weights`` of Keras 3.10 and later writes.
        NotPlain: it is a link, a device or a pipe, or cannot be read.
    """
    with os.fdopen(open_plain(path), "rb") as file:
        content = json.loads(file.read(LARGEST_LIST))
    listed = content.get("weight_map") if isinstance(content, Mapping) else None
    if not isinstance(listed, Mapping):
        raise ValueError("it lists no shards")  # noqa: TRY004 - the file is damaged
    groups = (names if isinstance(names, list) else [names] for names in listed.values())
    shards = tuple(dict.fromkeys(name for names in groups for name in names))
    for name in shards:
        if not isinstance(name, str) or not SHARD.fullmatch(name):
            raise ValueError("the name of a shard is not one that Keras writes")
    if len(shards) > MOST_SHARDS:
        raise ValueError(f"it lists more than {MOST_SHARDS:,} shards")
    return shards


def read_shards(path: Path, *, digest: bool) -> Contents:
    """Return the contents of sharded weights, of which ``path`` is the list."""
    missing, read, size = [], [], size_of(path)
    for name in shards_of(path):
        shard = path.with_name(name)
        if not os.path.lexists(shard):
            missing.append(name)
            continue
        with os.fdopen(open_plain(shard), "rb") as file:
            size += os.fstat(file.fileno()).st_size
            read.append(read_hdf5(file, digest=False))
    stored = _together(read)
    notes = [f"its shard {name!r} is missing" for name in missing[:1]]
    notes += ["no digest is computed for sharded weights"] if digest else []
    return Contents(
        path,
        "sharded-weights",
        bytes=size,
        writer=writer_of(None, None, keras_3_layout=True),
        stored=stored,
        notes=(*notes, *warnings_about(stored, size)),
    )


def read_checkpoint_files(path: Path, *, digest: bool) -> Contents:
    """Return the contents of the TensorFlow checkpoint that ``path`` names.

    Raises:
        Malformed: it is damaged.
    """
    prefix = checkpoint_prefix(path) or path
    variables = read_checkpoint(prefix)
    weights = [variable for variable in variables if is_weight(variable)]
    slots = [variable for variable in variables if is_optimizer(variable)]
    data = data_files(prefix, {entry.name for entry in prefix.parent.iterdir()})
    notes = [] if data else [f"the file with its numbers is missing: {prefix.name}.data-…"]
    notes += [NAMED] if is_named(variables) else []
    notes += ["no digest is computed for a checkpoint"] if digest else []
    stored = Stored(
        weights=Weights(
            arrays=len(weights),
            parameters=sum(item.count for item in weights),
            bytes=sum(item.count * ITEM_BYTES[item.dtype] for item in weights),
        ),
        paths=tuple(item.name for item in weights),
        optimizer_arrays=len(slots),
        optimizer_slots=sum(bool(item.shape) for item in slots),
        optimizer_steps=read_steps(prefix, variables) if data else 0,
        lacks_numbers=not data,
    )
    return Contents(
        path,
        "checkpoint",
        bytes=sum(prefix.with_name(name).stat().st_size for name in (prefix.name + INDEX, *data)),
        writer=_writer_of_checkpoint(weights),
        stored=stored,
        notes=tuple(notes),
    )


def _writer_of_checkpoint(weights: list[Variable]) -> Writer:
    """Return the writer: only Keras 2 numbers layers so, and Keras 3 does not save_weights so."""
    if any(KERAS_2_NAME in item.name for item in weights):
        return Writer(keras_major=2, because=f"the names of its variables: {KERAS_2_NAME}0")
    return Writer()


def _together(read: list[Stored]) -> Stored:
    """Return the contents of shards as those of one file."""
    return Stored(
        weights=Weights(
            arrays=sum(item.weights.arrays for item in read),
            parameters=sum(item.weights.parameters for item in read),
            bytes=sum(item.weights.bytes for item in read),
        ),
        parameters={name: size for item in read for name, size in item.parameters.items()},
        paths=tuple(path for item in read for path in item.paths),
        shapes={path: shape for item in read for path, shape in item.shapes.items()},
        elsewhere=tuple(path for item in read for path in item.elsewhere),
        indirect=tuple(path for item in read for path in item.indirect),
        optimizer_arrays=sum(item.optimizer_arrays for item in read),
        optimizer_slots=sum(item.optimizer_slots for item in read),
        optimizer_steps=max((item.optimizer_steps for item in read), default=0),
        keras_3_layout=True,
    )
