"""The release of Keras that an environment's ``tf.keras`` is, as one number that can be compared.

Keras 2 (in TensorFlow, or tf_keras) is numbered by TensorFlow's minor version, from 1.15 on, and
Keras 3 by its own version, from 3.0 on. So all numbers are different.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kerasmatrix.versions import KERAS_3, keras_in, minor_of, minor_text

if TYPE_CHECKING:  # large, and not needed by all: see guard.py
    from kerasmatrix.config.matrix import Environment
    from kerasmatrix.environments.locks import Lock

__all__ = ["is_keras_3", "keras_major", "release_of"]


def release_of(environment: Environment, lock: Lock) -> str:
    """Return the release of Keras that ``tf.keras`` is: ``2.15``, ``3.4``."""
    packages = lock.packages
    tensorflow = environment.tensorflow
    if environment.legacy_keras and tensorflow:
        return minor_text(packages.get("tf-keras", tensorflow))
    if lock.keras_major >= KERAS_3 or tensorflow is None:
        return minor_text(keras_in(packages) or "3")
    return minor_text(tensorflow)


def keras_major(environment: Environment, lock: Lock) -> int:
    """Return the major version of the Keras that ``tf.keras`` is: 2 or 3."""
    return 3 if is_keras_3(release_of(environment, lock)) else 2


def is_keras_3(release: str) -> bool:
    """Return whether a release is Keras 3."""
    return minor_of(release)[0] >= KERAS_3
