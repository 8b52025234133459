"""Finds model files below the paths that a user names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.errors import UsageError

__all__ = ["FoundModels", "find_models"]

ENDINGS = {".h5", ".hdf5", ".keras"}
SAVED_MODEL = "saved_model.pb"


@dataclass(frozen=True)
class FoundModels:
    """Paths that may be models, and an error for each named path that is not."""

    paths: tuple[Path, ...]
    refused: Mapping[Path, UsageError]


def find_models(paths: Iterable[Path]) -> FoundModels:
    """Return the files among ``paths`` and, for folders that are not models, the models below them.

    A path that does not exist, or that no file system can have, is refused alone.
    """
    models: list[Path] = []
    refused: dict[Path, UsageError] = {}
    for path in paths:
        try:
            models += _models_at(path)
        except UsageError as error:
            refused[path] = error
        except (OSError, ValueError) as error:  # too long, or with a zero byte in it
            reason = getattr(error, "strerror", None) or error
            refused[path] = UsageError(f"{path}: cannot be read: {reason}")
    return FoundModels(tuple(dict.fromkeys(models)), refused)


def _models_at(path: Path) -> list[Path]:
    if not path.exists():
        raise UsageError(f"{path}: there is no such file")
    if not path.is_dir() or os.path.lexists(path / SAVED_MODEL):
        return [path]
    models = sorted(_models_below(path))
    if not models:
        raise UsageError(
            f"{path}: is a folder without a model",
            hint=f"looked for {', '.join(sorted(ENDINGS))} and {SAVED_MODEL} in it and below",
        )
    return models


def _models_below(folder: Path) -> Iterable[Path]:
    for root, folders, files in os.walk(folder):
        # os.walk lists links to folders among the folders, and does not follow them.
        if SAVED_MODEL in files:
            folders.clear()
            yield Path(root)
        else:
            yield from (Path(root, name) for name in files if Path(name).suffix in ENDINGS)
