"""Facts about a model that can be compared with another's: weights, outputs, compile state."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from . import backend, configuration, feeding
from . import difference as deviation

__all__ = [
    "Outputs",
    "array_of",
    "compile_state",
    "difference",
    "digest",
    "leaves",
    "outputs",
    "plain",
    "predict",
    "randomize_weights",
    "steps_of",
    "structure",
    "weights",
]


INTEGER_BITS = 63  # of an integer that every reader of JSON accepts


def weights(model: Any) -> list:
    """Return name, shape, dtype and SHA-256 of every weight array, in the model's order."""
    variables = list(model.weights)
    arrays = model.get_weights() if hasattr(model, "get_weights") else None
    if arrays is None or len(arrays) != len(variables):
        arrays = [array_of(variable) for variable in variables]
    return [
        dict(
            # A vocabulary among the weights (Keras 2.13 to 2.15) has no name.
            name=str(getattr(variable, "path", None) or getattr(variable, "name", "")),
            shape=list(np.shape(array)),
            dtype=str(np.asarray(array).dtype),
            sha256=digest(array),
        )
        for variable, array in zip(variables, arrays)
    ]


def digest(array: Any) -> str:
    """Return the SHA-256 of an array's bytes in C order; of texts, that of their ``repr``.

    Whole numbers are taken as 64 bits: Keras releases differ in the size of a counter.
    """
    array = np.ascontiguousarray(array)
    if array.dtype.kind in "iu":
        array = array.astype("int64")
    if array.dtype.kind in "OSU":
        return hashlib.sha256(repr(array.tolist()).encode("utf-8")).hexdigest()
    return hashlib.sha256(array.tobytes()).hexdigest()


def randomize_weights(model: Any, seed: int) -> None:
    """Set weights to values that are the same in every release and differ from initial values.

    Initializers draw other numbers from the same seed since TensorFlow 2.10, and orthogonal ones
    differ in their last digits; NumPy draws the same since 1.13. Arrays of one value (zero biases,
    unit gammas) are changed, too: otherwise a loader that forgets one would restore it by chance.
    Other arrays that are not trained (statistics, vocabularies, seeds) stay as they are.
    """
    variables = list(model.weights)
    arrays = [np.asarray(array) for array in model.get_weights()]
    if len(arrays) == len(variables):
        trained = {id(variable) for variable in model.trainable_weights}
        is_trained = [id(variable) in trained for variable in variables]
    else:  # some layers of Keras 2.13 to 2.15 count a vocabulary on one side only
        is_trained = [False] * len(arrays)
    randomized = [
        _randomized(array, np.random.RandomState(seed + number), trained=trained)
        for number, (array, trained) in enumerate(zip(arrays, is_trained))
    ]
    if any(before is not after for before, after in zip(arrays, randomized)):
        model.set_weights(randomized)


def _randomized(array: Any, random: Any, *, trained: bool) -> Any:
    """Return ``array``, or random numbers of the same shape and type."""
    if array.dtype.kind != "f" or not np.isfinite(array).all() or not array.size:
        return array  # NaN and infinity stay: a model with them computes nothing
    alike = bool(np.all(array == array.flat[0]))
    if alike or (trained and array.ndim == 1):
        return (array + random.uniform(0.05, 0.2, array.shape)).astype(array.dtype)
    if trained and array.ndim > 1:
        # The range of Glorot and Bengio, with which outputs neither vanish nor explode.
        field = int(np.prod(array.shape[:-2]))
        limit = np.sqrt(6.0 / (field * (array.shape[-2] + array.shape[-1])))
        return random.uniform(-limit, limit, array.shape).astype(array.dtype)
    return array


class Outputs(list):
    """Arrays in order, and the ``structure`` in which the model returned them."""

    structure: Any = None


def outputs(model: Any, inputs: list, keys: list | None = None) -> Outputs:
    """Return the model's outputs on ``inputs`` as arrays, in order.

    Args:
        model: is called on a list, or on a dict if it takes one.
        inputs: arrays, in the order of the model's inputs.
        keys: the names of the inputs in the program that saved the model, if it took a dict there.
    """
    refused = None
    for batch in feeding.batches(model, inputs, keys):
        feeding.forget_states(model)
        try:
            answer = _answer(model, batch, len(inputs[0]))
        except MemoryError:
            raise
        except Exception as error:
            refused = refused or error
        else:
            found = Outputs(deviation.storable(leaf) for leaf in leaves(answer))
            found.structure = structure(answer)
            return found
    raise refused or ValueError("there are no inputs to call the model on")


def _answer(model: Any, batch: Any, size: int) -> Any:
    """Call a model, directly if execution is eager: ``predict`` would trace a function."""
    if not backend.current().is_eager():
        return model.predict(batch, batch_size=size)
    if type(model).__name__ == "TFSMLayer":
        return model(batch)
    return model(batch, training=False)


def predict(model: Any, inputs: list, keys: list | None = None) -> None:
    """Call ``predict``, which runs a model as a graph where ``outputs`` calls it directly.

    Raises:
        Exception: what it raised on the likeliest form of ``inputs``, if it refuses all.
    """
    used = backend.current()
    if not used.is_eager() or not isinstance(model, used.keras.Model):
        return
    refused = None
    for batch in feeding.batches(model, inputs, keys):
        feeding.forget_states(model)
        try:
            # With its own batch size, so that the graph is one for batches of any size.
            model.predict(batch, verbose=0)
        except MemoryError:
            raise
        except Exception as error:
            refused = refused or error
        else:
            return
    if refused is not None:
        raise refused


def difference(measured: list, reference: list) -> dict:
    """Compare outputs with reference outputs; see `deviation.deviation`."""
    return deviation.deviation(measured, reference)


def compile_state(model: Any) -> dict | None:
    """Return loss and optimizer of a compiled model; None if it is not compiled."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return None
    return dict(
        loss=plain(getattr(model, "loss", None)),
        optimizer=_optimizer(optimizer),
        arguments=configuration.compile_arguments(model),
    )


def _optimizer(optimizer: Any) -> dict:
    try:
        hyperparameters = configuration.described(optimizer.get_config())
    except Exception as error:
        hyperparameters = {}
        unreadable = f"{type(error).__name__}: {error}"
    else:
        unreadable = ""
    try:
        arrays = [np.asarray(array) for array in _optimizer_arrays(optimizer)]
        iterations = int(np.asarray(array_of(steps_of(optimizer))))
    except Exception as error:
        arrays, iterations = [], None
        unreadable = f"{type(error).__name__}: {error}"
    return dict(
        name=type(optimizer).__name__,
        hyperparameters=hyperparameters,
        iterations=iterations,
        # Scalars are counters and rates, which are among the hyperparameters.
        slots=[digest(array) for array in arrays if array.ndim > 0],
        unreadable=unreadable or None,
    )


def steps_of(optimizer: Any) -> Any:
    """Return how many steps an optimizer has made, as files count them.

    Keras 3 divides ``iterations`` by the steps that one update of the weights takes.
    """
    counting = getattr(optimizer, "inner_optimizer", None) or optimizer
    if getattr(counting, "gradient_accumulation_steps", None):
        return counting._iterations  # noqa: SLF001 - Keras shows it nowhere else
    return optimizer.iterations


def _optimizer_arrays(optimizer: Any) -> list:
    if hasattr(optimizer, "get_weights"):
        return list(optimizer.get_weights())
    variables = optimizer.variables
    if callable(variables) and not isinstance(variables, list):
        variables = variables()
    return [array_of(variable) for variable in variables]


def array_of(variable: Any) -> np.ndarray:
    """Return the value of a variable of any Keras, in eager or graph mode."""
    if isinstance(variable, (int, float, np.ndarray, np.generic)):
        return np.asarray(variable)
    return np.asarray(backend.current().value(variable))


def plain(value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
    """Return ``value`` as JSON-ready data; a function or an object is its name."""
    if isinstance(value, int) and value.bit_length() > INTEGER_BITS:
        # A config can hold one of any length.
        return f"an integer of {value.bit_length()} bits"
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else str(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(inner) for inner in value]
    if hasattr(value, "numpy"):
        return plain(value.numpy().tolist())
    return getattr(value, "__name__", None) or type(value).__name__


def leaves(answer: Any) -> list:
    """Return the arrays in a model's answer, dictionaries in the order of their keys."""
    if isinstance(answer, dict):
        return [leaf for key in sorted(answer) for leaf in leaves(answer[key])]
    if isinstance(answer, (list, tuple)):
        return [leaf for inner in answer for leaf in leaves(inner)]
    if hasattr(answer, "flat_values") and hasattr(answer, "nested_row_splits"):  # ragged
        return [np.asarray(part) for part in (answer.flat_values, *answer.nested_row_splits)]
    if hasattr(answer, "dense_shape") and hasattr(answer, "indices"):  # sparse
        return [np.asarray(part) for part in (answer.indices, answer.values, answer.dense_shape)]
    return [backend.current().array(answer)]


def structure(answer: Any) -> Any:
    """Return the nesting of an answer in lists and dicts, with ``*`` for an array."""
    if isinstance(answer, dict):
        return {str(key): structure(answer[key]) for key in sorted(answer)}
    if isinstance(answer, (list, tuple)):
        return [structure(inner) for inner in answer]
    if hasattr(answer, "nested_row_splits"):
        return "ragged"
    if hasattr(answer, "dense_shape"):
        return "sparse"
    return "*"
