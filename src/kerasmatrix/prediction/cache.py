"""What is kept of predictions beside a store: what was read of files, and the measured cells.

An SQLite file of its own, which can be deleted: it is made anew from what the store has. It needs
no lock of the store's, so it can be read while a run is at work.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from kerasmatrix.prediction.similar_cells import Precedent

__all__ = ["Notes", "Read"]

DATABASE = "predictions.sqlite"
# A file of another version is made anew.
VERSION = 1
SCHEMA = f"""
DROP TABLE IF EXISTS files;
DROP TABLE IF EXISTS cells;
CREATE TABLE files (
    artifact TEXT, program TEXT, code TEXT, told TEXT, PRIMARY KEY (artifact, program)
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


class Read(NamedTuple):
    """What was read of a file: its likeness; by environment, who reads it and what a rule says."""

    likeness: str
    readers: Mapping[str, str]
    predictions: Mapping[str, Mapping[str, Any]]


class Notes:
    """The notes beside the store in a folder, which need not be there yet."""

    def __init__(self, store: Path) -> None:
        self._path = store / DATABASE

    @property
    def state(self) -> tuple[int, int] | None:
        """What changes whenever they do: their size and time; None where there are none."""
        try:
            told = self._path.stat()
        except OSError:
            return None
        return told.st_size, told.st_mtime_ns

    def read_files(self, code: str) -> dict[tuple[str, str], Read]:
        """Return what was read of files by the same ``code``, by artifact and program."""
        rows = self._ask("SELECT artifact, program, told FROM files WHERE code = ?", code)
        return {(artifact, program): Read(*json.loads(told)) for artifact, program, told in rows}

    def keep_files(self, code: str, files: Mapping[tuple[str, str], Read]) -> None:
        """Note what was read of files, in the place of what another code read."""
        rows = [(*file, code, json.dumps(told)) for file, told in files.items()]
        self._keep("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)

    def cells(self, likeness: str | None = None) -> Iterator[tuple[str, str, Precedent]]:
        """Yield (likeness, reader, what came of it) of measured cells: of files alike, or all."""
        # One question for both would read all rows for every file: SQLite takes no index for OR.
        found = (
            self._ask(CELLS)
            if likeness is None
            else self._ask(f"{CELLS} WHERE likeness = ?", likeness)
        )
        for alike, reader, *cell in found:
            yield alike, reader, Precedent(*cell)

    def keep_cells(self, cells: Iterable[tuple[str, str, Precedent]]) -> None:
        """Note measured cells, in the place of what was known of each."""
        rows = [(likeness, reader, *cell) for likeness, reader, cell in cells]
        self._keep("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)

    def forget_cells(self, cells: Iterable[tuple[str, str, str, str]]) -> None:
        """Forget what was noted of cells: scenario, format, saved with, loaded with."""
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
            return []  # they are made anew

    def _keep(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        if not rows:
            return
        # A disk that is full is for the store to complain of, which has more to lose.
        with contextlib.suppress(sqlite3.OperationalError):
            try:
                self._write(statement, rows)
            except sqlite3.DatabaseError:  # it is damaged
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
