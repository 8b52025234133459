"""Runs a scenario's script like ``python save.py``, without its ``__main__`` block."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import backend, keras_imports

__all__ = ["run_script"]

IMPORTED = "__kerasmatrix_scenario__"


def run_script(path: str) -> dict:
    """Return the names that the script at ``path`` defines.

    Its ``if __name__ == "__main__"`` block does not run, but the module of its classes and
    functions is ``__main__``, as if it ran by hand: Keras writes the module of a custom object
    into the file. With another backend than TensorFlow it imports ``keras``, not
    ``tensorflow.keras``.
    """
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python does for a script
    with open(path, "rb") as handle:
        source = handle.read()
    namespace = {"__name__": IMPORTED, "__file__": path}
    code: Any = source
    if backend.name() != backend.TENSORFLOW:
        code = keras_imports.from_keras(source, path)
        keras_imports.import_modules_from(folder)
    exec(compile(code, path, "exec"), namespace)
    for value in list(namespace.values()):
        if getattr(value, "__module__", None) == IMPORTED:
            value.__module__ = "__main__"
    return namespace
