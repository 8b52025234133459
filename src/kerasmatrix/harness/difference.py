"""How far outputs are from reference outputs, so that any tolerance can be applied later.

A tolerance allows each element `absolute + relative * |reference|`. Which element exceeds that most
depends on the tolerance, but it is always one of the corners of the upper convex hull of the points
(|reference|, |difference|): those few are all that a verdict needs of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["deviation", "of_output", "storable"]

NUMBERS = "fc"
# Points that one round of the hull looks at: more are reduced block by block.
BLOCK = 4096
MOST_CORNERS = 64


def deviation(measured: list, reference: list) -> dict:
    """Compare two lists of output arrays.

    Returns:
        ``shapes_equal``; ``finite``, whether NaN and each infinity stand in the same places;
        ``max_abs_diff`` and ``max_abs_reference`` over the finite elements of all outputs;
        ``deviations``, what `of_output` says of each, where the shapes are equal.
    """
    shapes_equal = [np.shape(array) for array in measured] == [
        np.shape(array) for array in reference
    ]
    if not shapes_equal:
        return dict(
            shapes_equal=False,
            finite=True,
            max_abs_diff=None,
            max_abs_reference=None,
            deviations=[],
        )
    found = [of_output(ours, theirs) for ours, theirs in zip(measured, reference)]
    return dict(
        shapes_equal=True,
        finite=all(each["finite"] for each in found),
        max_abs_diff=max([each["max_abs_diff"] for each in found], default=0.0),
        max_abs_reference=max([each["max_abs_reference"] for each in found], default=0.0),
        deviations=found,
    )


def of_output(ours: Any, theirs: Any) -> dict:
    """Compare one output with its reference of the same shape.

    Returns:
        ``dtypes`` of both; ``exact``, whether every element is the same; ``epsilon``, the spacing
        of numbers of the coarser type at 1 (0 for what is not a floating-point number);
        ``corners``, a list of (difference, reference, index of the element); the maxima.
    """
    ours, theirs = storable(ours), storable(theirs)
    kinds = _kind(ours), _kind(theirs)
    result: dict = dict(
        dtypes=[str(ours.dtype), str(theirs.dtype)],
        exact=bool(np.array_equal(ours, theirs)),
        finite=True,
        epsilon=0.0,
        corners=[],
        max_abs_diff=0.0,
        max_abs_reference=0.0,
    )
    if kinds != ("number", "number"):
        # Indices, flags and texts are right or wrong: no number says by how much.
        if not result["exact"]:
            result["max_abs_diff"] = 1.0
        return result
    result["epsilon"] = max(_epsilon(ours.dtype), _epsilon(theirs.dtype))
    wide = "complex128" if "c" in (ours.dtype.kind, theirs.dtype.kind) else "float64"
    ours, theirs = ours.astype(wide).ravel(), theirs.astype(wide).ravel()
    both = np.isfinite(ours) & np.isfinite(theirs)
    beyond = ~both
    result["finite"] = bool(
        np.array_equal(np.isnan(ours[beyond]), np.isnan(theirs[beyond]))
        and np.array_equal(
            ours[beyond][~np.isnan(ours[beyond])], theirs[beyond][~np.isnan(theirs[beyond])]
        )
    )
    result["exact"] = result["finite"] and bool(np.array_equal(ours[both], theirs[both]))
    places = np.flatnonzero(both)
    if not places.size:
        return result
    largest = np.finfo("float64").max
    with np.errstate(over="ignore"):  # the difference of two finite numbers may be infinite
        diff = np.minimum(np.abs(ours[both] - theirs[both]), largest)
        size = np.minimum(np.abs(theirs[both]), largest)
    result["max_abs_diff"] = float(diff.max())
    result["max_abs_reference"] = float(size.max())
    apart = np.flatnonzero(diff)
    corners = _corners(diff[apart], size[apart])
    result["corners"] = [
        [float(diff[apart[place]]), float(size[apart[place]]), int(places[apart[place]])]
        for place in corners
    ]
    return result


def storable(array: Any) -> np.ndarray:
    """Return ``array`` in a type that needs no pickle: of texts and objects how they are written.

    TensorFlow's own narrow floats (bfloat16, float8) become float32, which holds each of them.
    """
    array = np.asarray(array)
    if array.dtype.kind in "OSU":
        texts = [repr(_text(each)) for each in array.ravel().tolist()]
        made: np.ndarray = np.asarray(texts, dtype="U" if texts else "U1")
        return made.reshape(array.shape)
    if array.dtype.kind == "V" and array.dtype.names is None:
        array = array.astype("float32")
    plain: np.ndarray = array
    return plain


def _text(value: Any) -> Any:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _kind(array: np.ndarray) -> str:
    return "number" if array.dtype.kind in NUMBERS else "exact"


def _epsilon(dtype: Any) -> float:
    return float(np.finfo(dtype).eps)


def _corners(diff: np.ndarray, size: np.ndarray) -> list:
    """Return the places of the corners of the hull: none is exceeded in both by another point."""
    places = np.lexsort((-diff, size))
    # Of two points the one with the smaller reference and the larger difference is the worse.
    if places.size:
        best = np.maximum.accumulate(diff[places])
        places = places[np.concatenate(([True], diff[places][1:] > best[:-1]))]
    while places.size > BLOCK:
        blocks = np.array_split(places, -(-places.size // BLOCK))
        fewer = np.concatenate([_chain(block, diff, size) for block in blocks])
        if fewer.size == places.size:
            break
        places = fewer
    corners = _chain(places, diff, size)
    if len(corners) > MOST_CORNERS:  # a smooth curve: the ends and a sample between them
        chosen = np.linspace(0, len(corners) - 1, MOST_CORNERS).round().astype(int)
        corners = corners[np.unique(chosen)]
    return [int(place) for place in corners]


def _chain(places: Any, diff: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return the corners of the upper hull of points in order of size: a monotone chain."""
    hull: list = []
    for place in places:
        while len(hull) > 1:
            first, second = hull[-2], hull[-1]
            ahead = (diff[place] - diff[first]) * (size[second] - size[first])
            along = (diff[second] - diff[first]) * (size[place] - size[first])
            if ahead < along:
                break
            hull.pop()
        hull.append(place)
    return np.asarray(hull, dtype=int)
