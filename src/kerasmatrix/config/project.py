"""The folders and files of a project, found from its ``matrix.yaml``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.extends import read_chain
from kerasmatrix.config.places import places_of

__all__ = ["Project"]


@dataclass(frozen=True)
class Project:
    """A folder with a ``matrix.yaml``, scenarios, locks and a Dockerfile.

    Files are looked for in the folder of the matrix first, then in those of the matrices that it
    extends.
    """

    matrix_file: Path

    @property
    def root(self) -> Path:
        """The folder of ``matrix.yaml``."""
        # Resolved, so that a link to a matrix uses the scenarios and locks next to the real one.
        return Path(os.path.realpath(self.matrix_file)).parent

    @cached_property
    def folders(self) -> tuple[Path, ...]:
        """The folders of ``matrix.yaml`` and of the files that it extends, in that order."""
        chain = read_chain(self.matrix_file)
        folders = (Path(os.path.realpath(source.path)).parent for source in chain)
        return tuple(dict.fromkeys(folders))

    @property
    def own_environments(self) -> tuple[str, ...]:
        """The environments and exports that ``matrix.yaml`` itself describes, not inherited."""
        data = read_chain(self.matrix_file)[0].data
        return (*(data.get("environments") or ()), *(data.get("exports") or ()))

    @property
    def scenarios(self) -> Path:
        """The project's own folder of scenarios."""
        return self.root / "scenarios"

    @property
    def locks(self) -> Path:
        """The project's own folder of locks."""
        return self.root / "images" / "locks"

    @property
    def store(self) -> Path:
        """The default place of the store."""
        return places_of(self.matrix_file).store

    def scenario(self, name: str) -> Path:
        """Return the folder of a scenario."""
        return self._having(f"scenarios/{name}/scenario.yaml") / "scenarios" / name

    def locks_with(self, environment: str) -> Path:
        """Return the folder with the lock of an environment; the project's own if none has it."""
        return self._having(f"images/locks/{environment}.txt") / "images" / "locks"

    @property
    def build_root(self) -> Path:
        """The folder with the Dockerfile: that of the package, if the project has none."""
        return self._having("images/Dockerfile", bundled_folder())

    def _having(self, name: str, otherwise: Path | None = None) -> Path:
        """Return the first folder that has a file of this name."""
        having = (folder for folder in self.folders if (folder / name).is_file())
        return next(having, otherwise or self.root)
