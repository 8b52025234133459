"""Walks folders of plain files that may have been built to do harm.

No symbolic link is followed: every folder is opened relative to the descriptor of the folder that
holds it, with ``O_NOFOLLOW``, and a file is read through the descriptor on which its kind was
verified. So a file that is replaced meanwhile cannot lead outside the tree. Every fault of the tree
is a `NotPlain`, which names the entry.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.text.escape import escape_control_characters

__all__ = [
    "LIMITS",
    "Entry",
    "Limits",
    "NotPlain",
    "blaming",
    "check_kind",
    "open_file",
    "open_plain",
    "too_large",
    "walk",
]

# Without O_NONBLOCK, opening a pipe waits until something writes to it.
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}


@dataclass(frozen=True)
class Limits:
    """How much a tree may hold.

    Attributes:
        entries: files and folders.
        size: bytes of all files together, including holes of sparse files.
        depth: levels of folders below the root.
        name: bytes of a path relative to the root. Longer ones fit in no absolute path.
        second_names: whether a file may have another hard link, through which its content could
            be changed later.
    """

    entries: int = 100_000
    size: int = 64 << 30
    depth: int = 64
    name: int = 1024
    second_names: bool = True


LIMITS = Limits()


class NotPlain(Exception):
    """A folder contains something else than plain files and folders within the limits.

    Attributes:
        name: the path of the entry, relative to the root; empty for the root. It may not be UTF-8.
        reason: the rest of a sentence about it, such as "is a symbolic link".
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{self.shown} {reason}" if name else f"it {reason}")

    @property
    def shown(self) -> str:
        """The name as printable text."""
        return escape_control_characters(os.fsencode(self.name).decode("utf-8", "backslashreplace"))


@dataclass(frozen=True)
class Entry:
    """A plain file or folder of a tree, valid until the walk goes on.

    Attributes:
        name: its path relative to the root, with ``/``.
        status: as ``lstat`` returns it.
    """

    name: str
    status: os.stat_result
    _parent: int
    _limits: Limits

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.status.st_mode)

    def open(self) -> int:
        """Return a descriptor of the file, open for reading, which the caller closes.

        Raises:
            NotPlain: it cannot be read, or was replaced by something else since it was listed.
        """
        leaf = self.name.rpartition("/")[2]
        with blaming(self.name):
            # Relative to the open parent folder, which a process cannot replace by a link.
            handle = os.open(leaf, READ | os.O_NOFOLLOW, dir_fd=self._parent)
        try:
            self._check(os.fstat(handle))
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _check(self, opened: os.stat_result) -> None:
        check_kind(self.name, opened, self._limits)
        # The same device and inode as when it was listed.
        if not os.path.samestat(opened, self.status):
            raise NotPlain(self.name, "was replaced while it was read")


@contextlib.contextmanager
def walk(source: Path | int, limits: Limits = LIMITS) -> Iterator[Iterator[Entry]]:
    """Iterate over all files and folders below ``source``, in order, a folder before its content.

    It is a context manager, so that an iterator that is not exhausted closes its descriptors.

    Args:
        source: a folder, which may be named by a symbolic link; or a descriptor of one.
        limits: how much there may be.

    Raises:
        NotPlain: there is something else, or too much; raised in place of that entry.
    """
    with (
        _opened(source) as root,
        contextlib.closing(_Walk(limits).below(root, "", 1)) as entries,
    ):
        yield entries


@contextlib.contextmanager
def open_file(path: Path, limits: Limits) -> Iterator[int]:
    """Open a file, which may be named by a symbolic link, for reading.

    Raises:
        NotPlain: it is not a plain file, or cannot be read; without a name.
    """
    with blaming(""):
        handle = os.open(path, READ)
    try:
        check_kind("", os.fstat(handle), limits)
        yield handle
    finally:
        os.close(handle)


def open_plain(path: Path) -> int:
    """Return a descriptor of the file at ``path``, open for reading, which the caller closes.

    The folder that holds it may be named by links; the file itself may not be one.

    Raises:
        NotPlain: it is not a plain file, or cannot be read; with the last part of the path.
    """
    with blaming(path.name):
        status = path.lstat()
    check_kind(path.name, status, LIMITS)
    with blaming(path.name):
        folder = os.open(path.parent, FOLDER)
    try:
        return Entry(path.name, status, folder, LIMITS).open()
    finally:
        os.close(folder)


class _Walk:
    """Counts the entries of one walk."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries = 0
        self._claimed = 0

    def below(self, folder: int, prefix: str, depth: int) -> Generator[Entry]:
        """Yield all entries below an open folder."""
        for leaf in self._leaves(folder, prefix):
            name = prefix + leaf
            self._check_name(name)
            with blaming(name):
                status = os.stat(leaf, dir_fd=folder, follow_symlinks=False)
            self._check(name, status)
            entry = Entry(name, status, folder, self._limits)
            yield entry
            if entry.is_folder:
                if depth > self._limits.depth:
                    raise NotPlain(name, f"lies deeper than {self._limits.depth} folders")
                with blaming(name):
                    inner = os.open(leaf, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    yield from self.below(inner, f"{name}/", depth + 1)
                finally:
                    os.close(inner)

    def _leaves(self, folder: int, prefix: str) -> list[str]:
        leaves = []
        with blaming(prefix.rstrip("/")), os.scandir(folder) as entries:
            for entry in entries:
                self._entries += 1
                if self._entries > self._limits.entries:
                    raise NotPlain(
                        prefix + entry.name, f"is one of more than {self._limits.entries:,} entries"
                    )
                leaves.append(entry.name)
        # Sorted, since the order of a folder's entries depends on the file system.
        return sorted(leaves)

    def _check_name(self, name: str) -> None:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise NotPlain(name, "has a name that is not UTF-8") from None
        if len(os.fsencode(name)) > self._limits.name:
            raise NotPlain(name, f"has a path longer than {self._limits.name} bytes")

    def _check(self, name: str, status: os.stat_result) -> None:
        if stat.S_ISDIR(status.st_mode):
            return
        check_kind(name, status, self._limits)
        # A file that claims too much is refused before it is read.
        self._claimed += status.st_size
        if self._claimed > self._limits.size:
            raise too_large(name, self._limits)


def check_kind(name: str, status: os.stat_result, limits: Limits) -> None:
    """Raise `NotPlain` if an entry is not a plain file."""
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "of an unknown kind")
        raise NotPlain(name, f"is {kind}")
    if status.st_nlink > 1 and not limits.second_names:
        raise NotPlain(name, "has a second name (a hard link)")


def too_large(name: str, limits: Limits) -> NotPlain:
    """Return the error for a file that exceeds the limit of all files together."""
    return NotPlain(name, f"exceeds the limit of {limits.size:,} bytes")


@contextlib.contextmanager
def _opened(source: Path | int) -> Iterator[int]:
    with blaming(""):
        # The caller's descriptor is opened again, since a walk changes its position.
        folder = (
            os.open(".", FOLDER, dir_fd=source)
            if isinstance(source, int)
            else os.open(source, FOLDER)
        )
    try:
        yield folder
    finally:
        os.close(folder)


@contextlib.contextmanager
def blaming(name: str) -> Iterator[None]:
    """Turn an error of the operating system into one about the entry ``name``."""
    try:
        yield
    except (OSError, ValueError) as error:  # a name can have a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise NotPlain(name, f"cannot be read: {reason}") from error
