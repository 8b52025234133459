"""Finds a whole Keras archive inside a Python pickle or joblib file. Nothing is unpickled.

Keras 2.13 and later pickle a model as the bytes of its archive (``pickle_utils`` and
``KerasSaveable`` in their sources). `pickletools.genops` lists the opcodes without running them.
"""

from __future__ import annotations

import io
import itertools
import os
import pickletools
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

__all__ = ["COMPRESSED", "LARGEST_PICKLE", "PickledArchive", "find_archive", "read_archive"]

LARGEST_PICKLE = 192 << 20  # bytes, also after decompression
MOST_OPCODES = 2_000_000
ZIP = b"PK\x03\x04"
CONFIG = b"config.json"
# The count of bytes between an opcode and its data: the opcode itself and a length.
PREFIX = {
    "SHORT_BINBYTES": 2,
    "BINBYTES": 5,
    "BINBYTES8": 9,
    "BYTEARRAY8": 9,
    "SHORT_BINUNICODE": 2,
    "BINUNICODE": 5,
    "BINUNICODE8": 9,
}
# The headers of zlib, with which joblib compresses by default, and of gzip.
COMPRESSED = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"\x1f\x8b")
ANY_HEADER = 32 + zlib.MAX_WBITS


@dataclass(frozen=True)
class PickledArchive:
    """The place of an archive in a pickle.

    ``offset`` and ``size`` are in the decompressed file. Protocol 2 and before store bytes as text,
    one character for each. ``others`` is the count of further archives.
    """

    offset: int
    size: int
    as_text: bool
    others: int = 0


class _Found(NamedTuple):
    offset: int
    size: int
    as_text: bool


def find_archive(path: Path) -> PickledArchive | None:
    """Return the first archive in the pickle at ``path``; None if there is none.

    A joblib file with arrays is read up to the first of them, whose numbers are not opcodes.
    """
    data = _content(path)
    found = list(_archives(data)) if data[:1] in {b"\x80", b"(", b"]", b"}", b"c"} else []
    if not found:
        return None
    return PickledArchive(**found[0]._asdict(), others=len(found) - 1)


def read_archive(path: Path, place: PickledArchive) -> bytes:
    """Return the archive at ``place``.

    Raises:
        ValueError: the file has changed since `find_archive`.
    """
    data = _content(path)[place.offset : place.offset + place.size]
    if place.as_text:
        data = data.decode("utf-8").encode("latin-1")
    if not data.startswith(ZIP):
        raise ValueError("it has changed since it was first read")
    return data


def _content(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_PICKLE:
            return b""
        head = file.read(2)
        file.seek(0)
        return _unpacked(file) if head in COMPRESSED else file.read(LARGEST_PICKLE)


def _unpacked(file: BinaryIO) -> bytes:
    unpacker = zlib.decompressobj(ANY_HEADER)
    try:
        data = unpacker.decompress(file.read(LARGEST_PICKLE), LARGEST_PICKLE)
    except zlib.error:
        return b""
    return b"" if unpacker.unconsumed_tail else data


def _archives(data: bytes) -> Iterator[_Found]:
    opcodes = pickletools.genops(io.BytesIO(data))
    try:
        for code, argument, place in itertools.islice(opcodes, MOST_OPCODES):
            if place is None or code.name not in PREFIX:
                continue
            offset = place + PREFIX[code.name]
            if isinstance(argument, str):
                if argument.startswith(ZIP.decode()) and CONFIG.decode() in argument:
                    yield _Found(offset, len(argument.encode("utf-8", "surrogatepass")), True)
            elif isinstance(argument, bytes | bytearray) and (
                argument.startswith(ZIP) and CONFIG in argument
            ):
                yield _Found(offset, len(argument), False)
    except (ValueError, UnicodeDecodeError, OverflowError):
        return  # not a pickle, or one that is followed by numbers
