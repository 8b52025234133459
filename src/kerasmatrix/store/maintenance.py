"""Finds out what in a store is damaged, and removes what nothing can ask for any more.

A measurement is asked for by its key, and that is made of the code that measures, an environment
with its lock, and a scenario. When one of them is not there any more, the measurement is never
found again: what is removed costs no run of the matrix a task. Stored runs hold their results
themselves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.store.database import is_whole
from kerasmatrix.store.origins import CHECKED_FILE, Origin, short
from kerasmatrix.store.runs import Archive
from kerasmatrix.store.store import Store

__all__ = ["Needed", "Rubbish", "damages", "find_rubbish", "remove"]

BLOCK = 512  # of st_blocks, whatever the file system's are (stat(2))


@dataclass(frozen=True)
class Needed:
    """All that can still be asked for: see `Origin` for what each is made of.

    ``environments`` are with their engines. ``checked_files`` says whether files that were saved
    elsewhere count: they are in no matrix, but may be checked again.
    """

    environments: frozenset[tuple[str, str]]
    scenarios: frozenset[str]
    harness: str
    repair: str
    checked_files: bool = True

    def missing(self, origin: Origin | None) -> str | None:
        """Return what a measurement belongs to that is not there any more; None if all is."""
        if (
            origin is None
            or origin.harness != self.harness
            or origin.repair not in {"", self.repair}
        ):
            return "made by another version of kerasmatrix"
        if (origin.engine, origin.environment) not in self.environments:
            return "made in environments that no lock describes any more"
        if origin.scenario == CHECKED_FILE:
            return None if self.checked_files else "about files that were checked"
        if origin.scenario not in self.scenarios:
            return "about scenarios that were changed or removed"
        return None


@dataclass(frozen=True)
class Rubbish:
    """All that can be removed; ``reasons`` counts measurements by why, ``files`` are databases."""

    keys: tuple[str, ...]
    reasons: Mapping[str, int]
    artifacts: tuple[Path, ...]
    runs: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    bytes: int = 0


def find_rubbish(store: Store, needed: Needed, keep_runs: int | None = None) -> Rubbish:
    """Return what in a store nothing refers to.

    Args:
        store: an open store.
        needed: what can still be asked for.
        keep_runs: how many of the latest stored runs are kept; all of them if None.
    """
    rows = {row[0]: row for row in store.rows("observations")}
    origins = {row[0]: Origin(*row[1:]) for row in store.rows("origins")}
    reasons = {key: needed.missing(origins.get(key)) for key in rows}
    kept = {key for key, reason in reasons.items() if reason is None}
    named = {_artifact(rows[key][1]) for key in kept}
    named |= {_artifact(row[2]) for row in store.rows("retries") if row[0] in kept}
    artifacts = tuple(sorted(path for path in store.artifacts.iterdir() if path.name not in named))
    archive = Archive(store.folder)
    runs = tuple(archive.runs()[: -keep_runs or None]) if keep_runs is not None else ()
    files = tuple(sorted(store.folder.glob("store.damaged-*")))
    gone = tuple(key for key, reason in reasons.items() if reason is not None)
    return Rubbish(
        keys=gone,
        reasons=Counter(reason for reason in reasons.values() if reason is not None),
        artifacts=artifacts,
        runs=runs,
        files=files,
        bytes=sum(len(rows[key][1]) for key in gone)
        + sum(map(_size, (*artifacts, *files)))
        + sum(_size(path) for run in runs for path in archive.files(run)),
    )


def remove(store: Store, rubbish: Rubbish) -> None:
    """Remove what was found.

    Raises:
        InfrastructureError: the store cannot be written.
    """
    store.forget(rubbish.keys, rubbish.artifacts, rubbish.files)
    archive = Archive(store.folder)
    for run in rubbish.runs:
        archive.remove(run)


def damages(store: Store) -> Iterator[str]:
    """Yield what is not as it was written, each in a sentence that names it."""
    named: Counter[str] = Counter()
    yield from _damaged_rows(store, named)
    for name in sorted(named.keys() | {path.name for path in store.artifacts.iterdir()}):
        if store.is_intact(name):
            continue
        if (store.artifacts / name).exists():
            yield f"artifact {name} is not as it was kept"
        else:
            yield f"artifact {name} is missing: {named[name]} measurements name it"
    archive = Archive(store.folder)
    for run in archive.runs():
        try:
            archive.read(run)
        except UsageError as error:
            yield f"run {run} cannot be read: {error.message}"


def _damaged_rows(store: Store, named: Counter[str]) -> Iterator[str]:
    """Yield what is damaged in the database; count in ``named`` the artifacts that it names."""
    for row in store.rows("observations"):
        if not is_whole(row):
            yield f"measurement {short(str(row[0]))} of run {row[3]} is not as it was written"
        elif artifact := _artifact(row[1]):
            named[artifact] += 1
    for key, number, text, *_ in store.rows("retries"):
        if _parsed(text) is None:
            yield f"retry {number} of measurement {short(str(key))} is not as it was written"


def _artifact(text: str) -> str | None:
    observation = _parsed(text)
    name = observation.get("artifact") if observation else None
    return name if isinstance(name, str) else None


def _parsed(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _size(path: Path) -> int:
    """Return what a file, or all files in a folder, take on the disk."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_blocks * BLOCK for file in files if not file.is_dir())
