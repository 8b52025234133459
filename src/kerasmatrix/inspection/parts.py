"""Lists the files and folders that a model consists of."""

from __future__ import annotations

import os
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import NotPlain
from kerasmatrix.inspection.checkpoint import INDEX, data_files
from kerasmatrix.inspection.file_type import checkpoint_prefix
from kerasmatrix.inspection.folder_check import refusal
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.inspection.weights_files import shards_of

__all__ = ["parts_of"]


def parts_of(model_file: ModelFile) -> tuple[Path, ...]:
    """Return the paths that a model is read from, with its weights or architecture next to it.

    Raises:
        UsageError: one is missing, or it has changed since it was inspected.
    """
    own = _own_parts(Path(model_file.path))
    if model_file.companion is None:
        return own
    return (*own, *_own_parts(Path(model_file.companion)))


def _own_parts(path: Path) -> tuple[Path, ...]:
    if path.name.endswith(".weights.json"):
        try:
            parts = (path, *(path.with_name(name) for name in shards_of(path)))
        except NotPlain as error:
            raise refusal(path, error) from error
        except ValueError as error:
            raise UsageError(f"{path}: is damaged: {error}") from None
    elif not _is_whole(path) and (prefix := checkpoint_prefix(path)):
        data = data_files(prefix, {entry.name for entry in prefix.parent.iterdir()})
        if not data:
            raise UsageError(
                f"{path}: is a TensorFlow checkpoint without its numbers",
                hint=f"copy {prefix.name}.data-00000-of-00001 next to {prefix.name}{INDEX}",
            )
        parts = tuple(prefix.with_name(name) for name in (prefix.name + INDEX, *data))
    else:
        parts = (path,)
    missing = next((part for part in parts if not os.path.lexists(part)), None)
    if missing:
        raise UsageError(f"{path}: a file of it is missing: {missing.name}")
    return parts


def _is_whole(path: Path) -> bool:
    """Return whether it is a folder that is a model as a whole."""
    return path.is_dir() and any(
        os.path.lexists(path / name) for name in ("saved_model.pb", "MLmodel", "config.json")
    )
