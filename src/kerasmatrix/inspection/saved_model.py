"""Reads a SavedModel's protobufs without TensorFlow: the few fields that tell what it is.

The numbers are those of TensorFlow's own definitions (saved_model.proto, meta_graph.proto,
saved_object_graph.proto, saved_metadata.proto), which never change once released.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasmatrix.filesystem.plain_files import open_plain
from kerasmatrix.inspection.strict_json import read_json

__all__ = ["Malformed", "SavedModel", "read_saved_model"]

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
# SavedModel
META_GRAPHS = 2
# MetaGraphDef
META_INFO, OBJECT_GRAPH = 1, 7
# MetaInfoDef
TENSORFLOW_VERSION = 5
# SavedObjectGraph, SavedObject, SavedUserObject
NODES, USER_OBJECT, VARIABLE = 1, 4, 7
IDENTIFIER, METADATA = 1, 3
# SavedObject and its ObjectReference (trackable_object_graph.proto)
CHILDREN, NODE_ID, LOCAL_NAME = 1, 1, 2
SLOTS = 3
STEPS_AND_RATE = 2
# SavedVariable, TensorShapeProto and its Dim
DTYPE, SHAPE, DIM, DIM_SIZE = 1, 2, 2, 1
# SavedMetadata of keras_metadata.pb
KERAS_IDENTIFIER, KERAS_METADATA = 4, 5
# DataType (types.proto), in bytes
ITEM_BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}
MODELS = {"_tf_keras_model", "_tf_keras_network", "_tf_keras_sequential"}
MORE = 0x80  # set in every byte of a number but the last
LONGEST_SHIFT = 63
LARGEST = 256 << 20  # bytes; a protobuf may have more, but hardly the graph of a model
MOST_NUMBERS = 1 << 62


Buffer = bytes | memoryview


class Malformed(ValueError):
    """The bytes are no such message."""


@dataclass(frozen=True)
class SavedModel:
    """What a SavedModel says. ``metadata`` is Keras's own of the model, None if it has none.

    ``repeated`` are keys that stand twice in one object of it.
    ``slots`` are the variables that an optimizer of Keras 2 keeps beside the model's.
    """

    tensorflow: str | None
    metadata: Any
    variables: int
    parameters: int
    bytes: int
    slots: int = 0
    repeated: tuple[str, ...] = ()


def read_saved_model(folder: Path) -> SavedModel:
    """Return what the SavedModel in ``folder`` says.

    Raises:
        Malformed: a file of it is damaged.
        NotPlain: a file of it is a link, a device or a pipe, or cannot be read.
    """
    graph = next(_messages(_read(folder / "saved_model.pb"), META_GRAPHS), b"")
    info = next(_messages(graph, META_INFO), b"")
    objects = next(_messages(graph, OBJECT_GRAPH), b"")
    version = next(_messages(info, TENSORFLOW_VERSION), None)
    nodes = list(_messages(objects, NODES))
    sizes = [_size(variable) for variable in _variables(nodes)]
    repeated: set[str] = set()
    return SavedModel(
        tensorflow=bytes(version).decode("utf-8", "replace") if version else None,
        metadata=_metadata(folder, objects, repeated),
        variables=len(sizes),
        parameters=sum(count for count, _ in sizes),
        bytes=sum(count * width for count, width in sizes),
        slots=sum(1 for _ in _slots(nodes)),
        repeated=tuple(sorted(repeated)),
    )


def _metadata(folder: Path, objects: Buffer, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    """Return what Keras noted of the model: in a file of its own since 2.5, before in the graph."""
    place = folder / "keras_metadata.pb"
    if os.path.lexists(place):
        told = (
            (_text(node, KERAS_IDENTIFIER), _text(node, KERAS_METADATA))
            for node in _messages(_read(place), NODES)
        )
    else:
        told = (
            (_text(user, IDENTIFIER), _text(user, METADATA))
            for node in _messages(objects, NODES)
            for user in _messages(node, USER_OBJECT)
        )
    text = next((metadata for kind, metadata in told if kind in MODELS and metadata), None)
    if text is None:
        return None
    try:
        return read_json(text, repeated)
    except ValueError as error:
        raise Malformed(f"its metadata is no JSON: {error}") from None


def _variables(nodes: list[Buffer]) -> Iterator[Buffer]:
    """Yield the model's own variables: what the root tracks as ``variables``.

    The graph has more: those of the optimizer and of metrics, and copies of its own.
    """
    for place in _child(nodes, 0, "variables"):
        for member in _children(nodes, place):
            # Keras 3 wraps its variables.
            for holder in (member, *_child(nodes, member, "_value")):
                yield from _messages(nodes[holder], VARIABLE)


def _slots(nodes: list[Buffer]) -> Iterator[object]:
    """Yield what an optimizer keeps beside each variable: named as such, or in a list of its own.

    The list, of the generation of TensorFlow 2.11, begins with the count of steps and the rate.
    """
    for node in nodes:
        yield from _messages(node, SLOTS)
    for optimizer in _child(nodes, 0, "optimizer"):
        for held in _child(nodes, optimizer, "_variables"):
            yield from list(_children(nodes, held))[STEPS_AND_RATE:]


def _child(nodes: list[Buffer], parent: int, name: str) -> Iterator[int]:
    return _children(nodes, parent, name.encode())


def _children(nodes: list[Buffer], parent: int, name: bytes | None = None) -> Iterator[int]:
    """Yield the places of what ``parent`` tracks, all of it or what has a name."""
    if parent >= len(nodes):
        return
    for reference in _messages(nodes[parent], CHILDREN):
        if name is None or next(_messages(reference, LOCAL_NAME), b"") == name:
            place = next(_numbers(reference, NODE_ID), 0)
            if place < len(nodes):
                yield place


def _size(variable: Buffer) -> tuple[int, int]:
    """Return how many numbers a variable has and how many bytes each."""
    count = 1
    for shape in _messages(variable, SHAPE):
        for dim in _messages(shape, DIM):
            count *= next(_numbers(dim, DIM_SIZE), 0)
            if count > MOST_NUMBERS:
                raise Malformed("a variable claims more numbers than there can be")
    return count, ITEM_BYTES.get(next(_numbers(variable, DTYPE), 0), 0)


def _read(path: Path) -> Buffer:
    """Return what is in a file of the folder, which is no link, device or pipe."""
    with os.fdopen(open_plain(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise Malformed(f"{path.name} is larger than {LARGEST >> 20} MB")
        return memoryview(file.read(LARGEST))


def _text(message: Buffer, field: int) -> str:
    return bytes(next(_messages(message, field), b"")).decode("utf-8", "replace")


def _messages(message: Buffer, field: int) -> Iterator[Buffer]:
    for number, value in _fields(message):
        if number == field and not isinstance(value, int):
            yield value


def _numbers(message: Buffer, field: int) -> Iterator[int]:
    for number, value in _fields(message):
        if number == field and isinstance(value, int):
            yield value


def _fields(message: Buffer) -> Iterator[tuple[int, int | Buffer]]:
    """Yield (number, value) of each field: protobuf's wire format."""
    place = 0
    while place < len(message):
        tag, place = _varint(message, place)
        kind = tag & 7
        if kind == VARINT:
            value, place = _varint(message, place)
            yield tag >> 3, value
            continue
        if kind == BYTES:
            length, place = _varint(message, place)
        elif kind in {FIXED64, FIXED32}:
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed(f"a field of the unknown kind {kind}")
        if place + length > len(message):
            raise Malformed("it ends in the middle of a field")
        if kind == BYTES:
            yield tag >> 3, message[place : place + length]
        place += length


def _varint(message: Buffer, place: int) -> tuple[int, int]:
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
