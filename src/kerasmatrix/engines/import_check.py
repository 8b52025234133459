"""Compares the packages that a worker imported with the lock of its environment.

Results are stored under the lock. But packages can be replaced after their installation, and one
can overwrite the files of another, as `keras-nightly` does those of `keras`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Handshake
from kerasmatrix.environments.keras_version import keras_major
from kerasmatrix.environments.locks import Lock, normalized
from kerasmatrix.versions import (
    KERAS_DISTRIBUTIONS,
    TENSORFLOW_DISTRIBUTIONS,
    is_same_release,
    minor_of,
)

__all__ = ["find_mismatch"]

# The distributions that can contain a module. The first one in the lock counts.
DISTRIBUTIONS = {
    "tensorflow": TENSORFLOW_DISTRIBUTIONS,
    "keras": KERAS_DISTRIBUTIONS,
    "tf_keras": ("tf-keras",),
    "numpy": ("numpy",),
    "h5py": ("h5py",),
}


def find_mismatch(hello: Handshake, environment: Environment, lock: Lock) -> str | None:
    """Return how a worker differs from its environment, in a sentence, or None.

    Args:
        hello: the worker's first message. A harness of the tests names no modules.
        environment: the environment that was opened.
        lock: its lock.
    """
    if not hello.modules:
        return None
    return "; ".join(itertools.islice(_mismatches(hello, environment, lock), 3)) or None


def _mismatches(hello: Handshake, environment: Environment, lock: Lock) -> Iterator[str]:
    if ".".join(hello.python.split(".")[:2]) != environment.python:
        yield f"it runs Python {hello.python}, and matrix.yaml says {environment.python}"
    installed = {normalized(name): version for name, version in hello.distributions.items()}
    for module, version in hello.modules.items():
        names = DISTRIBUTIONS.get(module, (module,))
        name = next((name for name in names if name in lock.packages), None)
        if name is None:
            yield f"it imports {module} {version}, which its lock does not have"
        elif not is_same_release(version, lock.packages[name]):
            rivals = _rivals(module, name, installed)
            yield f"it imports {module} {version}, and its lock says {lock.packages[name]}{rivals}"
    if hello.backend != environment.backend:
        yield f"its backend is {hello.backend}, and matrix.yaml says {environment.backend}"
    major = 3 if minor_of(hello.keras)[0] >= 3 else 2  # noqa: PLR2004 - Keras 3
    if major != keras_major(environment, lock):
        yield (
            f"its tf.keras is Keras {hello.keras}, and by its lock and variables it should be "
            f"Keras {keras_major(environment, lock)}"
        )
    for name, version in lock.packages.items():
        version_here = installed.get(name)
        if version_here is None:
            yield f"{name} is not installed, and its lock says {version}"
        elif not is_same_release(version_here, version, exactly=True):
            yield f"{name} {version_here} is installed, and its lock says {version}"


def _rivals(module: str, name: str, installed: dict[str, str]) -> str:
    """Return the distributions that may have overwritten the files of ``name``."""
    stem = module.replace("_", "-")
    rivals = [f"{other} {installed[other]}" for other in installed if other.startswith(f"{stem}-")]
    return f" ({', '.join(rivals)} overwrites files of {name})" if rivals else ""
