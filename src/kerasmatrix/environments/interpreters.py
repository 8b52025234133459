"""Finds an interpreter of a given Python on this machine, or lets uv fetch one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import uv

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import version_key

__all__ = ["find_interpreter"]


def find_interpreter(python: str) -> Path:
    """Return an interpreter of ``python`` (``"3.8"``) on PATH, of pyenv or of uv, or fetch one.

    Raises:
        InfrastructureError: there is none and none can be fetched.
    """
    for candidate in (*_on_path(python), *_of_pyenv(python)):
        if _is_python(candidate, python):
            return candidate
    local = _uv("python", "find", "--no-python-downloads", "--no-project", python)
    if local.returncode == 0 and _is_python(Path(local.stdout.strip()), python):
        return Path(local.stdout.strip())
    fetched = _uv("python", "install", "--no-bin", python)
    if fetched.returncode == 0:
        managed = _uv("python", "find", "--managed-python", "--no-project", python)
        if managed.returncode == 0:
            return Path(managed.stdout.strip())
    lines = fetched.stderr.strip().splitlines()
    raise InfrastructureError(
        f"no CPython {python} on this machine (PATH, pyenv, uv), and uv could not fetch one: "
        f"{lines[0] if lines else 'no reason given'}",
        hint=f"install Python {python}, or use the docker engine",
    )


def _on_path(python: str) -> Iterator[Path]:
    path = shutil.which(f"python{python}")
    if path:
        yield Path(path)


def _of_pyenv(python: str) -> Iterator[Path]:
    """Yield pyenv's interpreters of ``python``, newest patch first.

    Its shims work for the active version only, so its folder of versions is read.
    """
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    folders = sorted(
        versions.glob(f"{python}.*"), key=lambda path: version_key(path.name), reverse=True
    )
    for folder in folders:
        yield folder / "bin" / f"python{python}"


def _is_python(candidate: Path, python: str) -> bool:
    """Return whether ``candidate`` runs and is this CPython. A shim of pyenv may not run."""
    script = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [str(candidate), "-I", "-c", script],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.split() == ["cpython", python]


def _uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False
    )
