"""The matrix, scenarios, locks and Dockerfile that the package brings along.

In a wheel they lie in its folder ``bundled``. In a checkout they are the repository's top-level
folders, so that there is one copy of each. No other module asks which of the two it is.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUNDLED", "bundled_folder", "is_installed"]

# How a matrix.yaml names the bundled one in `extends`.
BUNDLED = "kerasmatrix"
PACKAGE = Path(__file__).resolve().parents[1]


def bundled_folder() -> Path:
    """Return the folder with the bundled ``matrix.yaml``, ``scenarios`` and ``images``."""
    packaged = PACKAGE / "bundled"
    return packaged if packaged.is_dir() else PACKAGE.parents[1]


def is_installed() -> bool:
    """Return whether the package is installed, not a checkout, which is a project too."""
    return bundled_folder().parent == PACKAGE
