"""Recognizes files that are not Keras models, by their magic bytes, and says what to do with them.

Data, and functions of a file's first bytes. Only types that people do pass as models are listed;
any other file is an unknown type. The first entry that matches counts. Sources are the formats' own
descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Generic, NamedTuple, TypeVar

from kerasmatrix.inspection.pickled import COMPRESSED

__all__ = ["ARCHIVES", "FILES", "FOLDERS", "OBJECTS", "ForeignType", "find", "is_pickle"]

ORIGINAL = "it no longer has a Keras architecture: use the model that it was exported from"
OTHER_FRAMEWORK = "Keras does not read it: use the Keras model, if there is one"
UNPACK = "unpack it first, and name the model in it"
NOT_OPENED = (
    "it is not opened, because that would run code in it: "
    "save the model with model.save() where it can be loaded"
)
CHECKPOINT = "a checkpoint holds weights: load it into the model that wrote it, and save that"
CONVERT_TFJS = "convert it with tensorflowjs_converter --input_format=tfjs_layers_model"

Evidence = TypeVar("Evidence")


class ForeignType(NamedTuple, Generic[Evidence]):
    """A type of file that is not a Keras model: how to recognize it, its name, and advice.

    The evidence is the first bytes of a file, or the names in an archive, folder or JSON object.
    """

    matches: Callable[[Evidence], bool]
    name: str
    advice: str


def _at(place: int, *magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: any(head.startswith(start, place) for start in magic)


def _text(pattern: bytes) -> Callable[[bytes], bool]:
    """Match the start of a text, after a byte order mark and white space."""
    start = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:" + pattern + rb")", re.IGNORECASE)
    return lambda head: start.match(head) is not None


def _any(*tests: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    return lambda head: any(test(head) for test in tests)


def _is_binary_pickle(head: bytes) -> bool:
    return head[:1] == b"\x80" and head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}


def _is_text_pickle(head: bytes) -> bool:
    """Return whether it starts like protocols 0 and 1: a container, or a global by its name."""
    if re.match(rb"c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n", head):
        return True
    return (
        re.match(rb"\(?(?:[dl]p\d+\n|i[A-Za-z_][\w.]*\n[A-Za-z_]\w*\n|[\]}]q.)", head) is not None
    )


def _is_onnx(head: bytes) -> bool:
    """Return whether it starts with a ModelProto's version and its producer's name (onnx.proto).

    A Core ML model has a message in place of the name.
    """
    if head[:1] != b"\x08" or not b"\x01" < head[1:2] < b"\x20":
        return False
    return head[2:3] in {b"\x1a", b"\x3a", b"\x42"} or (
        head[2:3] == b"\x12" and head[4:5] > b"\x1f"
    )


def _first_message(head: bytes) -> bytes:
    """Return the content of the first field if it is a message with number 1, else nothing."""
    field = re.match(rb"\x0a[\x80-\xff]{0,4}[\x00-\x7f]", head)
    return head[field.end() :] if field else b""


def _is_meta_graph(head: bytes) -> bool:
    """Return whether it starts with a MetaInfoDef with a list of operations (meta_graph.proto)."""
    return _first_message(head)[:1] == b"\x12"


def _is_frozen_graph(head: bytes) -> bool:
    """Return whether it starts with a NodeDef with a name and an operation (node_def.proto)."""
    field = re.match(rb"\x0a([\x80-\xff]?)([\x00-\x7f])", node := _first_message(head))
    if field is None:
        return False
    low, high = field.groups()
    length = (low[0] & 0x7F) + (high[0] << 7) if low else high[0]
    name = node[field.end() : field.end() + length]
    return name.isascii() and node[field.end() + length :][:1] == b"\x12"


def _is_safetensors(head: bytes) -> bool:
    """Return whether it starts with the length of a JSON header, and the header."""
    return head[5:8] == b"\x00\x00\x00" and head[8:10] in {b'{"', b"{}", b"{ "}


def is_pickle(head: bytes) -> bool:
    """Return whether it starts like a pickle, or like one that joblib compressed."""
    return _is_binary_pickle(head) or _is_text_pickle(head) or head.startswith(COMPRESSED)


# By the first bytes of a file; `find` gets at least 16 KB of them, if there are as many.
FILES: tuple[ForeignType[bytes], ...] = (
    ForeignType(lambda head: not head, "an empty file", "it was cut off: copy it again"),
    ForeignType(
        _at(0, b"version https://git-lfs", b"oid sha256:", b"# xet version"),
        "a pointer to a file that is stored elsewhere",
        "fetch the file itself, for example with git lfs pull",
    ),
    ForeignType(_at(0, b"\x93NUMPY"), "a NumPy array", "it holds numbers and not a model"),
    ForeignType(_at(4, b"TFL3"), "a TensorFlow Lite model", ORIGINAL),
    ForeignType(
        _is_safetensors, "a safetensors file: weights without an architecture", OTHER_FRAMEWORK
    ),
    ForeignType(
        # gzip, zlib (also joblib), bzip2, xz, zstd and tar
        _any(
            _at(0, b"\x1f\x8b", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda", b"BZh", b"\xfd7zXZ\x00"),
            _at(0, b"\x28\xb5\x2f\xfd"),
            _at(257, b"ustar"),
        ),
        "a compressed file or archive",
        UNPACK,
    ),
    ForeignType(
        # A table's first entry: no key, and a BundleHeaderProto (tensor_bundle.proto).
        _any(
            _at(0, b"\x00\x00\x06\x08", b"\x00\x00\x04\x08", b"\x00\x00\x08\x08"),
            _text(rb"model_checkpoint_path\s*:"),
        ),
        "part of a TensorFlow checkpoint",
        CHECKPOINT,
    ),
    # A SavedModel's schema version and its first graph (saved_model.proto).
    ForeignType(_at(0, b"\x08\x01\x12"), "the graph of a SavedModel", "name the folder it is in"),
    ForeignType(_is_onnx, "an ONNX model", ORIGINAL),
    ForeignType(
        _any(
            _is_meta_graph,
            _is_frozen_graph,
            _text(rb"node\s*\{|meta_info_def\s*\{|versions\s*\{"),
        ),
        "a TensorFlow graph (.pb, .meta or .pbtxt)",
        ORIGINAL,
    ),
    ForeignType(
        _at(0, b"\x80\x02\x8a\x0al\xfc\x9cF\xf9"),
        "a PyTorch file, which is a Python pickle",
        NOT_OPENED,
    ),
    ForeignType(
        _any(_is_binary_pickle, _is_text_pickle),
        "a Python pickle without a Keras archive in it",
        NOT_OPENED,
    ),
    ForeignType(
        _text(rb"<!doctype html|<html|<head|<\?xml|<error>"),
        "a web page or an XML document",
        "the download went wrong: fetch the file itself",
    ),
)


def _has(*names: str) -> Callable[[Collection[str]], bool]:
    return lambda members: all(name in members for name in names)


def _ends(*endings: str) -> Callable[[Collection[str]], bool]:
    return lambda members: any(name.endswith(endings) for name in members)


# By the names of an archive's members.
ARCHIVES: tuple[ForeignType[Collection[str]], ...] = (
    ForeignType(_ends("saved_model.pb", "saved_model.pbtxt"), "a zipped SavedModel", UNPACK),
    ForeignType(_ends("data.pkl"), "a PyTorch file", OTHER_FRAMEWORK),
    ForeignType(_ends(".npy"), "a NumPy archive", "it holds numbers and not a model"),
    ForeignType(_ends(".h5", ".hdf5", ".keras"), "a zip archive with a model in it", UNPACK),
)

# By the names at the top of a folder.
FOLDERS: tuple[ForeignType[Collection[str]], ...] = (
    ForeignType(
        lambda names: "model.json" in names and _ends(".bin")(names),
        "a TensorFlow.js model",
        CONVERT_TFJS,
    ),
    ForeignType(
        lambda names: "checkpoint" in names or _ends(".index")(names),
        "a TensorFlow checkpoint: weights without an architecture",
        CHECKPOINT,
    ),
    ForeignType(
        lambda names: "config.json" in names and _ends(".h5", ".bin", ".safetensors")(names),
        "a folder of Hugging Face Transformers",
        "name the Keras file in it, if it holds one",
    ),
)

# By the keys of a JSON object that is not an architecture.
OBJECTS: tuple[ForeignType[Collection[str]], ...] = (
    ForeignType(
        lambda keys: "modelTopology" in keys or "weightsManifest" in keys,
        "the JSON of a TensorFlow.js model",
        CONVERT_TFJS,
    ),
)


def find(
    types: Iterable[ForeignType[Evidence]], evidence: Evidence
) -> ForeignType[Evidence] | None:
    """Return the first of ``types`` that matches ``evidence``."""
    return next((kind for kind in types if kind.matches(evidence)), None)
