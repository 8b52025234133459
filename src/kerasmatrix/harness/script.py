"""Runs a scenario's script the way ``python save.py`` would, but for its last block."""

from __future__ import annotations

import os
import sys

__all__ = ["run_script"]

IMPORTED = "__kerasmatrix_scenario__"


def run_script(path: str) -> dict:
    """Return the names that the script at ``path`` defines.

    Its ``if __name__ == "__main__"`` block does not run, yet its classes and functions say they
    come from ``__main__``: Keras writes the module of a custom object into the file it saves,
    and a script run by hand is ``__main__``.
    """
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as Python does for a script
    with open(path, "rb") as handle:
        source = handle.read()
    namespace = {"__name__": IMPORTED, "__file__": path}
    exec(compile(source, path, "exec"), namespace)
    for value in list(namespace.values()):
        if getattr(value, "__module__", None) == IMPORTED:
            value.__module__ = "__main__"
    return namespace
