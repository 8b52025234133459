"""Finds out what a model file is and holds. Reads the file; runs nothing that is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasmatrix.inspection.architecture import (
    custom_objects,
    dtype_policies,
    lambdas,
    read_architecture,
    read_training,
)
from kerasmatrix.inspection.contents import Contents, read_contents
from kerasmatrix.inspection.model_file import ModelFile, Training

__all__ = ["describe_contents", "inspect"]


def inspect(path: Path, *, digest: bool = False) -> ModelFile:
    """Return what is known of the model at ``path``.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also read all weights and make a digest of them.

    Raises:
        UsageError: it is no model, or damaged; the message says what it is.
    """
    return describe_contents(read_contents(path, digest=digest))


def describe_contents(contents: Contents) -> ModelFile:
    """Return what is known of a model from what is in its file."""
    config, stored = contents.config, contents.stored
    root = read_architecture(config, stored.parameters) if isinstance(config, Mapping) else None
    parts = [part for part in root.walk() if not part.parts] if root else []
    return ModelFile(
        path=str(contents.path),
        kind=contents.kind,
        bytes=_size(contents.path),
        writer=contents.writer,
        architecture=root,
        layers=len(parts),
        custom_objects=custom_objects(root) if root else (),
        lambdas=lambdas(config) if root else (),
        dtype_policies=dtype_policies(config) if root else (),
        training=_training(contents),
        weights=stored.weights if stored.weights.arrays else None,
        notes=contents.notes,
    )


def _training(contents: Contents) -> Training | None:
    training: Any = contents.training
    if not isinstance(training, Mapping) or not training:
        return None
    # A SavedModel keeps the state in variables that do not say whose they are.
    saved_model = contents.kind == "saved-model"
    state = None if saved_model else contents.stored.optimizer_arrays > 0
    return read_training(training, state=state)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(each.stat().st_size for each in path.rglob("*") if each.is_file())
