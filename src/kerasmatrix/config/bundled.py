"""The matrix, scenarios, locks and Dockerfile of the package.

A wheel has them in its folder ``bundled``. A checkout has them in the folders at its top, so that
there is one copy of each. Only this module distinguishes the two.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["BUNDLED", "bundled_folder", "is_installed"]

# The name of the bundled matrix in `extends`.
BUNDLED = "kerasmatrix"
PACKAGE = Path(__file__).resolve().parents[1]


def bundled_folder() -> Path:
    """Return the folder with the bundled ``matrix.yaml``, ``scenarios`` and ``images``."""
    packaged = PACKAGE / "bundled"
    return packaged if packaged.is_dir() else PACKAGE.parents[1]


def is_installed() -> bool:
    """Return whether the package is installed, not a checkout, which is a project too."""
    return bundled_folder().parent == PACKAGE
