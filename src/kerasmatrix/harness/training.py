"""Evaluates a model and trains it for one step, to compare both with the program that saved it.

This is the last step of a task, since it changes the model. In TensorFlow it runs eagerly: tracing
a function takes longer than the step. If a model cannot be compared, the result has the reason.
"""

from __future__ import annotations

import contextlib
import re
import signal
import time
from typing import Any

import numpy as np

from . import backend, feeding

__all__ = ["NotComparable", "observe", "targets"]

# Of processor time, since the machine may be busy. A step on the four sample inputs takes about
# three times as long as the call; a task has 60 s.
LONGEST_CALL_SECONDS = 2.0
LONGEST_SECONDS = 20
MOST_PARAMETERS = 30_000_000  # with their gradients and moments half a gigabyte
# The weights that are reported one by one; the mean of the others is one last entry.
MOST_WEIGHTS = 256
LIBRARIES = ("keras", "tensorflow", "tensorflow_core", "tf_keras")
# Attributes of random layers that turn the randomness off where they are 0.
RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "_dropout")
SEED = 20200727
NOT_FINITE = 1e300  # stands for NaN and infinity
HALF = 0.5
LONGEST_MESSAGE = 100


class NotComparable(Exception):
    """Training cannot be compared here; the message says why."""


class _TooLong(Exception):
    pass


def observe(model: Any, sample: Any) -> dict:
    """Evaluate ``model`` and train it for one step.

    Args:
        model: a model, compiled or not. It is changed.
        sample: a `sample_inputs.Sample` with one batch of inputs and the outputs of the reference,
            from which the targets are derived. None if the model accepted no inputs.

    Returns:
        ``not_compared`` with a reason, or ``evaluate`` (a list of name and value) and ``steps``:
        for each weight the root mean square of its change, and its mean with fixed signs.
    """
    began = time.process_time()
    try:
        with _time_limit():
            found = _observed(model, sample)
    except NotComparable as error:
        found = dict(not_compared=str(error))
    except _TooLong:
        found = dict(not_compared="it takes too long")
    except MemoryError:
        found = dict(not_compared="there is not enough memory")
    except Exception as error:
        found = dict(not_compared=_told(error), raised=True)
    found["seconds"] = round(time.process_time() - began, 4)
    return found


def _check_is_comparable(model: Any, sample: Any) -> None:
    """Refuse a model whose training says nothing here.

    Raises:
        NotComparable: with the reason.
    """
    if sample is None:
        raise NotComparable("no inputs were accepted")
    if getattr(model, "optimizer", None) is None:
        raise NotComparable("it is not compiled")
    if not backend.current().is_eager():
        raise NotComparable("TensorFlow runs in graph mode")
    if not getattr(model, "trainable_weights", None):
        raise NotComparable("it has no weights to train")
    for name in ("train_step", "test_step", "compute_loss", "fit", "train_on_batch"):
        method = getattr(type(model), name, None)
        if method is not None and not _is_library(method):
            raise NotComparable(f"it has a {name} of its own")
    if sum(int(np.prod(np.shape(weight))) for weight in model.trainable_weights) > MOST_PARAMETERS:
        raise NotComparable(f"it has more than {MOST_PARAMETERS:,} weights to train")


def _observed(model: Any, sample: Any) -> dict:
    _check_is_comparable(model, sample)
    expected = targets(model, sample.outputs)
    before = model.get_weights()
    with _without_randomness(model):
        batch = _batch(model, sample)
        model.set_weights(before)
        model.run_eagerly = backend.current().steps_eagerly
        # Otherwise Keras would use functions that it has traced before.
        model.train_function = model.test_function = None
        model.reset_metrics()
        measured = model.test_on_batch(batch, expected, return_dict=True)
        evaluated: list = [[str(name), _number(value)] for name, value in _flat(measured)]
        if not all(np.isfinite(value) for _, value in evaluated):
            raise NotComparable("evaluate() gives NaN or infinity")
        if not backend.current().trains:
            return dict(evaluate=evaluated, not_compared=f"{backend.name()} only predicts")
        model.reset_metrics()
        try:
            model.train_on_batch(batch, expected)
        except Exception as error:  # not due to the targets: it was evaluated on them
            return dict(evaluate=evaluated, not_compared=_told(error), raised=True)
    return dict(evaluate=evaluated, steps=_steps(before, model.get_weights()))


def _batch(model: Any, sample: Any) -> Any:
    """Return the inputs in the first form that the model accepts.

    Raises:
        NotComparable: a call takes too long, or two calls give different outputs.
    """
    refused = None
    for batch in feeding.batches(model, sample.inputs, sample.keys):
        try:
            _check_is_fast_and_deterministic(model, batch)
        except (NotComparable, _TooLong, MemoryError):
            raise
        except Exception as error:
            refused = refused or error
        else:
            return batch
    raise refused or NotComparable("no inputs were accepted")


def _told(error: Exception) -> str:
    first = (str(error).strip().splitlines() or [""])[0][:LONGEST_MESSAGE]
    return f"{type(error).__name__}: {first}"


def targets(model: Any, reference: list) -> Any:
    """Return targets that fit the model's losses, and depend on nothing but the reference.

    Raises:
        NotComparable: it is unknown which targets the losses take.
    """
    loss = getattr(model, "loss", None)
    if loss is None:
        if getattr(model, "losses", None):
            return None  # all its losses are added by its layers
        raise NotComparable("it was compiled without a loss")
    names = list(getattr(model, "output_names", None) or ())
    if isinstance(loss, dict):
        if not set(loss) <= set(names) or len(names) != len(reference):
            raise NotComparable("its losses name outputs that it does not have")
        losses = [loss.get(name) for name in names]
    elif isinstance(loss, (list, tuple)):
        losses = list(loss)
    else:
        losses = [loss] * len(reference)
    if len(losses) != len(reference) or any(each is None for each in losses):
        raise NotComparable("not every output has a loss")
    random = np.random.RandomState(SEED)
    made = [_target(each, array, random) for each, array in zip(losses, reference)]
    return made[0] if len(made) == 1 else made


def _target(loss: Any, output: Any, random: Any) -> np.ndarray:
    """Return targets of the form that a loss takes for an output."""
    output = np.asarray(output)
    if output.dtype.kind != "f" or not output.ndim:
        raise NotComparable("an output is not an array of floating-point numbers")
    if not np.isfinite(output).all():
        raise NotComparable("its outputs are not all finite")
    name = _name_of(loss)
    pattern = random.uniform(0.1, 0.9, output.shape)
    classes = random.randint(0, output.shape[-1], output.shape[:-1])
    if name.startswith("sparse"):
        return np.asarray(classes, "int32")
    if name.startswith(("categorical", "kl", "kullback")):
        return np.asarray(np.eye(output.shape[-1])[classes], "float32")
    if name.startswith("binary"):
        return np.asarray(pattern > HALF, "float32")
    if "hinge" in name:
        return np.asarray(np.where(pattern > HALF, 1, -1), "float32")
    return np.asarray(pattern, "float32")


def _name_of(loss: Any) -> str:
    """Return the normalized name of a loss, or of the function that it wraps."""
    if isinstance(loss, str):
        return _folded(loss)
    inner = getattr(loss, "_fn", None) or getattr(loss, "fn", None)
    name = getattr(loss, "__name__", None) or type(loss).__name__
    if inner is not None and type(loss).__name__ == "LossFunctionWrapper":
        name = getattr(inner, "__name__", name)
    return _folded(name)


def _folded(name: str) -> str:
    return re.sub("[^a-z0-9]", "", name.lower())


@contextlib.contextmanager
def _without_randomness(model: Any) -> Any:
    """Turn off randomness in the layers where an attribute does that."""
    changed: list = []
    for layer in _all_layers(model):
        if type(layer).__module__.split(".")[0] not in LIBRARIES:
            continue
        for name in RATES:
            rate = vars(layer).get(name)
            if isinstance(rate, (int, float)) and not isinstance(rate, bool) and rate:
                changed.append((layer, name, rate))
                setattr(layer, name, type(rate)(0))
    try:
        yield
    finally:
        for layer, name, rate in changed:
            setattr(layer, name, rate)


def _all_layers(model: Any) -> list:
    if hasattr(model, "_flatten_layers"):
        return list(model._flatten_layers())  # noqa: SLF001 - Keras 2 shows its cells nowhere else
    modules = getattr(model, "submodules", None)
    return list(modules) if modules is not None else list(model.layers)


def _check_is_fast_and_deterministic(model: Any, batch: Any) -> None:
    """Refuse a model that draws random numbers in training, or whose step would take too long.

    Layers of users may draw numbers from any source: only two calls show it.
    """
    from . import model_facts

    before = model.get_weights()
    began = time.process_time()
    first = model_facts.leaves(model(batch, training=True))
    if time.process_time() - began > LONGEST_CALL_SECONDS:
        raise NotComparable("a call takes too long to train on it")
    model.set_weights(before)
    for one, other in zip(first, model_facts.leaves(model(batch, training=True))):
        if not np.allclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True):
            raise NotComparable("it draws random numbers in training")


def _steps(before: list, after: list) -> list:
    """Return the change of each weight as two numbers, which a permutation would change, too."""
    found: list = []
    for old, new in zip(before, after):
        with np.errstate(all="ignore"):  # NaN and infinity are results, too
            found.append(_change(old, new))
    if len(found) > MOST_WEIGHTS:
        rest = np.asarray(found[MOST_WEIGHTS:])
        found = [*found[:MOST_WEIGHTS], [float(np.mean(rest[:, 0])), float(np.mean(rest[:, 1]))]]
    # JSON has no NaN: one number stands for all steps that are not finite.
    return [
        [float(f"{number:.6g}") if np.isfinite(number) else NOT_FINITE for number in pair]
        for pair in found
    ]


def _change(old: Any, new: Any) -> list:
    """Return the root mean square of a change, and its mean with fixed signs."""
    if not _is_number(old) or not np.size(old):
        return [0.0, 0.0]
    change = np.ravel(np.asarray(new, "float64") - np.asarray(old, "float64"))
    signs = np.random.RandomState(SEED).choice([-1.0, 1.0], change.size)
    return [float(np.sqrt(np.mean(change**2))), float(np.mean(change * signs))]


def _is_number(array: Any) -> bool:
    return np.asarray(array).dtype.kind in "fiu"


def _flat(measured: Any) -> list:
    if not isinstance(measured, dict):
        return [("loss", measured)]
    found: list = []
    for name, value in sorted(measured.items()):
        found += (
            [(f"{name}/{part}", inner) for part, inner in _flat(value)]
            if isinstance(value, dict)
            else [(name, value)]
        )
    return found


def _number(value: Any) -> float:
    array = np.asarray(value, "float64")
    return float(f"{float(array.mean()):.8g}")


def _is_library(method: Any) -> bool:
    module = getattr(method, "__module__", "") or ""
    return module.split(".")[0] in LIBRARIES


@contextlib.contextmanager
def _time_limit() -> Any:
    def give_up(number: int, frame: Any) -> None:
        del number, frame
        raise _TooLong

    kept = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, kept or signal.SIG_DFL)
