"""A difference between two model files as lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import NamedTuple

from kerasmatrix.files.diff_result import Difference, LayerChange, Spelling, WeightsChange

__all__ = ["Row", "rows_of", "size_of_change", "text_of_diff"]

WIDTH = 80
# More lines of a kind than these are counted; JSON and the page have all.
MOST_LAYERS, MOST_SPELLINGS = 40, 12
MOST_LAYERS_NAMED = 3


class Row(NamedTuple):
    """A layer, what happened to it, and each difference as a text."""

    layer: LayerChange
    state: str
    texts: tuple[str, ...]


def rows_of(difference: Difference) -> list[Row]:
    """Return each layer with its differences, in order."""
    return [
        Row(layer, layer.state, tuple(_differences(layer, difference)))
        for layer in difference.layers
    ]


def text_of_diff(difference: Difference) -> str:
    """Return a difference as text of 80 columns that leads with the verdict."""
    lines = [difference.verdict, f"a: {difference.a}", f"b: {difference.b}"]
    for title, told in (
        ("model", [f"{each.what}: {each.a} became {each.b}" for each in difference.model]),
        ("layers", list(_layer_lines(difference))),
        ("compile state", list(_training_lines(difference))),
        ("assets", [f"{each.what}: {each.a} became {each.b}" for each in difference.assets]),
        ("functions", [f"{each.what}: {each.a} became {each.b}" for each in difference.functions]),
        ("spelled differently, with the same meaning", list(_spelling_lines(difference))),
        ("not compared", list(_not_compared(difference))),
    ):
        if told:
            lines += ["", f"{title}:", *(f"  {line}" for line in told)]
    return "\n".join(wrapped for line in lines for wrapped in _wrapped(line))


def size_of_change(change: WeightsChange) -> str:
    """Return how much weights changed, in words."""
    if change.largest is None:
        return "by an amount that is not finite"
    relative = f", {change.relative:.2%} of the largest weight" if change.relative else ""
    return f"largest change {change.largest:.3g}{relative}"


def _wrapped(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(
        line, WIDTH, subsequent_indent=indent, break_on_hyphens=False, drop_whitespace=True
    ) or [""]


def _differences(layer: LayerChange, difference: Difference) -> Iterator[str]:
    has_names = difference.architecture not in {"missing in a", "missing in b", "none"}
    if layer.state in {"added", "removed"}:
        if has_names:
            yield f"only in {'b' if layer.state == 'added' else 'a'}"
    elif layer.a != layer.b:
        yield f"renamed to {layer.b}"
    for change in layer.arguments:
        yield f"{change.what}: {change.a} became {change.b}"
    if layer.wiring:
        yield f"called on {layer.wiring.a}; in b on {layer.wiring.b}"
    if layer.moved_to is not None:
        yield f"its weights are those of {layer.moved_to} in b"
    elif layer.weights and ((layer.a and layer.b) or not has_names):
        yield from _weights_text(layer.weights)


def _weights_text(weights: WeightsChange) -> Iterator[str]:
    if weights.state == "retrained":
        yield f"retrained: {size_of_change(weights)}"
    elif weights.state == "reshaped":
        yield "weights of other shapes"
    elif weights.state == "unknown":
        yield "other weights; which array is which is unknown"
    elif weights.state != "equal":
        yield f"weights {weights.state}"


def _layer_lines(difference: Difference) -> Iterator[str]:
    told = [row for row in rows_of(difference) if row.texts]
    for row in told[:MOST_LAYERS]:
        yield f"{row.layer.name} ({row.layer.class_name}): {'; '.join(row.texts)}"
    if len(told) > MOST_LAYERS:
        yield f"and {len(told) - MOST_LAYERS} more: see --json or --html"


def _training_lines(difference: Difference) -> Iterator[str]:
    training = difference.training
    yield from training.changes
    if training.optimizer_state == "different" and training.steps[0] != training.steps[1]:
        yield f"the optimizer's steps: {training.steps[0]} became {training.steps[1]}"
    elif training.optimizer_state == "different":
        yield "the optimizer's moments differ"


def _spelling_lines(difference: Difference) -> Iterator[str]:
    for spelling in difference.spellings[:MOST_SPELLINGS]:
        yield f"{spelling.argument}: {spelling.a} = {spelling.b} ({_layers(spelling)})"
    more = len(difference.spellings) - MOST_SPELLINGS
    if more > 0:
        yield f"and {more} more: see --json or --html"


def _layers(spelling: Spelling) -> str:
    if len(spelling.layers) > MOST_LAYERS_NAMED:
        return f"{len(spelling.layers)} layers"
    return ", ".join(spelling.layers)


def _not_compared(difference: Difference) -> Iterator[str]:
    yield from difference.notes
    for layer in difference.layers:
        yield from (f"{layer.name}: {what}" for what in layer.not_compared)
