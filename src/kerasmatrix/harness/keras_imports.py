"""Makes a scenario's script import Keras from the package ``keras``, not from TensorFlow.

The scripts are those of programs that run on TensorFlow. With another backend of Keras 3 the same
program has other imports: ``import keras`` for ``from tensorflow import keras``, and
``from keras.layers import Dense`` for ``from tensorflow.keras.layers import Dense``.
"""

from __future__ import annotations

import ast
import importlib.machinery
import os
import sys
from typing import Any

__all__ = ["from_keras", "import_modules_from", "needs_tensorflow"]

TENSORFLOW = "tensorflow"
TF_KERAS = TENSORFLOW + ".keras"


def from_keras(source: bytes, path: str) -> Any:
    """Return the syntax tree of a script, with each import of ``tensorflow.keras`` replaced.

    Args:
        source: the script.
        path: its name, for error messages.

    Raises:
        SyntaxError: it is not a script of this Python.
    """
    return ast.fix_missing_locations(_FromKeras().visit(ast.parse(source, path)))


def import_modules_from(folder: str) -> None:
    """Let the modules in ``folder`` import Keras like its scripts, when they are imported."""
    make = importlib.machinery.FileFinder.path_hook((_Loader, [".py"]))

    def hook(path: str) -> Any:
        if os.path.abspath(path) != os.path.abspath(folder):
            raise ImportError(path)
        return make(path)

    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.pop(folder, None)


class _Loader(importlib.machinery.SourceFileLoader):
    def path_stats(self, path: str) -> Any:
        raise OSError(path)  # so that bytecode of the unchanged source is not used

    def source_to_code(self, data: Any, path: Any = "", **options: Any) -> Any:  # type: ignore[override]
        del options
        return compile(from_keras(data, path), path, "exec")


def needs_tensorflow(source: bytes) -> bool:
    """Return whether a script imports more of TensorFlow than Keras."""
    for node in ast.walk(from_keras(source, "")):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        if any(name.split(".")[0] == TENSORFLOW for name in names):
            return True
    return False


class _FromKeras(ast.NodeTransformer):
    def visit_Import(self, node: Any) -> Any:
        for alias in node.names:
            # Without `as`, the script names it `tensorflow.keras`, which stays an import of it.
            if alias.asname and _is_keras(alias.name):
                alias.name = alias.name[len(TENSORFLOW) + 1 :]
        return node

    def visit_ImportFrom(self, node: Any) -> Any:
        if node.level or node.module is None:
            return node
        if _is_keras(node.module):
            node.module = node.module[len(TENSORFLOW) + 1 :]
            return node
        if node.module != TENSORFLOW:
            return node
        kept = [alias for alias in node.names if alias.name != "keras"]
        made = [
            ast.copy_location(ast.Import([ast.alias("keras", alias.asname)]), node)
            for alias in node.names
            if alias.name == "keras"
        ]
        if kept:
            node.names = kept
            made.append(node)
        return made


def _is_keras(module: str) -> bool:
    return (module + ".").startswith(TF_KERAS + ".")
