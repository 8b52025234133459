"""Reads a YAML file into a typed model, and keeps the line of every key.

Errors name the file, the line, the key and the value. This module knows nothing of what the
files mean.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kerasmatrix.errors import UsageError, nearest

__all__ = ["LOADER", "Location", "Source", "YamlSource"]

# Written in C where PyYAML was built with it: ten times faster.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]


class Source:
    """Plain data that people wrote, and where each value of it stands."""

    data: Any

    def place(self, location: Location) -> tuple[Path, int, Location]:
        """Return the file and the line of ``location``, and what it is called there."""
        raise NotImplementedError

    def error(self, location: Location, message: str, *, hint: str | None = None) -> UsageError:
        """Return an error about the value at ``location``."""
        path, line, called = self.place(location)
        key = ".".join(str(part) for part in called)
        where = f"{path}:{line}: "
        return UsageError(f"{where}{key}: {message}" if key else f"{where}{message}", hint=hint)

    def parse(self, model: type[Model]) -> Model:
        """Return the data as ``model``.

        Raises:
            UsageError: the first thing that does not fit, with its line.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise self._explain(error, model) from None

    def _explain(self, error: ValidationError, model: type[BaseModel]) -> UsageError:
        first = error.errors()[0]
        location: Location = tuple(first["loc"])
        hint = None
        if first["type"] == "extra_forbidden":
            hint = nearest(str(location[-1]), _fields_at(model, location[:-1]))
            return self.error(location, "unknown key", hint=hint)
        if first["type"] == "missing":
            return self.error(location, "is missing")
        message = first["msg"].removeprefix("Value error, ")
        value = first["input"]
        if isinstance(value, str | int | float | bool | datetime.date) or value is None:
            message = f"{message} (got {value!r})"
        return self.error(location, message, hint=hint)


class YamlSource(Source):
    """One YAML file."""

    def __init__(self, path: Path) -> None:
        """Read ``path``.

        Raises:
            UsageError: the file is absent, unreadable, not YAML, or repeats a key.
        """
        self.path = path
        self._lines: dict[Location, int] = {}
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UsageError(
                f"{path}: no such file",
                hint="run the command in the project's folder, or name the file with --matrix",
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from None
        try:
            loader = LOADER(text)
            try:
                node = loader.get_single_node()
                self.data = loader.construct_document(node) if node else None
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise UsageError(f"{path}:{line}: not valid YAML: {error.problem}") from None
        except yaml.YAMLError as error:
            raise UsageError(f"{path}: not valid YAML: {error}") from None
        if node is not None:
            self._note_lines(node, ())

    def place(self, location: Location) -> tuple[Path, int, Location]:
        """Return the line of ``location``, or of its closest parent that stands in the file."""
        closest = location
        while closest and closest not in self._lines:
            closest = closest[:-1]
        return self.path, self._lines.get(closest, 1), location

    def _note_lines(self, node: yaml.Node, location: Location) -> None:
        self._lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                name = str(key.value)
                inner = (*location, name)
                if inner in self._lines:
                    raise UsageError(
                        f"{self.path}:{key.start_mark.line + 1}: {'.'.join(map(str, inner))}: "
                        f"stands twice (first on line {self._lines[inner]})"
                    )
                self._lines[inner] = key.start_mark.line + 1
                self._note_lines(value, inner)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._note_lines(value, (*location, index))


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the valid keys of the mapping at ``location`` below ``model``."""
    current: Any = model
    for part in location:
        field = current.model_fields.get(str(part)) if _is_model(current) else None
        annotation = field.annotation if field else current
        models = [arg for arg in _flatten(annotation) if _is_model(arg)]
        if not models:
            return []
        current = models[0]
    return list(current.model_fields) if _is_model(current) else []


def _is_model(candidate: Any) -> bool:  # noqa: ANN401 - annotations are anything
    return isinstance(candidate, type) and issubclass(candidate, BaseModel)


def _flatten(annotation: Any) -> list[Any]:  # noqa: ANN401 - annotations are anything
    """Return ``annotation`` and all type arguments inside it."""
    arguments = getattr(annotation, "__args__", ())
    return [annotation, *(inner for arg in arguments for inner in _flatten(arg))]
