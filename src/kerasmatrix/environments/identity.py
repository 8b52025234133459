"""The identity of an environment: a digest of all that decides which packages are installed.

It is part of the folder of a virtual environment, of the tag of an image, and of the key of each
measurement. Variables do not change the installed packages, so they are a separate part of the keys
(`kerasmatrix.execution.plan`).
"""

from __future__ import annotations

import hashlib
import json
import sysconfig
from pathlib import Path

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError

__all__ = ["DOCKERFILE", "identity_of", "image_recipe", "read_dockerfile"]

DOCKERFILE = "images/Dockerfile"


def identity_of(environment: Environment, lock: Lock, recipe: str) -> str:
    """Return the digest of all that an environment is created from.

    Args:
        environment: its Python counts, its name and its variables do not.
        lock: the packages to install.
        recipe: how the engine creates it: see `kerasmatrix.engines.base.Engine`.
    """
    parts = [lock.digest, environment.python, sysconfig.get_platform(), recipe]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def image_recipe(base_image: str, dockerfile: bytes) -> str:
    """Return all that decides the content of an image besides the lock and the Python."""
    return json.dumps([base_image, hashlib.sha256(dockerfile).hexdigest()])


def read_dockerfile(root: Path) -> bytes:
    """Return the Dockerfile of all images.

    Raises:
        InfrastructureError: it cannot be read.
    """
    try:
        return (root / DOCKERFILE).read_bytes()
    except OSError as error:
        raise InfrastructureError(
            f"{root / DOCKERFILE}: cannot be read: {error.strerror}",
            hint="restore it, or measure with --engine local",
        ) from error
