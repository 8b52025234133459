"""Describes a model file: its type, writer, architecture and weights. Runs none of its code."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.architecture import (
    custom_objects,
    dtype_policies,
    is_custom,
    quantized_layers,
    read_architecture,
    read_training,
    words,
)
from kerasmatrix.inspection.contents import Contents, known_writers, size_of
from kerasmatrix.inspection.facts import Hazard, Training
from kerasmatrix.inspection.hazards import MOST_HAZARDS, hazards
from kerasmatrix.inspection.lambdas import lambdas
from kerasmatrix.inspection.model_info import ModelFile, SecondFormat
from kerasmatrix.inspection.read import read_contents
from kerasmatrix.inspection.reader_process import (
    READER_LIMITS,
    ResourceLimits,
    run_in_subprocess,
)

__all__ = [
    "check_name",
    "describe_contents",
    "inspect",
    "prepare",
    "read_model_file",
    "read_time",
]

T = TypeVar("T")

# At least so many bytes can be unpacked and hashed in a second of processor time.
BYTES_PER_SECOND = 25 << 20


def inspect(path: Path, *, digest: bool = False) -> ModelFile:
    """Return a description of the model at ``path``, which is read in a subprocess.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also compute a digest of all weights.

    Raises:
        UsageError: it is damaged or not a model; the message names its type.
    """
    check_name(path)
    limits = read_time(READER_LIMITS, path) if digest else READER_LIMITS
    model_file = run_in_subprocess(read_model_file, limits, path, digest=digest)
    # The answer is valid Unicode; a path may not be.
    return model_file.model_copy(update={"path": str(path)})


def read_time(limits: ResourceLimits, *paths: Path, times: int = 1) -> ResourceLimits:
    """Return ``limits`` with the time to read all weights of files so many times."""
    seconds = limits.cpu_seconds + times * sum(map(_size_at, paths)) // BYTES_PER_SECOND
    return replace(limits, cpu_seconds=seconds, seconds=10.0 * seconds)


def check_name(path: Path) -> None:
    """Check that a file can have this name.

    Raises:
        UsageError: no file can.
    """
    try:
        path.lstat()
    except ValueError as error:  # a zero byte
        raise UsageError(f"{path}: {error}") from None
    except OSError as error:
        if error.errno in {errno.ENAMETOOLONG, errno.ELOOP}:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from None


def _size_at(path: Path) -> int:
    """Return the size of a file or folder; 0 for files that the reader will refuse."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return size_of(path)
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def read_model_file(path: Path, *, digest: bool = False) -> ModelFile:
    """Do the same as `inspect` in this process, which a hostile file may crash."""
    return describe_contents(read_contents(path, digest=digest))


def prepare() -> None:
    """Load the data that all children of `run_in_subprocess` need."""
    is_custom("", None, None)
    known_writers()


def describe_contents(contents: Contents) -> ModelFile:
    """Return a description of a file with these contents."""
    config, stored = contents.config, contents.stored
    root = read_architecture(config, stored.parameters) if isinstance(config, Mapping) else None
    parts = [part for part in root.walk() if not part.parts] if root else []
    second = _second(contents)
    second_model = second.model if second else None
    return ModelFile(
        path=str(contents.path).encode(errors="replace").decode(),
        kind=contents.kind,
        bytes=contents.bytes or size_of(contents.path),
        holder=contents.holder,
        companion=contents.companion,
        writer=contents.writer,
        architecture=root,
        layers=len(parts),
        custom_objects=_union(
            custom_objects(root) if root else (),
            second_model.custom_objects if second_model else (),
        ),
        lambdas=_union(
            lambdas(config) if root else (), second_model.lambdas if second_model else ()
        ),
        hazards=_union(_hazards(contents), second_model.hazards if second_model else ()),
        dtype_policies=dtype_policies(config) if root else (),
        quantized=quantized_layers(config) if root else {},
        training=_training(contents),
        weights=stored.weights if stored.weights.arrays else None,
        notes=contents.notes,
        second=second,
    )


def _hazards(contents: Contents) -> tuple[Hazard, ...]:
    outside = (
        Hazard(kind="file", layer=words(f"the array {path!r}"), names=words(name))
        for path, name in contents.stored.outside.items()
    )
    config = contents.config
    # The config of an archive holds its compile settings already.
    apart = isinstance(config, Mapping) and config.get("compile_config") is not contents.training
    found = hazards(config, contents.training if apart else None)
    return (*contents.hazards, *islice(outside, MOST_HAZARDS), *found)


def _second(contents: Contents) -> SecondFormat | None:
    if contents.second is None:
        return None
    held = contents.second.contents
    return SecondFormat(
        container=contents.second.container,
        model=describe_contents(held) if held else None,
        trouble=contents.second.trouble,
    )


def _union(first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _training(contents: Contents) -> Training | None:
    training: Any = contents.training
    if not isinstance(training, Mapping) or not training:
        return None
    stored = contents.stored
    state: bool | None = stored.optimizer_arrays > 0
    if contents.kind == "saved-model" and not (state or stored.optimizer_steps):
        state = None  # the names of its variables do not always tell which are the optimizer's
    return read_training(
        training, state=state, slots=stored.optimizer_slots, steps=stored.optimizer_steps
    )
