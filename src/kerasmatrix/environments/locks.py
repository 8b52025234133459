"""Locks: every package of an environment with its version and hashes, one file each.

A lock is made by ``uv pip compile`` against the package index as it stood on the environment's
``as_of`` day. Both pip and uv install from it; its digest is part of the environment's identity.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import uv

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.matrix import Environment, Matrix
from kerasmatrix.versions import minor_of

__all__ = ["PINNED", "Lock", "normalized", "read_lock", "resolve"]

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s\\;]+)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """A lock as it stood in a file when it was read.

    Installers get ``content``, never the file, which may have been changed since: so nothing is
    installed under the digest of another lock.
    """

    path: Path
    content: str

    @cached_property
    def digest(self) -> str:
        """The digest of the content. Comments change nothing that is installed."""
        lines = (line for line in self.content.splitlines() if not line.lstrip().startswith("#"))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The versions by normalized name."""
        return {normalized(name): version for name, version in PINNED.findall(self.content)}

    @property
    def keras_major(self) -> int:
        """The major version of the Keras that ``import keras`` gives; 2 where there is none."""
        return minor_of(self.packages.get("keras", "2"))[0]


def read_lock(folder: Path, environment: Environment) -> Lock:
    """Read the lock of ``environment`` from ``folder``.

    Raises:
        UsageError: there is none, or it was made for other requirements.
    """
    path = folder / f"{environment.name}.txt"
    way_out = f"run `nox -s lock -- {environment.name}`"
    try:
        lock = Lock(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(
            f"{path}: environment {environment.name!r} has no lock", hint=way_out
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", hint=way_out) from None
    for requirement in environment.requirements:
        name, _, version = requirement.partition("==")
        locked = lock.packages.get(normalized(re.split(r"[~<>!=]", name)[0]))
        if locked is None or (version and locked != version):
            raise UsageError(
                f"{path}: matrix.yaml asks for {requirement}, the lock has {locked or 'none'}",
                hint=way_out,
            )
    return lock


def resolve(matrix: Matrix, environment: Environment, folder: Path) -> Path:
    """Make the lock of ``environment`` in ``folder`` and return its path.

    Raises:
        UsageError: uv finds no set of packages that fits (an unknown version, or no wheels for
            this Python).
        InfrastructureError: uv could not work, for example without a network.
    """
    target = folder / f"{environment.name}.txt"
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch, "requirements.in")
        requirements.write_text("\n".join(environment.requirements) + "\n", encoding="utf-8")
        excludes = Path(scratch, "excludes.txt")
        # tf_keras depends on `tensorflow`, which `tensorflow-cpu` stands for.
        excluded = "tensorflow\n" if environment.distribution != "tensorflow" else ""
        excludes.write_text(excluded, encoding="utf-8")
        made = Path(scratch, "lock.txt")
        command = [
            uv.find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
            "--generate-hashes",
            "--python-platform", matrix.platform,
            "--python-version", environment.python,
            "--exclude-newer", environment.as_of.isoformat(),
            "--excludes", str(excludes),
            "--only-binary", ":all:",
            *(part for name in environment.source_packages for part in ("--no-binary", name)),
            "--output-file", str(made), str(requirements),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise _explain(environment, done.stderr.strip())
        body = made.read_text(encoding="utf-8")
    header = (
        f"# {environment.name}: Python {environment.python}, the package index as of "
        f"{environment.as_of}\n# Made by `nox -s lock`; do not edit.\n"
    )
    # In this order: pip lets a later `:all:` outdo the names before it.
    options = ["--only-binary :all:", *(f"--no-binary {n}" for n in environment.source_packages)]
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(header + "\n".join(options) + "\n\n" + body, encoding="utf-8")
    return target


def _explain(environment: Environment, message: str) -> UsageError | InfrastructureError:
    what = (
        f"environment {environment.name!r} (Python {environment.python}, "
        f"{', '.join(environment.requirements)}, as of {environment.as_of})"
    )
    if "No solution found" in message:
        return UsageError(
            f"{what} cannot be locked:\n{message}",
            hint="correct its versions, python or as_of in matrix.yaml; a package that has no "
            "wheel can be allowed by name under source_packages",
        )
    return InfrastructureError(f"{what}: uv failed:\n{message}")


def normalized(name: str) -> str:
    """Return a distribution's name as indexes compare it: ``tf_keras`` is ``tf-keras``."""
    return re.sub(r"[-_.]+", "-", name).lower()
