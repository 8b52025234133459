"""Queries the package index for releases of TensorFlow and Keras, through uv, as of a day.

The index is the one that uv is configured for.
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
        requirement: a package with its version constraints.
        matrix: its platform must have a wheel.
        python: this Python must have a wheel.
        as_of: the day; later releases do not count.
        pre: whether pre-releases count.

    Raises:
        InfrastructureError: the index does not answer.
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
        pinned = PINNED.search(done.stdout)
        return pinned[2] if pinned else None
    # Without the network, uv finds no solution either: the releases are unknown then.
    if "No solution found" in done.stderr and "network was disabled" not in done.stderr:
        return None
    raise InfrastructureError(
        f"the package index does not answer for {requirement}: {done.stderr.strip()}",
        hint="check the network, and the index that uv is configured for",
    )


def newer_than(known: str, newest: str, ask: Callable[[str], str | None]) -> list[str]:
    """Return the newest release of every minor that is newer than ``known``, oldest first.

    Args:
        known: a release.
        newest: the newest release.
        ask: returns the newest release below a version such as ``2.22``, if there is one.
    """
    releases = []
    current: str | None = newest
    while current is not None and version_key(current) > version_key(known):
        releases.append(current)
        if minor_of(current) == minor_of(known):
            break
        # Asked minor by minor: the newest release of each is enough, and uv lists no versions.
        current = ask(minor_text(current))
    return releases[::-1]


def newest_of(versions: Sequence[str]) -> str:
    """Return the newest of ``versions``."""
    return max(versions, key=version_key)


def newest_environment(matrix: Matrix) -> Environment:
    """Return the environment with the newest TensorFlow; new environments get its Python."""
    return max(matrix.releases, key=lambda env: version_key(env.tensorflow or "0"))


def new_environments(
    matrix: Matrix,
    *,
    tensorflow: Sequence[str],
    keras: Sequence[str],
    newest_keras: str,
    as_of: datetime.date,
) -> list[Environment]:
    """Return environments for new releases, with names that are not in the matrix.

    A new TensorFlow gets the newest Keras, as its users do. A new Keras gets the newest TensorFlow
    of the matrix. Both get the Python of that environment.

    Args:
        matrix: the present environments.
        tensorflow: new releases of TensorFlow.
        keras: new releases of Keras.
        newest_keras: the Keras for a new TensorFlow.
        as_of: the day of the index for their locks.
    """
    base = newest_environment(matrix)
    newest = base.tensorflow or ""
    wanted = [("tf{}", release, release, newest_keras) for release in tensorflow]
    stem = f"tf{minor_text(newest)}-keras{{}}"
    wanted += [(stem, release, newest, release) for release in keras]
    taken = set(matrix.environments)
    environments = []
    for pattern, release, on, with_keras in wanted:
        short = pattern.format(minor_text(release))
        final = not version_key(release).is_prerelease
        name = short if final and short not in taken else pattern.format(release)
        taken.add(name)
        fields = {"name": name, "python": base.python, "tensorflow": on, "keras": with_keras}
        environments.append(Environment.model_validate({**fields, "as_of": as_of}))
    return environments
