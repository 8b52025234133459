"""Queries the package index for releases of TensorFlow and Keras, through uv, as of a day.

The index is the one that uv is configured for.
"""

from __future__ import annotations

import datetime
import subprocess
from collections.abc import Callable, Mapping, Sequence

import uv

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.environments.locks import PINNED, normalized
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import keras_in, minor_of, minor_text, version_key

__all__ = [
    "NIGHTLIES",
    "ask_index",
    "keras_with",
    "new_environments",
    "newer_than",
    "newest_environment",
    "newest_of",
    "nightly_environments",
]

# The distributions of nightly builds: of TensorFlow, whose builds for the CPU are at times months
# behind the others, and of Keras.
NIGHTLIES = {"tensorflow": ("tf-nightly-cpu", "tf-nightly"), "keras": ("keras-nightly",)}


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
    packages = _resolve(
        requirement, "--no-deps", "--prerelease", "allow" if pre else "disallow",
        matrix=matrix, python=python, as_of=as_of,
    )  # fmt: skip
    return next(iter(packages.values()), None)


def keras_with(tensorflow: str, *, matrix: Matrix, python: str, as_of: datetime.date) -> str | None:
    """Return the Keras that a TensorFlow depends on; None if it has none, or does not fit.

    A pre-release or nightly build depends on a nightly build of Keras.

    Args:
        tensorflow: a requirement, such as ``tensorflow-cpu==2.22.0rc0``.
        matrix: its platform must have a wheel.
        python: this Python must have a wheel.
        as_of: the day; later releases do not count.

    Raises:
        InfrastructureError: the index does not answer.
    """
    return keras_in(_resolve(tensorflow, matrix=matrix, python=python, as_of=as_of))


def _resolve(
    requirement: str, *options: str, matrix: Matrix, python: str, as_of: datetime.date
) -> dict[str, str]:
    """Return the versions of packages that fit a requirement; empty if none do."""
    command = [
        uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
        "--no-python-downloads",
        "--python-platform", matrix.platform,
        "--python-version", python,
        "--exclude-newer", as_of.isoformat(),
        "--only-binary", ":all:",
        *options,
        "-",
    ]  # fmt: skip
    done = subprocess.run(command, input=requirement, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return {normalized(name): version for name, version in PINNED.findall(done.stdout)}
    # Without the network, uv finds no solution either: the releases are unknown then.
    if "No solution found" in done.stderr and "network was disabled" not in done.stderr:
        return {}
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
    keras_of: Callable[[str], str],
    as_of: datetime.date,
) -> list[Environment]:
    """Return environments for new releases, with names that are not in the matrix.

    A new Keras gets the newest TensorFlow of the matrix. Both get the Python of that environment.

    Args:
        matrix: the present environments.
        tensorflow: new releases of TensorFlow.
        keras: new releases of Keras.
        keras_of: returns the Keras for a new TensorFlow.
        as_of: the day of the index for their locks.
    """
    base = newest_environment(matrix)
    newest = base.tensorflow or ""
    wanted = [("tf{}", release, release, keras_of(release)) for release in tensorflow]
    stem = f"tf{minor_text(newest)}-keras{{}}"
    wanted += [(stem, release, newest, release) for release in keras]
    taken = set(matrix.environments)
    environments = []
    for pattern, release, on, with_keras in wanted:
        short = pattern.format(minor_text(release))
        final = not version_key(release).is_prerelease
        name = short if final and short not in taken else pattern.format(release)
        taken.add(name)
        environments.append(_environment(name, base, as_of, tensorflow=on, keras=with_keras))
    return environments


def nightly_environments(
    matrix: Matrix,
    *,
    tensorflow: Mapping[str, str],
    keras: str | None,
    keras_of: Callable[[str], str],
    as_of: datetime.date,
) -> list[Environment]:
    """Return environments for the newest nightly builds; their names have the day of the build.

    The newest TensorFlow gets the Keras that it depends on, and the newest Keras gets the newest
    TensorFlow of the matrix.

    Args:
        matrix: the present environments.
        tensorflow: the newest build of each distribution of TensorFlow that has one.
        keras: the newest build of Keras.
        keras_of: returns the Keras for a requirement of TensorFlow.
        as_of: the day of the index for their locks.
    """
    base = newest_environment(matrix)
    environments = []
    if tensorflow:
        distribution = max(tensorflow, key=lambda name: version_key(tensorflow[name]))
        build = tensorflow[distribution]
        with_keras = keras_of(f"{distribution}=={build}")
        name = f"tf{minor_text(build)}-{_day(build)}"
        made = {"tensorflow": build, "keras": with_keras, "distribution": distribution}
        environments.append(_environment(name, base, as_of, **made))
    if keras:
        newest = base.tensorflow or ""
        name = f"tf{minor_text(newest)}-keras{minor_text(keras)}-{_day(keras)}"
        environments.append(_environment(name, base, as_of, tensorflow=newest, keras=keras))
    return environments


def _day(build: str) -> str:
    """Return the day of a nightly build as a part of a name: ``nightly20261026``."""
    return f"nightly{str(version_key(build).dev)[:8]}"


def _environment(
    name: str, base: Environment, as_of: datetime.date, **packages: str
) -> Environment:
    """Return an environment with the Python of ``base``."""
    return Environment.model_validate(
        {"name": name, "python": base.python, "as_of": as_of, **packages}
    )
