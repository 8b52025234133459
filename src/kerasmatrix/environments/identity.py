"""The identity of an environment: all that decides which packages are installed, and how.

The folder of a virtual environment, the tag of an image and the key of everything measured in
one carry this digest. The environment's variables are set when a worker is started and change
nothing that is installed: the keys hold them next to the digest (`kerasmatrix.execution.plan`).
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
    """Return the digest of what an environment is made from.

    Args:
        environment: whose Python counts, but neither its name nor its variables.
        lock: whose content is installed.
        recipe: how the engine makes it: see `kerasmatrix.engines.base.Engine`.
    """
    parts = [lock.digest, environment.python, sysconfig.get_platform(), recipe]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def image_recipe(base_image: str, dockerfile: bytes) -> str:
    """Return what decides, beside the lock and the Python, what is in an image."""
    return json.dumps([base_image, hashlib.sha256(dockerfile).hexdigest()])


def read_dockerfile(root: Path) -> bytes:
    """Return the Dockerfile of images, which is read once for all that is made of it.

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
