"""Whether a worker has imported what the lock of its environment says.

Everything measured in an environment is filed under its lock. Packages can be replaced after they
were installed, and one can overwrite another's files: a pre-release of TensorFlow brings
`keras-nightly`, which puts its files in the place of those of the locked `keras`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Hello
from kerasmatrix.environments.keras_version import keras_major
from kerasmatrix.environments.locks import Lock, normalized
from kerasmatrix.versions import is_same_release, minor_of

__all__ = ["find_mismatch"]

# The distributions that a module may come from; the first that the lock has counts.
DISTRIBUTIONS = {
    "tensorflow": ("tensorflow-cpu", "tensorflow"),
    "keras": ("keras",),
    "tf_keras": ("tf-keras",),
    "numpy": ("numpy",),
    "h5py": ("h5py",),
}


def find_mismatch(hello: Hello, environment: Environment, lock: Lock) -> str | None:
    """Return in a sentence what a worker has that its environment should not have, or None.

    Args:
        hello: what the worker says. Where it names no modules it is not a real harness.
        environment: what was asked for.
        lock: what should be installed.
    """
    if not hello.modules:
        return None
    found = [*_mismatches(hello, environment, lock)]
    return "; ".join(found[:3]) or None


def _mismatches(hello: Hello, environment: Environment, lock: Lock) -> Iterator[str]:
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
    major = 3 if minor_of(hello.keras)[0] >= 3 else 2  # noqa: PLR2004 - Keras 3
    if major != keras_major(environment, lock):
        yield (
            f"its tf.keras is Keras {hello.keras}, and by its lock and variables it should be "
            f"Keras {keras_major(environment, lock)}"
        )
    for name, version in lock.packages.items():
        there = installed.get(name)
        if there is None:
            yield f"{name} is not installed, and its lock says {version}"
        elif not is_same_release(there, version, exactly=True):
            yield f"{name} {there} is installed, and its lock says {version}"


def _rivals(module: str, name: str, installed: dict[str, str]) -> str:
    """Return which other distributions may have put their files in the place of ``name``'s."""
    stem = module.replace("_", "-")
    rivals = [f"{each} {installed[each]}" for each in installed if each.startswith(f"{stem}-")]
    return f" ({', '.join(rivals)} is installed beside {name})" if rivals else ""
