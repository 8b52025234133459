"""Finds the other half of a model next to it: weights for an architecture, or the reverse.

Whether weights fit is decided by the names of layers in HDF5 of Keras 1 and 2, by the order of
classes in the layout of Keras 3, and in both by the sizes that the architecture names.
"""

from __future__ import annotations

import itertools
import os
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasmatrix.inspection.architecture import inside
from kerasmatrix.inspection.architecture_file import NO_WEIGHTS, architecture_config
from kerasmatrix.inspection.checkpoint import INDEX
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.file_type import detect_file_type
from kerasmatrix.inspection.hdf5 import Stored
from kerasmatrix.inspection.weights_files import (
    read_checkpoint_files,
    read_hdf5_file,
    read_shards,
)
from kerasmatrix.text.escape import escape_control_characters

__all__ = ["WEIGHTS_KINDS", "misfit", "name_without_ending", "snake_case", "with_companion"]

MOST_NAMES = 10_000
MOST_CANDIDATES = 20
MOST_MISFITS = 3
# Other files in its folder must not use up the time to read a file. PyYAML takes half a second for
# a megabyte.
LARGEST_YAML = 1 << 20
MOST_SECONDS, MOST_WAITING = 3, 20  # of processor time, and of time
ARCHITECTURES = (".json", ".yaml", ".yml")
WEIGHTS = (".h5", ".hdf5", ".weights.json", INDEX)
WEIGHTS_KINDS = {"hdf5-weights", "sharded-weights", "checkpoint"}
READERS = {
    "hdf5": read_hdf5_file,
    "sharded-weights": read_shards,
    "checkpoint": read_checkpoint_files,
}
ENDING = re.compile(r"(?:\.weights)?\.(?:h5|h5f|hdf5|index|json|keras|ya?ml)$")
SHARD = re.compile(r".*_\d{5}\.weights\.h5")
# The size that a layer's config names, and how many times it is in the last axis of its kernel
# (the `build` methods of the layers in Keras 2.15 and 3.15).
SIZES = {
    "Dense": ("units", 1),
    "Conv1D": ("filters", 1),
    "Conv2D": ("filters", 1),
    "Conv3D": ("filters", 1),
    "LSTM": ("units", 4),
    "GRU": ("units", 3),
    "SimpleRNN": ("units", 1),
    "Embedding": ("output_dim", 1),
}
KERNELS = ("kernel:0", "kernel", "embeddings:0", "embeddings")
LAYERS = re.compile(r"(?:_layer_checkpoint_dependencies|layers)/([^/]+)/")


def with_companion(contents: Contents) -> Contents:
    """Return ``contents`` with the file next to it that fits, if it is half a model."""
    if contents.kind in WEIGHTS_KINDS:
        return _with_architecture(contents)
    if contents.kind in {"architecture-json", "architecture-yaml"}:
        return _with_weights(contents)
    return contents


def misfit(config: Mapping[str, Any], stored: Stored) -> str | None:
    """Return why the weights are not those of an architecture; None if they may be."""
    layers = list(inside(config.get("config")))
    if not stored.paths or stored.paths[0].endswith("VARIABLE_VALUE"):
        return None
    if stored.keras_3_layout:
        return _misfit_by_order(layers, stored)
    return _misfit_by_name(layers, stored)


def _misfit_by_name(layers: list[Mapping[str, Any]], stored: Stored) -> str | None:
    known = {str(_config(layer).get("name", layer.get("name"))): layer for layer in layers}
    groups = {path.partition("/")[0] for path in stored.paths}
    if unknown := sorted(groups - known.keys()):
        return f"it has no layer {unknown[0]!r}"
    missing = (name for name, layer in known.items() if layer.get("class_name") in SIZES)
    if absent := next((name for name in missing if name not in groups), None):
        return f"the weights have no layer {absent!r}"
    for path, shape in stored.shapes.items():
        group, leaf = path.partition("/")[0], path.rpartition("/")[2]
        if leaf in KERNELS and not _fits(known[group], shape):
            return f"layer {group!r} has another size"
    return None


def _misfit_by_order(layers: list[Mapping[str, Any]], stored: Stored) -> str | None:
    groups = {found.group(1) for path in stored.paths if (found := LAYERS.match(path))}
    known: dict[str, Mapping[str, Any]] = {}
    counts: Counter[str] = Counter()
    for layer in layers:
        name = snake_case(str(layer.get("class_name")).rpartition(">")[2])
        known[f"{name}_{counts[name]}" if counts[name] else name] = layer
        counts[name] += 1
    if unknown := sorted(groups - known.keys()):
        return f"it has no layer for {unknown[0]!r}"
    for path, shape in stored.shapes.items():
        found = LAYERS.match(path)
        if found and path.endswith(f"{found.group(1)}/vars/0"):
            layer = known[found.group(1)]
            if not _fits(layer, shape):
                return f"layer {str(_config(layer).get('name'))!r} has another size"
    return None


def _fits(layer: Mapping[str, Any], shape: tuple[int, ...]) -> bool:
    key, times = SIZES.get(str(layer.get("class_name")), ("", 1))
    size = _config(layer).get(key)
    return not isinstance(size, int) or not shape or shape[-1] == size * times


def _config(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    config = layer.get("config")
    return config if isinstance(config, Mapping) else {}


def snake_case(name: str) -> str:
    """Return a class as the name of its group (``to_snake_case`` in Keras 3 naming.py)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _with_weights(contents: Contents) -> Contents:
    """Add the weights next to an architecture."""
    if not isinstance(contents.config, Mapping):
        return contents
    found = []
    for path in _neighbours(contents.path, WEIGHTS):
        read = _read_weights(path)
        if read and read.kind in WEIGHTS_KINDS and misfit(contents.config, read.stored) is None:
            found.append(read)
    chosen = _chosen(contents.path, [read.path for read in found])
    names = ", ".join(read.path.name for read in found[:5])
    if chosen is None:
        several = f"several files of weights next to it fit: {names}" if found else None
        return replace(contents, notes=(*contents.notes, *filter(None, (several,))))
    weights = next(read for read in found if read.path == chosen)
    notes = (*(note for note in contents.notes if note != NO_WEIGHTS), *weights.notes)
    by = contents.writer if contents.writer.keras_major else weights.writer
    return replace(contents, stored=weights.stored, notes=notes, writer=by, companion=str(chosen))


def _with_architecture(contents: Contents) -> Contents:
    """Add the architecture next to weights, and say which of several fits."""
    fits: list[Path] = []
    reasons: dict[str, str] = {}
    for path in _neighbours(contents.path, ARCHITECTURES):
        config = _read_architecture(path)
        if config is not None:
            reason = misfit(config, contents.stored)
            fits += [] if reason else [path]
            reasons |= {path.name: reason} if reason else {}
    chosen = _chosen(contents.path, fits)
    told = list(reasons.items())[:MOST_MISFITS]
    notes = [f"{shown(name)} does not fit: {reason}" for name, reason in told]
    if len(fits) > 1:
        notes.append("these architectures fit: " + ", ".join(shown(path.name) for path in fits))
    if chosen is None:
        return replace(contents, notes=(*contents.notes, *notes))
    config = _read_architecture(chosen)
    return replace(contents, config=config, companion=str(chosen), notes=(*contents.notes, *notes))


def shown(name: str) -> str:
    """Return a file's name as printable text."""
    return escape_control_characters(os.fsencode(name).decode("utf-8", "backslashreplace"))


def _chosen(path: Path, found: list[Path]) -> Path | None:
    """Return the file with the same stem, else the only one."""
    same = [other for other in found if _stem(other) == _stem(path)]
    candidates = same or found
    return candidates[0] if len(candidates) == 1 else None


def _stem(path: Path) -> str:
    name = name_without_ending(path)
    return re.sub(r"[-_]?(?:weights|architecture|arch|config|model)$", "", name) or name


def name_without_ending(path: Path) -> str:
    """Return the name of weights or an architecture without its ending; it may have other dots."""
    return ENDING.sub("", path.name)


def _neighbours(path: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Yield plain files next to ``path`` with one of these endings; links are left out.

    Those whose names start most like its own come first: a folder can hold hundreds of models.
    """
    folder = path.parent
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in itertools.islice(entries, MOST_NAMES)
            if entry.name.endswith(endings)
            and entry.name != path.name
            and not SHARD.fullmatch(entry.name)
            and entry.is_file(follow_symlinks=False)
        )
    if endings == ARCHITECTURES:
        names = [name for name in names if not name.endswith(".weights.json")]
    until = time.process_time() + MOST_SECONDS, time.monotonic() + MOST_WAITING
    names.sort(key=lambda name: -len(os.path.commonprefix([name, path.name])))  # noqa: RUF071
    for name in names[:MOST_CANDIDATES]:
        if time.process_time() > until[0] or time.monotonic() > until[1]:
            return
        yield folder / name.removesuffix(INDEX)


def _read_weights(path: Path) -> Contents | None:
    try:
        reader = READERS.get(detect_file_type(path))
        return reader(path, digest=False) if reader else None
    except Exception:  # noqa: BLE001 - a neighbour can be anything
        return None


def _read_architecture(path: Path) -> Mapping[str, Any] | None:
    try:
        kind = detect_file_type(path)
        too_large = kind == "architecture-yaml" and path.stat().st_size > LARGEST_YAML
        if too_large or not kind.startswith("architecture-"):
            return None
        config: Mapping[str, Any] = architecture_config(path, set())[0]
    except Exception:  # noqa: BLE001 - a neighbour can be anything
        return None
    return config
