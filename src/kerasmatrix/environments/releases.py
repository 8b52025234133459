"""Which TensorFlow and Keras are out: asked of the package index, by uv, as of a day.

The index is the one that uv is set up for; no address of one is written here. `new_environments`
and `newer_than` are pure.
"""

from __future__ import annotations

import datetime
import re
import subprocess
from collections.abc import Callable, Sequence

import uv

from kerasmatrix.environments.locks import PINNED
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.matrix import Environment, Matrix

__all__ = [
    "ask_index",
    "new_environments",
    "newer_than",
    "newest_environment",
    "newest_of",
    "release_key",
]

# Before, at and after a version: PEP 440's order of what may follow its numbers.
STAGES = {"a": -3, "b": -2, "rc": -1, "": 0, "post": 1}
RELEASE = re.compile(r"^(\d+(?:\.\d+)*)(?:\.?(a|b|rc|post)(\d+))?$")
LONGEST = 4


def release_key(version: str) -> tuple[tuple[int, ...], int, int]:
    """Return what sorts releases by age within a package: ``2.22.0rc0`` is before ``2.22.0``."""
    found = RELEASE.match(version)
    if found is None:
        raise ValueError(f"not a release: {version!r}")
    numbers = [int(part) for part in found[1].split(".")]
    padded = (*numbers, *[0] * LONGEST)[:LONGEST]
    return padded, STAGES[found[2] or ""], int(found[3] or 0)


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
    while current is not None and release_key(current) > release_key(known):
        found.append(current)
        if _minor(current) == _minor(known):
            break
        current = ask(".".join(map(str, _minor(current))))
    return found[::-1]


def newest_of(versions: Sequence[str]) -> str:
    """Return the newest of some releases."""
    return max(versions, key=release_key)


def newest_environment(matrix: Matrix) -> Environment:
    """Return the environment with the newest TensorFlow, on whose Python new ones are made."""
    return max(matrix.environments.values(), key=lambda env: release_key(env.tensorflow))


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
    stem = f"tf{'.'.join(map(str, _minor(base.tensorflow)))}-keras{{}}"
    wanted += [(stem, release, base.tensorflow, release) for release in keras]
    taken = set(matrix.environments)
    made = []
    for pattern, release, on, with_keras in wanted:
        short = pattern.format(".".join(map(str, _minor(release))))
        final = release_key(release)[1] >= 0
        name = short if final and short not in taken else pattern.format(release)
        taken.add(name)
        told = {"name": name, "python": base.python, "tensorflow": on, "keras": with_keras}
        made.append(Environment.model_validate({**told, "as_of": as_of}))
    return made


def _minor(version: str) -> tuple[int, int]:
    numbers = release_key(version)[0]
    return numbers[0], numbers[1]
