"""Finds which layer of one model is which of another. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from kerasmatrix.files.diff_architecture import Layer, Path
from kerasmatrix.results.equal_settings import fold

__all__ = ["paired_layers"]

# Pairs of layers to weigh at most; beyond, layers are paired by name and class alone.
MOST_WEIGHED = 1_000_000
# The value of a pair of one class, and of what else they share.
SAME_CLASS, SAME_NAME, SAME_WEIGHTS, SAME_SETTINGS = 2, 2, 6, 1
Pair = tuple[Layer | None, Layer | None]
Prints = Mapping[Path, tuple[str, ...]]


def paired_layers(
    a: Sequence[Layer], b: Sequence[Layer], prints: tuple[Prints, Prints] = ({}, {})
) -> list[Pair]:
    """Return the layers of ``a`` with those of ``b``, in order; None where one side has none.

    Args:
        a: the layers of a model, with those of models in it.
        b: those of another.
        prints: the digests of each layer's weights, in both models.
    """
    by_name = {layer.path: layer for layer in b}
    one_set = {layer.path for layer in a} == by_name.keys() and len(by_name) == len(b) == len(a)
    if one_set and all(by_name[layer.path].kind == layer.kind for layer in a):
        return [(layer, by_name[layer.path]) for layer in a]
    if [_shape(layer) for layer in a] == [_shape(layer) for layer in b]:
        return list(zip(a, b, strict=True))
    return _merged(a, b, _anchored(a, b, prints))


def _shape(layer: Layer) -> tuple[str, int]:
    return layer.kind, len(layer.path)


def _anchored(
    a: Sequence[Layer], b: Sequence[Layer], prints: tuple[Prints, Prints]
) -> dict[int, int]:
    """Return the pairs of numbers: first by names that were given, then by order and likeness."""
    given = {layer.path: number for number, layer in enumerate(b) if not _is_made_up(layer)}
    pairs: dict[int, int] = {}
    for number, layer in enumerate(a):
        twin = given.get(layer.path)
        if twin is not None and b[twin].kind == layer.kind:
            pairs[number] = twin
    left = [number for number in range(len(a)) if number not in pairs]
    free = [number for number in range(len(b)) if number not in set(pairs.values())]
    if len(left) * len(free) <= MOST_WEIGHED:
        pairs |= _aligned([a[n] for n in left], [b[n] for n in free], left, free, prints)
    # One name with another class is a layer that was replaced.
    names = {b[n].path: n for n in free if n not in set(pairs.values())}
    pairs |= {
        number: names[a[number].path]
        for number in left
        if number not in pairs and a[number].path in names
    }
    return pairs


def _is_made_up(layer: Layer) -> bool:
    """Whether Keras made the name up from the class: such names count up in a program."""
    return fold(re.sub(r"_\d+$", "", layer.path[-1])) in {fold(layer.class_name), layer.kind}


def _aligned(
    a: Sequence[Layer],
    b: Sequence[Layer],
    left: Sequence[int],
    free: Sequence[int],
    prints: tuple[Prints, Prints],
) -> dict[int, int]:
    """Return the pairs of most value that keep the order of both sides."""
    best = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            value = _value(a[i], b[j], prints)
            paired = best[i + 1][j + 1] + value if value else 0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], paired)
    pairs, i, j = {}, 0, 0
    while i < len(a) and j < len(b):
        value = _value(a[i], b[j], prints)
        if value and best[i][j] == best[i + 1][j + 1] + value:
            pairs[left[i]] = free[j]
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _value(a: Layer, b: Layer, prints: tuple[Prints, Prints]) -> int:
    if a.kind != b.kind or len(a.path) != len(b.path):
        return 0
    ours, theirs = prints[0].get(a.path), prints[1].get(b.path)
    return (
        SAME_CLASS
        + SAME_NAME * (a.path[-1] == b.path[-1])
        + SAME_WEIGHTS * (ours is not None and ours == theirs)
        + SAME_SETTINGS * (_sizes(a) == _sizes(b))
    )


def _sizes(layer: Layer) -> list[object]:
    return [layer.config.get(key) for key in ("units", "filters", "kernel_size", "output_dim")]


def _merged(a: Sequence[Layer], b: Sequence[Layer], pairs: Mapping[int, int]) -> list[Pair]:
    """Return all layers in the order of ``a``, with those that only ``b`` has where they are."""
    return list(_in_order(a, b, pairs))


def _in_order(a: Sequence[Layer], b: Sequence[Layer], pairs: Mapping[int, int]) -> Iterator[Pair]:
    taken = set(pairs.values())
    told: set[int] = set()
    for number, layer in enumerate(a):
        twin = pairs.get(number)
        if twin is None:
            yield layer, None
            continue
        for new in range(twin):
            if new not in taken and new not in told:
                told.add(new)
                yield None, b[new]
        yield layer, b[twin]
    for new, layer in enumerate(b):
        if new not in taken and new not in told:
            yield None, layer
