"""Tests which saved Keras models load in which TensorFlow.

Programs use the functions of `kerasmatrix.api`, which are available here by the same names. They
are imported on first use, so that ``import kerasmatrix`` is fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasmatrix.api import (
        CannotConvert,
        Checked,
        bisect,
        check,
        convert,
        diff,
        explain,
        frame,
        inspect,
        load_results,
        predict,
        reproduce,
    )
    from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError

__version__ = "0.1.0"
__all__ = [
    "CannotConvert",
    "Checked",
    "InfrastructureError",
    "KerasmatrixError",
    "UsageError",
    "__version__",
    "bisect",
    "check",
    "convert",
    "diff",
    "explain",
    "explanation",
    "frame",
    "inspect",
    "load_results",
    "predict",
    "reproduce",
]

ERRORS = {"InfrastructureError", "KerasmatrixError", "UsageError"}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever it is
    if name.startswith("_") or name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module("kerasmatrix.errors" if name in ERRORS else "kerasmatrix.api")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
