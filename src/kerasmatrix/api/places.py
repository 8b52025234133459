"""Where models, environments and stored results are, from the arguments of the functions."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import matrix_or_bundled, places_of
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.files.discover import FoundModels, find_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.remote import address_of, download
from kerasmatrix.files.session import Session, SessionOptions, open_session
from kerasmatrix.report.progress import TerminalProgress

__all__ = [
    "Downloads",
    "PathLike",
    "assets_of",
    "matrix_path",
    "open_models",
    "store_folder",
]

PathLike = str | os.PathLike[str]
NOTEBOOK = "ipykernel"  # the module that runs a notebook's code


class Downloads:
    """Downloads models that addresses name; they are removed when nothing refers to it any more."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    def path(self, file: PathLike) -> Path:
        """Return the path of a model, which is downloaded if ``file`` is an address.

        Raises:
            UsageError: the address names no model, or several.
            InfrastructureError: the server does not answer.
        """
        path = Path(file)
        address = address_of(path)
        if address is None:
            return path
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kerasmatrix-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return download(address, self._folder)

    def models(self, files: PathLike | Sequence[PathLike]) -> tuple[tuple[Path, ...], FoundModels]:
        """Return the paths of ``files``, and the models among and below them."""
        paths: list[Path] = []
        refused: dict[Path, KerasmatrixError] = {}
        for file in [files] if isinstance(files, str | os.PathLike) else files:
            try:
                paths.append(self.path(file))
            except KerasmatrixError as error:
                refused[Path(file)] = error
        found = find_models(paths)
        return tuple(paths), FoundModels(found.paths, {**refused, **found.refused})


@contextmanager
def open_models(
    matrix: PathLike | None,
    engine: str | Engine,
    store: PathLike | None,
    options: SessionOptions,
    wait: Callable[[str], None] | None = None,
) -> Iterator[Session]:
    """Open the session in which models are loaded; a notebook shows its progress."""
    path = matrix_path(matrix)
    project, loaded = Project(path), load_matrix(path)
    if isinstance(engine, str):
        from kerasmatrix.engines.select import open_engine  # noqa: PLC0415 - it imports Docker's client

        engine = open_engine(engine, loaded, project)
    with open_session(
        project,
        loaded,
        engine,
        options=options,
        store=store_folder(matrix, store),
        wait=wait,
        listener=TerminalProgress() if NOTEBOOK in sys.modules else None,
    ) as session:
        yield session


def matrix_path(matrix: PathLike | None) -> Path:
    """Return the matrix file: the named one, the one in the current folder, or the package's."""
    return matrix_or_bundled(_path(matrix))


def store_folder(matrix: PathLike | None, store: PathLike | None) -> Path:
    """Return the folder of stored results."""
    return Path(store) if store is not None else places_of(_path(matrix)).store


def assets_of(code: PathLike | None, inputs: PathLike | None) -> ModelAssets:
    """Return the files that come with models."""
    return ModelAssets(_path(code), _path(inputs))


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
