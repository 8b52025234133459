"""Creates virtual environments from locks, in a cache folder.

Wheels are hard-linked from uv's cache. Bytecode is compiled at installation, which makes the import
of TensorFlow 2.5 times faster: workers have PYTHONDONTWRITEBYTECODE set, and would not compile it.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.identity import identity_of
from kerasmatrix.environments.interpreters import find_interpreter
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.uses import making
from kerasmatrix.environments.uv_command import Download, run_uv
from kerasmatrix.errors import InfrastructureError

__all__ = ["COMPLETE", "RECIPE", "ensure_venv", "venv_folder", "venv_name"]

COMPLETE = "kerasmatrix-complete"
LOCK = "kerasmatrix-lock.txt"
QUIET = "--quiet"
MAKE = ("venv", QUIET, "--no-project")
INSTALL = ("pip", "sync", QUIET, "--require-hashes", "--compile-bytecode")
# Without build isolation, only locked packages build others. Without the cache, no wheel is used
# that was built in another way. The last step removes the packages that build others.
INSTALL_BUILDERS = ("pip", "sync", QUIET, "--require-hashes")
BUILD = (
    "pip", "install", QUIET, "--require-hashes", "--no-deps", "--no-build-isolation",
    "--no-cache",
)  # fmt: skip
# It is part of an environment's identity: another way of installation is another environment.
RECIPE = " && ".join(map(" ".join, (MAKE, INSTALL_BUILDERS, BUILD, INSTALL)))


def venv_name(environment: Environment, lock: Lock) -> str:
    """Return the name of an environment's folder, which changes with its content."""
    return f"{environment.name}-{identity_of(environment, lock, RECIPE)[:12]}"


def venv_folder(environment: Environment, lock: Lock, cache: Path) -> Path:
    """Return the folder of an environment, which may not exist yet."""
    return cache / "environments" / venv_name(environment, lock)


def ensure_venv(
    environment: Environment,
    lock: Lock,
    cache: Path,
    on_download: Callable[[Download], None] = lambda _: None,
) -> Path:
    """Return the interpreter of an environment, creating the environment if it is absent.

    Args:
        environment: the environment.
        lock: its packages.
        cache: the folder with all environments.
        on_download: called when its creation begins, and whenever more of its packages has been
            downloaded.

    Raises:
        InfrastructureError: there is no interpreter, or the packages could not be installed.
    """
    folder = venv_folder(environment, lock, cache)
    python = folder / "bin" / "python"
    if _is_complete(environment, lock, folder):
        return python
    try:
        # Another process may be creating it: after waiting for its lock, look again.
        with making(folder):
            if not _is_complete(environment, lock, folder):
                _create(environment, lock, folder, on_download)
    except OSError as error:
        raise InfrastructureError(
            f"{environment.name}: the virtual environment {folder} could not be created: {error}",
            hint="free some space, or name another folder with KERASMATRIX_CACHE",
        ) from error
    return python


def _is_complete(environment: Environment, lock: Lock, folder: Path) -> bool:
    """Return whether the environment is complete, and has the right Python."""
    if not (folder / "bin" / "python").exists():
        return False
    try:
        identity = (folder / COMPLETE).read_text(encoding="utf-8").strip()
        settings = (folder / "pyvenv.cfg").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    # venv of the standard library writes `version`, uv writes `version_info`.
    version = re.search(r"^version(?:_info)? *= *(\d+\.\d+)\b", settings, re.MULTILINE)
    has_python = version is not None and version[1] == environment.python
    return has_python and identity == identity_of(environment, lock, RECIPE)


def _create(
    environment: Environment,
    lock: Lock,
    folder: Path,
    on_download: Callable[[Download], None],
) -> None:
    on_download(Download(0, 0))
    shutil.rmtree(folder, ignore_errors=True)  # of an interrupted attempt
    interpreter = find_interpreter(environment.python)
    _uv(environment, on_download, *MAKE, "--python", str(interpreter), str(folder))
    python = str(folder / "bin" / "python")
    copy = folder / LOCK

    def install(step: Sequence[str], text: str) -> None:
        # From a copy, since the lock file may have changed since it was read.
        copy.write_text(text, encoding="utf-8")
        file = ("-r", str(copy)) if step is BUILD else (str(copy),)
        _uv(environment, on_download, *step, "--python", python, *file)

    if lock.build:
        install(INSTALL_BUILDERS, lock.build)
        install(BUILD, lock.sources)
    install(INSTALL, lock.content)
    # Last: without this file, the next run starts over.
    identity = identity_of(environment, lock, RECIPE)
    (folder / COMPLETE).write_text(identity + "\n", encoding="utf-8")


def _uv(environment: Environment, on_download: Callable[[Download], None], *arguments: str) -> None:
    # Its bars say how much is downloaded. They change nothing in the environment.
    done = run_uv([each for each in arguments if each != QUIET], on_download)
    if done.returncode != 0:
        raise InfrastructureError(
            f"{environment.name}: `uv {arguments[0]}` failed: {done.stderr.strip()}",
            hint="if a source package needs another package to be built, name it under "
            "build_packages in matrix.yaml and run `nox -s lock`"
            if "--no-build-isolation" in arguments
            else None,
        )
