"""Reads what is in a model file, as it is there: configs as JSON, and the structure of weights.

Nothing that is in the file is run.
"""

from __future__ import annotations

import io
import itertools
import json
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import yaml

from kerasmatrix.errors import UsageError
from kerasmatrix.filesystem.plain_files import LIMITS, NotPlain
from kerasmatrix.filesystem.yaml_source import LOADER, YamlSource
from kerasmatrix.inspection.architecture import words
from kerasmatrix.inspection.file_type import (
    ARCHIVE_NAME,
    Container,
    Second,
    archive_of,
    identify,
    identify_second,
)
from kerasmatrix.inspection.folder_check import find_fault, refusal
from kerasmatrix.inspection.hdf5 import ABSURD, Stored, read_hdf5
from kerasmatrix.inspection.model_info import Kind, Weights, Writer
from kerasmatrix.inspection.polyglot import which_loads_which
from kerasmatrix.inspection.saved_model import read_saved_model
from kerasmatrix.inspection.strict_json import read_json
from kerasmatrix.versions import minor_of

__all__ = ["Contents", "known_writers", "read_contents", "size_of"]

# No config is near this; a member that claims to be is a bomb.
LARGEST_CONFIG = 32 << 20
# Keras does not compress an archive. Who does gets its weights unpacked in memory, up to here.
LARGEST_UNPACKED = 192 << 20
# What h5py, zipfile and the parsers raise about content that makes no sense to them.
DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, OverflowError, struct.error,
    zlib.error, zipfile.BadZipFile, lzma.LZMAError, yaml.YAMLError,
)  # fmt: skip
LONGEST_LINE = 500  # of an error, which may hold as much of the file as its names are long
ZIP = b"PK"
WEIGHTS_MEMBER = "model.weights.h5"
KERAS_IS_TENSORFLOW = (2, 5)  # from here to 2.15 both have one version number
KERAS_3 = 3


@dataclass(frozen=True)
class Contents:
    """What is in a file. ``config`` and ``training`` are JSON of whatever shape, or None.

    ``fault`` is why a folder is described and yet never copied or loaded. ``second`` is what the
    same bytes are besides.
    """

    path: Path
    kind: Kind
    writer: Writer = field(default_factory=Writer)
    config: Any = None
    training: Any = None
    stored: Stored = field(default_factory=Stored)
    notes: tuple[str, ...] = ()
    fault: NotPlain | None = None
    second: SecondContents | None = None


@dataclass(frozen=True)
class SecondContents:
    """The other of two things that a file is at once: its content, or why that is not known."""

    container: Second
    contents: Contents | None
    trouble: str | None = None


def read_contents(path: Path, *, digest: bool = False) -> Contents:
    """Return what is in the model at ``path``.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also read all weights and make a digest of them.

    Raises:
        UsageError: it is no model, or damaged; the message says what it is.
    """
    first = identify(path)
    second = identify_second(path, first)
    if second == "keras-archive":
        return _both(path, digest=digest)
    found = _read(path, first, digest=digest)
    if second is None:
        return found
    notes = (which_loads_which(path, second), *found.notes)
    trouble = "only the SavedModel is read"
    return replace(found, notes=notes, second=SecondContents(second, None, trouble))


def _both(path: Path, *, digest: bool) -> Contents:
    """Return what is in a file that is HDF5 and a zip archive at once, as far as each is a model.

    That which more versions load comes first, and the other as its ``second``.
    """
    read: dict[Literal["hdf5", "keras-archive"], Contents] = {}
    troubles: dict[str, str] = {}
    for container in ("hdf5", "keras-archive"):
        try:
            if container == "keras-archive":
                archive_of(path)
            read[container] = _read(path, container, digest=digest)
        except UsageError as error:
            troubles[container] = error.message.removeprefix(f"{path}: ")
    if not read:
        raise UsageError(
            f"{path}: is HDF5 and a zip archive in one, and neither is a model: "
            f"{'; '.join(troubles.values())}",
            hint="it is damaged, or made to do harm: copy it again, or save it anew",
        )
    hdf5 = read.get("hdf5")
    archive_first = hdf5 is None or (
        hdf5.kind != "hdf5-model" and path.name.endswith(ARCHIVE_NAME) and "keras-archive" in read
    )
    first: Literal["hdf5", "keras-archive"] = "keras-archive" if archive_first else "hdf5"
    other: Literal["hdf5", "keras-archive"] = "hdf5" if archive_first else "keras-archive"
    notes = [which_loads_which(path, "keras-archive")]
    if other in troubles:
        notes.append(f"its {'HDF5' if other == 'hdf5' else 'archive'} {troubles[other]}")
    return replace(
        read[first],
        notes=(*notes, *read[first].notes),
        second=SecondContents(other, read.get(other), troubles.get(other)),
    )


def _read(path: Path, container: Container, *, digest: bool) -> Contents:
    """Return what is in the model at ``path``, taken for a ``container``."""
    readers = {
        "hdf5": _hdf5,
        "keras-archive": _archive,
        "saved-model": _saved_model,
        "architecture-json": _architecture_file,
        "architecture-yaml": _architecture_file,
    }
    try:
        return readers[container](path, digest=digest)
    except DAMAGE as error:
        raise UsageError(
            f"{path}: is damaged: {_first_line(error)}",
            hint="it was cut off or changed on the way: copy it again, or save it anew",
        ) from None


def _hdf5(path: Path, *, digest: bool) -> Contents:
    stored = read_hdf5(str(path), digest=digest)
    if stored.foreign:
        raise UsageError(
            f"{path}: is an HDF5 file that Keras did not write",
            hint="Keras's have a model_config, layer_names, or a group of layers",
        )
    notes = []
    if path.name.endswith(ARCHIVE_NAME) and not zipfile.is_zipfile(path):
        notes.append("it is HDF5 under the name of an archive: Keras 3 refuses it so")
    return Contents(
        path,
        "hdf5-weights" if stored.config is None else "hdf5-model",
        writer=_writer(stored.keras, stored.backend, keras_3_layout=stored.keras_3_layout),
        config=stored.config,
        training=stored.training,
        stored=stored,
        notes=(*notes, *_warnings(stored, size_of(path))),
    )


def _archive(path: Path, *, digest: bool) -> Contents:
    repeated: set[str] = set()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        config = _member(archive, "config.json", repeated)
        metadata = _member(archive, "metadata.json", repeated) if "metadata.json" in names else {}
        stored, notes = Stored(), [*_before(path, archive), *_oddities(archive)]
        if WEIGHTS_MEMBER not in names:
            notes.append("it holds no weights")
        elif (unpacked := _unpacked_size(archive, WEIGHTS_MEMBER)) > LARGEST_UNPACKED:
            notes.append(f"its weights are compressed, and too large to unpack: {unpacked:,} bytes")
        else:
            with _seekable(archive, WEIGHTS_MEMBER) as weights:
                stored = read_hdf5(weights, digest=digest)
    if not isinstance(config, Mapping) or not isinstance(metadata, Mapping):
        raise TypeError("its config.json or metadata.json is no object")
    stored = replace(stored, repeated=tuple(sorted(repeated)))
    writer = _writer(metadata.get("keras_version"), None, date=metadata.get("date_saved"))
    return Contents(
        path,
        "keras-archive",
        writer=writer,
        config=config,
        training=config.get("compile_config"),
        stored=stored,
        notes=(*notes, *_warnings(stored, size_of(path))),
    )


def size_of(path: Path) -> int:
    """Return how many bytes a file has, or all plain files of a folder; no link is followed."""
    if not path.is_dir():
        return path.stat().st_size
    below = (os.path.join(root, name) for root, _, names in os.walk(path) for name in names)  # noqa: PTH118
    found = (os.lstat(name) for name in itertools.islice(below, LIMITS.entries))
    return sum(status.st_size for status in found if stat.S_ISREG(status.st_mode))


def _before(path: Path, archive: zipfile.ZipFile) -> Iterator[str]:
    with path.open("rb") as file:
        if file.read(len(ZIP)) == ZIP:
            return
    count = min((member.header_offset for member in archive.infolist()), default=0)
    yield f"{count:,} bytes of something else stand before the archive: Keras does not look at them"


def _oddities(archive: zipfile.ZipFile) -> Iterator[str]:
    """Yield what is odd about an archive's list; nothing of it is ever unpacked to a disk."""
    names = archive.namelist()
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        yield f"it has more than one {twice[0]!r}, of which Keras takes the last"
    outside = [
        name
        for name in names
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
    ]
    if outside:
        yield f"a member's name leads out of a folder that it is unpacked in: {outside[0]!r}"
    if any(stat.S_ISLNK(member.external_attr >> 16) for member in archive.infolist()):
        yield "it has a symbolic link in it"


def _warnings(stored: Stored, size: int) -> Iterator[str]:
    """Yield what a user should know before a file is loaded."""
    if stored.repeated:
        key = words(stored.repeated[0])
        yield f"a key stands twice in its JSON, of which Keras takes the last: {key!r}"
    if stored.elsewhere:
        name = words(stored.elsewhere[0])
        yield f"the numbers of an array are in another file, not looked into: {name!r}"
    if stored.weights.bytes > ABSURD * size:
        yield f"it claims {stored.weights.bytes:,} bytes of weights, many times what it has"


def _saved_model(path: Path, *, digest: bool) -> Contents:
    if not (path / "saved_model.pb").is_file():
        raise UsageError(
            f"{path}: is a SavedModel written as text", hint="only saved_model.pb can be read"
        )
    try:
        told = read_saved_model(path)
    except NotPlain as error:
        raise refusal(path, error) from None
    fault = find_fault(path)
    metadata = told.metadata if isinstance(told.metadata, Mapping) else {}
    keras = metadata.get("keras_version")
    recorded = [
        name for name, value in (("tensorflow", told.tensorflow), ("keras", keras)) if value
    ]
    writer = Writer(
        keras=keras,
        keras_major=_major(keras),
        tensorflow=told.tensorflow,
        backend=metadata.get("backend"),
        recorded=tuple(recorded),
    )
    notes = [] if metadata else ["exported without Keras's metadata: it can predict, and no more"]
    if digest:
        notes.append("no digest is made of a SavedModel's weights")
    if fault:
        notes.append(f"{fault}: every other command refuses the folder")
    weights = Weights(arrays=told.variables, parameters=told.parameters, bytes=told.bytes)
    return Contents(
        path,
        "saved-model",
        writer=writer,
        config=metadata if "config" in metadata else None,
        training=metadata.get("training_config"),
        stored=(
            stored := Stored(weights=weights, repeated=told.repeated, optimizer_arrays=told.slots)
        ),
        notes=(*notes, *_warnings(stored, size_of(path))),
        fault=fault,
    )


def _architecture_file(path: Path, *, digest: bool) -> Contents:  # noqa: ARG001 - as all readers
    text = path.read_text(encoding="utf-8")
    kind: Literal["architecture-json", "architecture-yaml"] = "architecture-json"
    repeated: set[str] = set()
    try:
        config = read_json(text, repeated)
    except ValueError:
        kind = "architecture-yaml"
        try:
            # As JSON: YAML has keys that are no texts, and parts that stand for others.
            told = yaml.load(text, LOADER)  # noqa: S506 - it is a safe one, in C if there is one
            config = json.loads(json.dumps(told, default=str))
        except RecursionError:
            raise ValueError("its YAML is nested too deeply") from None
    if not isinstance(config, Mapping):
        raise TypeError("it describes no model")
    writer = _writer(config.get("keras_version"), config.get("backend"))
    notes = _warnings(Stored(repeated=tuple(sorted(repeated))), size_of(path))
    return Contents(path, kind, writer=writer, config=config, notes=("it holds no weights", *notes))


def _writer(
    keras: object, backend: object, *, date: object = None, keras_3_layout: bool = False
) -> Writer:
    """Return who wrote a file that names the version ``keras``, and what follows from it."""
    told = {"keras": keras, "backend": backend, "date": date}
    texts = {name: words(value) for name, value in told.items() if value is not None}
    if "keras" not in texts:
        layout = "the layout of its groups, which is that of Keras 3" if keras_3_layout else None
        major = _major("3") if keras_3_layout else None
        return Writer(keras_major=major, recorded=tuple(texts), because=layout, **texts)
    tensorflow = _tensorflow_of(texts["keras"])
    return Writer(
        keras_major=_major(texts["keras"]),
        tensorflow=tensorflow,
        recorded=tuple(texts),
        because="its Keras version" if tensorflow else None,
        **texts,
    )


def _tensorflow_of(keras: str) -> str | None:
    """Return which TensorFlow has this Keras, where that is one or a few."""
    for known in known_writers():
        if known["keras"] == keras:
            return str(known["tensorflow"])
    key = minor_of(keras)
    if KERAS_IS_TENSORFLOW <= key < (KERAS_3,):
        return f"{key[0]}.{key[1]}"
    return None


@cache
def known_writers() -> tuple[Mapping[str, str], ...]:
    """Return which TensorFlow writes which Keras version into its files."""
    with resources.as_file(resources.files("kerasmatrix.inspection")) as folder:
        return tuple(YamlSource(folder / "writers.yaml").data["writers"])


def _major(keras: str | None) -> Literal[1, 2, 3] | None:
    major = minor_of(keras)[0] if keras else 0
    return cast("Literal[1, 2, 3]", major) if major in {1, 2, 3} else None


def _member(archive: zipfile.ZipFile, name: str, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    size = archive.getinfo(name).file_size
    if size > LARGEST_CONFIG:
        raise ValueError(f"its {name} claims to be {size} bytes")
    with archive.open(name) as member:
        return read_json(member.read(size), repeated)


def _unpacked_size(archive: zipfile.ZipFile, name: str) -> int:
    """Return how many bytes of memory it takes to move about in a member."""
    member = archive.getinfo(name)
    return 0 if member.compress_type == zipfile.ZIP_STORED else member.file_size


def _seekable(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Return a member as a file one can move about in: a compressed one is unpacked first."""
    member = archive.open(name)
    if archive.getinfo(name).compress_type == zipfile.ZIP_STORED:
        return cast("BinaryIO", member)
    with member:
        return io.BytesIO(member.read(LARGEST_UNPACKED))


def _first_line(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), "")
    return line[:LONGEST_LINE] or type(error).__name__
