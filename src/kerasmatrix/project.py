"""Where things are: the folders of a project, found from its ``matrix.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Project"]


@dataclass(frozen=True)
class Project:
    """A folder with a ``matrix.yaml`` and what belongs to it."""

    matrix_file: Path

    @property
    def root(self) -> Path:
        """The folder of ``matrix.yaml``."""
        return self.matrix_file.resolve().parent

    @property
    def scenarios(self) -> Path:
        """The folder of scenarios."""
        return self.root / "scenarios"

    @property
    def images(self) -> Path:
        """The folder of the Dockerfile."""
        return self.root / "images"

    @property
    def locks(self) -> Path:
        """The folder of locks."""
        return self.images / "locks"

    @property
    def store(self) -> Path:
        """The default place of the store."""
        return self.root / ".kerasmatrix"
