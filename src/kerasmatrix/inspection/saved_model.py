"""Reads a SavedModel's protobufs without TensorFlow: only the fields that describe it.

The field numbers are those of TensorFlow's definitions (saved_model.proto, meta_graph.proto,
saved_object_graph.proto, saved_metadata.proto), which never change once released.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasmatrix.filesystem.plain_files import open_plain
from kerasmatrix.inspection.checkpoint import ITEM_BYTES
from kerasmatrix.inspection.hazards import ACTING_OPERATIONS
from kerasmatrix.inspection.strict_json import read_json
from kerasmatrix.inspection.wire import Buffer, Malformed, messages, numbers

__all__ = ["META_GRAPHS", "SavedModel", "read_part", "read_saved_model"]

# SavedModel
META_GRAPHS = 2
# MetaGraphDef
META_INFO, GRAPH, ASSETS, OBJECT_GRAPH = 1, 2, 6, 7
# AssetFileDef
FILENAME = 2
# Of GraphDef, FunctionDefLibrary, FunctionDef and NodeDef: graph, function and node_def.proto
GRAPH_NODES, LIBRARY, FUNCTIONS, FUNCTION_NODES, OPERATION = 1, 2, 1, 3, 2
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
MODELS = {"_tf_keras_model", "_tf_keras_network", "_tf_keras_sequential"}
MUST_RESTORE = re.compile(r'"must_restore_from_config":\s*true')
MENTIONS = re.compile("|".join(ACTING_OPERATIONS).encode())
LARGEST = 256 << 20  # bytes; graphs of real models are smaller
MOST_NUMBERS = 1 << 62


@dataclass(frozen=True)
class SavedModel:
    """The content of a SavedModel.

    Attributes:
        metadata: Keras's description of the model, or None.
        slots: the number of an optimizer's slot variables.
        repeated: keys that an object of the metadata has twice.
        must_restore: the classes of layers that are made from their configs only.
        operations: those of ``ACTING_OPERATIONS`` that its graph has.
        assets: names of asset files that lead out of its folder.
    """

    tensorflow: str | None
    metadata: Any
    variables: int
    parameters: int
    bytes: int
    slots: int = 0
    repeated: tuple[str, ...] = ()
    must_restore: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()


def read_saved_model(folder: Path) -> SavedModel:
    """Return the content of the SavedModel in ``folder``.

    Raises:
        Malformed: a file of it is damaged.
        NotPlain: a file of it is a link, a device or a pipe, or cannot be read.
    """
    graph = next(messages(read_part(folder / "saved_model.pb"), META_GRAPHS), b"")
    info = next(messages(graph, META_INFO), b"")
    objects = next(messages(graph, OBJECT_GRAPH), b"")
    version = next(messages(info, TENSORFLOW_VERSION), None)
    nodes = list(messages(objects, NODES))
    sizes = [_size(variable) for variable in _variables(nodes)]
    repeated: set[str] = set()
    metadata, must_restore = _metadata(folder, objects, repeated)
    return SavedModel(
        tensorflow=bytes(version).decode("utf-8", "replace") if version else None,
        metadata=metadata,
        must_restore=tuple(sorted(must_restore)),
        variables=len(sizes),
        parameters=sum(count for count, _ in sizes),
        bytes=sum(count * width for count, width in sizes),
        slots=sum(1 for _ in _slots(nodes)),
        repeated=tuple(sorted(repeated)),
        operations=tuple(sorted(_acting_operations(graph))),
        assets=tuple(name for name in _names(graph) if _leads_out(name)),
    )


def _acting_operations(graph: Buffer) -> set[str]:
    """Return the operations of a graph and its functions that reach beyond the model.

    Most graphs do not even mention one. Only the others are parsed, which takes seconds for each
    hundred thousand operations.
    """
    if not MENTIONS.search(graph):
        return set()
    parts = list(messages(graph, GRAPH))
    nodes = [node for part in parts for node in messages(part, GRAPH_NODES)]
    libraries = (library for part in parts for library in messages(part, LIBRARY))
    functions = (function for library in libraries for function in messages(library, FUNCTIONS))
    nodes += (node for function in functions for node in messages(function, FUNCTION_NODES))
    mentioning = (node for node in nodes if MENTIONS.search(node))
    return {_text(node, OPERATION) for node in mentioning} & ACTING_OPERATIONS.keys()


def _names(graph: Buffer) -> Iterator[str]:
    yield from (_text(asset, FILENAME) for asset in messages(graph, ASSETS))


def _leads_out(name: str) -> bool:
    return name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/")


def _metadata(folder: Path, objects: Buffer, repeated: set[str]) -> tuple[Any, set[str]]:
    """Return Keras's metadata of the model, and the classes of layers that a program must bring.

    It is in a file of its own since 2.5, before that in the graph. Keras 2 revives a layer of an
    unknown class, unless its metadata says that it must be made from its config
    (``_revive_layer_or_model_from_config`` in saved_model/load.py).
    """
    place = folder / "keras_metadata.pb"
    if os.path.lexists(place):
        entries = (
            (_text(node, KERAS_IDENTIFIER), _text(node, KERAS_METADATA))
            for node in messages(read_part(place), NODES)
        )
    else:
        entries = (
            (_text(user, IDENTIFIER), _text(user, METADATA))
            for node in messages(objects, NODES)
            for user in messages(node, USER_OBJECT)
        )
    model, must_restore = None, set()
    for kind, metadata in entries:
        if model is None and kind in MODELS and metadata:
            model = _json(metadata, repeated)
        elif MUST_RESTORE.search(metadata):
            layer = _json(metadata, set())
            name = layer.get("class_name") if isinstance(layer, Mapping) else None
            must_restore.add(name if isinstance(name, str) else "")
    return model, must_restore - {""}


def _json(text: str, repeated: set[str]) -> Any:  # noqa: ANN401 - JSON
    try:
        return read_json(text, repeated)
    except ValueError as error:
        raise Malformed(f"its metadata is not JSON: {error}") from None


def _variables(nodes: list[Buffer]) -> Iterator[Buffer]:
    """Yield the model's own variables, which the root tracks as ``variables``.

    The graph also has those of the optimizer and of metrics, and copies.
    """
    for place in _child(nodes, 0, "variables"):
        for member in _children(nodes, place):
            # Keras 3 wraps its variables.
            for holder in (member, *_child(nodes, member, "_value")):
                yield from messages(nodes[holder], VARIABLE)


def _slots(nodes: list[Buffer]) -> Iterator[object]:
    """Yield the slot variables of an optimizer, which are marked as such or in a list.

    The list of TensorFlow 2.11 and later starts with the number of steps and the learning rate.
    """
    for node in nodes:
        yield from messages(node, SLOTS)
    for optimizer in _child(nodes, 0, "optimizer"):
        for variables in _child(nodes, optimizer, "_variables"):
            yield from list(_children(nodes, variables))[STEPS_AND_RATE:]


def _child(nodes: list[Buffer], parent: int, name: str) -> Iterator[int]:
    return _children(nodes, parent, name.encode())


def _children(nodes: list[Buffer], parent: int, name: bytes | None = None) -> Iterator[int]:
    """Yield the indices of the children of ``parent``, all or those with a name."""
    if parent >= len(nodes):
        return
    for reference in messages(nodes[parent], CHILDREN):
        if name is None or next(messages(reference, LOCAL_NAME), b"") == name:
            place = next(numbers(reference, NODE_ID), 0)
            if place < len(nodes):
                yield place


def _size(variable: Buffer) -> tuple[int, int]:
    """Return the count of numbers in a variable, and the bytes of each."""
    count = 1
    for shape in messages(variable, SHAPE):
        for dim in messages(shape, DIM):
            count *= next(numbers(dim, DIM_SIZE), 0)
            if count > MOST_NUMBERS:
                raise Malformed("a variable claims more numbers than there can be")
    return count, ITEM_BYTES.get(next(numbers(variable, DTYPE), 0), 0)


def read_part(path: Path) -> Buffer:
    """Return the content of a file of the folder; links, devices and pipes are refused."""
    with os.fdopen(open_plain(path), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST:
            raise Malformed(f"{path.name} is larger than {LARGEST >> 20} MB")
        return memoryview(file.read(LARGEST))


def _text(message: Buffer, field: int) -> str:
    return bytes(next(messages(message, field), b"")).decode("utf-8", "replace")
