"""The prediction cache next to a store: features of files, and measured cells.

It is an SQLite file of its own, which can be deleted: it is rebuilt from the store. It does not
need the store's lock, so it can be read during a run.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from kerasmatrix.prediction.similar_cells import SimilarCell

__all__ = ["FileRecord", "PredictionCache"]

DATABASE = "predictions.sqlite"
# A cache of another version is rebuilt.
VERSION = 2
SCHEMA = f"""
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS cells;
CREATE TABLE files (
    artifact TEXT, program TEXT, code TEXT, record TEXT, PRIMARY KEY (artifact, program)
) STRICT, WITHOUT ROWID;
CREATE TABLE cells (
    likeness TEXT, reader TEXT, scenario TEXT, format TEXT, saved_with TEXT, loaded_with TEXT,
    status TEXT, cause TEXT, remedy TEXT,
    PRIMARY KEY (scenario, format, saved_with, loaded_with)
) STRICT, WITHOUT ROWID;
CREATE INDEX alike ON cells (likeness, reader);
PRAGMA user_version = {VERSION};
"""
CELLS = (
    "SELECT likeness, reader, scenario, format, saved_with, loaded_with, status, cause, remedy "
    "FROM cells"
)
BUSY_SECONDS = 10


class FileRecord(NamedTuple):
    """The similarity key of a file; by environment, its loader key and a rule's prediction."""

    similarity_key: str
    readers: Mapping[str, str]
    predictions: Mapping[str, Mapping[str, Any]]


class PredictionCache:
    """The cache next to the store in a folder, which may not exist yet."""

    def __init__(self, store: Path) -> None:
        self._path = store / DATABASE

    @property
    def state(self) -> tuple[int, int] | None:
        """The size and modification time of the cache; None if there is none."""
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns

    def read_files(self, code: str) -> dict[tuple[str, str], FileRecord]:
        """Return the records that the same ``code`` made, by artifact and program."""
        rows = self._ask("SELECT artifact, program, record FROM files WHERE code = ?", code)
        return {
            (artifact, program): FileRecord(*json.loads(record))
            for artifact, program, record in rows
        }

    def keep_files(self, code: str, files: Mapping[tuple[str, str], FileRecord]) -> None:
        """Store records of files; they replace those of another code."""
        rows = [(*file, code, json.dumps(record)) for file, record in files.items()]
        self._keep("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)

    def cells(self, similarity_key: str | None = None) -> Iterator[tuple[str, str, SimilarCell]]:
        """Yield (similarity key, loader key, cell) of measured cells, of similar files or all."""
        # A single query for both would scan all rows: SQLite uses no index for OR.
        rows = (
            self._ask(CELLS)
            if similarity_key is None
            else self._ask(f"{CELLS} WHERE likeness = ?", similarity_key)
        )
        for key, reader, *cell in rows:
            yield key, reader, SimilarCell(*cell)

    def keep_cells(self, cells: Iterable[tuple[str, str, SimilarCell]]) -> None:
        """Store measured cells; they replace earlier results of the same cells."""
        rows = [(key, reader, *cell) for key, reader, cell in cells]
        self._keep("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def forget_cells(self, cells: Iterable[tuple[str, str, str, str]]) -> None:
        """Delete cells, each named by scenario, format, saved with and loaded with."""
        where = "scenario = ? AND format = ? AND saved_with = ? AND loaded_with = ?"
        self._keep(f"DELETE FROM cells WHERE {where}", list(cells))  # noqa: S608 - our own text

    def _ask(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        if not self._path.is_file():
            return []
        try:
            with closing(self._connect()) as database:
                (version,) = database.execute("PRAGMA user_version").fetchone()
                return database.execute(question, values).fetchall() if version == VERSION else []
        except sqlite3.Error:
            return []  # it is rebuilt

    def _keep(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        # A full disk is reported by the store, which has more to lose.
        with contextlib.suppress(sqlite3.OperationalError):
            try:
                self._write(statement, rows)
            except sqlite3.DatabaseError:  # damaged
                self._path.unlink(missing_ok=True)
                self._write(statement, rows)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with closing(self._connect()) as database, database:
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                database.executescript(SCHEMA)
            database.executemany(statement, rows)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=BUSY_SECONDS)
