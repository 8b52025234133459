"""Finds out what a model file is and holds. Reads the file; runs nothing that is in it."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.architecture import (
    custom_objects,
    dtype_policies,
    is_custom,
    lambdas,
    read_architecture,
    read_training,
)
from kerasmatrix.inspection.model_info import ModelFile, SecondFormat, Training
from kerasmatrix.inspection.read import Contents, known_writers, read_contents, size_of
from kerasmatrix.inspection.reader_process import BOUNDS, guarded

__all__ = ["describe_contents", "inspect", "prepare", "read_model_file"]

T = TypeVar("T")

# How much of a digest takes a second of processor time, at the least: unpacked and hashed.
BYTES_PER_SECOND = 25 << 20


def inspect(path: Path, *, digest: bool = False) -> ModelFile:
    """Return what is known of the model at ``path``. It is read in a child, which it cannot leave.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also read all weights and make a digest of them.

    Raises:
        UsageError: it is no model, or damaged; the message says what it is.
    """
    _check_name(path)
    bounds = BOUNDS
    if digest:
        seconds = BOUNDS.cpu_seconds + _size(path) // BYTES_PER_SECOND
        bounds = replace(BOUNDS, cpu_seconds=seconds, seconds=10.0 * seconds)
    found = guarded(read_model_file, bounds, path, digest=digest)
    # The answer is text; a path need not be.
    return found.model_copy(update={"path": str(path)})


def _check_name(path: Path) -> None:
    """Find out whether a file can be called so.

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


def _size(path: Path) -> int:
    """Return the bytes of a file; 0 for a folder, and for what its reader will refuse."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def read_model_file(path: Path, *, digest: bool = False) -> ModelFile:
    """Do what `inspect` does in this process, which a hostile file may end or make very large."""
    return describe_contents(read_contents(path, digest=digest))


def prepare() -> None:
    """Read what all children of `guarded` need."""
    is_custom("", None, None)
    known_writers()


def describe_contents(contents: Contents) -> ModelFile:
    """Return what is known of a model from what is in its file."""
    config, stored = contents.config, contents.stored
    root = read_architecture(config, stored.parameters) if isinstance(config, Mapping) else None
    parts = [part for part in root.walk() if not part.parts] if root else []
    second = _second(contents)
    own = second.model if second else None
    return ModelFile(
        path=str(contents.path).encode(errors="replace").decode(),
        kind=contents.kind,
        bytes=size_of(contents.path),
        writer=contents.writer,
        architecture=root,
        layers=len(parts),
        custom_objects=_united(
            custom_objects(root) if root else (), own.custom_objects if own else ()
        ),
        lambdas=_united(lambdas(config) if root else (), own.lambdas if own else ()),
        dtype_policies=dtype_policies(config) if root else (),
        training=_training(contents),
        weights=stored.weights if stored.weights.arrays else None,
        notes=contents.notes,
        second=second,
    )


def _second(contents: Contents) -> SecondFormat | None:
    if contents.second is None:
        return None
    held = contents.second.contents
    return SecondFormat(
        container=contents.second.container,
        model=describe_contents(held) if held else None,
        trouble=contents.second.trouble,
    )


def _united(first: Iterable[T], second: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def _training(contents: Contents) -> Training | None:
    training: Any = contents.training
    if not isinstance(training, Mapping) or not training:
        return None
    # A SavedModel keeps the state in variables that do not say whose they are.
    saved_model = contents.kind == "saved-model"
    state = None if saved_model else contents.stored.optimizer_arrays > 0
    stored = contents.stored
    return read_training(
        training, state=state, slots=stored.optimizer_slots, steps=stored.optimizer_steps
    )
