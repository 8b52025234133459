"""Artifacts of saves: folders that are named by the digest of their content.

An artifact is on the disk before it gets its name, and its digest is compared when it is used, so
one that was damaged is saved again.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Container
from pathlib import Path

from kerasmatrix.filesystem import plain_files
from kerasmatrix.filesystem.copies import copy_tree
from kerasmatrix.filesystem.digests import digest_tree
from kerasmatrix.filesystem.plain_files import NotPlain
from kerasmatrix.harness import trees

__all__ = ["ArtifactStore", "NoArtifact", "copy_artifact", "make_readable"]

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A second name of a file would be a way to change it later.
NEW = plain_files.Limits(second_names=False)
# Workers get hard links to stored artifacts.
STORED = plain_files.Limits()


class NoArtifact(Exception):
    """The result of a save cannot be stored. The message says why."""


class ArtifactStore:
    """A folder of artifacts. Several threads may use it."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        """Store artifacts in ``folder``; copies are made in ``scratch``, on the same disk."""
        self._folder = folder
        self._scratch = scratch
        self._mutex = threading.Lock()

    def keep(self, folder: Path) -> str:
        """Move the artifact that a task left in ``folder`` into the store; return its digest.

        A process may still be writing there. So it is copied without following a link, and the
        copy, which no container can write, is the one that is digested and stored.

        Args:
            folder: the artifact, in a folder of the task in a folder that only the runner replaces.

        Raises:
            NoArtifact: it is not made of plain files and folders alone, or too large.
            OSError: the store cannot be written.
        """
        copy = self._scratch / f"artifact-{secrets.token_hex(8)}"
        try:
            digest = copy_artifact(folder, copy)
            if not self.is_intact(digest):
                _sync_tree(copy)
                self._put_in_place(copy, digest)
        finally:
            trees.remove(str(copy))
        trees.remove(str(folder))
        return digest

    def is_intact(self, artifact: str) -> bool:
        """Whether the artifact of this digest is stored, with the content that it had then."""
        try:
            return digest_tree(self._folder / artifact, STORED) == artifact
        except NotPlain:
            return False

    def remove(self, artifact: str) -> None:
        """Remove an artifact, if it is there."""
        trees.remove(str(self._folder / artifact))

    def remove_all_but(self, wanted: Container[str]) -> None:
        """Remove the artifacts that no observation names."""
        for path in self._folder.iterdir():
            if path.name not in wanted:
                trees.remove(str(path))

    def _put_in_place(self, copy: Path, digest: str) -> None:
        """Give an artifact its name, unless another thread has just stored an equal one."""
        with self._mutex:
            if self.is_intact(digest):
                return
            self.remove(digest)
            copy.replace(self._folder / digest)
        _sync(self._folder)


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
            # Relative to the open parent: the process could replace the folder by a link meanwhile.
            artifact = os.open(folder.name, FOLDER, dir_fd=task)
        finally:
            os.close(task)
    except OSError as error:
        raise NoArtifact(f"the save left no artifact folder: {error.strerror}") from error
    try:
        return copy_tree(artifact, target, NEW)
    except NotPlain as error:
        raise NoArtifact(f"its artifact cannot be kept: {error}") from error
    finally:
        os.close(artifact)


def make_readable(folder: Path) -> None:
    """Let every user read a folder, whatever the umask was: a container has a user of its own."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _sync_tree(folder: Path) -> None:
    """Flush a folder and all below it to the disk."""
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
