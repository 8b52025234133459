"""A ``matrix.yaml`` together with those it extends, as one source of data.

A file takes precedence over those that it extends. Mappings (environments, groups, limits) are
merged by name, lists of scenarios are joined, and all other values are replaced. Errors name the
file and line of the value. Only ``extends`` and ``scenarios`` are interpreted here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kerasmatrix.config.bundled import BUNDLED, bundled_folder
from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.yaml_source import Location, Source, YamlSource

__all__ = ["InheritedSource", "read_chain"]

MATRIX = "matrix.yaml"


def read_chain(path: Path) -> tuple[YamlSource, ...]:
    """Read ``path`` and the files that it extends, each after the one that extends it.

    Raises:
        UsageError: one of them cannot be read, or extends itself.
    """
    chain = [YamlSource(path)]
    seen = {os.path.realpath(path)}
    while (base := _base_of(chain[-1])) is not None:
        # Unlike Path.resolve, realpath accepts links that lead to each other; reading does not.
        if os.path.realpath(base) in seen:
            raise chain[-1].error(("extends",), f"{base} extends itself")
        seen.add(os.path.realpath(base))
        try:
            chain.append(YamlSource(base))
        except UsageError as error:
            raise chain[-1].error(
                ("extends",),
                error.message,
                hint=f"write {BUNDLED!r} for the matrix of the package, or the path of a file",
            ) from None
    return tuple(chain)


class InheritedSource(Source):
    """The data of a chain of files, merged."""

    def __init__(self, chain: tuple[YamlSource, ...]) -> None:
        """Merge ``chain``, in which each file stands before the one that it extends.

        Raises:
            UsageError: one of them is not a mapping.
        """
        self._chain = chain
        self._origins: dict[Location, tuple[YamlSource, Location]] = {(): (chain[0], ())}
        self.data = {}
        for source in chain:
            if not isinstance(source.data, dict):
                raise source.error((), "must be a mapping: keys with values")
            for key, value in source.data.items():
                self._add(source, key, value)

    def place(self, location: Location) -> tuple[Path, int, Location]:
        """Return file, line and original location of a value of the merged data."""
        length = next(n for n in range(len(location), -1, -1) if location[:n] in self._origins)
        source, origin = self._origins[location[:length]]
        return source.place((*origin, *location[length:]))

    def _add(self, source: YamlSource, key: str, value: Any) -> None:  # noqa: ANN401 - raw YAML
        """Add a value, unless a file that takes precedence has it."""
        if key not in self.data:
            self._origins[key,] = (source, (key,))
            self.data[key] = value
            return
        nearer = self.data[key]  # the chain begins with the file that takes precedence
        if isinstance(nearer, dict) and isinstance(value, dict):
            for name in value.keys() - nearer.keys():
                self._origins[key, name] = (source, (key, name))
            self.data[key] = {**value, **nearer}
        elif key == "scenarios" and isinstance(nearer, list) and isinstance(value, list):
            added = list(nearer)
            for index, name in enumerate(value):
                if name not in nearer:
                    self._origins[key, len(added)] = (source, (key, index))
                    added.append(name)
            self.data[key] = added


def _base_of(source: YamlSource) -> Path | None:
    """Return the file that a source extends, if any."""
    named = source.data.get("extends") if isinstance(source.data, dict) else None
    if named is None:
        return None
    if not isinstance(named, str):
        raise source.error(("extends",), f"must be the name of a matrix (got {named!r})")
    return bundled_folder() / MATRIX if named == BUNDLED else source.path.parent / named
