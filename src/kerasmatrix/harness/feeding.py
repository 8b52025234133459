"""Converts arrays to the inputs of a model: lists or dicts, text, ragged or sparse tensors."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from . import backend

__all__ = ["Spec", "batches", "forget_states", "specs_of"]

TEXT = "string"
TAKE_TEXT = {"TextVectorization", "StringLookup"}
TAKE_INDICES = {"Embedding", "IntegerLookup", "CategoryEncoding", "Hashing"}
# Types that NumPy lacks: the model gets float32 for them, and casts it.
AS_FLOAT32 = ("bfloat16", "float8_e4m3fn", "float8_e5m2")


class Spec:
    """The declaration of one input of a model; ``dtype`` is None if it is not declared."""

    def __init__(  # noqa: PLR0913 - the parts of a declaration
        self,
        name: str,
        shape: list,
        dtype: str | None,
        *,
        ragged: bool = False,
        sparse: bool = False,
        ragged_rank: int = 1,
    ) -> None:
        self.name = name
        self.shape = shape
        self.dtype = dtype
        self.ragged = ragged
        self.sparse = sparse
        self.ragged_rank = ragged_rank

    def __str__(self) -> str:
        sizes = ", ".join("any" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype or 'any type'} ({sizes})"


def specs_of(model: Any, path: str = "") -> tuple:
    """Return the declared inputs of a model, and their keys if it takes them as a dict.

    Args:
        model: a model or layer that was loaded.
        path: its file; a SavedModel declares inputs that the loaded object may not declare.

    Returns:
        A list of `Spec`, empty if nothing declares the inputs, and a list of keys or None.
    """
    import os

    for structure in _structures(model):
        found, keys = _flat(structure)
        if found and all(_rank(tensor) is not None for tensor in found):
            names = _names(model, len(found)) or keys
            return [_spec(each, number, names) for number, each in enumerate(found)], keys
    if os.path.isdir(path):
        return _served(path)
    return [], None


def batches(model: Any, inputs: list, keys: Any = None) -> Iterator:
    """Yield the arrays ``inputs`` in each form in which a model may take them, likeliest first."""
    specs, own_keys = specs_of(model)
    if len(specs) != len(inputs):
        specs = [None] * len(inputs)
    used = backend.current()
    tensors = [used.tensor(array, spec) for array, spec in zip(inputs, specs)]
    together = tensors[0] if len(tensors) == 1 else tensors
    named = own_keys or keys
    names = named or [spec.name for spec in specs if spec is not None]
    by_name = dict(zip(names, tensors)) if len(set(names)) == len(tensors) else None
    if named and by_name and len(tensors) > 1:
        yield by_name
        yield together
        return
    yield together
    if by_name and (named or len(tensors) > 1):
        yield by_name


def forget_states(model: Any) -> None:
    """Reset the states that an earlier call has left in stateful layers."""
    for layer in _layers(model):
        if getattr(layer, "stateful", False) is not True:
            continue
        for name in ("reset_state", "reset_states"):
            if hasattr(layer, name):
                try:
                    getattr(layer, name)()
                except Exception:  # it was not called yet, or has a method of another kind
                    continue
                break


def _layers(model: Any) -> Iterator:
    try:
        layers = list(getattr(model, "layers", None) or ())
    except Exception:
        layers = []
    for layer in layers:
        yield layer
        yield from _layers(layer)
        inner = getattr(layer, "layer", None)
        if inner is not None and inner is not layer:
            yield inner


def _structures(model: Any) -> Iterator:
    """Yield all declarations of a model's inputs, the most reliable first."""
    # Only Functional models keep the structure with which they were built.
    for name in ("_nested_inputs", "_inputs_struct", "inputs", "_saved_model_inputs_spec"):
        try:
            structure = getattr(model, name, None)
        except Exception:  # Keras 3, for a Sequential that was not called yet
            continue
        if structure is not None:
            yield structure
    yield from _built_shapes(model)
    first = next(_layers(model), None)
    if first is not None and "Sequential" in type(model).__name__:
        yield from _taken_by(first)


def _built_shapes(model: Any) -> Iterator:
    """Yield the shape with which a model was built, as a `Spec` without a type."""
    shapes: list = []
    try:
        shapes.append((model.get_build_config() or {}).get("input_shape"))
    except Exception:
        pass
    shapes.append(getattr(model, "_build_input_shape", None))
    for shape in shapes:
        try:
            sizes = [getattr(size, "value", size) for size in shape]
        except Exception:  # it is None, or of unknown rank
            continue
        if sizes and all(size is None or isinstance(size, int) for size in sizes):
            yield Spec("input", sizes, None)
        elif sizes and all(isinstance(size, (list, tuple)) for size in sizes):
            yield [Spec(f"input_{number}", list(size), None) for number, size in enumerate(sizes)]


def _taken_by(layer: Any) -> Iterator:
    """Yield the inputs that the first layer of a Sequential takes, if it declares them."""
    kind = type(layer).__name__
    if kind in TAKE_TEXT:
        yield Spec("input", [None], TEXT)
    elif kind in TAKE_INDICES:
        yield Spec("input", [None, None], "int32")
    wanted = getattr(layer, "input_spec", None)
    wanted = wanted[0] if isinstance(wanted, (list, tuple)) and wanted else wanted
    rank = getattr(wanted, "ndim", None) or getattr(wanted, "min_ndim", None)
    if isinstance(rank, int) and rank > 0:
        sizes: list = [None] * rank
        for axis, size in (getattr(wanted, "axes", None) or {}).items():
            sizes[int(axis)] = size
        yield Spec("input", sizes, "float32")


def _flat(structure: Any) -> tuple:
    """Return the tensors of a structure in Keras's order, and the keys of a plain dict."""
    if isinstance(structure, dict):
        keys = sorted(structure)
        found = [leaf for key in keys for leaf in _flat(structure[key])[0]]
        return found, keys if len(found) == len(keys) else None
    if isinstance(structure, (list, tuple)) and not hasattr(structure, "dtype"):
        return [leaf for part in structure for leaf in _flat(part)[0]], None
    return [structure], None


def _rank(tensor: Any) -> int | None:
    try:
        return len(tensor.shape)
    except Exception:
        return None


def _names(model: Any, number: int) -> list | None:
    names = getattr(model, "input_names", None)
    if isinstance(names, (list, tuple)) and len(names) == number:
        return [str(name) for name in names]
    return None


def _spec(tensor: Any, number: int, names: Any) -> Spec:
    if isinstance(tensor, Spec):
        return tensor
    kind = getattr(tensor, "type_spec", None) or tensor
    kind_name = type(kind).__name__
    shape = [getattr(size, "value", size) for size in tensor.shape]  # TF 1's Dimension
    name = str(names[number] if names else getattr(tensor, "name", None) or f"input_{number}")
    dtype = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
    ragged = "Ragged" in kind_name or getattr(tensor, "ragged", False) is True
    return Spec(
        name.partition(":")[0],
        shape,
        dtype,
        ragged=ragged,
        sparse="Sparse" in kind_name or getattr(tensor, "sparse", False) is True,
        ragged_rank=int(getattr(kind, "ragged_rank", None) or 1) if ragged else 1,
    )


def _served(path: str) -> tuple:
    """Return the inputs of a SavedModel's ``serving_default``, in order, and its keys."""
    try:
        import tensorflow as tf

        signature = tf.saved_model.load(path).signatures["serving_default"]
        specs = signature.structured_input_signature[1]
    except Exception:  # it has none, or loading it needs classes, or TensorFlow, that are missing
        return [], None
    keys = sorted(specs)
    return [_spec(specs[key], number, keys) for number, key in enumerate(keys)], keys


def as_numpy(dtype: str | None) -> Any:
    """Return NumPy's type for an input; None if it is not a type of numbers."""
    if dtype in AS_FLOAT32:
        return np.dtype("float32")
    try:
        found = np.dtype(dtype or "float32")
    except TypeError:
        return None
    return found if found.kind in "fiubc" else None
