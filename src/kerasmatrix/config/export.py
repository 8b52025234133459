"""Exports: the ways out of Keras that a matrix names, each with the environment that takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from kerasmatrix.config.extends import InheritedSource
from kerasmatrix.errors import nearest
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.escape import brief

if TYPE_CHECKING:
    from kerasmatrix.config.matrix import Environment

__all__ = ["Export", "ExportFormat", "check_exports", "exporting"]

ExportFormat = Literal["onnx", "tflite"]


class Export(StrictModel):
    """An environment in which loaded models are exported to ``format``, and the exports are run.

    It has the packages of ``environment`` and ``also`` the converter and the runtime, of the same
    day of the package index.
    """

    environment: str
    format: ExportFormat
    also: tuple[str, ...] = ()


def exporting(
    exports: Mapping[str, Export], environments: Mapping[str, Environment]
) -> tuple[Environment, ...]:
    """Return the environments that export, oldest first."""
    made = []
    for name, export in exports.items():
        base = environments[export.environment]
        changes = {"name": name, "export": export.format, "also": (*base.also, *export.also)}
        made.append(base.model_copy(update=changes))
    return tuple(sorted(made, key=lambda env: env.sort_key))


def check_exports(
    source: InheritedSource, exports: Mapping[str, Export], environments: Mapping[str, Environment]
) -> None:
    """Check the names in ``exports``, and that they are nowhere else.

    Raises:
        UsageError: with the line.
    """
    for name, environment in environments.items():
        if environment.export is not None:
            raise source.error(("environments", name, "export"), "belongs below `exports`")
    for name, export in exports.items():
        if name in environments:
            raise source.error(("exports", name), "is the name of an environment, too")
        if export.environment not in environments:
            raise source.error(
                ("exports", name, "environment"),
                f"unknown environment {brief(export.environment)}",
                hint=nearest(export.environment, environments),
            )
