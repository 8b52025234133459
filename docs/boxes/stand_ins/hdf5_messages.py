"""Reads which other files an array of an HDF5 file names for its numbers.

h5wasm does not say it. The object header is read as the HDF5 File Format Specification has it
(IV.A, version 3.0); all else about a file is h5wasm's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

SIGNATURE = b"\x89HDF\r\n\x1a\n"
EXTERNAL_FILES, CONTINUATION = 0x07, 0x10
MOST_BLOCKS = 100  # of one header; real ones have a few
LARGEST_BLOCK = 1 << 20
LONGEST_NAME = 4096

Read = Callable[[int, int], bytes]


def external_file(read: Read, address: int) -> bytes | None:
    """Return the name of the first other file with the numbers of the array at ``address``.

    Args:
        read: returns so many bytes of the file from an offset.
        address: of the array's object header.
    """
    base, size = _superblock(read)

    def at(offset: int, count: int) -> bytes:
        return read(base + offset, count)

    for kind, body in _messages(at, address, size):
        if kind == EXTERNAL_FILES:
            heap = at(_number(body[8 : 8 + size]), 8 + 3 * size)
            names = _number(heap[8 + 2 * size : 8 + 3 * size])
            first = _number(body[8 + size : 8 + 2 * size])
            return at(names + first, LONGEST_NAME).split(b"\0", 1)[0]
    return None


def _superblock(read: Read) -> tuple[int, int]:
    """Return the offset of the superblock, and the size of an address."""
    offset = 0
    while (head := read(offset, 16)) and not head.startswith(SIGNATURE):
        offset = 2 * offset or 512
    version = head[8] if len(head) > 8 else 0
    return offset, head[13] if version < 2 else head[9]


def _messages(at: Read, address: int, size: int) -> Iterator[tuple[int, bytes]]:
    head = at(address, 64)
    is_new = head.startswith(b"OHDR")
    flags = head[5] if is_new else 0
    if is_new:
        start = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        blocks = [(address + start + width, _number(head[start : start + width]))]
    else:
        blocks = [(address + 16, _number(head[8:12]))]
    for number in range(MOST_BLOCKS):
        if number == len(blocks):
            return
        offset, length = blocks[number]
        for kind, body in _messages_of(at(offset, min(length, LARGEST_BLOCK)), is_new, flags):
            yield kind, body
            if kind == CONTINUATION:
                more, most = _number(body[:size]), _number(body[size : 2 * size])
                # A new block has a signature before its messages, and a checksum after them.
                blocks.append((more + 4, most - 8) if is_new else (more, most))


def _messages_of(block: bytes, is_new: bool, flags: int) -> Iterator[tuple[int, bytes]]:
    place, head = 0, 8
    if is_new:
        head = 6 if flags & 4 else 4
    while place + head <= len(block):
        kind = block[place] if is_new else _number(block[place : place + 2])
        start = place + 1 if is_new else place + 2
        end = place + head + _number(block[start : start + 2])
        yield kind, block[place + head : end]
        place = end


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")
