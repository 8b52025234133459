"""Locks: every package of an environment with its version and hashes, one file each.

``uv pip compile`` resolves a lock against the package index of the environment's ``as_of`` day. pip
and uv can install it. Its digest is part of the environment's identity.

A source package needs other packages, such as setuptools, while it is built. They are in a second
lock, the build lock, in the folder ``build`` next to the first. The digest covers both.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import uv

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.atomic import write_atomic
from kerasmatrix.filesystem.named_files import read_text
from kerasmatrix.versions import keras_in, minor_of

__all__ = ["BUILD_LOCKS", "PINNED", "Lock", "normalized", "read_lock", "resolve"]

BUILD_LOCKS = "build"
# `numpy==1.24.3 \`: the hashes are on the lines below it.
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)
# A pinned package with the lines of its hashes.
ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==.*\n(?:[ \t]+.*\n?)*", re.MULTILINE)
NO_BINARY = "--no-binary "


@dataclass(frozen=True)
class Lock:
    """The content of a lock file when it was read.

    Installers get ``content`` and ``build``, not the files, which may have changed since then. So
    the digest always names the packages that are installed.

    Attributes:
        path: the file.
        content: its text.
        build: the text of the build lock; empty if nothing is built.
    """

    path: Path
    content: str
    build: str = ""

    @cached_property
    def digest(self) -> str:
        """The digest of the packages to install, and of those that build them."""
        parts = [self.content, self.build] if self.build else [self.content]
        return hashlib.sha256("\0".join(map(_without_comments, parts)).encode()).hexdigest()

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The versions of packages by normalized name."""
        return {normalized(name): version for name, version in PINNED.findall(self.content)}

    @property
    def importable(self) -> frozenset[str]:
        """The normalized names of its packages; a nightly build counts as what it is a build of."""
        names = frozenset(self.packages)
        return names | {"keras"} if keras_in(self.packages) else names

    @property
    def keras_major(self) -> int:
        """The major version of the Keras that ``import keras`` gives; 2 without one."""
        return minor_of(keras_in(self.packages) or "2")[0]

    @property
    def sources(self) -> str:
        """The part of the lock that is about source packages; empty without any."""
        options = [line for line in self.content.splitlines() if line.startswith(NO_BINARY)]
        names = {normalized(line.removeprefix(NO_BINARY)) for line in options}
        entries = (
            match[0] for match in ENTRY.finditer(self.content) if normalized(match[1]) in names
        )
        pinned = "".join(entries)
        return "\n".join(options) + "\n" + pinned if pinned else ""


def read_lock(folder: Path, environment: Environment) -> Lock:
    """Read the lock of ``environment`` from ``folder``.

    Raises:
        UsageError: there is none, it was made for other requirements, or it has source packages
            and no build lock.
    """
    path = folder / f"{environment.name}.txt"
    way_out = f"run `nox -s lock -- {environment.name}`"
    text = _read(path, f"environment {environment.name!r} has no lock", way_out)
    lock = Lock(path, text)
    for requirement in environment.requirements:
        name, _, version = requirement.partition("==")
        # Requirements other than `==` only need the package: uv has chosen the version.
        locked = lock.packages.get(normalized(re.split(r"[~<>!=]", name)[0]))
        if locked is None or (version and locked != version):
            raise UsageError(
                f"{path}: matrix.yaml asks for {requirement}, the lock has {locked or 'none'}",
                hint=way_out,
            )
    if not lock.sources:
        return lock
    build = _read(
        folder / BUILD_LOCKS / path.name,
        f"environment {environment.name!r} has source packages, and no build lock",
        way_out,
    )
    return replace(lock, build=build)


def _read(path: Path, absent: str, way_out: str) -> str:
    """Return the text of a lock; ``absent`` is the message if there is none."""
    try:
        return read_text(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: {absent}", hint=way_out) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", hint=way_out) from None


def _without_comments(text: str) -> str:
    """Return a lock without comments, which do not change the packages."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def resolve(matrix: Matrix, environment: Environment, folder: Path) -> Path:
    """Resolve the lock of ``environment`` into ``folder`` and return its path.

    The build lock is resolved first: uv builds source packages with it, to find their dependencies.

    Raises:
        UsageError: uv finds no set of packages that fits (an unknown version, or no wheels for
            this Python).
        InfrastructureError: uv failed, for example without a network.
    """
    with tempfile.TemporaryDirectory() as scratch:
        build, options = "", list[str]()
        if environment.source_packages:
            build = _compile(matrix, environment, environment.build_packages, Path(scratch))
            constraints = Path(scratch, "build.txt")
            constraints.write_text(build, encoding="utf-8")
            options = ["--build-constraints", str(constraints)]
        excludes = Path(scratch, "excludes.txt")
        excluded = "".join(f"{name}\n" for name in _rivals(environment))
        excludes.write_text(excluded, encoding="utf-8")
        options += ["--excludes", str(excludes)]
        for name in environment.source_packages:
            options += ["--no-binary", name]
        body = _compile(matrix, environment, environment.requirements, Path(scratch), *options)
    # Comments are left out of the digest.
    header = (
        f"# {environment.name}: Python {environment.python}, the package index as of "
        f"{environment.as_of}\n# Made by `nox -s lock`; do not edit.\n"
    )
    # In this order: for pip, a later `:all:` overrides the names before it.
    lines = ["--only-binary :all:", *(NO_BINARY + name for name in environment.source_packages)]
    if environment.index:
        lines.append(f"--extra-index-url {environment.index}")
    target = folder / f"{environment.name}.txt"
    if build:
        built = "# Packages that build the source packages.\n--only-binary :all:\n\n" + build
        _write(folder / BUILD_LOCKS / target.name, header + built)
    _write(target, header + "\n".join(lines) + "\n\n" + body)
    return target


def _rivals(environment: Environment) -> list[str]:
    """Return the packages that would overwrite files of those that an environment requires.

    tf_keras depends on `tensorflow`, which `tensorflow-cpu` replaces; a pre-release of TensorFlow
    depends on `keras-nightly`, and a release on `keras`, whichever the environment names.
    """
    rivals = ["tensorflow"] if environment.distribution != "tensorflow" else []
    if environment.keras:
        other = {"keras": "keras-nightly", "keras-nightly": "keras"}
        rivals.append(other[environment.keras_distribution])
    return rivals


def _compile(
    matrix: Matrix,
    environment: Environment,
    requirements: Sequence[str],
    scratch: Path,
    *options: str,
) -> str:
    """Return ``requirements`` and their dependencies, pinned and with hashes.

    Raises:
        UsageError: no set of packages fits.
        InfrastructureError: uv failed.
    """
    wanted, lock = scratch / "requirements.in", scratch / "lock.txt"
    wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    lock.unlink(missing_ok=True)  # uv would prefer its versions
    command = [
        uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
        "--generate-hashes",
        "--python-platform", matrix.platform,
        "--python-version", environment.python,
        "--exclude-newer", environment.as_of.isoformat(),
        "--only-binary", ":all:",
        *(("--index", environment.index) if environment.index else ()),
        *options,
        "--output-file", str(lock), str(wanted),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise _explain(environment, requirements, done.stderr.strip())
    return lock.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, [text.encode("utf-8")])
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be written: {error.strerror}") from error


def _explain(
    environment: Environment, requirements: Sequence[str], message: str
) -> UsageError | InfrastructureError:
    described = (
        f"environment {environment.name!r} (Python {environment.python}, "
        f"{', '.join(requirements)}, as of {environment.as_of})"
    )
    if "No solution found" in message:
        return UsageError(
            f"{described} cannot be locked:\n{message}",
            hint="correct its versions, python or as_of in matrix.yaml; a package that has no "
            "wheel can be allowed by name under source_packages, and the packages that build it "
            "under build_packages",
        )
    return InfrastructureError(f"{described}: uv failed:\n{message}")


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare it: ``tf_keras`` is ``tf-keras``."""
    return re.sub(r"[-_.]+", "-", name).lower()
