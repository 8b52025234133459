"""Which release of Keras an environment's ``tf.keras`` is, as one number that can be ordered.

Keras 2 inside TensorFlow, and tf_keras beside it, are called by TensorFlow's minor version (1.15 to
2.16 and on), Keras 3 by its own (3.0 and on): no two are called alike.
"""

from __future__ import annotations

from kerasmatrix.environments.locks import Lock
from kerasmatrix.matrix import Environment
from kerasmatrix.versions import version_key

__all__ = ["is_keras_3", "release_key", "release_of"]

KERAS_3 = 3
LEGACY = "TF_USE_LEGACY_KERAS"
OFF = {"", "0", "false", "False"}


def release_of(environment: Environment, lock: Lock) -> str:
    """Return the release of Keras that ``tf.keras`` is: ``2.15``, ``3.4``."""
    packages = lock.packages
    if environment.variables.get(LEGACY, "") not in OFF and "tf-keras" in packages:
        return _minor(packages["tf-keras"])
    if lock.keras_major >= KERAS_3:
        return _minor(packages["keras"])
    return _minor(environment.tensorflow)


def release_key(release: str) -> tuple[int, int]:
    """Return what orders releases: ``2.9`` before ``2.15`` before ``3.4``."""
    major, minor = version_key(release)[:2]
    return major, minor


def is_keras_3(release: str) -> bool:
    """Say whether a release is Keras 3."""
    return release_key(release)[0] >= KERAS_3


def _minor(version: str) -> str:
    return ".".join(map(str, version_key(version)[:2]))
