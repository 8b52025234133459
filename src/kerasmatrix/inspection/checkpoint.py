"""Reads the index of a TensorFlow checkpoint without TensorFlow: names, shapes, types, places.

The index is a table of LevelDB (tensorflow/core/lib/io/format.cc, tsl/lib/io/block.cc) that maps
names to BundleEntryProto (tensorflow/core/protobuf/tensor_bundle.proto).
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kerasmatrix.filesystem.plain_files import open_plain
from kerasmatrix.inspection.wire import Buffer, Malformed, messages, numbers, varint

__all__ = [
    "INDEX",
    "ITEM_BYTES",
    "Variable",
    "data_files",
    "is_named",
    "is_optimizer",
    "is_weight",
    "latest_checkpoint",
    "read_checkpoint",
    "read_steps",
]

INDEX = ".index"
DATA = re.compile(r"\.data-(\d{5})-of-(\d{5})$")
LATEST = re.compile(r'^model_checkpoint_path\s*:\s*"([^"/\\]+)"', re.MULTILINE)
MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
FOOTER = 48
TRAILER = 5  # the type of compression and a checksum follow each block
LARGEST_INDEX = 64 << 20
MOST_ENTRIES = 200_000
# BundleEntryProto, TensorShapeProto and its Dim
DTYPE, SHAPE, SHARD, OFFSET, SIZE, DIM, DIM_SIZE = 1, 2, 3, 4, 5, 2, 1
MOST_NUMBERS = 1 << 62
# DataType (types.proto), in bytes
ITEM_BYTES = {1: 4, 2: 8, 3: 4, 4: 1, 5: 2, 6: 1, 9: 8, 10: 1, 14: 2, 17: 2, 19: 2, 22: 4, 23: 8}
INT64 = 9
ATTRIBUTE = "/.ATTRIBUTES/"
VALUE = f"{ATTRIBUTE}VARIABLE_VALUE"
OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
SLOT = "/.OPTIMIZER_SLOT/"
OPTIMIZER = re.compile(r"^(optimizer|model/optimizer)/")
# The variables of the optimizers of TensorFlow 1 (tensorflow/python/training/*.py) in a checkpoint
# of tf.train.Saver, which has no objects.
NAMED_SLOT = re.compile(
    r"/(Adagrad|Adadelta|Adam|Ftrl|Momentum|RMSProp)(_\d+)?$|(^|/)beta[12]_power(_\d+)?$"
)
NAMED_STEPS = "global_step"
# The count of steps, in the generations of Keras 2's optimizers.
STEPS = re.compile(
    rf"^optimizer/(iter|_iterations|iterations|_variables/0){ATTRIBUTE}|^{NAMED_STEPS}$"
)
NOT_WEIGHTS = re.compile(
    rf"^(save_counter|keras_api/|.*/keras_api/metrics/|_CHECKPOINTABLE|{NAMED_STEPS}$)"
)


@dataclass(frozen=True)
class Variable:
    """A variable in a checkpoint: its type as in ``types.proto``, and where its numbers are."""

    name: str
    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int

    @property
    def count(self) -> int:
        """How many numbers it has."""
        total = 1
        for size in self.shape:
            total *= size
        return total


def read_checkpoint(prefix: Path) -> tuple[Variable, ...]:
    """Return the variables of the checkpoint with the files ``prefix.index``, ``prefix.data-…``.

    Raises:
        Malformed: the index is damaged.
        NotPlain: it is a link, a device or a pipe, or cannot be read.
    """
    with os.fdopen(open_plain(prefix.with_name(prefix.name + INDEX)), "rb") as file:
        if os.fstat(file.fileno()).st_size > LARGEST_INDEX:
            raise Malformed("its index is too large")
        table = memoryview(file.read(LARGEST_INDEX))
    if len(table) < FOOTER or bytes(table[-len(MAGIC) :]) != MAGIC:
        raise Malformed("its index is cut off")
    footer = table[-FOOTER:]
    _, place = varint(footer, 0)
    _, place = varint(footer, place)
    return tuple(
        _variable(name, entry)
        for _, handle in _entries(_block(table, footer[place:]))
        for name, entry in _entries(_block(table, handle))
        if name
    )


def data_files(prefix: Path, names: set[str]) -> list[str]:
    """Return those of ``names`` that hold the numbers of the checkpoint ``prefix``, in order."""
    start = prefix.name
    return sorted(
        name for name in names if name.startswith(start) and DATA.fullmatch(name[len(start) :])
    )


def latest_checkpoint(folder: Path, names: set[str]) -> Path | None:
    """Return the prefix of the newest checkpoint in a folder, by its file ``checkpoint``."""
    prefixes = sorted(name.removesuffix(INDEX) for name in names if name.endswith(INDEX))
    if "checkpoint" in names:
        with os.fdopen(open_plain(folder / "checkpoint"), "rb") as file:
            named = LATEST.search(file.read(1 << 16).decode("utf-8", "replace"))
        if named and named.group(1) in prefixes:
            return folder / named.group(1)
    return folder / prefixes[-1] if prefixes else None


def is_optimizer(variable: Variable) -> bool:
    """Whether it belongs to an optimizer."""
    if ATTRIBUTE not in variable.name:
        return NAMED_SLOT.search(variable.name) is not None
    return SLOT in variable.name or OPTIMIZER.match(variable.name) is not None


def is_weight(variable: Variable) -> bool:
    """Whether it is a weight of the model."""
    return (
        variable.dtype in ITEM_BYTES
        and (variable.name.endswith(VALUE) or ATTRIBUTE not in variable.name)
        and not is_optimizer(variable)
        and NOT_WEIGHTS.match(variable.name) is None
    )


def is_named(variables: Iterable[Variable]) -> bool:
    """Whether the variables of a checkpoint belong to no objects, as ``tf.train.Saver`` writes."""
    return all(variable.name != OBJECTS for variable in variables)


def read_steps(prefix: Path, variables: tuple[Variable, ...]) -> int:
    """Return the number of steps that the optimizer has made; 0 if it is unknown."""
    steps = next((item for item in variables if STEPS.match(item.name)), None)
    if steps is None or steps.dtype != INT64 or steps.shape or steps.size != ITEM_BYTES[INT64]:
        return 0
    shards = data_files(prefix, {entry.name for entry in prefix.parent.iterdir()})
    if steps.shard >= len(shards):
        return 0
    with os.fdopen(open_plain(prefix.with_name(shards[steps.shard])), "rb") as file:
        file.seek(min(steps.offset, MOST_NUMBERS))
        raw = file.read(steps.size)
    return max(0, struct.unpack("<q", raw)[0]) if len(raw) == steps.size else 0


def _block(table: Buffer, handle: Buffer) -> Buffer:
    offset, place = varint(handle, 0)
    size, _ = varint(handle, place)
    if offset + size + TRAILER > len(table):
        raise Malformed("its index points outside itself")
    if table[offset + size] != 0:
        raise Malformed("its index is compressed, which is not read")
    return table[offset : offset + size]


def _entries(block: Buffer) -> Iterator[tuple[str, Buffer]]:
    """Yield the entries of a block; a key has a prefix of the key before it."""
    if len(block) < struct.calcsize("<I"):
        raise Malformed("a block of its index is cut off")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    place, count, key = 0, 0, b""
    while place < end:
        shared, place = varint(block, place)
        own, place = varint(block, place)
        size, place = varint(block, place)
        if shared > len(key) or place + own + size > end:
            raise Malformed("an entry of its index is cut off")
        key = key[:shared] + bytes(block[place : place + own])
        place += own
        yield key.decode("utf-8", "replace"), block[place : place + size]
        place += size
        count += 1
        if count > MOST_ENTRIES:
            raise Malformed(f"it has more than {MOST_ENTRIES:,} variables")


def _variable(name: str, entry: Buffer) -> Variable:
    dims = tuple(
        next(numbers(dim, DIM_SIZE), 0)
        for shape in messages(entry, SHAPE)
        for dim in messages(shape, DIM)
    )
    variable = Variable(
        name=name,
        dtype=next(numbers(entry, DTYPE), 0),
        shape=dims,
        shard=next(numbers(entry, SHARD), 0),
        offset=next(numbers(entry, OFFSET), 0),
        size=next(numbers(entry, SIZE), 0),
    )
    if variable.count > MOST_NUMBERS:
        raise Malformed("a variable claims more numbers than there can be")
    return variable
