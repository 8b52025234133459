"""The path of versions between two, on which each is later than the one before. Pure.

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

__all__ = [
    "has_keras_3",
    "is_legacy",
    "oldest_first",
    "path_of_releases",
    "releases_between",
    "tensorflow_of",
    "version_path",
]

FIRST_KERAS_3 = (2, 16)  # `tf.keras` is Keras 3 from this TensorFlow on
Place = tuple[Version, tuple[Any, ...]]


def tensorflow_of(environment: Environment) -> str:
    """Return the TensorFlow of a release, which always has one."""
    return environment.tensorflow or "0"


def is_legacy(environment: Environment) -> bool:
    """Return whether ``tf.keras`` is tf_keras: a Keras 2 for a TensorFlow that has Keras 3."""
    return environment.legacy_keras


def has_keras_3(environment: Environment) -> bool:
    """Return whether ``tf.keras`` is Keras 3."""
    new = minor_of(tensorflow_of(environment)) >= FIRST_KERAS_3
    return new and not is_legacy(environment)


def version_path(
    environments: Iterable[Environment], older: Environment, newer: Environment
) -> list[Environment]:
    """Return the longest path from ``older`` to ``newer`` through ``environments``, with the ends.

    Environments with tf_keras are on it only if an end has tf_keras: a program uses one or the
    other.

    Raises:
        UsageError: neither of the two is later than the other.
    """
    first, last = _place(older), _place(newer)
    if not _later(first, last):
        raise UsageError(
            f"{older.name} and {newer.name}: one has the newer TensorFlow, the other the newer "
            "Keras, so no version lies between them",
            hint="name two versions of which one is newer in both",
        )
    wanted = is_legacy(older) or is_legacy(newer)
    inner = [
        env
        for env in environments
        if (wanted or not is_legacy(env))
        and _later(first, _place(env))
        and _later(_place(env), last)
    ]
    # The longest chain of a partial order; there are a few dozen versions at most.
    inner.sort(key=lambda env: (_place(env), env.name))
    chains: list[list[Environment]] = []
    for env in inner:
        before = [chain for chain in chains if _later(_place(chain[-1]), _place(env))]
        chains.append([*max(before, key=len, default=[]), env])
    return [older, *max(chains, key=len, default=[]), newer]


def oldest_first(first: Environment, second: Environment) -> tuple[Environment, Environment]:
    """Return the two, the older first."""
    return (first, second) if _place(first) <= _place(second) else (second, first)


def releases_between(releases: Iterable[str], older: str | None, newer: str | None) -> list[str]:
    """Return the ``releases`` between two, oldest first."""
    if newer is None:
        return []
    low = version_key(older) if older else None
    fit = {
        name
        for name in releases
        if version_key(name) < version_key(newer) and (low is None or low < version_key(name))
    }
    return sorted(fit, key=version_key)


def path_of_releases(  # noqa: PLR0913 - a path is made of these
    older: Environment,
    newer: Environment,
    *,
    tensorflow: Sequence[str],
    keras: Sequence[str],
    own: Iterable[Environment],
    others: Iterable[Environment] = (),
) -> list[Environment]:
    """Return the path from ``older`` to ``newer`` through single releases, with the ends.

    First TensorFlow changes, with the older Keras; then Keras changes, with the newer TensorFlow.
    So two neighbours differ in one release of one of them, except where Keras 2 ends.

    Args:
        older: one end.
        newer: the other.
        tensorflow: its releases between the two.
        keras: releases between the two of the package with Keras in ``newer`` (keras or tf_keras).
        own: environments of the matrix, which are used if they have the wanted releases.
        others: environments that only show which Python a TensorFlow minor needs.
    """
    own = (older, newer, *own)
    bases = (*own, *others)
    releases = [(release, _keras_at(older, newer, release, keras)) for release in tensorflow]
    last = tensorflow_of(newer)
    releases.append((last, _keras_at(older, newer, last, keras)))
    releases += [
        (last, release) for release in keras if not is_legacy(newer) or _fits(release, last)
    ]
    by_place = {_place(older): older}
    for release, with_keras in releases:
        env = _ad_hoc(bases, release, with_keras, older, newer)
        if _later(_place(older), _place(env)) and _later(_place(env), _place(newer)):
            taken = (known for known in own if _place(known) == _place(env))
            by_place.setdefault(_place(env), next(taken, env))
    return [*by_place.values(), newer]


def _place(environment: Environment) -> Place:
    """Return the sort key: TensorFlow, and Keras if it has releases of its own."""
    if is_legacy(environment):
        keras: tuple[Any, ...] = (0, version_key(environment.tf_keras or "0"))
    elif has_keras_3(environment):
        keras = (1, version_key(environment.keras or "0"))
    else:
        keras = (0,)
    return (version_key(tensorflow_of(environment)), keras)


def _later(first: Place, second: Place) -> bool:
    """Return whether ``second`` is later than ``first``."""
    return first != second and first[0] <= second[0] and first[1] <= second[1]


def _keras_at(
    older: Environment, newer: Environment, tensorflow: str, keras: Sequence[str]
) -> str | None:
    """Return the release of Keras for a TensorFlow on the path; None if Keras is part of it."""
    if minor_of(tensorflow) < FIRST_KERAS_3:
        return None
    if is_legacy(newer):
        return next(
            (name for name in (*keras, newer.tf_keras or "") if _fits(name, tensorflow)), None
        )
    return older.keras if has_keras_3(older) else next(iter(keras), newer.keras)


def _fits(tf_keras: str, tensorflow: str) -> bool:
    """Return whether a tf_keras has this TensorFlow's minor, the only one that it works with."""
    return minor_of(tf_keras) == minor_of(tensorflow)


def _ad_hoc(
    bases: Sequence[Environment],
    tensorflow: str,
    keras: str | None,
    older: Environment,
    newer: Environment,
) -> Environment:
    """Return an environment with a TensorFlow and a Keras, and a Python that they support."""
    legacy = is_legacy(newer) and minor_of(tensorflow) >= FIRST_KERAS_3
    minor = minor_of(tensorflow)
    alike = (
        env for env in bases if minor_of(tensorflow_of(env)) == minor and is_legacy(env) == legacy
    )
    base = next(alike, newer)
    kind = "tf_keras" if legacy else "keras"
    # A Keras that was released after this TensorFlow needs a later index.
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
