"""Reads protobuf's wire format."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Buffer", "Malformed", "messages", "numbers", "varint"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MORE = 0x80  # set in every byte of a number but the last
LONGEST_SHIFT = 63

Buffer = bytes | memoryview


class Malformed(ValueError):
    """The bytes are not a valid message."""


def messages(message: Buffer, field: int) -> Iterator[Buffer]:
    """Yield the texts, bytes and messages in a field."""
    for number, value in _fields(message):
        if number == field and not isinstance(value, int):
            yield value


def numbers(message: Buffer, field: int) -> Iterator[int]:
    """Yield the numbers in a field."""
    for number, value in _fields(message):
        if number == field and isinstance(value, int):
            yield value


def _fields(message: Buffer) -> Iterator[tuple[int, int | Buffer]]:
    """Yield (number, value) of each field: protobuf's wire format."""
    place = 0
    while place < len(message):
        tag, place = varint(message, place)
        kind = tag & 7
        if kind == VARINT:
            value, place = varint(message, place)
            yield tag >> 3, value
            continue
        if kind == BYTES:
            length, place = varint(message, place)
        elif kind in {FIXED64, FIXED32}:
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"a field of the unknown kind {kind}")
        if place + length > len(message):
            raise Malformed("it ends in the middle of a field")
        if kind == BYTES:
            yield tag >> 3, message[place : place + length]
        place += length


def varint(message: Buffer, place: int) -> tuple[int, int]:
    """Return the number at ``place``, and the place after it."""
    value = shift = 0
    while True:
        if place >= len(message) or shift > LONGEST_SHIFT:
            raise Malformed("it ends in the middle of a number")
        byte = message[place]
        place += 1
        value |= (byte & ~MORE) << shift
        if byte < MORE:
            return value, place
        shift += 7
