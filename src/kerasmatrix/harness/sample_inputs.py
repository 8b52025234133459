"""Sample inputs: the fixed batch on which a model is called to compare its outputs.

They are derived from the model (see `graph`). If it refuses a batch, others are tried, guided by
the error message; calmer ones, where outputs are little evidence (see `evidence`). The same model
gets the same batches in every release, and those that the reference accepted are stored with its
outputs.
"""

from __future__ import annotations

import os
import time
from typing import Any, Iterator

import numpy as np

from . import evidence, feeding, graph, sample_batches

__all__ = ["Misfit", "Sample", "Unusable", "check", "find", "load", "save"]

MOST_SECONDS = 20.0
KEYS = "keys"


class Unusable(Exception):
    """There are no inputs for a model, or its outputs cannot be compared."""


class Misfit(Unusable):
    """The sample inputs that the user gave do not fit the model."""


class Sample:
    """Inputs that a model accepted, and its outputs; ``keys`` if it takes them as a dict."""

    def __init__(self, inputs: list, outputs: list, keys: list | None = None) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.keys = keys


def find(
    model: Any, script: dict, path: str = "", call: Any = None, seconds: float = MOST_SECONDS
) -> Sample:
    """Return inputs that ``model`` accepts, with the outputs: the script's own, or generated.

    Args:
        model: the model.
        script: the names that a scenario's script defines, perhaps ``probe()``.
        path: the model's file; a SavedModel declares inputs that ``model`` may not declare.
        call: called with the model, arrays and keys; returns the outputs as arrays.
        seconds: how long to try.

    Raises:
        Unusable: nothing declares the inputs, or the outputs cannot be compared.
        Misfit: the script's own inputs do not fit the model.
        Exception: the error at the likeliest inputs, if the model refuses all.
    """
    if "probe" in script:
        inputs, keys = _brought(script["probe"](), model, path)
        return _sample(model, inputs, keys, call)
    specs, keys = feeding.specs_of(model, path)
    if not specs:
        raise Unusable("the model does not say what its inputs are: give it sample inputs")
    for spec in specs:
        if spec.dtype not in (None, feeding.TEXT) and feeding.as_numpy(spec.dtype) is None:
            raise Unusable(f"no inputs can be made up for {spec}: give sample inputs")
    batches = sample_batches.SampleBatches(specs, _wanted(model, specs), _smallest_table(model))
    return _search(model, batches, keys, call, time.monotonic() + min(seconds, MOST_SECONDS))


def _search(
    model: Any, batches: sample_batches.SampleBatches, keys: Any, call: Any, until: float
) -> Sample:
    """Return the accepted sample with the most evidence, the first of several."""
    refused: Exception | None = None
    accepted = []
    for inputs in batches:
        before = _weights(model)
        try:
            sample = _sample(model, inputs, keys, call)
        except MemoryError:
            raise
        except Exception as error:
            refused = refused or error
            # A model that builds its weights at the first call has built them for these inputs.
            if isinstance(error, NotDeterministic) or _weights(model) != before:
                break
            batches.refused(error)
        else:
            found = evidence.of(sample.outputs, inputs, lambda arrays: call(model, arrays, keys))
            accepted.append((found, sample))
            if found == evidence.FULL:
                break
            batches.accepted()
        if time.monotonic() > until:
            break
    if accepted:
        return max(accepted, key=lambda pair: pair[0])[1]
    raise refused or Unusable("no inputs of a size that can be tried fit the model")


class NotDeterministic(Unusable):
    """Two calls on the same batch give different outputs."""


def check(outputs: list, again: list) -> None:
    """Check that two calls on the same batch give the same outputs, and that these are numbers.

    Raises:
        NotDeterministic: the outputs differ.
        Unusable: every number is NaN or infinite.
    """
    for first, second in zip(outputs, again):
        if first.dtype.kind not in "fc":
            same = np.array_equal(first, second)
        else:
            same = np.shape(first) == np.shape(second) and np.allclose(
                first, second, rtol=1e-5, atol=1e-6, equal_nan=True
            )
        if not same:
            raise NotDeterministic(
                "the model is not deterministic: two calls on the same batch give other outputs"
            )
    arrays = [array for array in outputs if array.dtype.kind in "fc" and array.size]
    if arrays and not any(np.isfinite(array).any() for array in arrays):
        raise Unusable("every output is NaN or infinite, so that there is nothing to compare")


def save(path: str, sample: Sample | None) -> None:
    """Write inputs and outputs to ``path`` (npz), in order; an empty file without a sample."""
    arrays: dict = {}
    if sample is not None:
        arrays.update({f"input_{index:03d}": array for index, array in enumerate(sample.inputs)})
        arrays.update({f"output_{index:03d}": array for index, array in enumerate(sample.outputs)})
        if sample.keys:
            arrays[KEYS] = np.array(sample.keys)
    np.savez(path, **arrays)


def load(path: str) -> Sample | None:
    """Return the sample in ``path``; None if the reference could not be called.

    Raises:
        Unusable: there is no reference.
    """
    if not os.path.exists(path):
        raise Unusable(
            "it loads, but there is nothing to compare it with: no version that was tried loads "
            "the file as it is"
        )
    with np.load(path) as stored:
        names = sorted(stored.files)
        if not names:
            return None
        return Sample(
            [stored[name] for name in names if name.startswith("input_")],
            [stored[name] for name in names if name.startswith("output_")],
            [str(key) for key in stored[KEYS]] if KEYS in names else None,
        )


def _sample(model: Any, inputs: list, keys: Any, call: Any) -> Sample:
    outputs = call(model, inputs, keys)
    check(outputs, call(model, inputs, keys))
    return Sample(inputs, outputs, keys)


def _weights(model: Any) -> int:
    try:
        return len(model.weights)
    except Exception:
        return 0


def _brought(given: Any, model: Any, path: str) -> tuple:
    """Return the arrays of a script or a file, in the order of the model's inputs, and keys.

    Raises:
        Misfit: they do not fit the model's declaration.
    """
    specs, keys = feeding.specs_of(model, path)
    if isinstance(given, dict):
        names = list(given)
        wanted = [spec.name for spec in specs]
        for own in (wanted, keys or []):
            if own and set(own) == set(names):
                names = list(own)
        arrays = [np.asarray(given[name]) for name in names]
    else:
        arrays = [np.asarray(array) for array in given]
        names = [f"array {number}" for number in range(1, len(arrays) + 1)]
    if specs and not (
        len(specs) == len(arrays) and all(_fits(array, spec) for array, spec in zip(arrays, specs))
    ):
        ours = "; ".join(
            f"{name}: {array.dtype} {tuple(array.shape)}" for name, array in zip(names, arrays)
        )
        raise Misfit(
            "the sample inputs do not fit the model, which takes "
            f"{'; '.join(str(spec) for spec in specs)}: they are {ours}"
        )
    return arrays, keys


def _fits(array: Any, spec: feeding.Spec) -> bool:
    text = array.dtype.kind in "OSU"
    if spec.dtype is not None and text != (spec.dtype == feeding.TEXT):
        return False
    # A model without declared inputs reports the batch size of its first call, and takes any.
    return len(array.shape) == len(spec.shape) and all(
        size is None or size == own for size, own in zip(spec.shape[1:], array.shape[1:])
    )


def _wanted(model: Any, specs: list) -> list:
    """Return the requirements of the model's architecture on each of its inputs."""
    try:
        found = graph.wanted_inputs(model.get_config())
    except Exception:  # a layer has no config, or the model has no graph
        found = []
    by_name = {wanted.name: wanted for wanted in found}
    if all(spec.name in by_name for spec in specs):
        found = [by_name[spec.name] for spec in specs]
    elif len(found) != len(specs):
        found = [graph.Wanted(spec.name) for spec in specs]
    words = [] if any(wanted.words for wanted in found) else _vocabulary(model)
    for wanted, spec in zip(found, specs):
        if spec.dtype == feeding.TEXT and not wanted.words:
            wanted.words = words
    return found


def _parts(model: Any) -> Iterator:
    """Yield all layers inside a model, including those that are attributes of others."""
    try:
        yield from (getattr(model, "submodules", None) or model._flatten_layers())  # noqa: SLF001
    except Exception:
        yield from getattr(model, "layers", None) or ()


def _smallest_table(model: Any) -> int | None:
    """Return the number of indices of the smallest Embedding in a model."""
    sizes = [
        layer.input_dim
        for layer in _parts(model)
        if type(layer).__name__ == "Embedding" and isinstance(getattr(layer, "input_dim", 0), int)
    ]
    return min((size for size in sizes if size > 0), default=None)


def _vocabulary(model: Any) -> list:
    """Return words in the vocabulary of a layer, which its config may lack."""
    for layer in _parts(model):
        if type(layer).__name__ in graph.TEXTS:
            try:
                found = [str(word) for word in layer.get_vocabulary()]
            except Exception:
                continue
            return [word for word in found if word and not word.startswith("[")]
    return []
