"""Which TensorFlow and Keras are out: asked of the package index, by uv, as of a day.

The index is the one that uv is set up for; no address of one is written here. `new_environments`
and `newer_than` are pure.
"""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable, Sequence

import uv

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.environments.locks import PINNED
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import minor_of, minor_text, version_key

__all__ = [
    "ask_index",
    "new_environments",
    "newer_than",
    "newest_environment",
    "newest_of",
]


def ask_index(
    requirement: str, *, matrix: Matrix, python: str, as_of: datetime.date, pre: bool
) -> str | None:
    """Return the newest release that fits ``requirement``, or None if none does.

    Args:
        requirement: a package, and what its version must be.
        matrix: whose platform it must have a wheel for.
        python: the Python it must have a wheel for.
        as_of: the day; later releases do not count.
        pre: whether pre-releases count.

    Raises:
        InfrastructureError: the index cannot be asked.
    """
    command = [
        uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--no-deps",
        "--no-python-downloads",
        "--python-platform", matrix.platform,
        "--python-version", python,
        "--exclude-newer", as_of.isoformat(),
        "--only-binary", ":all:",
        "--prerelease", "allow" if pre else "disallow",
        "-",
    ]  # fmt: skip
    done = subprocess.run(command, input=requirement, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        found = PINNED.search(done.stdout)
        return found[2] if found else None
    if "No solution found" in done.stderr and "network was disabled" not in done.stderr:
        return None
    raise InfrastructureError(
        f"the package index cannot be asked for {requirement}: {done.stderr.strip()}",
        hint="see that the network, or the index that uv is set up for, is there",
    )


def newer_than(known: str, newest: str, ask: Callable[[str], str | None]) -> list[str]:
    """Return the newest release of every minor that is newer than ``known``, oldest first.

    Args:
        known: a release.
        newest: the newest release.
        ask: returns the newest release below a version such as ``2.22``, if there is one.
    """
    found = []
    current: str | None = newest
    while current is not None and version_key(current) > version_key(known):
        found.append(current)
        if minor_of(current) == minor_of(known):
            break
        current = ask(minor_text(current))
    return found[::-1]


def newest_of(versions: Sequence[str]) -> str:
    """Return the newest of some releases."""
    return max(versions, key=version_key)


def newest_environment(matrix: Matrix) -> Environment:
    """Return the environment with the newest TensorFlow, on whose Python new ones are made."""
    return max(matrix.environments.values(), key=lambda env: version_key(env.tensorflow))


def new_environments(
    matrix: Matrix,
    *,
    tensorflow: Sequence[str],
    keras: Sequence[str],
    newest_keras: str,
    as_of: datetime.date,
) -> list[Environment]:
    """Return environments for new releases, with names that the matrix does not have.

    A new TensorFlow gets the newest Keras, as its users do; a new Keras is also tried on the
    newest TensorFlow that is known. Both get the Python of that one.

    Args:
        matrix: what is known.
        tensorflow: new releases of TensorFlow.
        keras: new releases of Keras.
        newest_keras: what a new TensorFlow is combined with.
        as_of: the day whose index they are locked against.
    """
    base = newest_environment(matrix)
    wanted = [("tf{}", release, release, newest_keras) for release in tensorflow]
    stem = f"tf{minor_text(base.tensorflow)}-keras{{}}"
    wanted += [(stem, release, base.tensorflow, release) for release in keras]
    taken = set(matrix.environments)
    made = []
    for pattern, release, on, with_keras in wanted:
        short = pattern.format(minor_text(release))
        final = not version_key(release).is_prerelease
        name = short if final and short not in taken else pattern.format(release)
        taken.add(name)
        told = {"name": name, "python": base.python, "tensorflow": on, "keras": with_keras}
        made.append(Environment.model_validate({**told, "as_of": as_of}))
    return made
