"""The folders of the store and the reports of a matrix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import platformdirs

from kerasmatrix.config.bundled import bundled_folder, is_installed

__all__ = ["MATRIX", "Places", "default_cache", "matrix_or_bundled", "places_of"]

MATRIX = Path("matrix.yaml")
STORE = Path(".kerasmatrix")


class Places(NamedTuple):
    """The folder of the store, and that of the reports."""

    store: Path
    reports: Path


def default_cache() -> Path:
    """Return the folder of virtual environments: ``KERASMATRIX_CACHE``, else the user's cache."""
    override = os.environ.get("KERASMATRIX_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("kerasmatrix"))


def places_of(matrix_file: Path | None = None) -> Places:
    """Return the folders of the store and the reports, which are next to the matrix.

    Args:
        matrix_file: the matrix. None stands for the one in the current folder, or else that of the
            package. The package's folder is not written to: the store is the one in the current
            folder, if there is one, else in the user's cache, and the reports are in the current
            folder.
    """
    if matrix_file is None and (MATRIX.is_file() or STORE.is_dir()):
        matrix_file = MATRIX
    if matrix_file is not None:
        folder = Path(os.path.realpath(matrix_file)).parent
        if not (is_installed() and folder == bundled_folder()):
            return Places(folder / ".kerasmatrix", _relative(folder / "reports"))
    return Places(default_cache() / "store", Path("reports"))


def matrix_or_bundled(matrix_file: Path | None) -> Path:
    """Return ``matrix_file``, by default the one in the current folder, else the package's own."""
    if matrix_file is not None:
        return matrix_file
    return MATRIX if MATRIX.is_file() else bundled_folder() / MATRIX


def _relative(path: Path) -> Path:
    """Return ``path`` relative to the current folder, if it is below it."""
    try:
        return path.relative_to(Path.cwd())
    except (ValueError, OSError):
        return path
