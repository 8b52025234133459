"""Finds model files below the paths that a user names. Links are not followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.inspection.checkpoint import INDEX

__all__ = ["ENDINGS", "MLMODEL", "SAVED_MODEL", "FoundModels", "find_models"]

ENDINGS = (".h5", ".hdf5", ".keras", ".weights.json")
ARCHITECTURES = (".json", ".yaml", ".yml")
PICKLES = (".pkl", ".pickle", ".joblib")
SAVED_MODEL = "saved_model.pb"
MLMODEL = "MLmodel"
SHARD = re.compile(r"(.*)_\d{5}\.weights\.h5")
# A pickle of Keras 2.13 or later names one of these near its start, before the archive.
PICKLED = (b"_unpickle_model", b"deserialize_model_from_bytecode")
ARCHITECTURE = (b'"class_name"', b"class_name:")
HEAD = 1 << 16
OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
LOOKED_FOR = f"{', '.join(sorted(ENDINGS))}, {SAVED_MODEL}, {MLMODEL}, checkpoints and pickles"


@dataclass(frozen=True)
class FoundModels:
    """Paths that may be models, and an error for each named path that is not."""

    paths: tuple[Path, ...]
    refused: Mapping[Path, KerasmatrixError]


def find_models(paths: Iterable[Path]) -> FoundModels:
    """Return the files among ``paths`` and, for folders that are not models, the models below them.

    A path that does not exist, or that no file system can have, is refused alone.
    """
    models: list[Path] = []
    refused: dict[Path, KerasmatrixError] = {}
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
        if path.with_name(path.name + INDEX).is_file():
            return [path]
        raise UsageError(f"{path}: there is no such file")
    if not path.is_dir():
        return [path.with_name(path.name.removesuffix(INDEX))]
    if _is_model(path, {entry.name for entry in path.iterdir()}):
        return [path]
    models = sorted(_models_below(path))
    if not models:
        raise UsageError(
            f"{path}: is a folder without a model",
            hint=f"looked for {LOOKED_FOR} in it and below",
        )
    return models


def _is_model(folder: Path, names: set[str]) -> bool:
    """Return whether a folder with these names is a model as a whole."""
    return (
        os.path.lexists(folder / SAVED_MODEL)
        or MLMODEL in names
        or ("config.json" in names and bool(names & {"metadata.json", "model.weights.h5"}))
    )


def _models_below(folder: Path) -> Iterable[Path]:
    for root, folders, files in os.walk(folder):
        # os.walk lists links to folders among the folders, and does not follow them.
        if _is_model(Path(root), set(files)):
            folders.clear()
            yield Path(root)
        else:
            yield from (Path(root, name) for name in _models_among(Path(root), set(files)))


def _models_among(folder: Path, names: set[str]) -> Iterator[str]:
    """Yield the names of the models in a folder: architectures only if nothing else is in it.

    Weights find the architecture next to them.
    """
    whole = [name for name in names if name.endswith(ENDINGS) and not _is_shard(name, names)]
    whole += [name.removesuffix(INDEX) for name in names if name.endswith(INDEX)]
    for name in names:
        if (name.endswith(PICKLES) and _holds(folder / name, PICKLED)) or (
            not whole and name.endswith(ARCHITECTURES) and _holds(folder / name, ARCHITECTURE)
        ):
            yield name
    yield from whole


def _is_shard(name: str, names: set[str]) -> bool:
    found = SHARD.fullmatch(name)
    return found is not None and f"{found.group(1)}.weights.json" in names


def _holds(path: Path, marks: tuple[bytes, ...]) -> bool:
    """Return whether one of ``marks`` is at the start of a plain file."""
    try:
        with os.fdopen(os.open(path, OPEN), "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    return any(mark in head for mark in marks)
