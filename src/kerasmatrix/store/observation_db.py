"""Observations and runs in SQLite. Each observation is committed when it arrives.

A row has a digest of its own (`kerasmatrix.store.database`), and SQLite's log (WAL) has one for
each page: a row that may differ from what was written counts as unknown. `synchronous = NORMAL` is
enough for that: if the machine goes down, the last rows may be lost, but none is half written.
"""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.results.observations import Measured, Observation
from kerasmatrix.results.sharing import share_equal
from kerasmatrix.store.database import ABSORBED, Row, damage, digest_row, is_whole, open_database
from kerasmatrix.store.origins import Origin

__all__ = ["ObservationDb", "report_full_disk"]

CHUNK = 500  # keys in one query: SQLite limits the number of parameters

Kind = TypeVar("Kind", bound=Observation)


class ObservationDb:
    """An open database of observations by key. Several threads may use it."""

    def __init__(self, path: Path, warn: Callable[[str], None], *, check_pages: bool) -> None:
        """Open the database at ``path``, creating it if it is not there.

        Args:
            path: where it is.
            warn: called with a message if the database was damaged and is started over.
            check_pages: check every page, as after a run that was killed.

        Raises:
            UsageError: another program, or a newer kerasmatrix, wrote it.
            InfrastructureError: it cannot be opened.
        """
        self._path = path
        self._mutex = threading.Lock()
        self._ahead: dict[str, Row | None] = {}
        # Values that many observations share, for as long as the database is open.
        self.shared: dict[Hashable, Any] = {}
        # Whether damage was met: the next run that opens the database must check every page.
        self.is_damaged = False
        try:
            self._database = open_database(path, warn, check_pages=check_pages)
        except (OSError, sqlite3.DatabaseError) as error:
            raise InfrastructureError(
                f"{path}: cannot be opened: {error}",
                hint="make space, or name another folder with --store",
            ) from error

    def close(self) -> None:
        """Close the database."""
        self._database.close()
        self.shared.clear()

    def fetch_ahead(self, keys: Iterable[str]) -> None:
        """Read all observations of ``keys`` in few queries; each is then looked up once."""
        waiting = list(keys)
        self._ahead.update(dict.fromkeys(waiting))
        # Few queries, since a matrix has thousands of keys.
        for start in range(0, len(waiting), CHUNK):
            chunk = waiting[start : start + CHUNK]
            marks = ",".join("?" * len(chunk))
            query = f"SELECT * FROM observations WHERE key IN ({marks})"  # noqa: S608 - marks
            self._ahead.update((row[0], row) for row in self._read(query, chunk))

    def find(self, key: str, kind: type[Kind]) -> Measured[Kind] | None:
        """Return the observation of ``key``, if it is known and as it was written."""
        if key in self._ahead:
            row = self._ahead.pop(key)
        else:
            row = next(iter(self._read("SELECT * FROM observations WHERE key = ?", [key])), None)
        if row is None or not is_whole(row):
            return None
        # Not valid if an earlier kerasmatrix wrote it, or beyond the limits: measured again.
        with contextlib.suppress(ValueError, TypeError):
            return self._parse(kind, row[1], row[2])
        return None

    def remember(
        self, key: str, observation: Kind, run: str, origin: Origin | None = None
    ) -> Measured[Kind]:
        """Commit an observation under ``key``, in the place of an earlier one and its retries.

        Args:
            key: the key to look it up by.
            observation: the observation.
            run: the id of the run that made it.
            origin: the parts of the key; without it, the next `prune` removes the observation.
        """
        now = datetime.datetime.now(datetime.UTC)
        self._ahead.pop(key, None)
        row = (key, observation.to_json(), now.isoformat(), run)
        with self._writing() as database:
            database.execute(
                "INSERT OR REPLACE INTO observations VALUES (?, ?, ?, ?, ?)",
                (*row, digest_row(*row)),
            )
            database.execute("DELETE FROM retries WHERE key = ?", (key,))
            if origin is not None:
                database.execute(
                    "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?, ?)", (key, *origin)
                )
        return Measured(observation, now)

    def remember_retry(self, key: str, observation: Kind, run: str) -> Measured[Kind]:
        """Commit a further observation of the task of ``key``; the first one stays."""
        now = datetime.datetime.now(datetime.UTC)
        with self._writing() as database:
            database.execute(
                "INSERT INTO retries SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ? "
                "FROM retries WHERE key = ?",
                (key, observation.to_json(), now.isoformat(), run, key),
            )
        return Measured(observation, now)

    def retried_keys(self) -> frozenset[str]:
        """Return the keys whose task was repeated; there are few, if any."""
        rows = self._read("SELECT DISTINCT key FROM retries", [])
        return frozenset(key for (key,) in rows)

    def find_retries(self, key: str, kind: type[Kind]) -> tuple[Measured[Kind], ...]:
        """Return the observations of repeated tasks of ``key``, in that order."""
        rows = self._read(
            "SELECT observation, measured_at FROM retries WHERE key = ? ORDER BY number", [key]
        )
        with contextlib.suppress(ValueError, TypeError):  # damaged: repeated again
            return tuple(self._parse(kind, text, at) for text, at in rows)
        return ()

    def forget(self, keys: Iterable[str]) -> None:
        """Remove observations with their retries and origins."""
        doomed = [(key,) for key in keys]
        with self._writing() as database:
            for table in ("observations", "retries", "origins"):
                database.executemany(f"DELETE FROM {table} WHERE key = ?", doomed)  # noqa: S608 - ours

    def shrink(self) -> None:
        """Give the space of removed rows back to the file system."""
        # It takes space to give space back; without it, later rows use the space.
        with self._mutex, contextlib.suppress(sqlite3.OperationalError):
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def rows(self, table: str) -> list[Row]:
        """Return the rows of one of the tables."""
        return self._read(f"SELECT * FROM {table}", [])  # noqa: S608 - ours

    def add_rows(self, rows: Mapping[str, list[Row]]) -> None:
        """Add rows of another database, by table; the later of two observations is kept."""
        with self._writing() as database:
            for table, statement in ABSORBED.items():
                database.executemany(statement, rows[table])

    def named_artifacts(self) -> frozenset[str]:
        """Return the digests of all artifacts that an observation names."""
        rows = self._read(
            "SELECT CASE WHEN json_valid(observation) THEN observation ->> '$.artifact' END "
            "FROM (SELECT observation FROM observations UNION ALL SELECT observation FROM retries)",
            [],
        )
        return frozenset(digest for (digest,) in rows if digest)

    def begin_run(self, run: str, started: datetime.datetime, engine: str, command: str) -> None:
        """Note that a run has begun."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO runs VALUES (?, ?, NULL, ?, ?)",
                (run, started.isoformat(), engine, command),
            )

    def end_run(self, run: str, finished: datetime.datetime) -> None:
        """Note that a run has ended."""
        with self._writing() as database:
            database.execute(
                "UPDATE runs SET finished = ? WHERE id = ?", (finished.isoformat(), run)
            )

    def _parse(self, kind: type[Kind], text: str, at: str) -> Measured[Kind]:
        observation = share_equal(kind.from_json(text), self.shared)
        return Measured(observation, datetime.datetime.fromisoformat(at))

    def _read(self, query: str, values: Sequence[str]) -> list[Row]:
        with self._mutex, self._reporting_errors():
            return self._database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the database for a transaction."""
        with (
            self._mutex,
            self._reporting_errors(),
            report_full_disk(self._path.parent),
            self._database,
        ):
            yield self._database

    @contextlib.contextmanager
    def _reporting_errors(self) -> Iterator[None]:
        """Turn an error of SQLite into one for the user."""
        try:
            yield
        except sqlite3.Error as error:
            if not damage(error):
                raise InfrastructureError(
                    f"{self._path}: cannot be used: {error}",
                    hint="see that it can be read and written, and that no other program holds it",
                ) from error
            self.is_damaged = True
            raise InfrastructureError(
                f"{self._path}: is damaged: {error}",
                hint="run again: the database is set aside, and its cells are measured again",
            ) from error


@contextlib.contextmanager
def report_full_disk(folder: Path) -> Iterator[None]:
    """Turn a disk that is full or read-only into an error that says so."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise InfrastructureError(
            f"{folder}: the store cannot be written: {error}",
            hint="make space and run again: what is measured so far is kept",
        ) from error
