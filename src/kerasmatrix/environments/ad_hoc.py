"""Environments that no matrix has: which releases there are for them, and locks made on the fly.

Both are kept in the cache folder. An environment's day fixes what the package index says, so
neither is ever asked for twice.
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
from kerasmatrix.filesystem.atomic import put
from kerasmatrix.versions import version_key

__all__ = ["lock_of_made", "releases_before"]

# More releases than any package here has between two versions.
MANY = 400


def releases_before(  # noqa: PLR0913 - what an index is asked
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
    """Return the releases of ``package`` from ``down_to`` on that are below ``below``.

    Args:
        package: as the index calls it.
        below: a release; it is not among them.
        down_to: the oldest release that counts.
        matrix: whose platform they must have a wheel for.
        python: the Python they must have a wheel for.
        as_of: the day whose index is asked.
        cache: where answers are kept.
        ask: see `ask_index`.

    Raises:
        InfrastructureError: the index cannot be asked, or the answer cannot be kept.
    """
    asked = [package, below, down_to, matrix.platform, python, as_of.isoformat()]
    place = cache / "releases" / f"{_digest(asked)}.json"
    if place.is_file():
        return list(json.loads(place.read_text(encoding="utf-8")))
    found: list[str] = []
    current = below
    while len(found) < MANY:
        older = ask(
            f"{package}<{current},>={down_to}", matrix=matrix, python=python, as_of=as_of, pre=False
        )
        if older is None or version_key(older) >= version_key(current):
            break
        found.append(older)
        current = older
    _keep(place, json.dumps(found))
    return found


def lock_of_made(environment: Environment, matrix: Matrix, cache: Path) -> Lock:
    """Return the lock of an environment that no matrix has, resolving it at the first time.

    Raises:
        UsageError: no set of packages fits.
        InfrastructureError: the index cannot be asked, or the lock cannot be kept.
    """
    asked = [matrix.platform, environment.model_dump(mode="json")]
    folder = cache / "locks" / _digest(asked)
    if not (folder / f"{environment.name}.txt").is_file():
        with tempfile.TemporaryDirectory() as scratch:
            made = resolve(matrix, environment, Path(scratch))
            _keep(folder / made.name, made.read_text(encoding="utf-8"))
    return read_lock(folder, environment)


def _digest(asked: object) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:16]


def _keep(place: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        put(place, [text.encode("utf-8")])
    except OSError as error:
        raise InfrastructureError(
            f"{place}: cannot be written: {error}",
            hint="free some space, or name another folder with KERASMATRIX_CACHE",
        ) from error
