"""The versions between two, as a line on which each is later than the one before. Pure.

A version is a TensorFlow with a Keras. Keras 3 has releases of its own, so "later" means later in
one of the two and earlier in neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from packaging.version import Version

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import UsageError
from kerasmatrix.versions import minor_of, version_key

__all__ = ["between", "has_keras_3", "is_legacy", "line_of", "made_between", "oldest_first"]

FIRST_KERAS_3 = (2, 16)  # `tf.keras` is Keras 3 from this TensorFlow on
Place = tuple[Version, tuple[Any, ...]]


def is_legacy(environment: Environment) -> bool:
    """Say whether ``tf.keras`` is tf_keras, a Keras 2 beside a TensorFlow that has Keras 3."""
    return environment.legacy_keras


def has_keras_3(environment: Environment) -> bool:
    """Say whether ``tf.keras`` is Keras 3."""
    new = minor_of(environment.tensorflow) >= FIRST_KERAS_3
    return new and not is_legacy(environment)


def line_of(
    environments: Iterable[Environment], older: Environment, newer: Environment
) -> list[Environment]:
    """Return the longest line from ``older`` to ``newer`` through ``environments``, ends included.

    tf_keras is on it only where an end has it: a program has the one or the other.

    Raises:
        UsageError: neither of the two is later than the other.
    """
    first, last = place_of(older), place_of(newer)
    if not _later(first, last):
        raise UsageError(
            f"{older.name} and {newer.name}: one has the newer TensorFlow, the other the newer "
            "Keras, so that no version lies between them",
            hint="name two of which one is newer in both",
        )
    wanted = is_legacy(older) or is_legacy(newer)
    inner = [
        env
        for env in environments
        if (wanted or not is_legacy(env))
        and _later(first, place_of(env))
        and _later(place_of(env), last)
    ]
    # The longest chain of a partial order; there are some dozens of versions at most.
    inner.sort(key=lambda env: (place_of(env), env.name))
    chains: list[list[Environment]] = []
    for env in inner:
        before = [chain for chain in chains if _later(place_of(chain[-1]), place_of(env))]
        chains.append([*max(before, key=len, default=[]), env])
    return [older, *max(chains, key=len, default=[]), newer]


def oldest_first(one: Environment, other: Environment) -> tuple[Environment, Environment]:
    """Return the two, the older first."""
    return (one, other) if place_of(one) <= place_of(other) else (other, one)


def between(releases: Iterable[str], older: str | None, newer: str | None) -> list[str]:
    """Return those of ``releases`` that lie between two, oldest first."""
    if newer is None:
        return []
    low = version_key(older) if older else None
    fit = {
        name
        for name in releases
        if version_key(name) < version_key(newer) and (low is None or low < version_key(name))
    }
    return sorted(fit, key=version_key)


def made_between(  # noqa: PLR0913 - what a line is made of
    older: Environment,
    newer: Environment,
    *,
    tensorflow: Sequence[str],
    keras: Sequence[str],
    own: Iterable[Environment],
    others: Iterable[Environment] = (),
) -> list[Environment]:
    """Return the line from ``older`` to ``newer`` through single releases, ends included.

    TensorFlow goes first, with the Keras that is there; then Keras goes, on the newer TensorFlow.
    So two neighbours differ in one release of one of them, but where Keras 2 ends.

    Args:
        older: one end.
        newer: the other.
        tensorflow: its releases between the two.
        keras: releases of what ``newer`` has for Keras (keras or tf_keras), between the two.
        own: environments that are taken as they are where they are what is wanted.
        others: environments that only say which Python goes with a TensorFlow minor.
    """
    own = (older, newer, *own)
    bases = (*own, *others)
    line = [(release, _keras_at(older, newer, release, keras)) for release in tensorflow]
    last = newer.tensorflow
    line.append((last, _keras_at(older, newer, last, keras)))
    line += [(last, release) for release in keras if not is_legacy(newer) or _fits(release, last)]
    found = {place_of(older): older}
    for release, with_keras in line:
        env = _of(bases, release, with_keras, older, newer)
        if _later(place_of(older), place_of(env)) and _later(place_of(env), place_of(newer)):
            taken = (known for known in own if place_of(known) == place_of(env))
            found.setdefault(place_of(env), next(taken, env))
    return [*found.values(), newer]


def place_of(environment: Environment) -> Place:
    """Return what orders environments: by TensorFlow, and by Keras where that goes its own way."""
    if is_legacy(environment):
        keras: tuple[Any, ...] = (0, version_key(environment.tf_keras or "0"))
    elif has_keras_3(environment):
        keras = (1, version_key(environment.keras or "0"))
    else:
        keras = (0,)
    return (version_key(environment.tensorflow), keras)


def _later(one: Place, other: Place) -> bool:
    """Whether ``other`` is later than ``one``."""
    return one != other and one[0] <= other[0] and one[1] <= other[1]


def _keras_at(
    older: Environment, newer: Environment, tensorflow: str, keras: Sequence[str]
) -> str | None:
    """Return what a TensorFlow on the line has for Keras; None if that is a part of it."""
    if minor_of(tensorflow) < FIRST_KERAS_3:
        return None
    if is_legacy(newer):
        return next(
            (name for name in (*keras, newer.tf_keras or "") if _fits(name, tensorflow)), None
        )
    return older.keras if has_keras_3(older) else next(iter(keras), newer.keras)


def _fits(tf_keras: str, tensorflow: str) -> bool:
    """Whether a tf_keras is of this TensorFlow's minor, the only one that it works with."""
    return minor_of(tf_keras) == minor_of(tensorflow)


def _of(
    bases: Sequence[Environment],
    tensorflow: str,
    keras: str | None,
    older: Environment,
    newer: Environment,
) -> Environment:
    """Return an environment with a TensorFlow and a Keras, on the Python that goes with it."""
    legacy = is_legacy(newer) and minor_of(tensorflow) >= FIRST_KERAS_3
    minor = minor_of(tensorflow)
    alike = (env for env in bases if minor_of(env.tensorflow) == minor and is_legacy(env) == legacy)
    base = next(alike, newer)
    kind = "tf_keras" if legacy else "keras"
    # A Keras that came out later than this TensorFlow wants a later index.
    as_of = max(base.as_of, older.as_of)
    if keras is not None:
        as_of = max(as_of, newer.as_of) if keras != older.keras else as_of
    return base.model_copy(
        update={
            "name": f"tf{tensorflow}" + (f"-{kind}{keras}" if keras else ""),
            "tensorflow": tensorflow,
            "as_of": as_of,
            **({kind: keras} if keras else {}),
        }
    )
