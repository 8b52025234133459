"""Reads a YAML file into a typed model, with the line of every key.

Errors name the file, the line, the key and the value.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.filesystem.named_files import read_text
from kerasmatrix.text.escape import brief, cut

__all__ = ["LOADER", "Location", "Source", "YamlSource"]

# The loader in C, if PyYAML has it, is ten times faster.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]

# An alias counts each time it is used: a few lines can expand to billions of values.
MOST_VALUES = 200_000
DEEPEST = 100  # what reads the data recurses
# More than any setting needs. Python refuses to print integers of more than 4,300 digits.
LARGEST_NUMBER = 1 << 63
# The errors of pydantic about a key that a model, or a dataclass, does not have.
UNKNOWN_KEY = {"extra_forbidden", "unexpected_keyword_argument"}


class _Loader(LOADER):  # type: ignore[misc, valid-type]
    """Constructs values, and names the line of one that Python cannot represent."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002
        try:
            value = super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError, MemoryError):
            raise
        except Exception as error:
            # The type depends on the tag: ValueError for `2022-13-45`, others for `!!timestamp x`.
            kind = node.tag.rpartition(":")[2]
            raise _wrong(node, f"{brief(node.value)} is not a valid {kind}") from error
        if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
            raise _wrong(node, f"{brief(node.value)} is too large a number")
        return value


def _wrong(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


class Source:
    """Plain data from a file, with the line of each value."""

    data: Any

    def place(self, location: Location) -> tuple[Path, int, Location]:
        """Return file, line and key of ``location``."""
        raise NotImplementedError

    def error(self, location: Location, message: str, *, hint: str | None = None) -> UsageError:
        """Return an error about the value at ``location``."""
        path, line, called = self.place(location)
        key = ".".join(cut(str(part)) for part in called)
        where = f"{path}:{line}: "
        return UsageError(f"{where}{key}: {message}" if key else f"{where}{message}", hint=hint)

    def parse(self, model: type[Model]) -> Model:
        """Return the data as ``model``.

        Raises:
            UsageError: a value does not fit; names the first one with its line.
        """
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            raise self._explain(error, model) from None

    def _explain(self, error: ValidationError, model: type[BaseModel]) -> UsageError:
        # One error at a time: later ones are often its consequences.
        first = error.errors()[0]
        location: Location = tuple(first["loc"])
        hint = None
        if first["type"] in UNKNOWN_KEY:
            hint = nearest(str(location[-1]), _fields_at(model, location[:-1]))
            return self.error(location, "unknown key", hint=hint)
        if first["type"] == "missing":
            return self.error(location, "is missing")
        message = first["msg"].removeprefix("Value error, ")
        value = first["input"]
        if isinstance(value, str | int | float | bool | datetime.date) or value is None:
            message = f"{message} (got {brief(value)})"
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
            text = read_text(path)
        except FileNotFoundError:
            raise UsageError(
                f"{path}: no such file",
                hint="run the command in the project's folder, or name the file with --matrix",
            ) from None
        except OSError as error:
            raise UsageError(
                f"{path}: cannot be read: {error.strerror}", hint="name a file of YAML text"
            ) from None
        try:
            loader = _Loader(text)
            try:
                node = loader.get_single_node()
                if node:
                    # Before values are built, since a document of a few lines can expand to
                    # gigabytes.
                    self._note_lines(node)
                self.data = loader.construct_document(node) if node else None
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise UsageError(f"{path}:{line}: not valid YAML: {error.problem}") from None
        except yaml.YAMLError as error:
            raise UsageError(f"{path}: not valid YAML: {error}") from None
        except RecursionError:
            raise UsageError(f"{path}: not valid YAML: it is nested too deeply") from None

    def place(self, location: Location) -> tuple[Path, int, Location]:
        """Return the line of ``location``, or of its closest parent in the file."""
        closest = location
        while closest and closest not in self._lines:
            closest = closest[:-1]
        return self.path, self._lines.get(closest, 1), location

    def _note_lines(self, root: yaml.Node) -> None:
        """Note the line of every value, before values are built of them.

        Raises:
            UsageError: a key is repeated, or the values are too many, too deep or endless.
        """
        waiting: list[tuple[yaml.Node, Location]] = [(root, ())]
        values = 0
        while waiting:
            node, location = waiting.pop()
            values += 1
            if values > MOST_VALUES:
                raise self._error(node, f"the file expands to more than {MOST_VALUES:,} values")
            if len(location) > DEEPEST:
                raise self._error(
                    node, "it is nested too deeply, or contains itself through an alias"
                )
            self._lines.setdefault(location, node.start_mark.line + 1)
            if isinstance(node, yaml.MappingNode):
                waiting += [(value, self._keyed(location, key)) for key, value in node.value]
            elif isinstance(node, yaml.SequenceNode):
                waiting += [(value, (*location, at)) for at, value in enumerate(node.value)]
            elif isinstance(node, yaml.ScalarNode):
                self._check_text(node)

    def _keyed(self, location: Location, key: yaml.Node) -> Location:
        """Return the location of the value under ``key``, and note its line."""
        if not isinstance(key, yaml.ScalarNode):
            raise self._error(key, "a list or a mapping cannot be a key")
        self._check_text(key)
        inner = (*location, key.value)
        # PyYAML takes the last of two equal keys, and loses the first one without a word.
        if inner in self._lines:
            called = ".".join(cut(str(part)) for part in inner)
            first = self._lines[inner]
            raise self._error(key, f"{called}: is repeated (first on line {first})")
        self._lines[inner] = key.start_mark.line + 1
        return inner

    def _check_text(self, node: yaml.ScalarNode) -> None:
        """Refuse text that cannot be part of a path, a command or a report."""
        if "\0" in node.value:
            raise self._error(node, f"{brief(node.value)} contains a NUL character")
        try:
            node.value.encode()
        except UnicodeEncodeError:
            raise self._error(node, f"{brief(node.value)} contains half a character") from None

    def _error(self, node: yaml.Node, message: str) -> UsageError:
        return UsageError(f"{self.path}:{node.start_mark.line + 1}: {message}")


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
