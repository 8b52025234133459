"""Version numbers of packages: how releases are ordered, and which Keras `tf.keras` is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what needs no order needs no package, see guard.py
    from packaging.version import Version

__all__ = [
    "KERAS_3",
    "KERAS_DISTRIBUTIONS",
    "LEGACY_KERAS",
    "TENSORFLOW_DISTRIBUTIONS",
    "is_legacy_keras",
    "is_nightly",
    "is_same_release",
    "keras_in",
    "minor_of",
    "minor_text",
    "tensorflow_in",
    "version_key",
]

KERAS_3 = 3  # the major version of the Keras that runs on several backends
# Under this variable `tf.keras` is tf_keras, a Keras 2 (TensorFlow 2.16 release notes).
LEGACY_KERAS = "TF_USE_LEGACY_KERAS"
# The values for which TensorFlow 2.15 to 2.21 route `tf.keras` to tf_keras. Their lazy loader
# (tensorflow/python/util/lazy_loader.py) compares with these three; "TRUE" or "yes" is off.
LEGACY_ON = frozenset({"true", "True", "1"})

# The distributions whose files are the package `keras`; only one of them can be installed.
KERAS_DISTRIBUTIONS = ("keras", "keras-nightly")
TENSORFLOW_DISTRIBUTIONS = ("tensorflow-cpu", "tensorflow", "tf-nightly-cpu", "tf-nightly")
# Model files can contain any text as a version: "2.2.4-tf", "2.3 to 2.4", megabytes.
NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
LONGEST = 100


@lru_cache(maxsize=4096)
def version_key(version: str) -> Version:
    """Return a key that sorts releases by age, as PEP 440 does: ``2.20.0rc1`` < ``2.20.0``.

    Text that is not a version counts as the first release number in it, or as 0 without one.
    """
    from packaging.version import Version  # noqa: PLC0415 - see above

    if len(version) <= LONGEST:
        with contextlib.suppress(ValueError):
            return Version(version)
    number = NUMBERS.search(version)
    return Version(number.group() if number else "0")


@lru_cache(maxsize=4096)
def minor_of(version: str) -> tuple[int, int]:
    """Return the major and minor number of ``version``: ``2.15.0.post1`` -> ``(2, 15)``."""
    number = NUMBERS.search(version)
    major, minor, *_ = (*number.group().split("."), "0") if number else ("0", "0")
    return int(major), int(minor)


def is_same_release(version: str, other: str, *, exactly: bool = False) -> bool:
    """Return whether two versions are one release: ``2.22.0-rc0`` and ``2.22.0rc0`` are.

    Post-releases and local builds count as the release itself, unless ``exactly`` is true:
    TensorFlow 2.15.0.post1 reports 2.15.0.
    """
    if exactly:
        return version_key(version) == version_key(other)
    return _release(version_key(version)) == _release(version_key(other))


def _release(version: Version) -> tuple[Version, object, object]:
    return version_key(version.base_version), version.pre, version.dev


def minor_text(version: str) -> str:
    """Return the major and minor number of ``version`` as text: ``2.15.0.post1`` -> ``2.15``."""
    return "{}.{}".format(*minor_of(version))


def is_nightly(version: str) -> bool:
    """Return whether a version is a build of one day, such as ``3.16.0.dev2026102704``."""
    return version_key(version).is_devrelease


def keras_in(packages: Mapping[str, str]) -> str | None:
    """Return the version that ``import keras`` gives, among the versions of packages."""
    return next((packages[name] for name in KERAS_DISTRIBUTIONS if name in packages), None)


def tensorflow_in(packages: Mapping[str, str]) -> str | None:
    """Return the version of TensorFlow, from whichever distribution."""
    return next((packages[name] for name in TENSORFLOW_DISTRIBUTIONS if name in packages), None)


def is_legacy_keras(variables: Mapping[str, str]) -> bool:
    """Return whether TensorFlow takes tf_keras for ``tf.keras`` under these variables."""
    return variables.get(LEGACY_KERAS) in LEGACY_ON
