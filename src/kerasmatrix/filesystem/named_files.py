"""Reads and writes files that a user names, without blocking and up to a given size.

Only regular files are read: a pipe would block, and /dev/zero has no end.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import zlib
from pathlib import Path

__all__ = [
    "LARGEST_RESULTS",
    "LARGEST_TEXT",
    "decompress",
    "read_bytes",
    "read_text",
    "try_folder",
    "write_bytes",
]

# Matrices, locks and scripts have a few hundred kilobytes at most.
LARGEST_TEXT = 16 << 20
# A results.json with a hundred thousand cells has about 150 MB.
LARGEST_RESULTS = 512 << 20
# Compressed results have a fiftieth of their size; compressed zeros have a thousandth.
ALWAYS_FITS, GREATEST_RATIO = 64 << 20, 250
KINDS = (
    (stat.S_ISDIR, "is a folder"),
    (stat.S_ISFIFO, "is a pipe"),
    (stat.S_ISSOCK, "is a socket"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
)
# For `wbits`: expect the header of gzip (zlib.net/manual.html, inflateInit2).
GZIP = 16 + zlib.MAX_WBITS


def try_folder(folder: Path) -> None:
    """Create ``folder`` and a file in it, and remove what was created.

    Raises:
        OSError: one of the two is impossible.
    """
    created = [path for path in (folder, *folder.parents) if not os.path.lexists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    finally:
        for path in created:
            with contextlib.suppress(OSError):  # another process may use it by now
                path.rmdir()


def read_bytes(path: Path, at_most: int = LARGEST_TEXT) -> bytes:
    """Return the content of a regular file.

    Args:
        path: the file.
        at_most: the largest size, in bytes.

    Raises:
        OSError: it cannot be read, is not a regular file, or is larger; ``strerror`` says why.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for a writer.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except ValueError:
        raise OSError(errno.EINVAL, "its name holds a NUL character", repr(str(path))) from None
    try:
        status = os.fstat(handle)
        for is_kind, reason in KINDS:
            if is_kind(status.st_mode):
                raise OSError(errno.EINVAL, f"{reason}, not a file", str(path))
        # A file can grow while it is read, so its size is not enough.
        if status.st_size <= at_most:
            with open(handle, "rb", closefd=False) as file:
                content = file.read(at_most + 1)
            if content is None:  # some files of /proc wait for more data
                raise OSError(errno.EAGAIN, "has no content now, and no end", str(path))
        if status.st_size > at_most or len(content) > at_most:
            raise OSError(errno.EFBIG, f"is larger than {_in_words(at_most)}", str(path))
    finally:
        os.close(handle)
    return content


def read_text(path: Path, at_most: int = LARGEST_TEXT) -> str:
    """Return the content of a regular file of UTF-8 text.

    Raises:
        OSError: as `read_bytes`, or it is not UTF-8.
    """
    return _decoded(read_bytes(path, at_most), path)


def decompress(path: Path, at_most: int = LARGEST_RESULTS) -> str:
    """Return the UTF-8 text in a file that gzip has compressed.

    Raises:
        OSError: as `read_text`, or it is damaged, or its content is larger than ``at_most``.
    """
    packed = read_bytes(path, at_most)
    unpacking = zlib.decompressobj(GZIP)
    at_most = min(at_most, max(ALWAYS_FITS, GREATEST_RATIO * len(packed)))
    try:
        content = unpacking.decompress(packed, at_most)
    except zlib.error as error:
        raise OSError(errno.EIO, f"is damaged: {error}", str(path)) from None
    # The rest was not unpacked: the limit was reached.
    if unpacking.unconsumed_tail:
        raise OSError(errno.EFBIG, f"holds more than {_in_words(at_most)}", str(path))
    if not unpacking.eof:
        raise OSError(errno.EIO, "is damaged: it ends too early", str(path))
    return _decoded(content, path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file that a user names. A pipe without a reader is an error; it does not block.

    Raises:
        OSError: it cannot be written; ``strerror`` says why.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    handle = os.open(path, flags, 0o666)
    os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        reason = f"is not UTF-8 text: byte {error.start} is {content[error.start]:#04x}"
        raise OSError(errno.EILSEQ, reason, str(path)) from None


def _in_words(size: int) -> str:
    return f"{size >> 20} MiB" if size >= 1 << 20 else f"{size} bytes"
