"""Finds damaged entries of a store, and removes entries that no run can look up any more.

The key of a measurement covers the code that measures, an environment with its lock, and a
scenario. Once one of them is gone, the measurement is never looked up again, so its removal costs
no run of the matrix a task. Stored runs hold their results themselves.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.disk import size_on_disk
from kerasmatrix.store.database import is_whole
from kerasmatrix.store.origins import CHECKED_FILE, Origin, short
from kerasmatrix.store.runs import Archive
from kerasmatrix.store.store import Store

__all__ = ["Needed", "Rubbish", "damages", "find_rubbish", "remove"]


@dataclass(frozen=True)
class Needed:
    """The origins that a run can still look up (see `Origin`).

    ``environments`` are with their engines. ``checked_files`` says whether files that were saved
    elsewhere count: they are in no matrix, but may be checked again.
    """

    environments: frozenset[tuple[str, str]]
    scenarios: frozenset[str]
    harness: str
    repair: str
    checked_files: bool = True

    def missing(self, origin: Origin | None) -> str | None:
        """Return which part of an origin is gone; None if all parts exist."""
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
    """Entries to remove; ``reasons`` counts measurements by reason, ``files`` are databases."""

    keys: tuple[str, ...]
    reasons: Mapping[str, int]
    artifacts: tuple[Path, ...]
    runs: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    bytes: int = 0


def find_rubbish(store: Store, needed: Needed, keep_runs: int | None = None) -> Rubbish:
    """Return the entries of a store that nothing refers to.

    Args:
        store: an open store.
        needed: the origins that can still be looked up.
        keep_runs: how many of the latest stored runs are kept; all of them if None.
    """
    rows = {row[0]: row for row in store.observations.rows("observations")}
    origins = {row[0]: Origin(*row[1:]) for row in store.observations.rows("origins")}
    reasons = {key: needed.missing(origins.get(key)) for key in rows}
    kept = {key for key, reason in reasons.items() if reason is None}
    named = {_artifact(rows[key][1]) for key in kept}
    named |= {_artifact(row[2]) for row in store.observations.rows("retries") if row[0] in kept}
    artifacts = tuple(sorted(path for path in store.artifacts.iterdir() if path.name not in named))
    # Stored runs hold their results themselves, so that they are counted, not judged.
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
        + sum(map(size_on_disk, (*artifacts, *files)))
        + sum(size_on_disk(path) for run in runs for path in archive.files(run)),
    )


def remove(store: Store, rubbish: Rubbish) -> None:
    """Remove ``rubbish``.

    Raises:
        InfrastructureError: the store cannot be written.
    """
    store.forget(rubbish.keys, rubbish.artifacts, rubbish.files)
    archive = Archive(store.folder)
    for run in rubbish.runs:
        archive.remove(run)


def damages(store: Store) -> Iterator[str]:
    """Yield a sentence for each damaged entry."""
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
    """Yield a sentence for each damaged row; count in ``named`` the artifacts of the others."""
    for row in store.observations.rows("observations"):
        if not is_whole(row):
            yield f"measurement {short(str(row[0]))} of run {row[3]} is not as it was written"
        elif artifact := _artifact(row[1]):
            named[artifact] += 1
    for key, number, text, *_ in store.observations.rows("retries"):
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
