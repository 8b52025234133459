"""Which classes and functions a program hands over to Keras, read out of its source.

The source is parsed and never run: a prediction runs nothing. What a module makes at run time only
is not seen.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.named_files import read_bytes

__all__ = ["names_brought", "names_of_program"]

# `check` takes this of a module, where it has it, and else all that it defines.
LISTED = "custom_objects"


def names_of_program(folder: Path) -> frozenset[str]:
    """Return the names that a scenario's ``load.py`` brings along.

    They are its own and those of the modules beside it that it imports: importing a module
    registers its classes. For a file that was saved elsewhere they are those of the module that
    came with it.

    Raises:
        UsageError: a module is not there, or is no Python.
    """
    given = folder / "given.json"
    if given.is_file():
        code = json.loads(given.read_text(encoding="utf-8"))["code"]
        return names_brought(folder / f"{code}.py") if code else frozenset()
    names = names_brought(folder / "load.py")
    beside = (folder / f"{module}.py" for module in sorted(_imported(folder / "load.py")))
    return names.union(*(names_brought(path) for path in beside if path.is_file()))


def names_brought(path: Path) -> frozenset[str]:
    """Return the names of the classes and functions in the module at ``path``.

    They are those of its ``custom_objects``, if it has a dict of that name and its keys can be
    read, else all that it defines, imports or assigns.

    Raises:
        UsageError: there is no such file, or it is no Python.
    """
    statements = list(_statements(_parsed(path).body))
    listed = [names for each in statements if (names := _listed(each)) is not None]
    return listed[-1] if listed else frozenset(_bound(statements))


def _imported(path: Path) -> set[str]:
    """Return the modules that the one at ``path`` imports."""
    found = set()
    for each in _statements(_parsed(path).body):
        match each:
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module)
            case ast.Import():
                found |= {alias.name for alias in each.names}
    return found


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(read_bytes(path), str(path))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        raise UsageError(
            f"{path}{line}: is no Python: {said}",
            hint="name the module that defines the model's own classes",
        ) from None


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those in its ifs and tries too."""
    for each in body:
        yield each
        match each:
            case ast.If():
                yield from _statements([*each.body, *each.orelse])
            case ast.Try():
                handled = [inner for handler in each.handlers for inner in handler.body]
                yield from _statements([*each.body, *handled, *each.orelse, *each.finalbody])
            case ast.With():
                yield from _statements(each.body)


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
    for each in statements:
        match each:
            case ast.ClassDef() | ast.FunctionDef():
                yield each.name
            case ast.ImportFrom() | ast.Import():
                yield from (alias.asname or alias.name for alias in each.names)
            case ast.Assign():
                yield from (target.id for target in each.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
