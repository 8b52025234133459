"""Virtual environments made from locks, kept in a cache folder and used again.

Wheels are hard-linked from uv's cache, and bytecode is compiled when the environment is made:
nothing compiles it later where PYTHONDONTWRITEBYTECODE is set, and it makes the import of
TensorFlow 2.5 times faster.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import platformdirs
import uv

from kerasmatrix.environments.interpreters import find_interpreter
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import making
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.matrix import Environment

__all__ = ["COMPLETE", "default_cache", "ensure_venv", "venv_folder", "venv_name"]

COMPLETE = "kerasmatrix-complete"


def default_cache() -> Path:
    """Return the folder of virtual environments: ``KERASMATRIX_CACHE``, else the user's cache."""
    override = os.environ.get("KERASMATRIX_CACHE")
    return Path(override) if override else Path(platformdirs.user_cache_dir("kerasmatrix"))


def venv_name(environment: Environment, lock: Lock) -> str:
    """Return the name of an environment's folder: it changes with the lock."""
    return f"{environment.name}-{lock.digest[:12]}"


def venv_folder(environment: Environment, lock: Lock, cache: Path) -> Path:
    """Return the folder of an environment, whether it is made or not."""
    return cache / "environments" / venv_name(environment, lock)


def ensure_venv(environment: Environment, lock: Lock, cache: Path) -> Path:
    """Return the interpreter of the environment, making the environment if it is not there.

    Raises:
        InfrastructureError: there is no interpreter, or the packages could not be installed.
    """
    folder = venv_folder(environment, lock, cache)
    python = folder / "bin" / "python"
    if (folder / COMPLETE).exists() and python.exists():
        return python
    try:
        with making(folder):
            if not ((folder / COMPLETE).exists() and python.exists()):
                _make(environment, lock, folder)
    except OSError as error:
        raise InfrastructureError(
            f"{environment.name}: the virtual environment {folder} could not be made: {error}",
            hint="free some space, or name another folder with KERASMATRIX_CACHE",
        ) from error
    return python


def _make(environment: Environment, lock: Lock, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted attempt may have left
    interpreter = find_interpreter(environment.python)
    _uv(environment, "venv", "--quiet", "--no-project", "--python", str(interpreter), str(folder))
    python = str(folder / "bin" / "python")

    def install(verb: str, text: str, *options: str) -> None:
        # Not from the lock's file, which may have changed since its digest named the folder.
        wanted = folder / "requirements.txt"
        wanted.write_text(text, encoding="utf-8")
        _uv(
            environment,
            "pip", verb, "--quiet", "--require-hashes", *options,
            "--python", python, *(["-r"] if verb == "install" else []), str(wanted),
        )  # fmt: skip
        wanted.unlink()

    if lock.build:
        # Without isolation nothing builds but what is installed here. Without the cache no wheel
        # is used that something else has built; the last step removes what only builds.
        install("sync", lock.build)
        install("install", lock.sources, "--no-deps", "--no-build-isolation", "--no-cache")
    install("sync", lock.text, "--compile-bytecode")
    (folder / COMPLETE).write_text(lock.digest + "\n", encoding="utf-8")


def _uv(environment: Environment, *arguments: str) -> None:
    done = subprocess.run(
        [uv.find_uv_bin(), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise InfrastructureError(
            f"{environment.name}: `uv {arguments[0]}` failed: {done.stderr.strip()}",
            hint="if a source package needs something more to be built, name it under "
            "build_packages in matrix.yaml and run `nox -s lock`"
            if "--no-build-isolation" in arguments
            else None,
        )
