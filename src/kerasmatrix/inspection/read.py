"""Reads the contents of a model file: configs as JSON, and the structure of the weights.

No code in the file is run.
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
    FileType,
    SecondType,
    detect_file_type,
    detect_second_type,
    type_of_archive,
)
from kerasmatrix.inspection.folder_check import find_fault, refusal
from kerasmatrix.inspection.hdf5 import ABSURD, Stored, read_hdf5
from kerasmatrix.inspection.model_info import Kind, Weights, Writer
from kerasmatrix.inspection.polyglot import which_loads_which
from kerasmatrix.inspection.saved_model import read_saved_model
from kerasmatrix.inspection.strict_json import read_json
from kerasmatrix.text.lines import first_line
from kerasmatrix.versions import minor_of

__all__ = ["Contents", "known_writers", "read_contents", "size_of"]

# Real configs are far smaller; a member that claims more is malicious.
LARGEST_CONFIG = 32 << 20
# Keras does not compress archives. Weights that were compressed are unpacked in memory, up to this.
LARGEST_UNPACKED = 192 << 20
# Exceptions of h5py, zipfile and the parsers about damaged content.
DAMAGE = (
    OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, OverflowError, struct.error,
    zlib.error, zipfile.BadZipFile, lzma.LZMAError, yaml.YAMLError,
)  # fmt: skip
LONGEST_LINE = 500  # of an error message, which may quote the file
ZIP = b"PK"
WEIGHTS_MEMBER = "model.weights.h5"
KERAS_IS_TENSORFLOW = (2, 5)  # from 2.5 to 2.15 both have the same version number
KERAS_3 = 3


@dataclass(frozen=True)
class Contents:
    """The contents of a file.

    Attributes:
        config: the architecture as JSON of any shape, or None.
        training: the compile config, likewise.
        fault: the reason why a folder is described, but never copied or loaded.
        second: the contents by the file's other type, if it has two.
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
    """The contents of a file by its second type, or the reason why they are unknown."""

    container: SecondType
    contents: Contents | None
    trouble: str | None = None


def read_contents(path: Path, *, digest: bool = False) -> Contents:
    """Return the contents of the model at ``path``.

    Args:
        path: a file, or the folder of a SavedModel.
        digest: also compute a digest of all weights.

    Raises:
        UsageError: it is damaged or not a model; the message names its type.
    """
    first = detect_file_type(path)
    second = detect_second_type(path, first)
    if second == "keras-archive":
        return _both(path, digest=digest)
    contents = _read(path, first, digest=digest)
    if second is None:
        return contents
    notes = (which_loads_which(path, second), *contents.notes)
    problem = "only the SavedModel is read"
    return replace(contents, notes=notes, second=SecondContents(second, None, problem))


def _both(path: Path, *, digest: bool) -> Contents:
    """Return the contents of a file that is both HDF5 and a zip archive, if one is a model.

    The type that more versions load is the first; the other is in ``second``.
    """
    read: dict[Literal["hdf5", "keras-archive"], Contents] = {}
    problems: dict[str, str] = {}
    for container in ("hdf5", "keras-archive"):
        try:
            if container == "keras-archive":
                type_of_archive(path)
            read[container] = _read(path, container, digest=digest)
        except UsageError as error:
            problems[container] = error.message.removeprefix(f"{path}: ")
    if not read:
        raise UsageError(
            f"{path}: is both HDF5 and a zip archive, and neither is a model: "
            f"{'; '.join(problems.values())}",
            hint="it is damaged or malicious: copy it again, or save the model again",
        )
    hdf5 = read.get("hdf5")
    archive_first = hdf5 is None or (
        hdf5.kind != "hdf5-model" and path.name.endswith(ARCHIVE_NAME) and "keras-archive" in read
    )
    first: Literal["hdf5", "keras-archive"] = "keras-archive" if archive_first else "hdf5"
    other: Literal["hdf5", "keras-archive"] = "hdf5" if archive_first else "keras-archive"
    notes = [which_loads_which(path, "keras-archive")]
    if other in problems:
        notes.append(f"its {'HDF5' if other == 'hdf5' else 'archive'} {problems[other]}")
    return replace(
        read[first],
        notes=(*notes, *read[first].notes),
        second=SecondContents(other, read.get(other), problems.get(other)),
    )


def _read(path: Path, container: FileType, *, digest: bool) -> Contents:
    """Return the contents of the model at ``path``, read as the type ``container``."""
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
            f"{path}: is damaged: {first_line(error)[:LONGEST_LINE] or type(error).__name__}",
            hint="it was cut off or changed: copy it again, or save the model again",
        ) from None


def _hdf5(path: Path, *, digest: bool) -> Contents:
    stored = read_hdf5(str(path), digest=digest)
    if stored.foreign:
        raise UsageError(
            f"{path}: is an HDF5 file that Keras did not write",
            hint="a file of Keras has a model_config, layer_names, or a group of layers",
        )
    notes = []
    if path.name.endswith(ARCHIVE_NAME) and not zipfile.is_zipfile(path):
        notes.append("it is HDF5 with the name of an archive, which Keras 3 refuses")
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
        raise TypeError("its config.json or metadata.json is not an object")
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
    """Return the size of a file, or of all plain files in a folder; links are not followed."""
    if not path.is_dir():
        return path.stat().st_size
    below = (os.path.join(root, name) for root, _, names in os.walk(path) for name in names)  # noqa: PTH118
    statuses = (os.lstat(name) for name in itertools.islice(below, LIMITS.entries))
    return sum(status.st_size for status in statuses if stat.S_ISREG(status.st_mode))


def _before(path: Path, archive: zipfile.ZipFile) -> Iterator[str]:
    with path.open("rb") as file:
        if file.read(len(ZIP)) == ZIP:
            return
    count = min((member.header_offset for member in archive.infolist()), default=0)
    yield f"{count:,} bytes of other data precede the archive; Keras ignores them"


def _oddities(archive: zipfile.ZipFile) -> Iterator[str]:
    """Yield oddities in an archive's list. Its members are never unpacked to a disk."""
    names = archive.namelist()
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        yield f"it has more than one {twice[0]!r}; Keras uses the last"
    outside = [
        name
        for name in names
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")
    ]
    if outside:
        yield f"the name of a member leads out of the folder it is unpacked to: {outside[0]!r}"
    if any(stat.S_ISLNK(member.external_attr >> 16) for member in archive.infolist()):
        yield "it contains a symbolic link"


def _warnings(stored: Stored, size: int) -> Iterator[str]:
    """Yield warnings about a file."""
    if stored.repeated:
        key = words(stored.repeated[0])
        yield f"its JSON has the key {key!r} twice in one object; Keras uses the last"
    if stored.elsewhere:
        name = words(stored.elsewhere[0])
        yield f"the numbers of the array {name!r} are in another file, which is not read"
    if stored.weights.bytes > ABSURD * size:
        yield f"it claims {stored.weights.bytes:,} bytes of weights, many times its own size"


def _saved_model(path: Path, *, digest: bool) -> Contents:
    if not (path / "saved_model.pb").is_file():
        raise UsageError(
            f"{path}: is a SavedModel written as text", hint="only saved_model.pb can be read"
        )
    try:
        saved = read_saved_model(path)
    except NotPlain as error:
        raise refusal(path, error) from None
    fault = find_fault(path)
    metadata = saved.metadata if isinstance(saved.metadata, Mapping) else {}
    keras = metadata.get("keras_version")
    recorded = [
        name for name, value in (("tensorflow", saved.tensorflow), ("keras", keras)) if value
    ]
    writer = Writer(
        keras=keras,
        keras_major=_major(keras),
        tensorflow=saved.tensorflow,
        backend=metadata.get("backend"),
        recorded=tuple(recorded),
    )
    notes = [] if metadata else ["it has no Keras metadata: it can only predict"]
    if digest:
        notes.append("no digest is computed for the weights of a SavedModel")
    if fault:
        notes.append(f"{fault}: all other commands refuse the folder")
    weights = Weights(arrays=saved.variables, parameters=saved.parameters, bytes=saved.bytes)
    return Contents(
        path,
        "saved-model",
        writer=writer,
        config=metadata if "config" in metadata else None,
        training=metadata.get("training_config"),
        stored=(
            stored := Stored(weights=weights, repeated=saved.repeated, optimizer_arrays=saved.slots)
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
            # Through JSON, because YAML can have keys that are not texts, and aliases.
            content = yaml.load(text, LOADER)  # noqa: S506 - a safe loader, in C if there is one
            config = json.loads(json.dumps(content, default=str))
        except RecursionError:
            raise ValueError("its YAML is nested too deeply") from None
    if not isinstance(config, Mapping):
        raise TypeError("it does not describe a model")
    writer = _writer(config.get("keras_version"), config.get("backend"))
    notes = _warnings(Stored(repeated=tuple(sorted(repeated))), size_of(path))
    return Contents(path, kind, writer=writer, config=config, notes=("it holds no weights", *notes))


def _writer(
    keras: object, backend: object, *, date: object = None, keras_3_layout: bool = False
) -> Writer:
    """Return the writer of a file that names the version ``keras``, with deduced fields."""
    recorded = {"keras": keras, "backend": backend, "date": date}
    texts = {name: words(value) for name, value in recorded.items() if value is not None}
    if "keras" not in texts:
        layout = "the layout of its groups, as in Keras 3" if keras_3_layout else None
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
    """Return the TensorFlow, or the range of them, that has this Keras, if known."""
    for known in known_writers():
        if known["keras"] == keras:
            return str(known["tensorflow"])
    key = minor_of(keras)
    if KERAS_IS_TENSORFLOW <= key < (KERAS_3,):
        return f"{key[0]}.{key[1]}"
    return None


@cache
def known_writers() -> tuple[Mapping[str, str], ...]:
    """Return the Keras versions that releases of TensorFlow write into files."""
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
    """Return how many bytes of memory a seekable member needs."""
    member = archive.getinfo(name)
    return 0 if member.compress_type == zipfile.ZIP_STORED else member.file_size


def _seekable(archive: zipfile.ZipFile, name: str) -> BinaryIO:
    """Return a member as a seekable file; a compressed one is unpacked first."""
    member = archive.open(name)
    if archive.getinfo(name).compress_type == zipfile.ZIP_STORED:
        return cast("BinaryIO", member)
    with member:
        return io.BytesIO(member.read(LARGEST_UNPACKED))
