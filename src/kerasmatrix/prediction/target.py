"""The properties of an environment on which predictions depend."""

from __future__ import annotations

from dataclasses import dataclass

from kerasmatrix.environments.keras_version import is_keras_3

__all__ = ["Target"]


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
