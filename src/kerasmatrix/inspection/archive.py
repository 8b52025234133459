"""Reads the contents of a Keras v3 archive, as a file, in memory, or unpacked into a folder."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from kerasmatrix.inspection.architecture import words
from kerasmatrix.inspection.contents import Contents, size_of, warnings_about, writer_of
from kerasmatrix.inspection.facts import Hazard
from kerasmatrix.inspection.hazards import MOST_HAZARDS
from kerasmatrix.inspection.hdf5 import Stored, read_hdf5
from kerasmatrix.inspection.strict_json import read_json

__all__ = [
    "CONFIG_MEMBER",
    "LARGEST_CONFIG",
    "METADATA_MEMBER",
    "WEIGHTS_MEMBER",
    "archive_contents",
    "read_archive",
    "read_archive_file",
    "seekable_member",
]

# Real configs are far smaller; a member that claims more is malicious.
LARGEST_CONFIG = 32 << 20
# Keras does not compress archives. Weights that were compressed are unpacked in memory, up to this.
LARGEST_UNPACKED = 192 << 20
ZIP = b"PK"
DRIVE = re.compile("[A-Za-z]:")  # of a path of Windows
# The start of an array of NumPy, and the type of Python objects in its header (numpy.lib.format).
ARRAY = b"\x93NUMPY"
OBJECTS = b"|O"
LARGEST_HEADER = 10_000
LARGEST_ARRAYS = 192 << 20
CONFIG_MEMBER = "config.json"
METADATA_MEMBER = "metadata.json"
WEIGHTS_MEMBER = "model.weights.h5"


def read_archive_file(path: Path, *, digest: bool) -> Contents:
    """Return the contents of the archive at ``path``."""
    return read_archive(path, path, digest=digest)


def read_archive(path: Path, source: Path | BinaryIO, *, digest: bool) -> Contents:
    """Return the contents of the archive ``source``, under the name ``path``."""
    repeated: set[str] = set()
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
        config = _member(archive, CONFIG_MEMBER, repeated)
        metadata = _member(archive, METADATA_MEMBER, repeated) if METADATA_MEMBER in names else {}
        before = _before(archive) if isinstance(source, Path) else ()
        stored, notes = Stored(), [*before, *_oddities(archive)]
        if WEIGHTS_MEMBER not in names:
            notes.append("it holds no weights")
        elif (unpacked := _unpacked_size(archive, WEIGHTS_MEMBER)) > LARGEST_UNPACKED:
            notes.append(f"its weights are compressed, and too large to unpack: {unpacked:,} bytes")
        else:
            with seekable_member(archive, WEIGHTS_MEMBER) as weights:
                stored = read_hdf5(weights, digest=digest)
        pickled = (
            Hazard(kind="pickle", layer=words(name), names="its arrays")
            for name in _pickled_arrays(archive)
        )
        leading = (
            Hazard(kind="file", layer="a member of the archive", names=words(name))
            for name in _leading_out(archive)
        )
        found = (*islice(pickled, MOST_HAZARDS), *islice(leading, MOST_HAZARDS))
    stored = replace(stored, repeated=tuple(sorted(repeated)))
    return replace(archive_contents(path, config, metadata, stored, notes), hazards=found)


def archive_contents(
    path: Path, config: object, metadata: object, stored: Stored, notes: Iterable[str]
) -> Contents:
    """Return the contents of an archive with these members.

    Raises:
        TypeError: a member is not a JSON object.
    """
    if not isinstance(config, Mapping) or not isinstance(metadata, Mapping):
        raise TypeError("its config.json or metadata.json is not an object")
    return Contents(
        path,
        "keras-archive",
        writer=writer_of(metadata.get("keras_version"), None, date=metadata.get("date_saved")),
        config=config,
        training=config.get("compile_config"),
        stored=stored,
        notes=(*notes, *warnings_about(stored, size_of(path))),
    )


def _before(archive: zipfile.ZipFile) -> Iterator[str]:
    count = min((member.header_offset for member in archive.infolist()), default=0)
    if count:
        yield f"{count:,} bytes of other data precede the archive; Keras ignores them"


def _oddities(archive: zipfile.ZipFile) -> Iterator[str]:
    """Yield oddities in an archive's list. Its members are never unpacked to a disk."""
    names = archive.namelist()
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        yield f"it has more than one {twice[0]!r}; Keras uses the last"
    outside = _leading_out(archive)
    if outside:
        yield f"the name of a member leads out of the folder it is unpacked to: {outside[0]!r}"
    if any(stat.S_ISLNK(member.external_attr >> 16) for member in archive.infolist()):
        yield "it contains a symbolic link"


def _leading_out(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of members that lead out of the folder they are unpacked to."""
    return [
        name
        for name in archive.namelist()
        if name.startswith(("/", "\\"))
        or DRIVE.match(name)
        or ".." in name.replace("\\", "/").split("/")
    ]


def _pickled_arrays(archive: zipfile.ZipFile) -> Iterator[str]:
    """Yield the members with arrays of NumPy that hold a pickle.

    Keras before 3.9 reads ``.npz`` with ``allow_pickle=True`` (NpzIOStore in saving_lib.py).
    """
    for name in dict.fromkeys(archive.namelist()):
        if name.endswith((".npz", ".npy")):
            with archive.open(name) as member:
                if _is_pickled(member.read(LARGEST_ARRAYS)):
                    yield name


def _is_pickled(content: bytes) -> bool:
    """Return whether ``numpy.load`` would unpickle something in ``content``.

    It takes any content that is not an archive or an array as a pickle, and an array of objects
    holds one. An archive that is cut off or damaged may hide one, so it counts as pickled.
    """
    if content.startswith(ARRAY):
        return OBJECTS in content[:LARGEST_HEADER]
    if not content.startswith(ZIP):
        return bool(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as arrays:
            heads = [_head(arrays, item) for item in arrays.infolist()]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError):
        return True
    return any(OBJECTS in head for head in heads if head.startswith(ARRAY))


def _head(arrays: zipfile.ZipFile, item: zipfile.ZipInfo) -> bytes:
    with arrays.open(item) as member:
        return member.read(LARGEST_HEADER)


def _member(archive: zipfile.ZipFile, name: str, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    size = archive.getinfo(name).file_size
    if size > LARGEST_CONFIG:
        raise ValueError(f"its {name} claims to be {size} bytes")
    with archive.open(name) as member:
        return read_json(member.read(size), repeated)


def _unpacked_size(archive: zipfile.ZipFile, name: str) -> int:
    """Return how many bytes of memory a seekable member needs."""
    member = archive.getinfo(name)
    return 0 if member.compress_type == zipfile.ZIP_STORED else member.file_size


def seekable_member(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Return a member as a seekable file; a compressed one is unpacked first."""
    member = archive.open(name)
    if archive.getinfo(name).compress_type == zipfile.ZIP_STORED:
        return cast("BinaryIO", member)
    with member:
        return io.BytesIO(member.read(LARGEST_UNPACKED))
