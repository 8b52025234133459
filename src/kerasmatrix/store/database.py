"""The database of a store: opened, made, brought to this schema, begun anew where it is damaged.

Each row has a digest of itself, since SQLite does not look whether its pages are as it wrote them.
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
SCHEMA = """
CREATE TABLE observations (
    key TEXT PRIMARY KEY,
    observation TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    run TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    started TEXT NOT NULL,
    finished TEXT,
    engine TEXT NOT NULL,
    command TEXT NOT NULL
) STRICT;
"""
# Came later; a store without it is none the worse. ``key`` is that of the observation whose task
# was done again, and ``number`` counts from 1.
RETRIES = """
CREATE TABLE IF NOT EXISTS retries (
    key TEXT NOT NULL,
    number INTEGER NOT NULL,
    observation TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (key, number)
) STRICT, WITHOUT ROWID
"""
# Came later, too: of what each key is made (`kerasmatrix.store.origins`).
ORIGINS = """
CREATE TABLE IF NOT EXISTS origins (
    key TEXT PRIMARY KEY,
    engine TEXT NOT NULL,
    environment TEXT NOT NULL,
    scenario TEXT NOT NULL,
    harness TEXT NOT NULL,
    repair TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""
# How the tables of another store are taken over: the later of two observations is kept.
ABSORBED = {
    "observations": "INSERT INTO observations VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE "
    "SET observation = excluded.observation, measured_at = excluded.measured_at, "
    "run = excluded.run, digest = excluded.digest WHERE excluded.measured_at > measured_at",
    "retries": "INSERT OR IGNORE INTO retries VALUES (?, ?, ?, ?, ?)",
    "origins": "INSERT OR IGNORE INTO origins VALUES (?, ?, ?, ?, ?, ?)",
    "runs": "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, ?)",
}
# The columns of each table. There is nothing else in a database of ours: a trigger or a view of
# another's would run at each of our statements.
COLUMNS = {
    "observations": ("key", "observation", "measured_at", "run", "digest"),
    "runs": ("id", "started", "finished", "engine", "command"),
    "retries": ("key", "number", "observation", "measured_at", "run"),
    "origins": ("key", "engine", "environment", "scenario", "harness", "repair"),
}
# Tables that a store may lack until it is opened: earlier releases did not make them.
LATER = {"origins", "retries"}
# What SQLite says of a file that is not, or not any more, what it has written.
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
BUSY_SECONDS = 30


def open_database(
    path: Path, warn: Callable[[str], None], *, closely: bool = False
) -> sqlite3.Connection:
    """Open the database at ``path``, making it if it is not there.

    One that is damaged is set aside, and begun anew with those of its rows that are whole.

    Args:
        path: where it is.
        warn: called with a message if it was damaged.
        closely: check every page, not only what is met on the way.

    Raises:
        UsageError: it was written by a newer kerasmatrix, or is not ours.
        sqlite3.DatabaseError: it cannot be opened, and damage is not the reason.
    """
    if path.exists() and not path.is_file():
        # SQLite would wait for a pipe, and read a device to its end.
        raise _not_ours(path, "it is not a file")
    try:
        return _connect(path, closely=closely)
    except sqlite3.DatabaseError as error:
        if not damage(error):
            raise
        aside, rescued = _set_aside(path)
    database = _connect(path)
    with database:
        for table, rows in rescued.items():
            database.executemany(ABSORBED[table], rows)
    known = len(rescued["observations"])
    warn(
        f"{path} was damaged. It is set aside as {aside.name}; what could be read of it "
        f"({known} measurements) is kept, the rest is measured again"
    )
    return database


def damage(error: sqlite3.Error) -> bool:
    """Whether an error says that a database is not, or not any more, as it was written."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in DAMAGED


def _connect(path: Path, *, closely: bool = False) -> sqlite3.Connection:
    """Open a database of this schema, or make it one.

    Raises:
        UsageError: it was written by a newer kerasmatrix.
        sqlite3.DatabaseError: it is damaged, or cannot be written.
    """
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    # A text that is damaged is no error, but has another digest.
    database.text_factory = _text
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if closely:
            _check_pages(database)
        _check_version(path, version)
        if version < SCHEMA_VERSION:
            _check_tables(path, database, version)
        if version == 0:
            # All or nothing, so that a run that is killed here leaves no half of it.
            database.executescript(
                f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version == 1:
            _add_digests(database)
        with database:
            database.execute(RETRIES)
            database.execute(ORIGINS)
        _check_tables(path, database)
    except BaseException:
        database.close()
        raise
    return database


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _check_version(path: Path, version: int) -> None:
    if version < 0:
        raise _not_ours(path, f"it has schema {version}")
    if version > SCHEMA_VERSION:
        raise UsageError(
            f"{path}: written by a newer kerasmatrix (schema {version}, this one knows "
            f"{SCHEMA_VERSION})",
            hint="upgrade kerasmatrix, or name another folder with --store",
        )


def _check_tables(path: Path, database: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    """Find out whether a database has our tables and nothing else.

    Raises:
        UsageError: it has not.
    """
    wanted: dict[str, tuple[str, ...]] = {} if version == 0 else dict(COLUMNS)
    if version == 1:
        wanted["observations"] = COLUMNS["observations"][:-1]
    found = database.execute(
        "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    ).fetchall()
    for kind, name in found:
        if kind != "table" or name not in wanted:
            raise _not_ours(path, f"it has a {kind} {brief(name)}")
    there = {name for _, name in found}
    for name, columns in wanted.items():
        if name not in there:
            if name in LATER:
                continue
            raise _not_ours(path, f"it has no table {name!r}")
        has = tuple(row[1] for row in database.execute(f"PRAGMA table_info({name})"))
        if has != columns:
            raise _not_ours(path, f"its table {name!r} has other columns")


def _not_ours(path: Path, reason: str) -> UsageError:
    return UsageError(
        f"{path}: is not a database of kerasmatrix, or was changed by another program: {reason}",
        hint="name another folder with --store, or move this file away to begin anew",
    )


def _check_pages(database: sqlite3.Connection) -> None:
    found = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != ("ok",):
        damaged = sqlite3.DatabaseError(str(found[0]))
        damaged.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise damaged


def _add_digests(database: sqlite3.Connection) -> None:
    """Make schema 2 of schema 1, whose rows have no digest."""
    database.create_function("digest_row", 4, digest_row, deterministic=True)
    database.executescript(
        "BEGIN; ALTER TABLE observations ADD COLUMN digest TEXT NOT NULL DEFAULT ''; "
        "UPDATE observations SET digest = digest_row(key, observation, measured_at, run); "
        "PRAGMA user_version = 2; COMMIT;"
    )


def _set_aside(path: Path) -> tuple[Path, dict[str, list[Row]]]:
    """Give a damaged database another name; return that and the rows that can be read of it."""
    number = next(n for n in itertools.count(1) if not path.with_suffix(f".damaged-{n}").exists())
    aside = path.with_suffix(f".damaged-{number}")
    path.replace(aside)
    for more in ("-wal", "-shm"):
        # Its log goes with it: to another database it would be poison.
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + more).replace(aside.with_name(aside.name + more))
    rescued: dict[str, list[Row]] = {table: [] for table in ABSORBED}
    with contextlib.closing(sqlite3.connect(aside)) as database:
        database.text_factory = _text
        for table in ABSORBED:
            found: set[Row] = set()
            # From both ends, as far as it goes.
            for order in ("ASC", "DESC"):
                with contextlib.suppress(sqlite3.DatabaseError):
                    for row in database.execute(f"SELECT * FROM {table} ORDER BY 1 {order}"):  # noqa: S608 - ours
                        found.add(row)
            rescued[table] = [row for row in found if table != "observations" or is_whole(row)]
    return aside, rescued


def digest_row(key: str, observation: str, measured_at: str, run: str) -> str:
    """Return what tells whether a row is as it was written: SQLite does not look at its pages."""
    content = f"{key}\0{observation}\0{measured_at}\0{run}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def is_whole(row: Row) -> bool:
    """Whether a row of observations is as it was written."""
    try:
        return digest_row(*row[:4]) == str(row[4])
    except (TypeError, UnicodeEncodeError):
        return False
