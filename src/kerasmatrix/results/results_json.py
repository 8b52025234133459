"""Writes and reads ``results.json``, and makes its JSON Schema. Texts only, no files.

A document may come from anywhere, so that more than its schema is checked when it is read: its
cells must name scenarios, formats and environments that it describes, and none twice.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError

from kerasmatrix.errors import UsageError
from kerasmatrix.results.migrations import migrate
from kerasmatrix.results.redacted import redacted
from kerasmatrix.results.schema import SCHEMA_VERSION, Results

__all__ = [
    "content_of",
    "dump",
    "json_parts",
    "read_results",
    "results_schema",
    "slices",
    "to_json",
]

TRY_ANOTHER = (
    "name a results.json, or a run that `kerasmatrix history` lists, or run `kerasmatrix run`"
)
NEWER = "if a newer kerasmatrix wrote it, upgrade this one"

PART = 1000  # cells

Name = TypeVar("Name", str, tuple[str, ...])


def to_json(results: Results) -> str:
    """Return ``results`` as the text of ``results.json``, which any UTF-8 file can hold.

    NaN and the infinities, which JSON lacks, become null; half a surrogate pair becomes ``?``.
    """
    return "".join(json_parts(results))


def json_parts(results: Results) -> Iterator[str]:
    """Yield the text of `to_json` in parts, since all of it may be hundreds of megabytes."""
    blank = dump(results.model_copy(update={"cells": ()}))
    if not results.cells:
        yield f"{blank}\n"
        return
    # The text before and after the cells is the same in every part; the cells are the last field.
    head, _, end = blank.rpartition("[]")
    begin, end = f"{head}[", f"\n ]{end}"
    yield begin
    comma = ""
    for part in slices(results, PART):
        yield comma + dump(part)[len(begin) : -len(end)]
        comma = ","
    yield f"{end}\n"


def slices(results: Results, size: int) -> Iterator[Results]:
    """Yield ``results`` with at most ``size`` of the cells at a time, once if there are none."""
    for begin in range(0, max(len(results.cells), 1), size):
        yield results.model_copy(update={"cells": results.cells[begin : begin + size]})


def dump(document: BaseModel) -> str:
    """Return a document as JSON, with ``?`` for half a surrogate pair."""
    try:
        return document.model_dump_json(indent=1)
    except PydanticSerializationError:
        pass  # half a surrogate pair: the slow way below replaces it
    data = _storable(document.model_dump(mode="json"))
    return json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False)


def content_of(results: Results) -> Iterator[bytes]:
    """Yield all of ``results`` except facts about the run itself, for comparison.

    In parts, since all of a hundred thousand cells would take hundreds of megabytes at once.
    """
    for part in slices(results, PART):
        try:
            yield part.model_dump_json(exclude={"run"}).encode()
        except PydanticSerializationError:
            data = part.model_dump(mode="json", exclude={"run"})
            yield json.dumps(_storable(data)).encode()


def results_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``results.json``."""
    return Results.model_json_schema(mode="serialization")


def read_results(text: str, name: str) -> Results:
    """Read the text of a ``results.json``, also one of an earlier kerasmatrix.

    Args:
        text: its content.
        name: its name in errors.

    Raises:
        UsageError: it is cut off, contradicts itself, or does not have the schema.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name}: not whole JSON: {error}", hint=TRY_ANOTHER) from None
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"{name}: has schema version {version!r}, this kerasmatrix reads {SCHEMA_VERSION}",
            hint=TRY_ANOTHER if version is None else NEWER,
        )
    try:
        results = Results.model_validate(migrate(data))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise UsageError(f"{name}: {where}: unknown field", hint=NEWER) from None
        raise UsageError(f"{name}: {where}: {first['msg']}", hint=TRY_ANOTHER) from None
    contradiction = _contradiction(results)
    if contradiction:
        raise UsageError(f"{name}: {contradiction}", hint=TRY_ANOTHER)
    return redacted(results)  # an earlier kerasmatrix wrote paths and secrets


def _storable(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return ``value`` without parts that JSON or UTF-8 cannot hold."""
    if isinstance(value, str):
        # An experiment can print any code point, also those that UTF-8 refuses.
        return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _contradiction(results: Results) -> str | None:
    """Return which name is described twice or not at all, or which cell is there twice; or None."""
    environments = [environment.name for environment in results.environments]
    scenarios = [scenario.name for scenario in results.scenarios]
    for kind, names in (
        ("environments", environments),
        ("scenarios", scenarios),
        ("formats", list(results.formats)),
    ):
        twice = _repeated(names)
        if twice is not None:
            return f"{kind}: {twice!r} is there twice"
    for key in ("current", "candidate"):
        name = getattr(results, key)
        if name is not None and name not in environments:
            return f"{key}: {name!r} is not described"
    known = {
        "scenario": set(scenarios),
        "format": set(results.formats),
        "saved_with": set(environments),
        "loaded_with": set(environments),
    }
    for number, cell in enumerate(results.cells):
        for field, described in known.items():
            if getattr(cell, field) not in described:
                return f"cells.{number}.{field}: {getattr(cell, field)!r} is not described"
    repeated = _repeated(
        (cell.scenario, cell.format, cell.saved_with, cell.loaded_with) for cell in results.cells
    )
    return None if repeated is None else f"cells: {' / '.join(repeated)} is there twice"


def _repeated(names: Iterable[Name]) -> Name | None:
    seen: set[Name] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None
