"""Reads a scenario's script: the names that it defines, and what it needs. Nothing is run."""

from __future__ import annotations

import ast
from pathlib import Path

from kerasmatrix.harness.keras_imports import needs_tensorflow
from kerasmatrix.strict_model import StrictModel

__all__ = ["Script", "read_script"]

TRAINING = frozenset({"fit", "train_on_batch"})


class Script(StrictModel):
    """A script of a scenario.

    ``names`` are those that it defines, by function, assignment or import; with ``*`` any may be
    among them. ``uses_tensorflow`` if it imports more of TensorFlow than Keras, and ``trains`` if
    it calls a method that trains a model.
    """

    names: frozenset[str] = frozenset("*")
    uses_tensorflow: bool = False
    trains: bool = False

    def defines(self, name: str) -> bool:
        """Return whether it defines ``name``."""
        return bool({name, "*"} & self.names)


def read_script(path: Path) -> Script:
    """Return the facts about the script at ``path``.

    One with a syntax error here may be valid in other versions of Python; else its save fails.

    Raises:
        OSError: it cannot be read.
    """
    source = path.read_bytes()
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError):
        return Script()
    names: set[str] = set()
    called: set[str] = set()
    for node in nodes:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Call(func=ast.Attribute(attr=name)):
                called.add(name)
    return Script(
        names=frozenset(names),
        uses_tensorflow=needs_tensorflow(source),
        trains=bool(TRAINING & called),
    )
