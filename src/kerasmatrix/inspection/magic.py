"""What files are that are no Keras models, by their content: how each is known, and what to do.

Data, and functions of a file's first bytes. The first entry that fits counts, so what is told
more surely comes first. Sources are the formats' own descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Generic, NamedTuple, TypeVar

__all__ = ["ARCHIVES", "FILES", "FOLDERS", "OBJECTS", "Kind", "find"]

RESAVE = "save the model with model.save() where it can be loaded"
ORIGINAL = "it has no Keras architecture any more: take the model it was made from"
NO_MODEL = "it holds no model"
OTHER_FRAMEWORK = "Keras does not read it: take the Keras model, if there is one"
UNPACK = "unpack it first, and name what is in it"
NOT_OPENED = f"it is not opened, since that would run what is in it: {RESAVE}"
CHECKPOINT = "a checkpoint holds weights: load it into the model that wrote it, and save that"
DOWNLOAD = "the download went wrong: fetch the file itself"


Seen = TypeVar("Seen")


class Kind(NamedTuple, Generic[Seen]):
    """Something that is no Keras model: how it is known by what is seen of it, and what to do.

    Seen are the first bytes of a file, or the names of what an archive, folder or object holds.
    """

    known_by: Callable[[Seen], bool]
    what: str
    advice: str


def _at(place: int, *signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: any(head.startswith(each, place) for each in signatures)


def _text(pattern: bytes) -> Callable[[bytes], bool]:
    """Whether a text, after a mark of its encoding and white space, begins so."""
    begins = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:" + pattern + rb")", re.IGNORECASE)
    return lambda head: begins.match(head) is not None


def _is_binary_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}


def _is_old_pickle(head: bytes) -> bool:
    """Whether it begins as protocols 0 and 1 do: a container, or a global by module and name."""
    if re.match(rb"c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n", head):
        return True
    return (
        re.match(rb"\(?(?:[dl]p\d+\n|i[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n|[\]}]q.)", head) is not None
    )


def _is_onnx(head: bytes) -> bool:
    """Whether it begins with a ModelProto's version and its producer's name (onnx.proto).

    A Core ML model has a message in the place of the name.
    """
    if head[:1] != b"\x08" or not b"\x01" < head[1:2] < b"\x20":
        return False
    return head[2:3] in {b"\x1a", b"\x3a", b"\x42"} or (
        head[2:3] == b"\x12" and head[4:5] > b"\x1f"
    )


def _first_message(head: bytes) -> bytes:
    """Return what is in the first field where it is a message of number 1, else nothing."""
    begins = re.match(rb"\x0a[\x80-\xff]{0,4}[\x00-\x7f]", head)
    return head[begins.end() :] if begins else b""


def _is_meta_graph(head: bytes) -> bool:
    """Whether it begins with a MetaInfoDef that has a list of operations (meta_graph.proto)."""
    return _first_message(head)[:1] == b"\x12"


def _is_frozen_graph(head: bytes) -> bool:
    """Whether it begins with a NodeDef that has a name and an operation (node_def.proto)."""
    begins = re.match(rb"\x0a([\x80-\xff]?)([\x00-\x7f])", node := _first_message(head))
    if begins is None:
        return False
    low, high = begins.groups()
    length = (low[0] & 0x7F) + (high[0] << 7) if low else high[0]
    name = node[begins.end() : begins.end() + length]
    return name.isascii() and node[begins.end() + length :][:1] == b"\x12"


def _is_safetensors(head: bytes) -> bool:
    """Whether it begins with the length of a JSON header, and the header."""
    return head[5:8] == b"\x00\x00\x00" and head[8:10] in {b'{"', b"{}", b"{ "}


# By the first bytes of a file; `find` is given at least 16 KB of them, where there are as many.
FILES: tuple[Kind[bytes], ...] = (
    Kind(lambda head: not head, "an empty file", "it was not written to its end: copy it again"),
    Kind(
        _at(0, b"version https://git-lfs", b"version https://hawser"),
        "a Git LFS pointer, not the file it stands for",
        "fetch the file itself: git lfs pull",
    ),
    Kind(
        _at(0, b"oid sha256:", b"# xet version"),
        "a pointer to a file that is stored elsewhere",
        "fetch the file itself",
    ),
    Kind(_at(0, b"\x93NUMPY"), "a NumPy array", "it holds numbers and no model"),
    Kind(_at(4, b"TFL3"), "a TensorFlow Lite model", ORIGINAL),
    Kind(_at(0, b"GGUF"), "a GGUF file", OTHER_FRAMEWORK),
    Kind(_is_safetensors, "a safetensors file: weights and no architecture", OTHER_FRAMEWORK),
    Kind(
        _at(0, b"\x1f\x8b", b"\x1f\x9d"),
        "compressed by gzip",
        "unpack it first: gunzip, or tar -xzf",
    ),
    Kind(_at(0, b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"), "compressed by zlib", "unpack it first"),
    Kind(_at(0, b"BZh"), "compressed by bzip2", "unpack it first: bunzip2"),
    Kind(_at(0, b"\xfd7zXZ\x00"), "compressed by xz", "unpack it first: unxz"),
    Kind(_at(0, b"\x28\xb5\x2f\xfd"), "compressed by zstd", "unpack it first: unzstd"),
    Kind(_at(0, b"\x04\x22\x4d\x18"), "compressed by lz4", "unpack it first: unlz4"),
    Kind(_at(0, b"7z\xbc\xaf\x27\x1c"), "a 7z archive", UNPACK),
    Kind(_at(0, b"Rar!\x1a\x07"), "a rar archive", UNPACK),
    Kind(_at(257, b"ustar"), "a tar archive", UNPACK),
    Kind(_at(0, b"\x0e\x03\x13\x01"), "an HDF4 file", "Keras reads and writes HDF5 only"),
    Kind(_at(0, b"CDF\x01", b"CDF\x02"), "a netCDF file", NO_MODEL),
    Kind(_at(0, b"MATLAB 5.0 MAT-file"), "a MATLAB file", NO_MODEL),
    Kind(_at(0, b"SQLite format 3\x00"), "an SQLite database", NO_MODEL),
    Kind(_at(0, b"PAR1"), "a Parquet file", NO_MODEL),
    Kind(_at(0, b"ARROW1\x00\x00", b"FEA1"), "an Arrow file", NO_MODEL),
    Kind(_at(0, b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a"), "a picture", NO_MODEL),
    Kind(_at(0, b"%PDF-"), "a PDF document", NO_MODEL),
    Kind(_at(0, b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe"), "a program", NO_MODEL),
    Kind(
        # A table's first entry: no key, and a BundleHeaderProto (tensor_bundle.proto).
        _at(0, b"\x00\x00\x06\x08", b"\x00\x00\x04\x08", b"\x00\x00\x08\x08"),
        "the index of a TensorFlow checkpoint",
        CHECKPOINT,
    ),
    # A SavedModel's schema version and its first graph (saved_model.proto).
    Kind(_at(0, b"\x08\x01\x12"), "the graph of a SavedModel", "name the folder that it is in"),
    Kind(_is_onnx, "an ONNX model", ORIGINAL),
    Kind(
        lambda head: head[:1] == b"\x08" and head[2:3] == b"\x12" and head[4:5] == b"\x0a",
        "a Core ML model",
        ORIGINAL,
    ),
    Kind(
        _is_meta_graph,
        "the meta graph of a TensorFlow 1 checkpoint",
        "restore the checkpoint with TensorFlow, and save the model with model.save()",
    ),
    Kind(_is_frozen_graph, "a TensorFlow graph (a frozen .pb)", ORIGINAL),
    Kind(
        _at(0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9"),
        "a PyTorch file, which is a Python pickle",
        NOT_OPENED,
    ),
    Kind(_is_binary_pickle, "a Python pickle", NOT_OPENED),
    Kind(_is_old_pickle, "a Python pickle", NOT_OPENED),
    Kind(
        _text(rb"model_checkpoint_path\s*:"),
        "the list of a folder's TensorFlow checkpoints",
        CHECKPOINT,
    ),
    Kind(
        _text(rb"node\s*\{|meta_info_def\s*\{|versions\s*\{"),
        "a TensorFlow graph as text (.pbtxt)",
        ORIGINAL,
    ),
    Kind(_text(rb"<!doctype html|<html|<head"), "an HTML page", DOWNLOAD),
    Kind(_text(rb"<\?xml[^>]*>\s*<net[ >]|<net "), "an OpenVINO model", ORIGINAL),
    Kind(_text(rb"<\?xml|<error>"), "an XML document", DOWNLOAD),
)


def _has(*names: str) -> Callable[[Collection[str]], bool]:
    return lambda members: all(name in members for name in names)


def _ends(*endings: str) -> Callable[[Collection[str]], bool]:
    return lambda members: any(name.endswith(endings) for name in members)


# By the names of an archive's members.
ARCHIVES: tuple[Kind[Collection[str]], ...] = (
    Kind(
        _ends("saved_model.pb", "saved_model.pbtxt"),
        "a zipped SavedModel",
        "unpack it and name the folder",
    ),
    Kind(_ends("data.pkl"), "a PyTorch file", OTHER_FRAMEWORK),
    Kind(_ends(".npy"), "a NumPy archive", "it holds numbers and no model"),
    Kind(_ends(".h5", ".hdf5", ".keras"), "a zip archive with a model in it", UNPACK),
    Kind(_has("META-INF/MANIFEST.MF"), "a Java archive", NO_MODEL),
    Kind(_has("[Content_Types].xml"), "an office document", NO_MODEL),
)

# By the names of what is in a folder, at its top.
FOLDERS: tuple[Kind[Collection[str]], ...] = (
    Kind(
        _has("config.json", "metadata.json"),
        "a Keras archive that was unpacked",
        "zip what is in it again, without compression: zip -0 -r ../model.keras .",
    ),
    Kind(
        lambda names: "model.json" in names and _ends(".bin")(names),
        "a model for TensorFlow.js",
        "convert it with tensorflowjs_converter --input_format=tfjs_layers_model",
    ),
    Kind(
        lambda names: "checkpoint" in names or _ends(".index")(names),
        "a TensorFlow checkpoint: weights and no architecture",
        "load it into the model that wrote it, and save that with model.save()",
    ),
    Kind(
        lambda names: "config.json" in names and _ends(".h5", ".bin", ".safetensors")(names),
        "a folder of Hugging Face Transformers",
        "name the Keras file in it, if it holds one",
    ),
    Kind(lambda names: "Manifest.json" in names and "Data" in names, "a Core ML package", ORIGINAL),
)

# By the keys of a JSON object, of what is no architecture.
OBJECTS: tuple[Kind[Collection[str]], ...] = (
    Kind(_has("nbformat"), "a Jupyter notebook", NO_MODEL),
    Kind(
        lambda keys: "modelTopology" in keys or "weightsManifest" in keys,
        "the JSON of a model for TensorFlow.js",
        "convert it with tensorflowjs_converter --input_format=tfjs_layers_model",
    ),
    Kind(
        lambda keys: "architectures" in keys or "model_type" in keys,
        "a config of Hugging Face Transformers",
        "name the Keras file beside it, if there is one",
    ),
    Kind(
        _has("keras_version", "date_saved"),
        "the metadata of a Keras archive",
        "name the archive that it was in",
    ),
)


def find(kinds: Iterable[Kind[Seen]], seen: Seen) -> Kind[Seen] | None:
    """Return the first of ``kinds`` that something is, of which this is ``seen``."""
    return next((kind for kind in kinds if kind.known_by(seen)), None)
