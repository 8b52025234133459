"""The verdict on the difference between two model files, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from kerasmatrix.files.diff_result import Difference, LayerChange, Sameness

__all__ = ["judged"]

MISSING = {"missing in a", "missing in b"}
SAME = {"equal", "none"}
# The states of weights in layers that both files have, as the sentence says them.
STATES = (
    ("reshaped", "with weights of other shapes"),
    ("unknown", "whose weights differ in an unknown order"),
    ("missing in a", "without weights in a"),
    ("missing in b", "without weights in b"),
)


def judged(difference: Difference) -> Difference:
    """Return a difference with its verdict."""
    is_equal = _is_equal(difference)
    if difference.same_bytes:
        sentence = "the same file, byte by byte"
    elif is_equal:
        sentence = "equal: " + ", ".join(_equal_parts(difference))
    else:
        sentence = ", ".join(_differing_parts(difference))
    return difference.model_copy(update={"equal": is_equal, "verdict": sentence})


def _is_equal(found: Difference) -> bool:
    if found.same_bytes:
        return True
    training = found.training
    parts = (found.architecture, found.weights, training.compile_state, training.optimizer_state)
    told = (
        found.notes
        or found.assets
        or found.functions
        or any(layer.not_compared for layer in found.layers)
    )
    renamed = any(layer.state != "same" for layer in found.layers)
    return SAME.issuperset(parts) and not (told or renamed)


def _equal_parts(found: Difference) -> Iterator[str]:
    for part, name in (
        (found.architecture, "architecture"),
        (found.weights, "weights"),
        (found.training.compile_state, "compile state"),
        (found.training.optimizer_state, "optimizer state"),
    ):
        if part == "equal":
            yield f"same {name}"


def _differing_parts(found: Difference) -> Iterator[str]:
    yield _architecture(found)
    yield from _weights(found)
    yield from _training(found)
    if found.assets:
        yield "other vocabularies or assets"
    if found.functions:
        yield f"other functions ({', '.join(change.what for change in found.functions)})"
    if SAME.issuperset((found.architecture, found.weights)) and found.notes:
        yield "parts could not be compared"


def _architecture(found: Difference) -> str:
    if found.architecture in MISSING:
        return f"no architecture in {found.architecture[-1]}"
    if found.architecture == "none":
        return "no architecture in either file"
    if found.architecture == "different":
        return f"another architecture ({', '.join(_layer_counts(found))})"
    if found.architecture == "unknown":
        return "architecture not compared as a whole"
    renamed = sum(layer.state == "renamed" for layer in found.layers)
    return f"same architecture ({_count(renamed)} renamed)" if renamed else "same architecture"


def _layer_counts(found: Difference) -> Iterator[str]:
    for state in ("added", "removed", "renamed"):
        count = sum(layer.state == state for layer in found.layers)
        if count:
            yield f"{_count(count)} {state}"
    changed = sum(bool(layer.arguments) for layer in found.layers)
    if changed:
        yield f"{_count(changed)} changed"
    wired = sum(layer.wiring is not None for layer in found.layers)
    if wired:
        yield f"{_count(wired)} wired otherwise"
    yield from (change.what for change in found.model)


def _weights(found: Difference) -> Iterator[str]:
    if found.weights in MISSING:
        yield f"no weights in {found.weights[-1]}"
        return
    if found.weights in SAME:
        yield "same weights" if found.weights == "equal" else "no weights in either file"
        return
    both = [layer for layer in found.own_layers if layer.weights and layer.a and layer.b]
    retrained = [layer for layer in both if _weights_state(layer) == "retrained"]
    if retrained:
        counts = f"{len(retrained)} of {_count(len(both))} with weights retrained"
        yield counts + _largest(retrained)
    # A layer may seem to have other arrays because some are not read.
    for state, text in STATES if found.weights == "different" else ():
        count = sum(_weights_state(layer) == state for layer in both)
        if count:
            yield f"{_count(count)} {text}"
    moved = sum(layer.moved_to is not None for layer in found.layers)
    if moved:
        yield f"the weights of {_count(moved)} moved"
    if both and all(_weights_state(layer) == "equal" for layer in both):
        yield "same weights in the layers that both have"
    elif found.weights == "unknown":
        yield "weights not compared as a whole"


def _weights_state(layer: LayerChange) -> str | None:
    return layer.weights.state if layer.weights else None


def _largest(layers: list[LayerChange]) -> str:
    sizes = [layer.weights.largest for layer in layers if layer.weights]
    known = [size for size in sizes if size is not None]
    return f" (largest change {max(known):.2g})" if known else ""


def _training(found: Difference) -> Iterator[str]:
    training = found.training
    parts: tuple[tuple[Sameness, str], ...] = (
        (training.compile_state, "compile state"),
        (training.optimizer_state, "optimizer state"),
    )
    for part, name in parts:
        if part in MISSING:
            yield f"{name} {part}"
        elif part == "different":
            yield f"another {name}"
        elif part == "unknown":
            yield f"{name} not compared"


def _count(number: int) -> str:
    return f"{number} layer{'' if number == 1 else 's'}"
