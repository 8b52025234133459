"""Stands in for h5py, which has no build for browsers, with h5wasm: the HDF5 library itself.

It has what `kerasmatrix.inspection.hdf5` uses, with its meaning in h5py. `hdf5` is the part in
JavaScript: see hdf5.js.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from types import SimpleNamespace

import hdf5
from hdf5_messages import external_file
from pyodide.ffi import JsException

# H5Gpublic.h, as get_type of h5wasm returns them, and H5Tpublic.h.
GROUP, DATASET, NAMED_TYPE, SOFT, EXTERNAL = range(5)
INTEGER, FLOAT, STRING = 0, 1, 3
FRAME = re.compile(r"#\d{3}: .*?\(\): (.*)")

h5d = SimpleNamespace(VIRTUAL="virtual")
h5l = SimpleNamespace(TYPE_HARD="hard", TYPE_SOFT="soft", TYPE_EXTERNAL="external")
h5s = SimpleNamespace(NULL="null", SIMPLE="simple")
LINKS = {SOFT: h5l.TYPE_SOFT, EXTERNAL: h5l.TYPE_EXTERNAL}


class HardLink:
    """A link that is the object itself."""


def _asked(function, *arguments):
    """Call h5wasm; its errors become those of h5py, with the same text."""
    try:
        return function(*arguments)
    except JsException as fault:
        frames = FRAME.findall(str(fault))
        if not frames:
            raise OSError(str(fault).strip().split("\n")[0]) from None
        first = frames[0].strip()
        raise OSError(f"{first[:1].upper()}{first[1:]} ({frames[-1].strip()})") from None


class _Item:
    def __init__(self, opened, path: str) -> None:
        self._opened = opened
        self._path = path
        self.attrs = _Attributes(opened, path)


class Group(_Item):
    """A group."""

    @property
    def id(self):
        return SimpleNamespace(links=_Links(self))

    def __iter__(self) -> Iterator[str]:
        for name in _asked(self._opened.names, self._path or "/").to_py():
            if "�" in name or _asked(self._opened.kind, f"{self._path}/{name}") < 0:
                raise ValueError("it has a name that is not UTF-8, which this page cannot read")
            yield name

    def __contains__(self, name: str) -> bool:
        return name in _asked(self._opened.names, self._path or "/").to_py()

    def get(self, name: str, getlink: bool = False):
        if getlink:
            return HardLink() if self._kind(name) not in LINKS else None
        return self[name]

    def __getitem__(self, name: str):
        path = f"{self._path}/{name}"
        made = {GROUP: Group, DATASET: Dataset}.get(self._kind(name), _Item)
        return made(self._opened, path)

    def _kind(self, name: str) -> int:
        return _asked(self._opened.kind, f"{self._path}/{name}")


class File(Group):
    """A file, from a path or an open file."""

    def __init__(self, source, mode: str) -> None:
        del mode
        if isinstance(source, str):
            opened = _asked(hdf5.openPath, source)
        else:
            opened = _asked(hdf5.openBytes, source.read())
        super().__init__(opened, "")

    def __enter__(self) -> File:
        return self

    def __exit__(self, *fault: object) -> None:
        self._opened.close()


class _Links:
    def __init__(self, group: Group) -> None:
        self._group = group

    def get_info(self, raw: bytes) -> SimpleNamespace:
        kind = self._group._kind(raw.decode())
        if kind in LINKS:
            return SimpleNamespace(type=LINKS[kind], u=None)
        address = self._group._opened.address(f"{self._group._path}/{raw.decode()}")
        return SimpleNamespace(type=h5l.TYPE_HARD, u=int(address))

    def get_val(self, raw: bytes) -> tuple[str]:
        path = f"{self._group._path}/{raw.decode()}"
        return (_asked(self._group._opened.linkedFile, path),)


class Dataset(_Item):
    """An array."""

    def __init__(self, opened, path: str) -> None:
        super().__init__(opened, path)
        self._about = _asked(opened.about, path).to_py()

    @property
    def id(self):
        return self

    @property
    def shape(self) -> tuple[int, ...] | None:
        shape = self._about["shape"]
        return None if shape is None else tuple(map(int, shape))

    @property
    def ndim(self) -> int:
        return len(self.shape or ())

    @property
    def dtype(self) -> SimpleNamespace:
        kind = "i" if self._about["signed"] else "u"
        return SimpleNamespace(kind=kind if self._about["type"] == INTEGER else "?")

    def __getitem__(self, key: tuple[()]) -> SimpleNamespace:
        raw = _asked(self._opened.numbers, self._path).to_bytes()
        # h5wasm reads numbers as those of its own machine, whatever the order in the file.
        number = int.from_bytes(raw, "little", signed=self._about["signed"])
        return SimpleNamespace(item=lambda: number)

    def get_type(self) -> SimpleNamespace:
        # A text of any length is a pointer in memory: 4 bytes here, 8 where h5py runs.
        size = 2 * self._about["size"] if self._about["vlen"] else self._about["size"]
        return SimpleNamespace(get_size=lambda: size)

    def get_create_plist(self) -> _Created:
        return _Created(self)

    def get_space(self) -> SimpleNamespace:
        shape = self.shape
        return SimpleNamespace(
            is_simple=lambda: True,
            get_simple_extent_dims=lambda: shape or (),
            get_simple_extent_type=lambda: h5s.NULL if shape is None else h5s.SIMPLE,
        )


class _Created:
    """How an array was created."""

    def __init__(self, array: Dataset) -> None:
        self._sources = array._about.get("virtual_sources")
        opened, path = array._opened, array._path
        name = external_file(lambda *part: opened.part(*part).to_bytes(), int(opened.address(path)))
        self._external = [] if name is None else [(name,)]

    def get_layout(self) -> str | None:
        return None if self._sources is None else h5d.VIRTUAL

    def get_external_count(self) -> int:
        return len(self._external)

    def get_external(self, number: int) -> tuple[bytes]:
        return self._external[number]

    def get_virtual_count(self) -> int:
        return len(self._sources or ())

    def get_virtual_filename(self, number: int) -> str:
        return self._sources[number]["file_name"]


class _Attributes:
    def __init__(self, opened, path: str) -> None:
        self._opened = opened
        self._path = path or "/"

    def __contains__(self, name: str) -> bool:
        return name in _asked(self._opened.attributes, self._path).to_py()

    def get_id(self, name: str) -> SimpleNamespace:
        about = self._about(name)
        size = int(about["size"]) * int(about["total_size"])
        return SimpleNamespace(shape=tuple(about["shape"] or ()), get_storage_size=lambda: size)

    def __getitem__(self, name: str):
        about = self._about(name)
        raw = _asked(self._opened.attribute, self._path, name).to_bytes()
        if about["type"] == STRING:
            # h5py returns a text of any length as str, and one of a fixed length as bytes.
            return raw.decode("utf-8", "surrogateescape") if about["vlen"] else raw.rstrip(b"\0")
        if about["type"] == FLOAT and len(raw) == 8:
            return struct.unpack("<d", raw)[0]
        if about["type"] == INTEGER:
            return int.from_bytes(raw, "little", signed=about["signed"])
        raise ValueError(f"its {name} is not a text, or too long")

    def _about(self, name: str):
        about = _asked(self._opened.aboutAttribute, self._path, name).to_py()
        if math.prod(about["shape"] or ()) == 1 and about["shape"] is None:
            raise ValueError(f"its {name} is not a text, or too long")
        return about
