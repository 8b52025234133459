"""What the package brings along: its matrix, scenarios, locks and Dockerfile.

In a wheel they lie beside the code; in a checkout they are the repository's top-level folders,
so that there is one of each. Nobody else asks which of the two it is.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["STOCK", "is_installed", "stock_folder"]

# How a matrix.yaml names this one in `extends`.
STOCK = "kerasmatrix"


def stock_folder() -> Path:
    """Return the folder with the stock ``matrix.yaml``, ``scenarios`` and ``images``."""
    package = Path(__file__).resolve().parent
    packaged = package / "stock"
    return packaged if packaged.is_dir() else package.parent.parent


def is_installed() -> bool:
    """Whether it lies in an installed package, and not in a checkout, which is a project too."""
    return stock_folder().parent == Path(__file__).resolve().parent
