"""The store: observations in SQLite, and artifacts in folders named by the digest of their content.

Every observation is committed when it arrives, so a killed run loses at most its current task. One
run at a time uses a store. The store does not judge; see `kerasmatrix.results.observations`.

Anything that may differ from what was written is measured again: an artifact is named by its
digest, a row carries its own (`kerasmatrix.store.database`), and SQLite's log (WAL) has one for
each page. `synchronous = NORMAL` is enough for that: when the machine goes down, the last rows may
be lost, but none is half written. An artifact is on the disk before it gets its name.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import secrets
import shutil
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem import plain_files
from kerasmatrix.filesystem.plain_files import NotPlain, copy_tree, digest_tree
from kerasmatrix.harness import trees
from kerasmatrix.results.observations import (
    LoadObservation,
    Measured,
    Observation,
    ProbeObservation,
    SaveObservation,
)
from kerasmatrix.store.database import ABSORBED, Row, damage, digest_row, is_whole, open_database
from kerasmatrix.store.origins import Origin
from kerasmatrix.store.orphans import end_leftovers

__all__ = [
    "DATABASE",
    "NoArtifact",
    "Store",
    "StoreBusy",
    "copy_artifact",
    "make_readable",
]

DATABASE = "store.sqlite"
BLOCK = 512  # of st_blocks, whatever the file system's are (stat(2))
CHUNK = 500  # keys in one question; SQLite has a limit of its own
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A second name of a file would be a way to change it later.
ARTIFACT = plain_files.Limits(second_names=False)
KEPT = plain_files.Limits()  # workers see second names of what is kept

Kind = TypeVar("Kind", bound=Observation)


class NoArtifact(Exception):
    """What a save left cannot be kept. The message says why."""


class StoreBusy(InfrastructureError):
    """Another run holds the store. The message says which."""


class Store:
    """An open store, held by this process until it is closed."""

    def __init__(
        self,
        folder: Path,
        *,
        wait: Callable[[str], None] | None = None,
        warn: Callable[[str], None] = lambda _: None,
        closely: bool = False,
    ) -> None:
        """Open the store in ``folder``, making it if it is not there.

        After a run that was killed what that has left behind is removed. A database that is damaged
        is set aside, and begun anew with what can be read of it.

        Args:
            folder: where it is.
            wait: called with a message if another run holds the store, which is then waited
                for; without it, that is an error.
            warn: called with a message if the database was damaged.
            closely: look at every page of the database, as after a run that was killed.

        Raises:
            StoreBusy: another run holds the store.
            UsageError: the store was written by a newer kerasmatrix.
            InfrastructureError: the folder cannot be written.
        """
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self.recollection = folder / "recollection"
        self._scratch = folder / "scratch"
        self._mutex = threading.Lock()
        self._ahead: dict[str, Row] = {}
        # What observations have in common, for as long as the store is open.
        self.shared: dict[Hashable, Any] = {}
        self._keeping = threading.Lock()
        self._suspect = False
        try:
            self.artifacts.mkdir(parents=True, exist_ok=True)
            self._held = _hold(folder / "lock", wait)
        except OSError as error:
            raise InfrastructureError(
                f"{folder}: the store cannot be written: {error}",
                hint="name another folder with --store",
            ) from error
        try:
            # Nobody else is here, so whatever lies there was left by a run that was killed.
            killed = self._scratch.exists()
            if killed:
                end_leftovers(self._scratch)
            with _no_space_is_infrastructure(folder):
                trees.remove(str(self._scratch))
                self._scratch.mkdir(exist_ok=True)
            self._database = _open_database(folder / DATABASE, warn, suspect=killed or closely)
            if killed:
                self._remove_unnamed_artifacts()
        except BaseException:
            self._held.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let others have the store."""
        self._database.close()
        self.shared.clear()
        if not self._suspect:  # else the next to open it looks closely
            trees.remove(str(self._scratch))
        self._held.close()

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A folder for unfinished work on the artifacts' file system, gone afterwards."""
        folder = self._scratch / name
        with _no_space_is_infrastructure(self.folder):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            trees.remove(str(folder))

    def known_save(self, key: str) -> Measured[SaveObservation] | None:
        """Return what is known under ``key``; an artifact that is damaged is not known."""
        found = self._find(key, SaveObservation)
        if found and found.observation.artifact and not self.is_intact(found.observation.artifact):
            self._forget(key, found.observation.artifact)
            return None
        return found

    def known_load(self, key: str) -> Measured[LoadObservation] | None:
        """Return what is known under ``key``."""
        return self._find(key, LoadObservation)

    def known_probe(self, key: str) -> Measured[ProbeObservation] | None:
        """Return what is known under ``key``."""
        return self._find(key, ProbeObservation)

    def remember(
        self, key: str, observation: Kind, run: str, origin: Origin | None = None
    ) -> Measured[Kind]:
        """Commit ``observation`` under ``key``; retries of what was known there are forgotten.

        Args:
            key: what it is found by.
            observation: what was seen.
            run: the run that saw it.
            origin: of what the key is made; without it the next `prune` removes it.
        """
        now = datetime.datetime.now(datetime.UTC)
        self._ahead.pop(key, None)
        row = (key, observation.model_dump_json(), now.isoformat(), run)
        with self._writing():
            self._database.execute(
                "INSERT OR REPLACE INTO observations VALUES (?, ?, ?, ?, ?)",
                (*row, digest_row(*row)),
            )
            self._database.execute("DELETE FROM retries WHERE key = ?", (key,))
            if origin is not None:
                self._database.execute(
                    "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?, ?)", (key, *origin)
                )
        return Measured(observation, now)

    def remember_retry(self, key: str, observation: Kind, run: str) -> Measured[Kind]:
        """Commit what was seen when the task of ``key`` was done again, beside what was known."""
        now = datetime.datetime.now(datetime.UTC)
        with self._writing():
            self._database.execute(
                "INSERT INTO retries SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ?, ? "
                "FROM retries WHERE key = ?",
                (key, observation.model_dump_json(), now.isoformat(), run, key),
            )
        return Measured(observation, now)

    def retried(self) -> frozenset[str]:
        """Return the keys under which something was done again; there are few, if any."""
        rows = self._read("SELECT DISTINCT key FROM retries", [])
        return frozenset(key for (key,) in rows)

    def known_retries(self, key: str, kind: type[Kind]) -> tuple[Measured[Kind], ...]:
        """Return what was seen when the task of ``key`` was done again, in that order."""
        rows = self._read(
            "SELECT observation, measured_at FROM retries WHERE key = ? ORDER BY number", [key]
        )
        with contextlib.suppress(ValueError, TypeError):  # damaged: done again
            return tuple(
                Measured(
                    kind.model_validate_json(told, context=self.shared),
                    datetime.datetime.fromisoformat(at),
                )
                for told, at in rows
            )
        return ()

    def keep_artifact(self, folder: Path) -> str:
        """Move the artifact that a task left in ``folder`` into the store; return its digest.

        A process may still be writing there. So it is copied without following a link, and the
        copy, which no container can write, is what is digested and kept.

        Args:
            folder: the artifact, in a folder of the task in a folder that only the runner replaces.

        Raises:
            NoArtifact: it is not made of plain files and folders alone, or too large.
        """
        copy = self._scratch / f"artifact-{secrets.token_hex(8)}"
        try:
            with _no_space_is_infrastructure(self.folder):
                digest = copy_artifact(folder, copy)
                if not self.is_intact(digest):
                    _write_out(copy)
                    self._put_in_place(copy, self.artifacts / digest)
        finally:
            trees.remove(str(copy))
        trees.remove(str(folder))
        return digest

    def _put_in_place(self, folder: Path, target: Path) -> None:
        """Give an artifact its name, unless another thread has just kept an equal one."""
        with self._keeping:
            if self.is_intact(target.name):
                return
            trees.remove(str(target))
            folder.replace(target)
        _write_out_folder(self.artifacts)

    def is_intact(self, artifact: str) -> bool:
        """Whether the artifact of this digest is there, and as it was when it was kept."""
        try:
            return digest_tree(self.artifacts / artifact, KEPT) == artifact
        except NotPlain:
            return False

    def absorb(self, folder: Path) -> None:
        """Take over what another store knows, where it is not known here or older.

        Raises:
            UsageError: there is no store in ``folder``, or it cannot be read.
            InfrastructureError: a run is at work in it, or there is no space.
        """
        if not (folder / DATABASE).is_file():
            raise UsageError(f"{folder}: is no store: it has no {DATABASE}")
        try:
            opened = Store(folder)
        except StoreBusy as busy:
            raise InfrastructureError(
                f"{folder}: cannot be absorbed: {busy}", hint="wait for it to end"
            ) from None
        with opened as other, self.scratch("absorbed") as scratch:
            with _no_space_is_infrastructure(self.folder):
                for artifact in other.artifacts.iterdir():
                    if not (self.artifacts / artifact.name).exists():
                        shutil.copytree(artifact, scratch / artifact.name)
                        (scratch / artifact.name).replace(self.artifacts / artifact.name)
            rows = {table: other.rows(table) for table in ABSORBED}
        with self._writing():
            for table, statement in ABSORBED.items():
                self._database.executemany(statement, rows[table])

    def forget(
        self, keys: Iterable[str], artifacts: Iterable[Path] = (), files: Iterable[Path] = ()
    ) -> None:
        """Remove measurements, artifacts and other files of the store, and give space back.

        Raises:
            InfrastructureError: it cannot be written.
        """
        gone = [(key,) for key in keys]
        with self._writing():
            for table in ("observations", "retries", "origins"):
                self._database.executemany(f"DELETE FROM {table} WHERE key = ?", gone)  # noqa: S608 - ours
        with _no_space_is_infrastructure(self.folder):
            for path in artifacts:
                shutil.rmtree(path)
            for path in files:
                path.unlink(missing_ok=True)
        # It takes space to give space back; what is not given back is used again later.
        with self._mutex, contextlib.suppress(sqlite3.OperationalError):
            self._database.execute("VACUUM")
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @property
    def size(self) -> int:
        """How many bytes all files of the store take on the disk."""
        files = (path.lstat() for path in self.folder.rglob("*") if not path.is_dir())
        return sum(found.st_blocks * BLOCK for found in files)

    def rows(self, table: str) -> list[Row]:
        """Return the rows of one of the store's tables."""
        return self._read(f"SELECT * FROM {table}", [])  # noqa: S608 - ours

    @property
    def state(self) -> tuple[int, int]:
        """What changes whenever anything is written into the database: its size and time."""
        self._read("PRAGMA wal_checkpoint(TRUNCATE)", [])
        told = (self.folder / DATABASE).stat()
        return told.st_size, told.st_mtime_ns

    def begin_run(self, run: str, started: datetime.datetime, engine: str, command: str) -> None:
        """Note that a run has begun."""
        with self._writing():
            self._database.execute(
                "INSERT INTO runs VALUES (?, ?, NULL, ?, ?)",
                (run, started.isoformat(), engine, command),
            )

    def end_run(self, run: str, finished: datetime.datetime) -> None:
        """Note that a run has come to its end."""
        with self._writing():
            self._database.execute(
                "UPDATE runs SET finished = ? WHERE id = ?", (finished.isoformat(), run)
            )

    def fetch_ahead(self, keys: Iterable[str]) -> None:
        """Read what is known under ``keys``, each of which is asked for soon and once."""
        waiting = list(keys)
        for start in range(0, len(waiting), CHUNK):
            chunk = waiting[start : start + CHUNK]
            marks = ",".join("?" * len(chunk))
            question = f"SELECT * FROM observations WHERE key IN ({marks})"  # noqa: S608 - marks
            self._ahead.update((row[0], row) for row in self._read(question, chunk))

    def _find(self, key: str, kind: type[Kind]) -> Measured[Kind] | None:
        row = self._ahead.pop(key, None)
        if row is None:
            rows = self._read("SELECT * FROM observations WHERE key = ?", [key])
            row = rows[0] if rows else None
        if row is None or not is_whole(row):
            return None
        try:
            observation = kind.model_validate_json(row[1], context=self.shared)
            return Measured(observation, datetime.datetime.fromisoformat(row[2]))
        except (ValueError, TypeError):
            # Of an earlier kerasmatrix, changed, or beyond the limits on an answer: measured again.
            return None

    def _read(self, question: str, values: Sequence[str]) -> list[Row]:
        with self._mutex, self._noting_damage():
            return self._database.execute(question, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the database for a transaction."""
        with (
            self._mutex,
            self._noting_damage(),
            _no_space_is_infrastructure(self.folder),
            self._database,
        ):
            yield

    @contextlib.contextmanager
    def _noting_damage(self) -> Iterator[None]:
        """Turn a damaged database into an error that says so; the next run mends it."""
        try:
            yield
        except sqlite3.Error as error:
            if not damage(error):
                raise InfrastructureError(
                    f"{self.folder / DATABASE}: cannot be used: {error}",
                    hint="see that it can be read and written, and that no other program holds it",
                ) from error
            self._suspect = True
            raise InfrastructureError(
                f"{self.folder / DATABASE}: is damaged: {error}",
                hint="run again: what can be read of it is kept, the rest is measured again",
            ) from error

    def _forget(self, key: str, artifact: str) -> None:
        trees.remove(str(self.artifacts / artifact))
        with self._writing():
            self._database.execute("DELETE FROM observations WHERE key = ?", (key,))

    def _remove_unnamed_artifacts(self) -> None:
        """Remove what a run was killed over, after it had kept it and before it said so."""
        named = self._read(
            "SELECT CASE WHEN json_valid(observation) THEN observation ->> '$.artifact' END "
            "FROM (SELECT observation FROM observations UNION ALL SELECT observation FROM retries)",
            [],
        )
        wanted = {row[0] for row in named}
        for path in self.artifacts.iterdir():
            if path.name not in wanted:
                trees.remove(str(path))


def _open_database(path: Path, warn: Callable[[str], None], *, suspect: bool) -> sqlite3.Connection:
    try:
        return open_database(path, warn, closely=suspect)
    except (OSError, sqlite3.DatabaseError) as error:
        raise InfrastructureError(
            f"{path}: cannot be opened: {error}",
            hint="make space, or name another folder with --store",
        ) from error


def _write_out(folder: Path) -> None:
    """Make sure that all below ``folder`` is on the disk."""
    for path in folder.rglob("*"):
        _write_out_folder(path)
    _write_out_folder(folder)


def _write_out_folder(path: Path) -> None:
    """Make sure that a file, or what a folder has for names, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def copy_artifact(folder: Path, target: Path) -> str:
    """Copy an artifact that a process may still be writing; return the digest of the copy.

    Args:
        folder: the artifact, in a folder of the task in a folder that only the runner replaces.
        target: the folder to make.

    Raises:
        NoArtifact: it is not made of plain files and folders alone, or too large.
        OSError: ``target`` cannot be written.
    """
    try:
        task = os.open(folder.parent, FOLDER)
        try:
            artifact = os.open(folder.name, FOLDER, dir_fd=task)
        finally:
            os.close(task)
    except OSError as error:
        raise NoArtifact(
            f"it left no folder where its artifact should be: {error.strerror}"
        ) from error
    try:
        return copy_tree(artifact, target, ARTIFACT)
    except NotPlain as error:
        raise NoArtifact(f"its artifact cannot be kept: {error}") from error
    finally:
        os.close(artifact)


def make_readable(folder: Path) -> None:
    """Let everybody read what is in ``folder``, whatever the umask was: a container is nobody."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _hold(path: Path, wait: Callable[[str], None] | None) -> IO[str]:
    """Lock ``path`` for this process; the kernel lets go of it however the process ends."""
    handle = path.open("a+")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            message = f"another run (process {handle.read().strip() or '?'}) holds {path.parent}"
            if wait is None:
                raise StoreBusy(message, hint="wait for it to end") from None
            wait(message)
            fcntl.flock(handle, fcntl.LOCK_EX)
        if not _is_there(handle, path):
            # Somebody has removed the file: who comes next would lock another one.
            handle.close()
            return _hold(path, wait)
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
    except BaseException:
        handle.close()
        raise
    return handle


def _is_there(handle: IO[str], path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    return False


@contextlib.contextmanager
def _no_space_is_infrastructure(folder: Path) -> Iterator[None]:
    """Turn a disk that is full or read-only into an error that says so."""
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        raise InfrastructureError(
            f"{folder}: the store cannot be written: {error}",
            hint="make space and run again: what is measured so far is kept",
        ) from error
