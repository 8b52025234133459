"""Locks: every package of an environment with its version and hashes, one file each.

A lock is made by ``uv pip compile`` against the package index as it stood on the environment's
``as_of`` day. Both pip and uv install from it; its digest is part of the environment's identity.

A source package runs other packages while it is built (setuptools, say). An environment with
source packages has a second lock with these, the build lock, in the folder ``build`` beside the
first. The digest covers both.
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
from kerasmatrix.filesystem.atomic import put
from kerasmatrix.filesystem.named_files import read_text
from kerasmatrix.versions import minor_of

__all__ = ["BUILD_LOCKS", "PINNED", "Lock", "normalized", "read_lock", "resolve"]

BUILD_LOCKS = "build"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)
# A pinned package with the lines that go on with its hashes.
ENTRY = re.compile(r"^([A-Za-z0-9._-]+)==.*\n(?:[ \t]+.*\n?)*", re.MULTILINE)
NO_BINARY = "--no-binary "


@dataclass(frozen=True)
class Lock:
    """A lock as it stood in a file when it was read.

    Installers get ``content`` and ``build``, never the files, which may have been changed since: so
    nothing is installed under the digest of another lock.

    Attributes:
        path: the file.
        content: its text.
        build: the text of the build lock; empty where nothing is built.
    """

    path: Path
    content: str
    build: str = ""

    @cached_property
    def digest(self) -> str:
        """The digest of what is installed and of what builds it."""
        parts = [self.content, self.build] if self.build else [self.content]
        return hashlib.sha256("\0".join(map(_without_comments, parts)).encode()).hexdigest()

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The versions by normalized name."""
        return {normalized(name): version for name, version in PINNED.findall(self.content)}

    @property
    def keras_major(self) -> int:
        """The major version of the Keras that ``import keras`` gives; 2 where there is none."""
        return minor_of(self.packages.get("keras", "2"))[0]

    @property
    def sources(self) -> str:
        """The part of the lock that is about source packages; empty where there is none."""
        options = [line for line in self.content.splitlines() if line.startswith(NO_BINARY)]
        names = {normalized(line.removeprefix(NO_BINARY)) for line in options}
        entries = (
            match[0] for match in ENTRY.finditer(self.content) if normalized(match[1]) in names
        )
        found = "".join(entries)
        return "\n".join(options) + "\n" + found if found else ""


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
        f"environment {environment.name!r} has source packages, and no lock of what builds them",
        way_out,
    )
    return replace(lock, build=build)


def _read(path: Path, absent: str, way_out: str) -> str:
    """Return the text of a lock; ``absent`` says what it means that there is none."""
    try:
        return read_text(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: {absent}", hint=way_out) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", hint=way_out) from None


def _without_comments(text: str) -> str:
    """Return a lock without comments: they change neither what is installed nor the identity."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))


def resolve(matrix: Matrix, environment: Environment, folder: Path) -> Path:
    """Make the lock of ``environment`` in ``folder`` and return its path.

    Where it has source packages, their build lock is made first: uv builds them to learn what they
    depend on, with the versions and hashes that are locked.

    Raises:
        UsageError: uv finds no set of packages that fits (an unknown version, or no wheels for
            this Python).
        InfrastructureError: uv could not work, for example without a network.
    """
    with tempfile.TemporaryDirectory() as scratch:
        build, options = "", list[str]()
        if environment.source_packages:
            build = _compile(matrix, environment, environment.build_packages, Path(scratch))
            constraints = Path(scratch, "build.txt")
            constraints.write_text(build, encoding="utf-8")
            options = ["--build-constraints", str(constraints)]
        # tf_keras depends on `tensorflow`, which `tensorflow-cpu` stands for.
        excludes = Path(scratch, "excludes.txt")
        excluded = "tensorflow\n" if environment.distribution != "tensorflow" else ""
        excludes.write_text(excluded, encoding="utf-8")
        options += ["--excludes", str(excludes)]
        for name in environment.source_packages:
            options += ["--no-binary", name]
        body = _compile(matrix, environment, environment.requirements, Path(scratch), *options)
    header = (
        f"# {environment.name}: Python {environment.python}, the package index as of "
        f"{environment.as_of}\n# Made by `nox -s lock`; do not edit.\n"
    )
    # In this order: pip lets a later `:all:` outdo the names before it.
    lines = ["--only-binary :all:", *(NO_BINARY + name for name in environment.source_packages)]
    target = folder / f"{environment.name}.txt"
    if build:
        built = "# What builds the source packages.\n--only-binary :all:\n\n" + build
        _write(folder / BUILD_LOCKS / target.name, header + built)
    _write(target, header + "\n".join(lines) + "\n\n" + body)
    return target


def _compile(
    matrix: Matrix,
    environment: Environment,
    requirements: Sequence[str],
    scratch: Path,
    *options: str,
) -> str:
    """Return ``requirements`` and all that they depend on, pinned and with hashes.

    Raises:
        UsageError: no set of packages fits.
        InfrastructureError: uv could not work.
    """
    wanted, made = scratch / "requirements.in", scratch / "lock.txt"
    wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
    made.unlink(missing_ok=True)  # uv would keep to what it says
    command = [
        uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
        "--generate-hashes",
        "--python-platform", matrix.platform,
        "--python-version", environment.python,
        "--exclude-newer", environment.as_of.isoformat(),
        "--only-binary", ":all:",
        *options,
        "--output-file", str(made), str(wanted),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise _explain(environment, requirements, done.stderr.strip())
    return made.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, [text.encode("utf-8")])
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be written: {error.strerror}") from error


def _explain(
    environment: Environment, requirements: Sequence[str], message: str
) -> UsageError | InfrastructureError:
    what = (
        f"environment {environment.name!r} (Python {environment.python}, "
        f"{', '.join(requirements)}, as of {environment.as_of})"
    )
    if "No solution found" in message:
        return UsageError(
            f"{what} cannot be locked:\n{message}",
            hint="correct its versions, python or as_of in matrix.yaml; a package that has no "
            "wheel can be allowed by name under source_packages, and what builds it is named under "
            "build_packages",
        )
    return InfrastructureError(f"{what}: uv failed:\n{message}")


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare it: ``tf_keras`` is ``tf-keras``."""
    return re.sub(r"[-_.]+", "-", name).lower()
