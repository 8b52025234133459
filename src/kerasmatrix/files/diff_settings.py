"""Compares the arguments of two layers by meaning. Pure.

Arguments that two generations of Keras spell differently are compared by meaning
(`results.equal_settings`), with the older file's as the original: an older release could not say
what a newer one does of its own. In files of one release, and for classes of users, an argument
that only one side has is a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kerasmatrix.files.diff_architecture import Layer, text_of
from kerasmatrix.files.diff_result import Change, Spelling
from kerasmatrix.results.equal_settings import differences, fold
from kerasmatrix.results.spellings import (
    ADDED,
    MEANINGLESS,
    MEANINGLESS_IN,
    RENAMED,
    RENAMED_IN,
)
from kerasmatrix.versions import KERAS_3

__all__ = ["Settings", "Writers", "compared_settings", "grouped_spellings"]

DEEPEST = 64
# Keys that say how an object is stored, not what it does.
STORAGE = {"module", "registered_name", "build_config", "shared_object_id", "name"}
# Bytecode differs from one Python to the next, and by the line that it was written in.
CODE = {("lambda", "function"), ("lambda", "output_shape"), ("lambda", "mask")}

# Names of functions that Keras 3 gives to others than Keras 2, folded.
# Source: hard_sigmoid in keras/src/activations/activations.py is relu6(x + 3) / 6, and was
# clip(0.2 * x + 0.5, 0, 1) in Keras 2.15.
OTHER_FUNCTIONS = {"hardsigmoid"}


@dataclass(frozen=True)
class Settings:
    """The compared arguments of two layers."""

    changes: tuple[Change, ...]
    spellings: tuple[tuple[str, str, str], ...]
    not_compared: tuple[str, ...]


@dataclass(frozen=True)
class Writers:
    """The releases that wrote two files.

    Attributes:
        majors: of their Keras, as far as they are known.
        newer_first: whether the first is newer than the second.
        one_release: whether they are the same.
    """

    majors: tuple[int | None, int | None] = (None, None)
    newer_first: bool = False
    one_release: bool = False


def compared_settings(a: Layer, b: Layer, writers: Writers) -> Settings:
    """Compare the arguments of two layers.

    Args:
        a: a layer.
        b: its twin.
        writers: the releases that wrote the two files.
    """
    owner = fold(a.class_name)
    if a.kind != b.kind:
        return Settings((Change(what="class", a=a.class_name, b=b.class_name),), (), ())
    code = {key for kind, key in CODE if kind == owner}
    ours, theirs = (
        {
            "class_name": layer.class_name,
            "config": {k: v for k, v in layer.config.items() if k != "name" and k not in code},
            "custom": layer.custom,
        }
        for layer in (a, b)
    )
    found: dict[tuple[str, ...], tuple[Any, Any]] = {}
    both_ways = writers.one_release or a.custom or b.custom
    if not writers.newer_first or both_ways:
        found |= {each.path: (each.before, each.after) for each in differences(ours, theirs)}
    if writers.newer_first or both_ways:
        for each in differences(theirs, ours):
            found.setdefault(each.path, (each.after, each.before))
    changes = [
        Change(what=".".join(path) or "class", a=text_of(before), b=text_of(after))
        for path, (before, after) in found.items()
        if path[-1:] != ("seed",)
        or None not in {_plain(before), _plain(after)}  # Keras 3 draws a seed where none is given
    ]
    changed = {path[0] for path in found if path}
    changes += _other_functions(a.config, b.config, writers.majors)
    return Settings(
        tuple(changes),
        tuple(_spellings(a, b, owner, changed)),
        tuple(_code_differences(a, b, code)),
    )


def _other_functions(
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    majors: tuple[int | None, int | None],
    start: str = "",
) -> Iterator[Change]:
    """Yield the activations with a name that is another function in the other generation."""
    generations = [None if major is None else major >= KERAS_3 for major in majors]
    if None in generations or generations[0] == generations[1]:
        return
    for key in a:
        values = (a[key], b.get(key))
        folded = [fold(value) if isinstance(value, str) else "" for value in values]
        if key.endswith("activation") and folded[0] == folded[1] and folded[0] in OTHER_FUNCTIONS:
            texts = [f"{values[0]} of Keras {major}" for major in majors]
            yield Change(what=f"{start}{key}", a=texts[0], b=texts[1])
        inner = [_inner(value) for value in values]
        if inner[0] and inner[1]:
            yield from _other_functions(inner[0][1], inner[1][1], majors, f"{start}{key}.")


def _plain(value: Any) -> object:
    return value if isinstance(value, int | float | str) else None


def _code_differences(a: Layer, b: Layer, code: set[str]) -> Iterator[str]:
    for key in sorted(code):
        ours, theirs = a.config.get(key), b.config.get(key)
        if ours != theirs and not (ours is None or theirs is None):
            yield f"{key} (Python code, which differs by Python version and line)"


def _spellings(a: Layer, b: Layer, owner: str, changed: set[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the arguments that are written differently and mean the same."""
    custom = a.custom or b.custom
    yield from _spelled(owner, (a.config, b.config), custom=custom, start="", changed=changed)


def _spelled(
    owner: str,
    configs: tuple[Mapping[str, Any], Mapping[str, Any]],
    *,
    custom: bool,
    start: str,
    changed: set[str],
) -> Iterator[tuple[str, str, str]]:
    ours, theirs = (_meaningful(owner, config, custom=custom) for config in configs)
    for name in [*ours, *(name for name in theirs if name not in ours)]:
        sides = (ours.get(name), theirs.get(name))
        before, after = sides
        if name in changed or all(side is None or side[1] is None for side in sides):
            continue
        if before and after:
            if before[0] == after[0] and _bare(before[1]) == _bare(after[1]):
                continue
            inner = (_inner(before[1]), _inner(after[1]))
            if inner[0] and inner[1] and inner[0][0] == inner[1][0]:
                configs = (inner[0][1], inner[1][1])
                here = f"{start}{name}."
                kind = inner[0][0]
                yield from _spelled(kind, configs, custom=custom, start=here, changed=set())
                continue
        keys = dict.fromkeys(side[0] for side in sides if side)
        texts = [text_of(side[1]) if side else "unset" for side in sides]
        yield start + " / ".join(keys), texts[0], texts[1]


def _meaningful(
    owner: str, config: Mapping[str, Any], *, custom: bool
) -> dict[str, tuple[str, Any]]:
    """Return the settings by their newest name, each with its own name."""
    named = ((RENAMED_IN.get((owner, key)) or RENAMED.get(key, key), key) for key in config)
    ignored = STORAGE | (ADDED if custom else MEANINGLESS)
    return {
        name: (key, config[key])
        for name, key in named
        if not {name, key} & ignored and (owner, name) not in MEANINGLESS_IN | CODE
    }


def _inner(value: Any) -> tuple[str, Mapping[str, Any]] | None:
    """Return the class and the config of a layer in a layer."""
    config = value.get("config") if isinstance(value, Mapping) else None
    if not isinstance(config, Mapping) or not {"trainable", "units"} & config.keys():
        return None
    return fold(str(value.get("class_name"))), config


def _bare(value: Any, depth: int = 0) -> Any:
    """Return a value without the keys that say how it is stored, and without unset ones."""
    if depth > DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {
            key: _bare(inner, depth + 1)
            for key, inner in value.items()
            if key not in STORAGE and inner is not None
        }
    return [_bare(inner, depth + 1) for inner in value] if isinstance(value, list) else value


def grouped_spellings(found: Sequence[tuple[str, tuple[str, str, str]]]) -> tuple[Spelling, ...]:
    """Return spellings of layers, each with the layers that have it."""
    layers: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for layer, spelling in found:
        layers[spelling].append(layer)
    return tuple(
        Spelling(argument=argument, a=a, b=b, layers=tuple(names))
        for (argument, a, b), names in layers.items()
    )
