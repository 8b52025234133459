"""Environments that are in no matrix: the releases for them, and their locks.

Both are stored in the cache folder and never asked for again: as of a given day, the package index
does not change.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from kerasmatrix.config.matrix import Environment, Matrix
from kerasmatrix.environments.index import ask_index
from kerasmatrix.environments.locks import Lock, read_lock, resolve
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.filesystem.atomic import write_atomic
from kerasmatrix.versions import version_key

__all__ = ["ad_hoc_lock", "releases_before"]

# More than any package here has between two versions.
MOST_RELEASES = 400


def releases_before(  # noqa: PLR0913 - a query of the index
    package: str,
    below: str,
    down_to: str,
    *,
    matrix: Matrix,
    python: str,
    as_of: datetime.date,
    cache: Path,
    ask: Callable[..., str | None] = ask_index,
) -> list[str]:
    """Return the releases of ``package`` that are older than ``below``, the newest first.

    Args:
        package: its name in the index.
        below: a release, which is not included.
        down_to: the oldest release to include.
        matrix: its platform must have a wheel.
        python: this Python must have a wheel.
        as_of: the day of the index.
        cache: the folder for answers.
        ask: see `ask_index`.

    Raises:
        InfrastructureError: the index does not answer, or the answer cannot be stored.
    """
    query = [package, below, down_to, matrix.platform, python, as_of.isoformat()]
    path = cache / "releases" / f"{_digest(query)}.json"
    if path.is_file():
        return list(json.loads(path.read_text(encoding="utf-8")))
    releases: list[str] = []
    current = below
    while len(releases) < MOST_RELEASES:
        older = ask(
            f"{package}<{current},>={down_to}", matrix=matrix, python=python, as_of=as_of, pre=False
        )
        if older is None or version_key(older) >= version_key(current):
            break
        releases.append(older)
        current = older
    _store(path, json.dumps(releases))
    return releases


def ad_hoc_lock(environment: Environment, matrix: Matrix, cache: Path) -> Lock:
    """Return the lock of an environment that is in no matrix, resolving it the first time.

    Raises:
        UsageError: no set of packages fits.
        InfrastructureError: the index does not answer, or the lock cannot be stored.
    """
    query = [matrix.platform, environment.model_dump(mode="json", exclude={"export"})]
    folder = cache / "locks" / _digest(query)
    if not (folder / f"{environment.name}.txt").is_file():
        with tempfile.TemporaryDirectory() as scratch:
            lock = resolve(matrix, environment, Path(scratch))
            _store(folder / lock.name, lock.read_text(encoding="utf-8"))
    return read_lock(folder, environment)


def _digest(query: object) -> str:
    return hashlib.sha256(json.dumps(query, sort_keys=True).encode()).hexdigest()[:16]


def _store(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, [text.encode("utf-8")])
    except OSError as error:
        raise InfrastructureError(
            f"{path}: cannot be written: {error}",
            hint="free some space, or name another folder with KERASMATRIX_CACHE",
        ) from error
