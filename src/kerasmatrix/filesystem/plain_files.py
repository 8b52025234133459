"""Walks, copies and digests trees of plain files that someone may have built to do harm.

No symbolic link is followed: every folder is opened relative to the descriptor of the folder that
holds it, with ``O_NOFOLLOW``, and a file is read through the descriptor on which its kind was
verified. So a file that is replaced while it is copied cannot make the copy read anything outside
the tree. The limits count what was read, not what a file claimed beforehand.

Whatever the tree itself causes is a `NotPlain`, which names the entry. An `OSError` of `copy_tree`
or `copy_file` is about the target.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.text.escape import visible

__all__ = [
    "LIMITS",
    "Entry",
    "Limits",
    "NotPlain",
    "copy_file",
    "copy_tree",
    "digest_file",
    "digest_tree",
    "open_plain",
    "walk",
]

BLOCK = 1 << 20  # bytes
ZEROS = bytes(BLOCK)
# Without O_NONBLOCK, opening a pipe waits until something writes to it.
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
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
        size: bytes of all files together. Holes in sparse files count as if they were written.
        depth: folders inside each other; the root counts 0.
        name: bytes of a path relative to the root. A longer one fits in no absolute path.
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
    """A tree holds something else than plain files and folders within the limits.

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
        return visible(os.fsencode(self.name).decode("utf-8", "backslashreplace"))


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
        with _blaming(self.name):
            handle = os.open(leaf, READ | os.O_NOFOLLOW, dir_fd=self._parent)
        try:
            self._check(os.fstat(handle))
        except BaseException:
            os.close(handle)
            raise
        return handle

    def _check(self, opened: os.stat_result) -> None:
        _check_kind(self.name, opened, self._limits)
        if not os.path.samestat(opened, self.status):
            raise NotPlain(self.name, "was replaced while it was read")


@contextlib.contextmanager
def walk(source: Path | int, limits: Limits = LIMITS) -> Iterator[Iterator[Entry]]:
    """Iterate over all files and folders below ``source``, in order, a folder before its content.

    It is a context manager, since an iterator that is left early, or that a traceback keeps alive,
    would hold its descriptors.

    Args:
        source: a folder, which may be named by a symbolic link; or a descriptor of one.
        limits: how much there may be.

    Raises:
        NotPlain: there is something else, or more; it is raised in place of the entry at fault.
    """
    with (
        _opened(source) as root,
        contextlib.closing(_Walk(limits).below(root, "", 1)) as entries,
    ):
        yield entries


def copy_tree(source: Path | int, target: Path, limits: Limits = LIMITS) -> str:
    """Copy the tree ``source`` and return the digest of the copy, as `digest_tree` does.

    Every user can read the copy, whatever modes the source has. On failure nothing of it is left.

    Args:
        source: a folder, which may be named by a symbolic link; or a descriptor of one.
        target: the folder to make, in one that nobody else can write.
        limits: how much there may be.

    Raises:
        NotPlain: ``source`` holds something that is not copied.
        OSError: ``target`` cannot be written.
    """
    target.mkdir()
    try:
        target.chmod(0o755)
        return _digest(source, limits, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def digest_tree(source: Path | int, limits: Limits = LIMITS) -> str:
    """Return the SHA-256 over the names and contents of all files below ``source``.

    Args:
        source: a folder, which may be named by a symbolic link; or a descriptor of one.
        limits: how much there may be.

    Raises:
        NotPlain: ``source`` is no folder, or holds something that is not read.
    """
    return _digest(source, limits, None)


def copy_file(source: Path, target: Path, limits: Limits = LIMITS) -> str:
    """Copy one file, which may be named by a symbolic link; return the SHA-256 of the copy.

    Every user can read the copy. On failure nothing of it is left.

    Args:
        source: the file.
        target: the file to make, in a folder that nobody else can write.
        limits: how large it may be, and whether it may have a second name.

    Raises:
        NotPlain: ``source`` is not a plain file, or cannot be read.
        OSError: ``target`` cannot be written.
    """
    return _read_file(source, limits, target)


def digest_file(source: Path, limits: Limits = LIMITS) -> str:
    """Return the SHA-256 of one file, which may be named by a symbolic link.

    Args:
        source: the file.
        limits: how large it may be, and whether it may have a second name.

    Raises:
        NotPlain: ``source`` is not a plain file, or cannot be read.
    """
    return _read_file(source, limits, None)


def open_plain(path: Path) -> int:
    """Return a descriptor of the file at ``path``, open for reading, which the caller closes.

    The folder that holds it may be named by links; the file itself may not be one.

    Raises:
        NotPlain: it is something else than a file, or cannot be read; its name is the last part.
    """
    with _blaming(path.name):
        status = path.lstat()
    _check_kind(path.name, status, LIMITS)
    with _blaming(path.name):
        folder = os.open(path.parent, FOLDER)
    try:
        return Entry(path.name, status, folder, LIMITS).open()
    finally:
        os.close(folder)


class _Walk:
    """Counts what one walk lists."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._entries = 0
        self._claimed = 0

    def below(self, folder: int, prefix: str, depth: int) -> Generator[Entry]:
        """Yield what is in an open folder and below."""
        for leaf in self._leaves(folder, prefix):
            name = prefix + leaf
            self._check_name(name)
            with _blaming(name):
                status = os.stat(leaf, dir_fd=folder, follow_symlinks=False)
            self._check(name, status)
            entry = Entry(name, status, folder, self._limits)
            yield entry
            if entry.is_folder:
                if depth > self._limits.depth:
                    raise NotPlain(name, f"lies deeper than {self._limits.depth} folders")
                with _blaming(name):
                    inner = os.open(leaf, FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    yield from self.below(inner, f"{name}/", depth + 1)
                finally:
                    os.close(inner)

    def _leaves(self, folder: int, prefix: str) -> list[str]:
        leaves = []
        with _blaming(prefix.rstrip("/")), os.scandir(folder) as entries:
            for entry in entries:
                self._entries += 1
                if self._entries > self._limits.entries:
                    raise NotPlain(
                        prefix + entry.name, f"is one of more than {self._limits.entries:,} entries"
                    )
                leaves.append(entry.name)
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
        _check_kind(name, status, self._limits)
        # What is claimed is refused before the first byte is read.
        self._claimed += status.st_size
        if self._claimed > self._limits.size:
            raise _too_large(name, self._limits)


def _check_kind(name: str, status: os.stat_result, limits: Limits) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "of an unknown kind")
        raise NotPlain(name, f"is {kind}")
    if status.st_nlink > 1 and not limits.second_names:
        raise NotPlain(name, "has a second name (a hard link)")


def _too_large(name: str, limits: Limits) -> NotPlain:
    return NotPlain(name, f"exceeds the limit of {limits.size:,} bytes")


def _digest(source: Path | int, limits: Limits, target: Path | None) -> str:
    """Return the digest of a tree; copy it on the way if there is a ``target``."""
    total = hashlib.sha256()
    left = limits.size
    with walk(source, limits) as entries:
        for entry in entries:
            copy = target / entry.name if target else None
            if entry.is_folder:
                if copy:
                    copy.mkdir()
                    copy.chmod(0o755)
                continue
            handle = entry.open()
            try:
                content, size = _read(handle, entry.name, limits, left, copy)
            finally:
                os.close(handle)
            left -= size
            total.update(f"{entry.name}\0{content}\n".encode())
    return total.hexdigest()


def _read_file(source: Path, limits: Limits, target: Path | None) -> str:
    with _blaming(""):
        handle = os.open(source, READ)
    try:
        _check_kind("", os.fstat(handle), limits)
        return _read(handle, "", limits, limits.size, target)[0]
    finally:
        os.close(handle)


def _read(
    handle: int, name: str, limits: Limits, most: int, target: Path | None
) -> tuple[str, int]:
    """Return the SHA-256 and the size of an open file; copy it if there is a ``target``."""
    if target is None:
        return _pump(handle, name, limits, most, lambda _: None)
    copy = os.open(target, CREATE, 0o600)
    try:
        with os.fdopen(copy, "wb", buffering=0) as file:
            content, size = _pump(handle, name, limits, most, lambda block: _write(copy, block))
            file.truncate(size)  # a hole at the end has to be claimed
            os.fchmod(copy, 0o644)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return content, size


def _pump(
    handle: int, name: str, limits: Limits, most: int, write: Callable[[bytes], None]
) -> tuple[str, int]:
    before = os.fstat(handle)
    if before.st_size > most:
        raise _too_large(name, limits)
    digest = hashlib.sha256()
    size = 0
    while True:
        with _blaming(name):
            block = os.read(handle, BLOCK)
        if not block:
            break
        size += len(block)
        if size > most:
            raise _too_large(name, limits)
        digest.update(block)
        write(block)
    after = os.fstat(handle)
    if (size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise NotPlain(name, "was written to while it was read")
    return digest.hexdigest(), size


def _write(handle: int, block: bytes) -> None:
    """Write ``block``, or leave a hole for zeros: a sparse file must not fill the disk."""
    if block == ZEROS[: len(block)]:
        os.lseek(handle, len(block), os.SEEK_CUR)
        return
    rest = memoryview(block)
    while rest:
        rest = rest[os.write(handle, rest) :]


@contextlib.contextmanager
def _opened(source: Path | int) -> Iterator[int]:
    with _blaming(""):
        # A descriptor of the caller is opened again: a walk moves the place at which it is read.
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
def _blaming(name: str) -> Iterator[None]:
    """Turn an error of the operating system into one about the entry ``name``."""
    try:
        yield
    except (OSError, ValueError) as error:  # a name can have a zero byte in it
        reason = getattr(error, "strerror", None) or error
        raise NotPlain(name, f"cannot be read: {reason}") from error
