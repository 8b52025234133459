"""Reads architectures that are stored as JSON or YAML, without weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kerasmatrix.inspection.architecture import inside
from kerasmatrix.inspection.contents import Contents, size_of, warnings_about, writer_of
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.inspection.hdf5 import Stored
from kerasmatrix.inspection.strict_json import read_json

__all__ = ["NO_WEIGHTS", "architecture_config", "read_architecture_file"]

NO_WEIGHTS = "it holds no weights"


def architecture_config(path: Path, repeated: set[str]) -> tuple[Any, bool]:
    """Return the architecture in a file as JSON, and whether the file is YAML.

    Raises:
        ValueError: it is neither, or its YAML is nested too deeply or has too many aliases.
        TypeError: it does not describe a model.
    """
    text = path.read_text(encoding="utf-8")
    is_yaml = False
    try:
        config = read_json(text, repeated)
    except ValueError:
        if text.lstrip().startswith("{"):  # JSON, and YAML would take long to say so
            raise
        # A program with guard.py may lack PyYAML.
        from kerasmatrix.inspection.yaml_as_json import read_yaml  # noqa: PLC0415

        is_yaml = True
        config = read_yaml(text)
    if not isinstance(config, Mapping):
        raise TypeError("it does not describe a model")
    return config, is_yaml


def read_architecture_file(path: Path, *, digest: bool) -> Contents:  # noqa: ARG001 - as all readers
    """Return the contents of an architecture's file."""
    repeated: set[str] = set()
    config, is_yaml = architecture_config(path, repeated)
    kind: Literal["architecture-json", "architecture-yaml"] = (
        "architecture-yaml" if is_yaml else "architecture-json"
    )
    notes = warnings_about(Stored(repeated=tuple(sorted(repeated))), size_of(path))
    return Contents(
        path,
        kind,
        writer=_writer(config),
        config=config,
        notes=(NO_WEIGHTS, *notes),
    )


def _writer(config: Mapping[str, Any]) -> Writer:
    """Return the writer: ``to_json`` of Keras 3 does not record its version."""
    if "keras_version" not in config and _has_keras_3_input(config):
        return Writer(keras_major=3, because="the argument batch_shape of its InputLayer")
    return writer_of(config.get("keras_version"), config.get("backend"))


def _has_keras_3_input(config: Mapping[str, Any]) -> bool:
    """Whether it has an InputLayer as Keras 3 writes it: Keras 2 writes batch_input_shape."""
    return any(
        isinstance(inner.get("config"), Mapping)
        and (inner.get("class_name") == "InputLayer" and "batch_shape" in inner["config"])
        for inner in inside(config.get("config"))
    )
