"""The functions of a SavedModel by what they compute: their names, numbers and order vary.

A function is written down from its outputs to its inputs: each operation with its attributes and
the numbers of those that it takes, which are numbered as they are reached. Operations on
which no output depends are left out, such as updates of variables.
(Fields: graph.proto, node_def.proto, attr_value.proto, function.proto, meta_graph.proto.)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.inspection.saved_model import META_GRAPHS, read_part
from kerasmatrix.inspection.wire import Buffer, Malformed, messages, numbers

__all__ = ["SavedFunctions", "Signature", "read_functions"]

# MetaGraphDef, GraphDef, FunctionDefLibrary; an entry of a map has a key and a value
GRAPH, SIGNATURES = 2, 5
NODES, LIBRARY, FUNCTIONS = 1, 2, 1
KEY, VALUE = 1, 2
# SignatureDef, TensorInfo, TensorShapeProto and its Dim
INPUTS, OUTPUTS, TENSOR, DTYPE, SHAPE, DIM, DIM_SIZE = 1, 2, 1, 2, 3, 2, 1
# FunctionDef, and the OpDef that is its signature
HEAD, BODY, RETURNS = 1, 3, 4
NAME, ARGUMENTS, RESULTS = 1, 2, 3
# NodeDef
OPERATION, TAKES, ATTRIBUTES = 2, 3, 5
# AttrValue and its ListValue: functions
LIST, FUNCTION, FUNCTIONS_OF_LIST = 1, 10, 9
# Attributes that only name something, or say how to run it; so do those that begin with "_".
WITHOUT_MEANING = {
    "container", "shared_name", "debug_name", "config", "config_proto", "executor_type",
}  # fmt: skip
# Every SavedModel has these two, for its variables in some order.
STORING = ("__inference__traced_save", "__inference__traced_restore")
DEEPEST = 100  # functions that call each other
# The numbers of types, as in types.proto.
TYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
}


class Computation(NamedTuple):
    """A digest of what is computed, and how many operations that takes."""

    digest: str
    operations: int


class Signature(NamedTuple):
    """A function that programs call by a name: its inputs and outputs, and what it computes."""

    interface: tuple[str, ...]
    computes: Computation


class SavedFunctions(NamedTuple):
    """The functions of a SavedModel: those with a name for programs, and all, each once."""

    signatures: Mapping[str, Signature]
    every: frozenset[Computation]


def read_functions(folder: Path) -> SavedFunctions:
    """Return the functions of the SavedModel in ``folder``.

    Raises:
        Malformed: it is damaged.
        NotPlain: it is a link, a device or a pipe, or cannot be read.
    """
    stored = next(messages(read_part(folder / "saved_model.pb"), META_GRAPHS), b"")
    graph = next(messages(stored, GRAPH), b"")
    library = _Library(_first(graph, LIBRARY))
    nodes = _by_name(messages(graph, NODES))
    signatures = {
        name: _signature(told, nodes, library)
        for name, told in _entries(stored, SIGNATURES)
        if not name.startswith("__")
    }
    names = (name for name in library.functions if not name.startswith(STORING))
    return SavedFunctions(signatures, frozenset(map(library.computation, names)))


def _signature(told: Buffer, nodes: Mapping[str, Buffer], library: _Library) -> Signature:
    inputs, outputs = sorted(_entries(told, INPUTS)), sorted(_entries(told, OUTPUTS))
    fed = {_text(tensor, TENSOR).partition(":")[0]: f"input {name}" for name, tensor in inputs}
    wanted = [_text(tensor, TENSOR) for _, tensor in outputs]
    return Signature(
        tuple(f"{name}: {_type(tensor)}" for name, tensor in (*inputs, *outputs)),
        library.computed(wanted, fed, nodes),
    )


def _type(tensor: Buffer) -> str:
    sizes = [next(numbers(dim, DIM_SIZE), 0) for dim in messages(_first(tensor, SHAPE), DIM)]
    shape = ", ".join("None" if size >> 63 else str(size) for size in sizes)  # -1 is unknown
    number = next(numbers(tensor, DTYPE), 0)
    return f"{TYPES.get(number, f'type {number}')} ({shape})"


@dataclass
class _Library:
    """The functions of a graph, by name."""

    held: Buffer
    functions: dict[str, Buffer] = field(init=False)
    _known: dict[str, Computation] = field(default_factory=dict)
    _depth: int = 0

    def __post_init__(self) -> None:
        self.functions = {
            _text(_first(each, HEAD), NAME): each for each in messages(self.held, FUNCTIONS)
        }

    def computation(self, name: str) -> Computation:
        """Return what a function computes."""
        if name not in self._known:
            if self._depth > DEEPEST:
                raise Malformed("its functions call each other without end")
            self._depth += 1
            self._known[name] = self._of_function(self.functions[name])
            self._depth -= 1
        return self._known[name]

    def _of_function(self, function: Buffer) -> Computation:
        head = _first(function, HEAD)
        arguments = [_text(each, NAME) for each in messages(head, ARGUMENTS)]
        returns = {name: bytes(value).decode() for name, value in _entries(function, RETURNS)}
        wanted = [returns.get(_text(each, NAME), "") for each in messages(head, RESULTS)]
        fed = {name: f"input {number}" for number, name in enumerate(arguments)}
        return self.computed(wanted, fed, _by_name(messages(function, BODY)))

    def computed(
        self, wanted: list[str], fed: Mapping[str, str], nodes: Mapping[str, Buffer]
    ) -> Computation:
        """Return the computation of ``wanted`` tensors.

        Args:
            wanted: as an operation names what it takes.
            fed: what is given, with a text for each.
            nodes: the operations.
        """
        order: dict[str, int] = {}
        to_do = [name.partition(":")[0] for name in reversed(wanted)]
        while to_do:
            name = to_do.pop()
            if name in order:
                continue
            order[name] = len(order)
            if name not in fed and name in nodes:
                to_do += [each.partition(":")[0] for each in reversed(_taken(nodes[name]))]

        def numbered(tensor: str) -> str:
            name, _, output = tensor.partition(":")
            return f"{order[name]}:{output or 0}"

        digest = hashlib.sha256(" ".join(map(numbered, wanted)).encode())
        count = 0
        for name in order:
            if name in fed or name not in nodes:
                digest.update(f"\n{fed.get(name, 'unknown')}".encode())
                continue
            node = nodes[name]
            inputs = " ".join(map(numbered, _taken(node)))
            digest.update(f"\n{inputs} = ".encode())
            count += self._add_operation(digest, node)
        return Computation(digest.hexdigest(), count)

    def _add_operation(self, digest: hashlib._Hash, node: Buffer) -> int:
        """Add an operation to a digest, and return how many it stands for."""
        called: list[Computation] = []
        operation = _text(node, OPERATION)
        if operation in self.functions:
            called.append(self.computation(operation))
            operation = called[0].digest
        digest.update(operation.encode())
        for key, value in sorted(_entries(node, ATTRIBUTES)):
            if key.startswith("_") or key in WITHOUT_MEANING:
                continue
            functions = list(self._functions_in(value))
            called += functions
            held = b" ".join(each.digest.encode() for each in functions) or bytes(value)
            digest.update(f" {key}=".encode() + held)
        return sum(each.operations for each in called) or 1

    def _functions_in(self, value: Buffer) -> Iterator[Computation]:
        for holder, place in ((value, FUNCTION), (_first(value, LIST), FUNCTIONS_OF_LIST)):
            for function in messages(holder, place):
                name = _text(function, NAME)
                if name in self.functions:
                    yield self.computation(name)


def _taken(node: Buffer) -> list[str]:
    """Return the tensors that an operation takes, without operations that only come before it."""
    names = (bytes(each).decode() for each in messages(node, TAKES))
    return [name for name in names if not name.startswith("^")]


def _by_name(nodes: Iterable[Buffer]) -> dict[str, Buffer]:
    return {_text(node, NAME): node for node in nodes}


def _entries(message: Buffer, place: int) -> Iterator[tuple[str, Buffer]]:
    """Yield the entries of a map."""
    for entry in messages(message, place):
        yield _text(entry, KEY), _first(entry, VALUE)


def _first(message: Buffer, place: int) -> Buffer:
    return next(messages(message, place), b"")


def _text(message: Buffer, place: int) -> str:
    return bytes(_first(message, place)).decode("utf-8", "replace")
