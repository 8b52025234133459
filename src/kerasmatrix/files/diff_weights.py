"""Compares the weights of two models: by digest, and where they differ, by size of change.

Arrays are read in blocks, so that large weights are never in memory as a whole.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from kerasmatrix.files.diff_result import ArrayChange, WeightsChange
from kerasmatrix.inspection.array_owners import LISTED, OwnedArray
from kerasmatrix.inspection.stored_arrays import StoredArray

__all__ = ["Path", "Print", "aligned", "changed_weights", "fingerprint", "has_numbers", "layers_of"]

Path = tuple[str, ...]
Block = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Print:
    """The digest of an array's shape and numbers, whatever type stores them.

    ``constant``: whether all are one number, as in a new bias, which says nothing about its origin.
    """

    digest: str
    constant: bool


def fingerprint(array: StoredArray) -> Print:
    """Return the digest of an array."""
    total = hashlib.blake2b(repr(array.shape).encode(), digest_size=20)
    first: object = None
    constant = True
    for block in array.blocks():
        numbers = _as_numbers(block)
        if numbers is None:
            total.update(repr(block.tolist()).encode("utf-8", "replace"))
            constant = False
            continue
        if block.size and first is None:
            first = numbers[0]
        constant = constant and bool((numbers == first).all())
        total.update((numbers + 0.0).data)  # -0.0 is 0.0
    return Print(total.hexdigest(), constant)


def _as_numbers(block: Block) -> Block | None:
    """Return a block as float64, which holds every smaller type exactly; None if it is text."""
    return block.astype("<f8") if block.dtype.kind in "fiub" else None


def has_numbers(array: StoredArray) -> bool:
    """Whether an array has a number other than zero."""
    return any(bool(np.any(block)) for block in array.blocks() if block.dtype.kind in "fiub")


def layers_of(arrays: Sequence[OwnedArray]) -> dict[Path, list[OwnedArray]]:
    """Return the arrays by layer, in order."""
    found: dict[Path, list[OwnedArray]] = defaultdict(list)
    for owned in arrays:
        found[owned.layer].append(owned)
    return dict(found)


def aligned(
    a: list[OwnedArray],
    b: list[OwnedArray],
    order: Sequence[Path],
    prints: Mapping[int, Print],
) -> tuple[list[OwnedArray], list[OwnedArray]]:
    """Give the arrays of a file without names of layers those of the other file.

    They are matched in order, if the counts and shapes agree; else by equal numbers, and by shapes
    that one layer alone has. ``order`` is that of the layers.
    """
    named = [all(owned.named for owned in side) for side in (a, b)]
    if all(named) or (not any(named) and _is_one_layout(a, b)):
        return a, b
    if not named[0] and named[1]:
        theirs, ours = aligned(b, a, order, prints)
        return ours, theirs
    return a, _in_order(b, _sorted(a, order)) or list(_by_likeness(b, a, prints))


def _is_one_layout(a: list[OwnedArray], b: list[OwnedArray]) -> bool:
    return {owned.layer for owned in a} == {owned.layer for owned in b}


def _sorted(arrays: list[OwnedArray], order: Sequence[Path]) -> list[OwnedArray]:
    places = {path: number for number, path in enumerate(order)}
    if not all(owned.layer in places for owned in arrays):
        return arrays
    return sorted(arrays, key=lambda owned: (places[owned.layer], owned.rank or ()))


def _in_order(unnamed: list[OwnedArray], named: list[OwnedArray]) -> list[OwnedArray] | None:
    """Return the arrays of a checkpoint, which has the order of the layers, with their names."""
    if any("/vars/" in owned.array.path or not owned.layer for owned in unnamed):
        return None  # the layout of Keras 3, or arrays of no layer
    groups, layers = layers_of(unnamed), layers_of(named)
    if LISTED not in groups and len(groups) == len(layers):
        pairs = list(zip(groups.values(), layers.items(), strict=True))
        if all(_shapes(group) == _shapes(held) for group, (_, held) in pairs):
            return [
                replace(owned, layer=path, named=True)
                for group, (path, _) in pairs
                for owned in group
            ]
    if [owned.array.shape for owned in unnamed] == [owned.array.shape for owned in named]:
        return [
            replace(owned, layer=twin.layer, named=True, rank=twin.rank)
            for owned, twin in zip(unnamed, named, strict=True)
        ]
    return None


def _by_likeness(
    unnamed: list[OwnedArray], named: list[OwnedArray], prints: Mapping[int, Print]
) -> Iterator[OwnedArray]:
    """Yield the arrays with the name of the one layer that is like theirs; else in brackets."""
    groups, layers = layers_of(unnamed), layers_of(named)
    found: dict[Path, Path] = {}
    for likeness in (partial(_digests, prints=prints), _shapes):
        for path, held in groups.items():
            like = [
                layer
                for layer, theirs in layers.items()
                if layer not in found.values() and likeness(theirs) == likeness(held)
            ]
            twins = [
                other
                for other, theirs in groups.items()
                if other not in found and likeness(theirs) == likeness(held)
            ]
            if path not in found and len(like) == len(twins) == 1:
                found[path] = like[0]
    for path, held in groups.items():
        name = found.get(path, tuple(f"[{part}]" for part in path))
        for owned in held:
            yield replace(owned, layer=name, named=path in found)


def _digests(arrays: Sequence[OwnedArray], prints: Mapping[int, Print]) -> Counter[str]:
    return Counter(prints[id(owned.array)].digest for owned in arrays)


def _shapes(arrays: Sequence[OwnedArray]) -> Counter[tuple[int, ...]]:
    return Counter(owned.array.shape for owned in arrays)


def changed_weights(
    a: Sequence[OwnedArray], b: Sequence[OwnedArray], prints: Mapping[int, Print]
) -> WeightsChange | None:
    """Compare the weights of one layer; None if it has none in either file.

    Args:
        a: its arrays in the first file.
        b: those in the second.
        prints: the digest of each array, by the identity of the `StoredArray`.
    """
    numbers = sum(owned.array.size for owned in (a or b))
    if not a or not b:
        state = "missing in a" if b else "missing in b"
        return WeightsChange(state=state, numbers=numbers) if a or b else None  # type: ignore[arg-type]
    pairs, certain = _pairs(a, b, prints)
    if pairs is None:
        return WeightsChange(state="reshaped", numbers=numbers)
    unequal = [
        (ours, theirs)
        for ours, theirs in pairs
        if prints[id(ours.array)].digest != prints[id(theirs.array)].digest
    ]
    if not unequal:
        return WeightsChange(state="equal", numbers=numbers)
    if not certain:
        return WeightsChange(state="unknown", numbers=numbers)
    changes = [_change(ours.array, theirs.array) for ours, theirs in unequal]
    sizes = [change.largest for change, _ in changes]
    known = [size for size in sizes if size is not None]
    largest = max(known) if len(known) == len(sizes) else None
    scale = max(_scale(owned.array) for owned in a) if largest is not None else 0.0
    return WeightsChange(
        state="retrained",
        numbers=numbers,
        arrays=tuple(change for change, _ in changes),
        largest=largest,
        relative=largest / scale if largest is not None and scale else None,
    )


def _pairs(
    a: Sequence[OwnedArray], b: Sequence[OwnedArray], prints: Mapping[int, Print]
) -> tuple[list[tuple[OwnedArray, OwnedArray]] | None, bool]:
    """Return which array is which, and whether that is certain; None if the shapes differ."""
    if _shapes(a) != _shapes(b):
        return None, True
    by_path = {_leaf(owned): owned for owned in b}
    if len(by_path) == len(b) and {_leaf(owned) for owned in a} == by_path.keys():
        return [(owned, by_path[_leaf(owned)]) for owned in a], True
    ours, theirs = _by_rank(a), _by_rank(b)
    if ours and theirs and [o.array.shape for o in ours] == [o.array.shape for o in theirs]:
        return list(zip(ours, theirs, strict=True)), True
    return _by_digest(a, b, prints)


def _leaf(owned: OwnedArray) -> str:
    """Return the path within the layer: without the names of the layer and of its models."""
    parts = owned.array.path.split("/")
    return (
        "/".join(part for part in parts if part not in owned.layer)
        if owned.named
        else (owned.array.path)
    )


def _by_rank(arrays: Sequence[OwnedArray]) -> list[OwnedArray] | None:
    if any(owned.rank is None for owned in arrays):
        return None
    if len({owned.rank for owned in arrays}) < len(arrays):
        return None
    return sorted(arrays, key=lambda owned: owned.rank or ())


def _by_digest(
    a: Sequence[OwnedArray], b: Sequence[OwnedArray], prints: Mapping[int, Print]
) -> tuple[list[tuple[OwnedArray, OwnedArray]], bool]:
    """Pair equal arrays first, then the rest by shape, which is certain if there is one choice."""
    free = list(b)
    pairs: list[tuple[OwnedArray, OwnedArray]] = []
    left: list[OwnedArray] = []
    for ours in a:
        digest = prints[id(ours.array)].digest
        twin = next((each for each in free if prints[id(each.array)].digest == digest), None)
        if twin is None:
            left.append(ours)
        else:
            free.remove(twin)
            pairs.append((ours, twin))
    counts = Counter(owned.array.shape for owned in left)
    for ours in left:
        twin = next(each for each in free if each.array.shape == ours.array.shape)
        free.remove(twin)
        pairs.append((ours, twin))
    return pairs, all(count == 1 for count in counts.values())


def _change(a: StoredArray, b: StoredArray) -> tuple[ArrayChange, float]:
    """Return the size of the change of one array, and the largest number that it has in ``a``."""
    largest = scale = 0.0
    for ours, theirs in _together(a, b):
        with np.errstate(invalid="ignore", over="ignore"):
            difference = np.abs(ours - theirs)
        difference[(ours == theirs) | (np.isnan(ours) & np.isnan(theirs))] = 0.0
        largest = (
            max(largest, float(difference.max(initial=0.0)))
            if not (np.isnan(difference).any())
            else math.inf
        )
        scale = max(scale, float(np.abs(ours).max(initial=0.0)))
        if not math.isfinite(largest):
            break
    told = math.isfinite(largest) and largest > 0
    return (
        ArrayChange(
            a=a.path,
            b=b.path,
            shape=a.shape,
            largest=largest if told else None,
            relative=largest / scale if told and scale and math.isfinite(scale) else None,
        ),
        scale,
    )


def _scale(array: StoredArray) -> float:
    found = 0.0
    for block in array.blocks():
        numbers = _as_numbers(block)
        if numbers is not None:
            found = max(found, float(np.nanmax(np.abs(numbers), initial=0.0)))
    return found if math.isfinite(found) else 0.0


def _together(a: StoredArray, b: StoredArray) -> Iterator[tuple[Block, Block]]:
    """Yield the numbers of two arrays in pieces of one length; none if they are texts."""
    sides = [iter(a.blocks()), iter(b.blocks())]
    held: list[Block] = [np.empty(0), np.empty(0)]
    while True:
        for number, side in enumerate(sides):
            while not held[number].size:
                block = next(side, None)
                if block is None:
                    return
                numbers = _as_numbers(block)
                if numbers is None:
                    return
                held[number] = numbers
        length = min(held[0].size, held[1].size)
        yield held[0][:length], held[1][:length]
        held = [each[length:] for each in held]
