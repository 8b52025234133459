"""Compares settings by meaning, since releases write the same setting differently.

Settings are what `harness/configuration.py` reports: JSON, with objects as ``class_name`` and
``config``. Which spellings are equal is data: see `kerasmatrix.results.spellings`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kerasmatrix.results.spellings import (
    ADDED,
    ALIASES,
    CLASS_DEFAULTS,
    DEFAULTS,
    DERIVED,
    FUNCTIONS,
    MEANINGLESS,
    MEANINGLESS_IN,
    NOTHING,
    REDUCED,
    RENAMED,
    RENAMED_IN,
    REPEATED,
    RESOLVED,
    WRAPPERS,
)

__all__ = ["Difference", "compute_type", "differences", "fold", "same", "shown"]

# A number may be stored as float32 on one side and as double on the other.
RELATIVE = 1e-6
LONGEST_SHOWN = 40  # characters of a setting, which is one of several in a summary
# Before the name of a user's class, to which no default of Keras applies.
CUSTOM = "custom:"
ABSENT = object()
PAIR = 2
# Names of functions, modes and classes; texts of other kinds are compared as they are.
WORD = re.compile(r"[A-Za-z0-9_>]+$")


class Difference(NamedTuple):
    """A setting that differs: the path to it, and both values."""

    path: tuple[str, ...]
    before: Any
    after: Any


class _Named(NamedTuple):
    """An object, by its folded name."""

    name: str
    config: Mapping[str, Any]
    custom: bool = False


def differences(before: Any, after: Any) -> Iterator[Difference]:
    """Yield every setting in which two values differ in meaning.

    The name of the outermost object is compared; what is inside of it is named by its key.
    """
    try:
        unequal = list(_compare(before, after, (), ""))
    except RecursionError:  # no settings are nested so deep: an environment reports nonsense
        unequal = [Difference((), None, None)]
    yield from unequal


def same(before: Any, after: Any) -> bool:
    """Whether two values mean the same."""
    return next(differences(before, after), None) is None


def fold(name: str) -> str:
    """Return a name of a class or function without its spelling, by its usual alias."""
    word = re.sub("[^a-z0-9]", "", name.rpartition(">")[2].lower())
    return ALIASES.get(word, word)


def shown(value: Any) -> str:
    """Return a setting in a few characters."""
    if value is ABSENT:
        return "unset"
    if isinstance(value, float):
        return f"{value:.6g}" if not value.is_integer() else f"{value:.1f}"
    named = _named(value)
    if named is not None and isinstance(value, Mapping):
        name = value.get("class_name")
        text = str(value.get("config") if fold(str(name)) in FUNCTIONS else name)
    else:
        text = str(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _compare(before: Any, after: Any, path: tuple[str, ...], owner: str) -> Iterator[Difference]:
    before, after = _unwrapped(before), _unwrapped(after)
    key = path[-1] if path else ""
    if _is_spelling(owner, key, before, after):
        return
    if _is_policy(key):
        yield Difference(path, before, after)
        return
    ours, theirs = _named(before), _named(after)
    if ours and theirs and (isinstance(before, Mapping) or isinstance(after, Mapping)):
        yield from _compare_objects(ours, theirs, before, after, path)
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare_settings(before, after, path, owner)
        return
    if _is_list(before) and _is_list(after):
        yield from _compare_lists(before, after, path, owner)
        return
    texts = isinstance(before, str) and isinstance(after, str)
    if texts and _is_resolved(fold(before), fold(after)):
        return
    if not _equal(before, after, exact=owner.startswith(CUSTOM)):
        yield Difference(path, before, after)


def _is_spelling(owner: str, key: str, before: Any, after: Any) -> bool:  # noqa: PLR0911
    """Whether two values of a setting of this kind are ways to write one."""
    if key == "seed" and before is None:
        return True  # Keras 3 draws a seed where none is given
    if _is_policy(key):
        return _policy(before) == _policy(after)
    if owner == "lambda" and key == "function":
        # Bytecode differs from one Python to the next; the outputs tell.
        return not (isinstance(before, str) and isinstance(after, str)) or before == after
    if key == "axis":
        # Counted from either end; another axis has other weights or outputs.
        return _may_be_one_axis(before, after)
    if key == "reduction":
        return all(side in REDUCED for side in (before, after))
    if key == "factor":
        return bool(_factor(before) == _factor(after))
    if key in REPEATED and _is_list(before) != _is_list(after):
        many, single = (before, after) if _is_list(before) else (after, before)
        return bool(many) and all(_equal(value, single) for value in many)
    return False


def _compare_objects(
    ours: _Named, theirs: _Named, before: Any, after: Any, path: tuple[str, ...]
) -> Iterator[Difference]:
    if ours.name != theirs.name and not _is_resolved(ours.name, theirs.name):
        yield Difference(path, before, after)
        return
    owner = CUSTOM + ours.name if ours.custom or theirs.custom else ours.name
    yield from _compare_settings(ours.config, theirs.config, path, owner)


def _compare_settings(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...], owner: str
) -> Iterator[Difference]:
    before, after = _renamed(before, owner), _renamed(after, owner)
    for key in [*before, *(key for key in after if key not in before)]:
        if _is_meaningless(owner, key):
            continue
        if key == "name":
            made_up = owner.removeprefix(CUSTOM)
            if not path and not _is_same_name(before.get(key), after.get(key), made_up):
                yield Difference((*path, key), before.get(key), after.get(key))
            continue
        ours, theirs = before.get(key, ABSENT), after.get(key, ABSENT)
        if not (_is_unset(ours) or _is_unset(theirs)):
            yield from _compare(ours, theirs, (*path, key), owner)
            continue
        if _means_default(owner, key, ours) and _means_default(owner, key, theirs):
            continue
        if (owner, fold(key)) in DERIVED and (ours is ABSENT or theirs is ABSENT):
            continue
        # The older release could not say what the newer one does of its own.
        if ours is ABSENT and not _has_default(owner, key):
            continue
        if ours is ABSENT or theirs is ABSENT:
            yield Difference((*path, key), ours, theirs)
            continue
        yield from _compare(ours, theirs, (*path, key), owner)


def _compare_lists(
    before: Sequence[Any], after: Sequence[Any], path: tuple[str, ...], owner: str
) -> Iterator[Difference]:
    if len(before) != len(after):
        if path and path[-1] in REPEATED and before and after:
            values = [*before, *after]
            if all(_equal(values[0], value) for value in values):
                return
        yield Difference(path, before, after)
        return
    for number, (ours, theirs) in enumerate(zip(before, after, strict=True)):
        if isinstance(ours, Mapping | list) or isinstance(theirs, Mapping | list):
            yield from _compare(ours, theirs, (*path, str(number)), owner)
        elif not _equal(ours, theirs, exact=True):
            yield Difference(path, before, after)
            return


def _renamed(settings: Mapping[str, Any], owner: str) -> dict[str, Any]:
    return {
        RENAMED_IN.get((owner, key)) or RENAMED.get(key, key): value
        for key, value in settings.items()
    }


def _is_unset(value: Any) -> bool:
    return value is ABSENT or value is None


def _is_meaningless(owner: str, key: str) -> bool:
    if owner.startswith(CUSTOM):
        return key in ADDED
    return key in MEANINGLESS or (owner, key) in MEANINGLESS_IN


def _means_default(owner: str, key: str, value: Any) -> bool:
    if _is_unset(value):
        return True
    default = _default(owner, key)
    if default is ABSENT:
        if owner.startswith(CUSTOM):
            return False
        return any(type(value) is type(nothing) and value == nothing for nothing in NOTHING)
    return next(_compare(value, default, (key,), owner), None) is None


def _has_default(owner: str, key: str) -> bool:
    return _default(owner, key) is not ABSENT


def _default(owner: str, key: str) -> Any:
    if owner.startswith(CUSTOM):
        return DEFAULTS[key] if key in {"dtype", "trainable"} else ABSENT
    own = CLASS_DEFAULTS.get((owner, fold(key)), ABSENT)
    return DEFAULTS.get(key, ABSENT) if own is ABSENT else own


def _named(value: Any) -> _Named | None:
    """Return the object that is written as a word, as a function, or as class and config."""
    if isinstance(value, str):
        return _Named(fold(value), {})
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return None
    name, config = fold(value["class_name"]), value.get("config")
    if name in FUNCTIONS:
        return _Named(fold(str(config)), {})
    config = config if isinstance(config, Mapping) else {"config": config}
    if "fn" in config:
        # The name of a plain wrapper is that of the function in it; other wrappers keep theirs.
        function = _named(_unwrapped(config["fn"]))
        config = {key: inner for key, inner in config.items() if key != "fn"}
        if name in WRAPPERS and function is not None:
            name = function.name
    return _Named(name, config, bool(value.get("custom")))


def _unwrapped(value: Any) -> Any:
    """Return the list or value in a wrapper of Keras 3's serialization."""
    if isinstance(value, Mapping):
        kind = value.get("class_name")
        if kind in {"__tuple__", "TensorShape"} and "items" in value:
            return value["items"]
        if kind in {"__tensor__", "__numpy__"} and isinstance(value.get("config"), Mapping):
            return value["config"].get("value")
    return value


def _policy(value: Any) -> str:
    """Return a dtype policy's name."""
    while isinstance(value, Mapping):
        config = value.get("config")
        value = config.get("name") or config.get("mode") if isinstance(config, Mapping) else config
    return str(value).rpartition(".")[2] if value not in {None, "_infer", "infer"} else "float32"


def _is_policy(key: str) -> bool:
    return key == "dtype" or key.endswith("dtype_policy")


def compute_type(policy: Any) -> str:
    """Return the type that a layer with a dtype policy computes in."""
    return _policy(policy).removeprefix("mixed_")


def _is_resolved(name: str, other: str) -> bool:
    return other in RESOLVED.get(name, ()) or name in RESOLVED.get(other, ())


def _is_same_name(before: Any, after: Any, owner: str) -> bool:
    """Whether a name is the same, or one that the release made up from the class."""
    if before == after or before is None or after is None:
        return True
    ours, theirs = _without_number(str(before)), _without_number(str(after))
    if fold(ours) == fold(theirs):
        # A number that Keras counts: only a name it made up itself has one without meaning.
        return fold(ours) == owner or ours == before == theirs
    return {fold(ours), fold(theirs)} <= {owner, *_made_up(owner)}


def _made_up(owner: str) -> set[str]:
    return {owner, owner + "loss", owner.removesuffix("loss")}


def _without_number(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def _equal(before: Any, after: Any, *, exact: bool = False) -> bool:
    """Whether two plain values are the same; words may be spelled otherwise unless ``exact``."""
    if isinstance(before, bool) or isinstance(after, bool):
        return bool(before == after)
    if isinstance(before, int | float) and isinstance(after, int | float):
        try:
            return math.isclose(before, after, rel_tol=RELATIVE, abs_tol=0.0)
        except OverflowError:
            return before == after
    if isinstance(before, str) and isinstance(after, str):
        words = WORD.match(before) and WORD.match(after) and not exact
        return before == after or (bool(words) and fold(before) == fold(after))
    return bool(before == after)


def _may_be_one_axis(before: Any, after: Any) -> bool:
    sides = [side if _is_list(side) else [side] for side in (before, after)]
    numbers = [all(type(axis) is int for axis in side) for side in sides]
    if not all(numbers) or len(sides[0]) != len(sides[1]):
        return False
    return all(
        bool(mine < 0) != bool(theirs < 0) or bool(mine == theirs)
        for mine, theirs in zip(*sides, strict=True)
    )


def _factor(value: Any) -> Any:
    """Return the factor of a random layer: Keras 3 writes a range where one number was given."""
    if _is_list(value) and len(value) == PAIR and value[0] in {0, -value[1]}:
        return value[1]
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)
