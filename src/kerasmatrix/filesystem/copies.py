"""Copies plain files and folders that may have been built to do harm, and digests them on the way.

The limits count the bytes that were read, not the size that a file claims. A `NotPlain` is a fault
of the source, an `OSError` one of the target.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from kerasmatrix.filesystem.plain_files import (
    LIMITS,
    Limits,
    NotPlain,
    blaming,
    open_file,
    too_large,
    walk,
)

__all__ = ["copy_file", "copy_tree", "read_file", "read_tree"]

BLOCK = 1 << 20  # bytes
ZEROS = bytes(BLOCK)
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_tree(source: Path | int, target: Path, limits: Limits = LIMITS) -> str:
    """Copy a folder; return the digest of the copy, as `digest_tree` does.

    Every user can read the copy, whatever the modes of the source. A failure leaves nothing.

    Args:
        source: a folder, which may be named by a symbolic link; or a descriptor of one.
        target: the folder to create, in one that only trusted users can write.
        limits: how much the folder may hold.

    Raises:
        NotPlain: ``source`` holds something that is not copied.
        OSError: ``target`` cannot be written.
    """
    target.mkdir()
    try:
        target.chmod(0o755)
        return read_tree(source, limits, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def copy_file(source: Path, target: Path, limits: Limits = LIMITS) -> str:
    """Copy a file, which may be named by a symbolic link; return the SHA-256 of the copy.

    Every user can read the copy. A failure leaves nothing.

    Args:
        source: the file.
        target: the file to create, in a folder that only trusted users can write.
        limits: how large it may be, and whether it may have a second name.

    Raises:
        NotPlain: ``source`` is not a plain file, or cannot be read.
        OSError: ``target`` cannot be written.
    """
    return read_file(source, limits, target)


def read_tree(source: Path | int, limits: Limits, target: Path | None = None) -> str:
    """Return the digest of a folder; copy its content into ``target`` if there is one."""
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
            # The limit is for all files of the folder together.
            left -= size
            total.update(f"{entry.name}\0{content}\n".encode())
    return total.hexdigest()


def read_file(source: Path, limits: Limits, target: Path | None = None) -> str:
    """Return the SHA-256 of a file; copy it to ``target`` if there is one."""
    with open_file(source, limits) as handle:
        return _read(handle, "", limits, limits.size, target)[0]


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
    # A size that is claimed is refused before anything is read, the real one while it is read.
    before = os.fstat(handle)
    if before.st_size > most:
        raise too_large(name, limits)
    digest = hashlib.sha256()
    size = 0
    while True:
        with blaming(name):
            block = os.read(handle, BLOCK)
        if not block:
            break
        size += len(block)
        if size > most:
            raise too_large(name, limits)
        digest.update(block)
        write(block)
    # A file that is written meanwhile would have a digest of a mixture of two contents.
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
