"""The store of a project: observations in SQLite, artifacts by digest, and a lock.

Every observation is committed when it arrives, so a killed run loses at most its current task. One
run at a time uses a store. The store does not judge; see `kerasmatrix.results.observations`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.disk import size_on_disk
from kerasmatrix.harness import trees
from kerasmatrix.results.observations import Measured, SaveObservation
from kerasmatrix.store.artifacts import ArtifactStore
from kerasmatrix.store.database import ABSORBED
from kerasmatrix.store.observation_db import ObservationDb, report_full_disk
from kerasmatrix.store.orphans import kill_orphans
from kerasmatrix.store.run_lock import RunLock, StoreBusy

__all__ = ["DATABASE", "Store"]

DATABASE = "store.sqlite"


class Store:
    """An open store, held by this process until it is closed."""

    def __init__(
        self,
        folder: Path,
        *,
        wait: Callable[[str], None] | None = None,
        warn: Callable[[str], None] = lambda _: None,
        check_pages: bool = False,
    ) -> None:
        """Open the store in ``folder``, creating it if it is not there.

        The leftovers of a run that was killed are removed. A damaged database is set aside and
        started over.

        Args:
            folder: where it is.
            wait: called with a message if another run holds the store, which is then waited
                for; without it, that is an error.
            warn: called with a message if the database was damaged.
            check_pages: check every page of the database, as after a run that was killed.

        Raises:
            StoreBusy: another run holds the store.
            UsageError: the store was written by a newer kerasmatrix.
            InfrastructureError: the folder cannot be written.
        """
        self.folder = folder
        self.artifacts = folder / "artifacts"
        self._scratch = folder / "scratch"
        self._artifact_store = ArtifactStore(self.artifacts, self._scratch)
        try:
            self.artifacts.mkdir(parents=True, exist_ok=True)
            self._lock = RunLock(folder / "lock", wait)
        except OSError as error:
            raise InfrastructureError(
                f"{folder}: the store cannot be written: {error}",
                hint="name another folder with --store",
            ) from error
        # Under the lock, since it removes what a killed run left: another run may be at work.
        try:
            self.observations = self._open(warn, check_pages=check_pages)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, warn: Callable[[str], None], *, check_pages: bool) -> ObservationDb:
        """Clear the scratch folder and open the database."""
        # The lock is held, so a scratch folder was left by a run that was killed.
        is_killed = self._scratch.exists()
        if is_killed:
            kill_orphans(self._scratch)
        with report_full_disk(self.folder):
            trees.remove(str(self._scratch))
            self._scratch.mkdir(exist_ok=True)
        path = self.folder / DATABASE
        observations = ObservationDb(path, warn, check_pages=is_killed or check_pages)
        if is_killed:
            self._artifact_store.remove_all_but(observations.named_artifacts())
        return observations

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another run have the store."""
        self.observations.close()
        # The scratch folder is the mark of a run that was killed, after which all pages are
        # checked.
        if not self.observations.is_damaged:  # else the next run checks every page
            trees.remove(str(self._scratch))
        self._lock.release()

    @contextlib.contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A folder for unfinished work on the artifacts' file system; removed at the end."""
        folder = self._scratch / name
        with report_full_disk(self.folder):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            trees.remove(str(folder))

    def find_save(self, key: str) -> Measured[SaveObservation] | None:
        """Return the save of ``key``; a save whose artifact is damaged is not known."""
        save = self.observations.find(key, SaveObservation)
        artifact = save.observation.artifact if save else None
        # Forgotten, so that the save is measured again; loads of the artifact keep their own rows.
        if artifact and not self.is_intact(artifact):
            self._artifact_store.remove(artifact)
            self.observations.forget([key])
            return None
        return save

    def keep_artifact(self, folder: Path) -> str:
        """Move an artifact into the store; return its digest (`ArtifactStore.keep`).

        Raises:
            NoArtifact: it is not made of plain files and folders alone, or too large.
            InfrastructureError: the store cannot be written.
        """
        with report_full_disk(self.folder):
            return self._artifact_store.keep(folder)

    def is_intact(self, artifact: str) -> bool:
        """Whether the artifact of this digest is stored, with the content that it had then."""
        return self._artifact_store.is_intact(artifact)

    def absorb(self, folder: Path) -> None:
        """Add the observations and artifacts of another store that are unknown or newer.

        Raises:
            UsageError: there is no store in ``folder``, or it cannot be read.
            InfrastructureError: a run is at work in it, or there is no space.
        """
        if not (folder / DATABASE).is_file():
            raise UsageError(f"{folder}: is not a store: it has no {DATABASE}")
        try:
            opened = Store(folder)
        except StoreBusy as busy:
            raise InfrastructureError(
                f"{folder}: cannot be absorbed: {busy}", hint="wait for it to end"
            ) from None
        with opened as other, self.scratch("absorbed") as scratch:
            with report_full_disk(self.folder):
                for artifact in other.artifacts.iterdir():
                    if not (self.artifacts / artifact.name).exists():
                        # Copied first and renamed then, so that only complete copies are named by
                        # their digest.
                        shutil.copytree(artifact, scratch / artifact.name)
                        (scratch / artifact.name).replace(self.artifacts / artifact.name)
            rows = {table: other.observations.rows(table) for table in ABSORBED}
        self.observations.add_rows(rows)

    def forget(
        self, keys: Iterable[str], artifacts: Iterable[Path] = (), files: Iterable[Path] = ()
    ) -> None:
        """Remove observations, artifacts and other files of the store, and give space back.

        Raises:
            InfrastructureError: it cannot be written.
        """
        self.observations.forget(keys)
        with report_full_disk(self.folder):
            for path in artifacts:
                shutil.rmtree(path)
            for path in files:
                path.unlink(missing_ok=True)
        self.observations.shrink()

    @property
    def size(self) -> int:
        """How many bytes all files of the store take on the disk."""
        return size_on_disk(self.folder)
