"""Reads the names of the custom objects that a program passes to Keras from its source.

The source is parsed and never run. Objects that a module creates only at run time are missed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.named_files import read_bytes

__all__ = ["custom_object_names", "names_of_program"]

# `check` passes this dict of a module, or all that the module defines if it has none.
LISTED = "custom_objects"


def names_of_program(folder: Path) -> frozenset[str]:
    """Return the names of the custom objects in a scenario's ``load.py``.

    Those of the modules next to it that it imports count as well: importing a module registers its
    classes. For a user's model file they are those of the module that was passed with it.

    Raises:
        UsageError: a module does not exist, or is not valid Python.
    """
    settings = folder / "given.json"
    if settings.is_file():
        code = json.loads(settings.read_text(encoding="utf-8"))["code"]
        return custom_object_names(folder / f"{code}.py") if code else frozenset()
    names = custom_object_names(folder / "load.py")
    modules = (folder / f"{module}.py" for module in sorted(_imported(folder / "load.py")))
    return names.union(*(custom_object_names(path) for path in modules if path.is_file()))


def custom_object_names(path: Path) -> frozenset[str]:
    """Return the names of the classes and functions in the module at ``path``.

    If it has a dict ``custom_objects`` with constant keys, they are its keys, else all names that
    the module defines, imports or assigns.

    Raises:
        UsageError: there is no such file, or it is not valid Python.
    """
    statements = list(_statements(_parsed(path).body))
    listed = [names for statement in statements if (names := _listed(statement)) is not None]
    return listed[-1] if listed else frozenset(_bound(statements))


def _imported(path: Path) -> set[str]:
    """Return the modules that the one at ``path`` imports."""
    modules = set()
    for statement in _statements(_parsed(path).body):
        match statement:
            case ast.ImportFrom(module=str(module), level=0):
                modules.add(module)
            case ast.Import():
                modules |= {alias.name for alias in statement.names}
    return modules


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(read_bytes(path), str(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = error.msg if isinstance(error, SyntaxError) else error
        raise UsageError(
            f"{path}{line}: is not valid Python: {message}",
            hint="name the module that defines the model's own classes",
        ) from None


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, including those in its ifs, tries and withs."""
    for statement in body:
        yield statement
        match statement:
            case ast.If():
                yield from _statements([*statement.body, *statement.orelse])
            case ast.Try():
                handled = [inner for handler in statement.handlers for inner in handler.body]
                inner_body = [*statement.body, *handled, *statement.orelse, *statement.finalbody]
                yield from _statements(inner_body)
            case ast.With():
                yield from _statements(statement.body)


def _listed(statement: ast.stmt) -> frozenset[str] | None:
    """Return the keys of a dict that is assigned to ``custom_objects``."""
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys))
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys))
        ) if name == LISTED:
            names = [key.value for key in keys if isinstance(key, ast.Constant)]
            if len(names) == len(keys):
                return frozenset(map(str, names))
    return None


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        match statement:
            case ast.ClassDef() | ast.FunctionDef():
                yield statement.name
            case ast.ImportFrom() | ast.Import():
                yield from (alias.asname or alias.name for alias in statement.names)
            case ast.Assign():
                yield from (
                    target.id for target in statement.targets if isinstance(target, ast.Name)
                )
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
