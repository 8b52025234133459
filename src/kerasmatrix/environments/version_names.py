"""Finds the environment that a user means by a version, however it is written. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.text.escape import brief
from kerasmatrix.versions import KERAS_3, minor_of, version_key

__all__ = ["NamedVersion", "find_version", "find_versions"]

# 2.15, v2.15.0, tf2.15, TensorFlow 2.15, tensorflow==2.15.1, keras3.4, keras-3.4
WRITTEN = re.compile(
    r"(?P<package>tf|tensorflow(?:-cpu)?|keras)?[ =_-]*v?"
    r"(?P<version>[0-9]{1,3}(?:\.[0-9]{1,4}){1,3})",
    re.IGNORECASE,
)


class NamedVersion(NamedTuple):
    """An environment: its name, its TensorFlow, and the release of its ``tf.keras``."""

    name: str
    tensorflow: str
    keras: str
    is_legacy: bool = False


def find_versions(texts: Iterable[str], known: Sequence[NamedVersion]) -> tuple[str, ...]:
    """Return the names of the environments that ``texts`` mean, each once; see `find_version`."""
    return tuple(dict.fromkeys(find_version(text, known) for text in texts))


def find_version(text: str, known: Sequence[NamedVersion], option: str | None = None) -> str:
    """Return the name of the environment that ``text`` means.

    Args:
        text: a name, or a version of TensorFlow or Keras.
        known: the environments.
        option: the option that has this value, for the message.

    Raises:
        UsageError: there is none; the hint names the nearest.
    """
    names = [version.name for version in known]
    if text in names:
        return text
    asked = f"{option}: " if option else ""
    written = WRITTEN.fullmatch(text.strip())
    if not written:
        raise UsageError(f"{asked}unknown environment {brief(text)}", hint=nearest(text, names))
    number = minor_of(written["version"])
    package = (written["package"] or "").lower()
    # TensorFlow has no version 3: a bare 3.4 is Keras.
    is_keras = package == "keras" or (not package and number[0] >= KERAS_3)
    ours = {version.name: minor_of(_number(version, is_keras=is_keras)) for version in known}
    fitting = [version for version in known if ours[version.name] == number]
    if fitting:
        return min(fitting, key=_unlikeliness).name
    others = [version for version in known if ours[version.name][0] == number[0]] or known
    near = min(
        others, key=lambda version: (abs(_step(ours[version.name], number)), _unlikeliness(version))
    )
    raise UsageError(
        f"{asked}unknown environment {brief(text)}: no environment has "
        f"{'Keras' if is_keras else 'TensorFlow'} {number[0]}.{number[1]}",
        hint=f"the nearest is {near.name}",
    )


def _number(version: NamedVersion, *, is_keras: bool) -> str:
    return version.keras if is_keras else version.tensorflow


def _step(ours: tuple[int, int], asked: tuple[int, int]) -> int:
    return (ours[0] - asked[0]) * 100 + ours[1] - asked[1]


def _unlikeliness(version: NamedVersion) -> tuple[bool, int, float]:
    """Sort the environments of one version: the release as it came, the newest TensorFlow first."""
    newest = version_key(version.tensorflow)
    return version.is_legacy, len(version.name), -(newest.major * 1000 + newest.minor)
