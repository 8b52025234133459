"""Where a file is to be loaded, as far as that decides what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.keras_version import is_keras_3, release_of
from kerasmatrix.environments.locks import Lock

__all__ = ["Target", "target_of"]


@dataclass(frozen=True)
class Target:
    """An environment. ``release`` is that of its ``tf.keras``; the rest are version numbers."""

    environment: str
    release: str
    tensorflow: str
    python: str
    keras_packages: frozenset[str]

    @property
    def keras_major(self) -> int:
        """The major version of its ``tf.keras``: 2 or 3."""
        return 3 if is_keras_3(self.release) else 2


def target_of(environment: Environment, lock: Lock) -> Target:
    """Return ``environment`` as a target."""
    return Target(
        environment=environment.name,
        release=release_of(environment, lock),
        tensorflow=environment.tensorflow,
        python=environment.python,
        keras_packages=frozenset(lock.packages) & {"keras", "tf-keras"},
    )
