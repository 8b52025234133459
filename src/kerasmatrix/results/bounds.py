"""The limits on the answer of a process with a model in it: lengths, sizes, depths, numbers.

A model file is code, and its process can answer anything. Texts are cut to a stated length on
entry, so that a cell stays readable and small. A number out of range, or more entries than any
model has, invalidates the whole answer. docs/security.md states the limits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, FailFast, Field

from kerasmatrix.harness.child import LOG_LIMIT
from kerasmatrix.harness.exception_data import CHAIN_LIMIT, MESSAGE_LIMIT, TRACEBACK_LIMIT

__all__ = [
    "CHAIN_CHARACTERS",
    "LONGEST_LINE",
    "MOST_CULPRITS",
    "MOST_KEYS",
    "MOST_LINKS",
    "MOST_OUTPUTS",
    "MOST_PARTS",
    "MOST_STEPS",
    "MOST_TIMINGS",
    "MOST_WEIGHTS",
    "Amount",
    "ArrayShape",
    "Digest",
    "Identifier",
    "Line",
    "LogText",
    "MessageText",
    "Name",
    "Notes",
    "Number",
    "PackedText",
    "Plain",
    "Slots",
    "TracebackText",
    "Whole",
    "at_most",
    "cut",
    "first",
    "plain",
    "share_out",
]

# The harness cuts texts, too, and its remark about it must fit in as well.
REMARK = 100
# Characters of names (of a class, a stage), and of a text in one line, such as a summary.
LONGEST_NAME = 300
LONGEST_LINE = 2_000
LONGEST_MESSAGE = MESSAGE_LIMIT + REMARK
LONGEST_TRACEBACK = TRACEBACK_LIMIT + REMARK
LONGEST_LOG = LOG_LIMIT + REMARK
# An exception's causes, and the characters of all their messages together.
MOST_LINKS = CHAIN_LIMIT
CHAIN_CHARACTERS = 40_000
# Weight arrays of a model; those of the largest in keras.applications are fewer than two thousand.
MOST_WEIGHTS = 50_000
MOST_SLOTS = 4 * MOST_WEIGHTS  # no optimizer of Keras keeps more than three for a weight
MOST_DIMENSIONS = 64  # NumPy's limit from 2.0 on (NPY_MAXDIMS), 32 before
# The settings of all layers, packed: the maximum of `harness.configuration`.
LONGEST_PACKED = 1 << 20
MOST_TIMINGS = 50
# Outputs of a model, and numbers about each weight or output that the harness reports.
MOST_OUTPUTS, MOST_STEPS = 1_000, 512
MOST_CULPRITS, MOST_KEYS = 50, 10
MOST_NOTES, NOTES_CHARACTERS = 100, 6_000
# A loss, or the arguments of an optimizer, which may nest.
MOST_PARTS, DEEPEST, LONGEST_VALUE = 2_000, 12, 500
LARGEST_INTEGER = 2**63 - 1  # of SQLite, Parquet and pandas


def cut(text: str, limit: int) -> str:
    """Return ``text`` as valid Unicode of at most ``limit`` characters, its middle left out."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    if len(text) <= limit:
        return text
    # The middle, since the beginning and the end of a message say most.
    remark = f" [... {len(text) - limit} characters or more ...] "
    half = max(0, limit - len(remark)) // 2
    return f"{text[:half]}{remark}{text[len(text) - half :]}"[:limit]


def share_out(texts: Sequence[str], total: int, least: int) -> Iterator[str]:
    """Yield ``texts`` cut to ``total`` characters together, but none below ``least``."""
    left = total
    for text in texts:
        short = cut(text, max(least, left))
        left -= len(short)
        yield short


def first(limit: int) -> BeforeValidator:
    """Return a validator that keeps the first ``limit`` items of a list."""
    return BeforeValidator(
        lambda value: value[:limit] if isinstance(value, list | tuple) else value
    )


def at_most(limit: int) -> BeforeValidator:
    """Return a validator that refuses more than ``limit`` items before it looks at any."""

    def check(value: Any) -> Any:  # noqa: ANN401 - not validated yet
        if isinstance(value, list | tuple | dict) and len(value) > limit:
            raise ValueError(f"there are more than {limit}")
        return value

    return BeforeValidator(check)


def _cut_to(limit: int) -> BeforeValidator:
    return BeforeValidator(lambda value: cut(value, limit) if isinstance(value, str) else value)


def _notes(value: Any) -> Any:  # noqa: ANN401 - not validated yet
    if not isinstance(value, list | tuple):
        return value
    kept = list(value[:MOST_NOTES])
    if not all(isinstance(note, str) for note in kept):
        return kept
    if len(value) > MOST_NOTES:
        kept[-1] = f"and {len(value) - MOST_NOTES + 1} more"
    return tuple(share_out(kept, NOTES_CHARACTERS, 20))


def plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return JSON data with a limited size and depth, whose numbers are all in range.

    A part that does not fit is replaced by a text that says so: it is only compared or shown.
    """
    left = MOST_PARTS

    def fit(part: Any, depth: int) -> Any:  # noqa: ANN401, PLR0911 - one line a kind of value
        nonlocal left
        left -= 1
        if left < 0 or depth > DEEPEST:
            return "(left out)"
        if isinstance(part, str):
            return cut(part, LONGEST_VALUE)
        if isinstance(part, dict):
            keys = list(part)[: max(0, left)]
            return {cut(str(key), LONGEST_NAME): fit(part[key], depth + 1) for key in keys}
        if isinstance(part, list | tuple):
            return [fit(item, depth + 1) for item in part[: max(0, left)]]
        # JSON has no NaN and no infinity (RFC 8259), and JavaScript's parser refuses them.
        if isinstance(part, float) and not math.isfinite(part):
            return str(part)
        # This includes True and False, which are integers in range.
        if isinstance(part, int) and abs(part) > LARGEST_INTEGER:
            return f"an integer of {part.bit_length()} bits"
        return part

    return fit(value, 0)


# Texts that are shown: they are cut.
Name = Annotated[str, _cut_to(LONGEST_NAME)]
Line = Annotated[str, _cut_to(LONGEST_LINE)]
MessageText = Annotated[str, _cut_to(LONGEST_MESSAGE)]
TracebackText = Annotated[str, _cut_to(LONGEST_TRACEBACK)]
LogText = Annotated[str, _cut_to(LONGEST_LOG)]
Notes = Annotated[tuple[str, ...], BeforeValidator(_notes)]
# Texts that are only compared: too long ones are refused. There are many, so that they are
# checked without a call into Python.
Identifier = Annotated[str, Field(max_length=4_000)]
PackedText = Annotated[str, Field(max_length=LONGEST_PACKED)]
Digest = Annotated[str, Field(max_length=128)]
Slots = Annotated[tuple[Digest, ...], FailFast(), at_most(MOST_SLOTS)]
# Numbers: finite, and never given as texts.
Amount = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True, ge=-LARGEST_INTEGER, le=LARGEST_INTEGER)]
ArrayShape = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=0, le=LARGEST_INTEGER)], ...],
    FailFast(),
    at_most(MOST_DIMENSIONS),
]
Plain = Annotated[Any, BeforeValidator(plain)]
