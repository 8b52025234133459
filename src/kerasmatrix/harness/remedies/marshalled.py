"""Reads code objects that another release of Python has marshalled, as data. Nothing is executed.

The format of `marshal` itself hardly changed; the fields of a code object did. (Source:
Python/marshal.c of 2.7, 3.3, 3.8 and 3.11.)
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

__all__ = ["Code", "read_code"]

FLAG_REF = 0x80
LOCAL, FREE = 0x20, 0x80  # kinds of variables since 3.11
DIGIT_BITS = 15
LARGEST = 1 << 20  # of a string or a tuple; a longer one is a misreading
# The numbers before the code's bytes, and the objects after these, by the first Python with them.
LAYOUTS = {
    (2, 7): ("argcount nlocals stacksize flags",
             "code consts names varnames freevars cellvars filename name"),
    (3, 3): ("argcount kwonly nlocals stacksize flags",
             "code consts names varnames freevars cellvars filename name"),
    (3, 8): ("argcount posonly kwonly nlocals stacksize flags",
             "code consts names varnames freevars cellvars filename name"),
    (3, 11): ("argcount posonly kwonly stacksize flags",
              "code consts names varnames kinds filename name qualname"),
}  # fmt: skip


class Code(NamedTuple):
    """A code object: its bytes, and the names and constants that these refer to."""

    layout: tuple
    code: bytes
    consts: tuple
    names: tuple
    variables: tuple
    free: tuple
    arguments: int
    keyword_only: int


def read_code(data: bytes) -> list:
    """Return the readings of ``data`` as a code object: one for each layout that fits."""
    readings = []
    for layout in LAYOUTS:
        reader = _Reader(data, layout)
        try:
            code = reader.read()
        except (ValueError, IndexError, KeyError, TypeError, struct.error):
            continue
        if isinstance(code, Code) and reader.is_at_end:
            readings.append(code)
    return readings


class _Reader:
    """Reads one marshalled object, with code objects in one layout."""

    def __init__(self, data: bytes, layout: tuple) -> None:
        self._data = data
        self._layout = layout
        self._place = 0
        self._seen: list = []
        self._interned: list = []

    @property
    def is_at_end(self) -> bool:
        return self._place == len(self._data)

    def read(self) -> Any:
        """Return the next object."""
        mark = self._take(1)[0]
        kind = chr(mark & ~FLAG_REF)
        if not mark & FLAG_REF:
            return self._read(kind)
        place = len(self._seen)
        self._seen.append(None)
        self._seen[place] = value = self._read(kind)
        return value

    def _read(self, kind: str) -> Any:
        constants = {"N": None, "T": True, "F": False, ".": Ellipsis}
        if kind in constants:
            return constants[kind]
        if kind in "rR":
            return (self._seen if kind == "r" else self._interned)[self._number()]
        if kind in "stuaAzZ":
            return self._text(kind)
        if kind in "()[<>":
            size = self._take(1)[0] if kind == ")" else self._size()
            return tuple(self.read() for _ in range(size))
        if kind == "c":
            return self._code()
        return self._numeric(kind)

    def _numeric(self, kind: str) -> Any:
        if kind == "i":
            return self._number()
        if kind == "I":
            return struct.unpack("<q", self._take(8))[0]
        if kind == "g":
            return struct.unpack("<d", self._take(8))[0]
        if kind == "f":
            return float(self._take(self._take(1)[0]))
        if kind == "l":
            count = self._number()
            digits = struct.unpack(f"<{abs(count)}H", self._take(2 * abs(count)))
            value = sum(digit << DIGIT_BITS * place for place, digit in enumerate(digits))
            return -value if count < 0 else value
        raise ValueError(f"unknown kind of object {kind!r}")

    def _text(self, kind: str) -> Any:
        size = self._take(1)[0] if kind in "zZ" else self._size()
        data = self._take(size)
        if kind == "s":
            return data
        text = data.decode("utf-8", "surrogatepass")
        if kind == "t":
            self._interned.append(text)
        return text

    def _code(self) -> Code:
        numbers, objects = LAYOUTS[self._layout]
        fields: dict = {name: self._number() for name in numbers.split()}
        fields.update((name, self._native(name, self.read())) for name in objects.split())
        self._number()  # the first line
        for _ in range(2 if self._layout == (3, 11) else 1):
            self.read()  # the table of lines, and that of exceptions
        variables, free = fields["varnames"], fields.get("freevars")
        if free is None:
            kinds = fields["kinds"]
            free = tuple(name for name, kind in zip(variables, kinds) if kind & FREE)
            if any(not kind & (LOCAL | FREE) for kind in kinds):
                raise ValueError("a variable that is shared with an inner function")
        elif fields["cellvars"]:
            raise ValueError("a variable that is shared with an inner function")
        if not isinstance(fields["code"], bytes) or not all(
            isinstance(name, str) and name.isidentifier()
            for name in (*fields["names"], *variables, *free)
        ):
            raise ValueError("not a code object in this layout")
        return Code(
            self._layout,
            fields["code"],
            fields["consts"],
            fields["names"],
            variables,
            free,
            fields["argcount"],
            fields.get("kwonly", 0),
        )

    def _native(self, name: str, value: Any) -> Any:
        """Return a field; the strings of Python 2 are bytes, and names are text here."""
        if self._layout != (2, 7) or name == "code":
            return value
        if isinstance(value, tuple):
            return tuple(self._native("", member) for member in value)
        return value.decode("latin-1") if isinstance(value, bytes) else value

    def _number(self) -> int:
        return int(struct.unpack("<i", self._take(4))[0])

    def _size(self) -> int:
        size = self._number()
        if not 0 <= size <= LARGEST:
            raise ValueError("a size that cannot be")
        return size

    def _take(self, size: int) -> bytes:
        taken = self._data[self._place : self._place + size]
        if len(taken) != size:
            raise ValueError("the data ends too early")
        self._place += size
        return taken
