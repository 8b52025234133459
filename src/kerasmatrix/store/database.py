"""The database of a store: opened, created with this schema, started over where it is damaged.

Each row has a digest of its content, since SQLite does not check its pages.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasmatrix.errors import UsageError
from kerasmatrix.text.escape import brief

__all__ = ["ABSORBED", "Row", "damage", "digest_row", "is_whole", "open_database"]

Row = tuple[Any, ...]

SCHEMA_VERSION = 2
# ``key`` of retries is that of the observation whose task was repeated; ``number`` counts from 1.
# ``origins`` are the parts of each key (`kerasmatrix.store.origins`).
SCHEMA = """
CREATE TABLE IF NOT EXISTS observations (
    key TEXT PRIMARY KEY,
    observation TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    run TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    started TEXT NOT NULL,
    finished TEXT,
    engine TEXT NOT NULL,
    command TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS retries (
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    observation TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origins (
    key TEXT PRIMARY KEY,
    engine TEXT NOT NULL,
    environment TEXT NOT NULL,
    scenario TEXT NOT NULL,
    harness TEXT NOT NULL,
    repair TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""
# How rows of another store are added: the later of two observations is kept.
ABSORBED = {
    "observations": "INSERT INTO observations VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
    "SET observation = excluded.observation, measured_at = excluded.measured_at, "
    "run = excluded.run, digest = excluded.digest WHERE excluded.measured_at > measured_at",
    "retries": "INSERT OR IGNORE INTO retries VALUES (?, ?, ?, ?, ?)",
    "origins": "INSERT OR IGNORE INTO origins VALUES (?, ?, ?, ?, ?, ?)",
    "runs": "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)",
}
# The columns of each table. Our database has nothing else: a trigger or a view of another program
# would run at each of our statements.
COLUMNS = {
    "observations": ("key", "observation", "measured_at", "run", "digest"),
    "runs": ("id", "started", "finished", "engine", "command"),
    "retries": ("key", "number", "observation", "measured_at", "run"),
    "origins": ("key", "engine", "environment", "scenario", "harness", "repair"),
}
# Tables that a store may lack until it is opened: earlier releases did not make them.
LATER = {"origins", "retries"}
# SQLite's codes for a file whose content is not as SQLite wrote it.
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BUSY_SECONDS = 30


def open_database(
    path: Path, warn: Callable[[str], None], *, check_pages: bool = False
) -> sqlite3.Connection:
    """Open the database at ``path``, creating it if it is not there.

    A damaged one is set aside and started over: all that it held can be measured again.

    Args:
        path: where it is.
        warn: called with a message if it was damaged.
        check_pages: check every page, not only those that are read.

    Raises:
        UsageError: a newer kerasmatrix or another program wrote it.
        sqlite3.DatabaseError: it cannot be opened, and damage is not the reason.
    """
    if path.exists() and not path.is_file():
        # SQLite would wait for a pipe, and read a device to its end.
        raise _not_ours(path, "it is not a file")
    try:
        return _connect(path, check_pages=check_pages)
    except sqlite3.DatabaseError as error:
        if not damage(error):
            raise
    aside = _set_aside(path)
    database = _connect(path)
    warn(
        f"{path} was damaged. It is set aside as {aside.name}, and its cells are measured again; "
        "saved models are kept"
    )
    return database


def damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the content of a database is not as it was written."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in DAMAGED


def digest_row(key: str, observation: str, measured_at: str, run: str) -> str:
    """Return the digest of a row of observations."""
    content = f"{key}\0{observation}\0{measured_at}\0{run}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def is_whole(row: Row) -> bool:
    """Whether a row of observations is as it was written."""
    try:
        return digest_row(*row[:4]) == str(row[4])
    except (TypeError, UnicodeEncodeError):
        return False


def _connect(path: Path, *, check_pages: bool = False) -> sqlite3.Connection:
    """Open a database of this schema, or create it.

    Raises:
        UsageError: a newer kerasmatrix or another program wrote it.
        sqlite3.DatabaseError: it is damaged, or cannot be written.
    """
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    # Damaged text does not raise an error, but has another digest.
    database.text_factory = _text
    try:
        # Readers, such as `history` during a run, do not wait for the writer (sqlite.org/wal.html).
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if check_pages:
            _check_pages(database)
        _check_version(path, version)
        _check_tables(path, database, {} if version == 0 else COLUMNS)
        # All or nothing, so that a run that is killed here leaves no half of it.
        database.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    except BaseException:
        database.close()
        raise
    return database


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _check_version(path: Path, version: int) -> None:
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"{path}: written by a newer kerasmatrix (schema {version}, this one knows "
            f"{SCHEMA_VERSION})",
            hint="upgrade kerasmatrix, or name another folder with --store",
        )
    # 0 is a file that SQLite has just created.
    if version not in {0, SCHEMA_VERSION}:
        raise _not_ours(path, f"it has schema {version}")


def _check_tables(
    path: Path, database: sqlite3.Connection, wanted: dict[str, tuple[str, ...]]
) -> None:
    """Check that a database has the tables ``wanted`` and nothing else.

    Raises:
        UsageError: it has not.
    """
    entries = database.execute(
        "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    ).fetchall()
    for kind, name in entries:
        if kind != "table" or name not in wanted:
            raise _not_ours(path, f"it has a {kind} {brief(name)}")
    names = {name for _, name in entries}
    for name, columns in wanted.items():
        if name not in names:
            if name in LATER:
                continue
            raise _not_ours(path, f"it has no table {name!r}")
        has = tuple(row[1] for row in database.execute(f"PRAGMA table_info({name})"))
        if has != columns:
            raise _not_ours(path, f"its table {name!r} has other columns")


def _not_ours(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"{path}: is not a database of kerasmatrix, or was changed by another program: {reason}",
        hint="name another folder with --store, or move this file away to start over",
    )


def _check_pages(database: sqlite3.Connection) -> None:
    # It leaves out the comparison of indexes with their tables, so its time is proportional to the
    # size (sqlite.org/pragma.html#pragma_quick_check).
    answer = database.execute("PRAGMA quick_check(1)").fetchone()
    if answer != ("ok",):
        damaged = sqlite3.DatabaseError(str(answer[0]))
        damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damaged


def _set_aside(path: Path) -> Path:
    """Give a damaged database another name, and return that."""
    number = next(n for n in itertools.count(1) if not path.with_suffix(f".damaged-{n}").exists())
    aside = path.with_suffix(f".damaged-{number}")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        # Its log goes with it: SQLite would apply it to the new database.
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(aside.with_name(aside.name + suffix))
    return aside
