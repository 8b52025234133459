"""``results.json``: the results as a document, and the JSON Schema it keeps to."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from kerasmatrix.errors import UsageError
from kerasmatrix.results import SCHEMA_VERSION, Results

__all__ = ["read_results", "results_schema", "to_json"]


def to_json(results: Results) -> str:
    """Return ``results`` as the text of ``results.json``."""
    return results.model_dump_json(indent=1) + "\n"


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``results.json``."""
    return Results.model_json_schema(mode="serialization")


def read_results(text: str, name: str) -> Results:
    """Read the text of a ``results.json``.

    Args:
        text: its content.
        name: what it is called in errors.

    Raises:
        UsageError: it is cut off, of another schema, or no results at all.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{name}: not whole JSON: {error}") from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{name}: has schema version {version!r}, this kerasmatrix reads {SCHEMA_VERSION}"
        )
    try:
        return Results.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{name}: {where}: {first['msg']}") from None
