"""Sample inputs: the fixed batch on which a model is asked for its outputs.

They are derived from the model (see `kerasmatrix.harness.graph`). Where it refuses a batch others
are tried, guided by what it said. The same model gets the same batches wherever it is loaded, and
those that the reference accepted are stored with its outputs.
"""

from __future__ import annotations

import os
import re
import time
from typing import Any, Iterator

import numpy as np

from . import feeding, graph

__all__ = ["Misfit", "Sample", "Unusable", "check", "find", "load", "save"]

BATCH = 4
UNKNOWN_LENGTH = 5
SEED = 20200727
MOST_TRIES = 28
MOST_SECONDS = 20.0
MOST_NUMBERS = 4 << 20  # in one array
SIZES = (32, 64, 16, 128, 1, 8, 10, 256, 224)
CHANNELS = (3, 1)
KEYS = "keys"
TEXTS = "the model reads some words of a text"
# Numbers in a message that may be sizes: not parts of names, versions or addresses.
NUMBER = re.compile(r"(?<![\w.:/'\-])(\d{1,5})(?![\w:/']|\.\d)")
BOUND = re.compile(
    r"\[0, ?(\d+)\)|bounds for axis \d+ with size (\d+)|must be (?:<|less than) (\d+)"
)
MOST_HINTS = 8
MESSAGE = 3000  # characters of a message that are looked at


class Unusable(Exception):
    """A scenario with which nothing can be compared: without inputs, or with such outputs."""


class Misfit(Unusable):
    """The sample inputs that came with a model are not those that it takes."""


class Sample:
    """Inputs that a model accepted, and its outputs; ``keys`` where it takes them as a dict."""

    def __init__(self, inputs: list, outputs: list, keys: list | None = None) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.keys = keys


class _Choice:
    """One way of making up inputs."""

    def __init__(  # noqa: PLR0913, PLR0917 - what there is to choose
        self,
        size: int | None = None,
        channels: int | None = None,
        values: str = "fitting",
        below: int | None = None,
        batch: int = BATCH,
        dtype: str = "float32",
    ) -> None:
        self.size = size
        self.channels = channels
        self.values = values
        self.below = below
        self.batch = batch
        self.dtype = dtype

    def but(self, **changes: Any) -> _Choice:
        """Return a choice that differs in ``changes``."""
        return _Choice(**dict(vars(self), **changes))

    @property
    def key(self) -> tuple:
        """What makes two choices the same."""
        return tuple(sorted(vars(self).items(), key=str))


def find(
    model: Any, script: dict, path: str = "", call: Any = None, seconds: float = MOST_SECONDS
) -> Sample:
    """Return inputs that ``model`` accepts, with the outputs: the script's own, or made up.

    Args:
        model: says what its inputs are.
        script: the names that a scenario's script defines, perhaps ``probe()``.
        path: the model's file; a SavedModel says what its inputs are where ``model`` does not.
        call: called with the model, arrays and keys; returns the outputs as arrays.
        seconds: how long to try.

    Raises:
        Unusable: nothing says what the inputs are, or the outputs say nothing.
        Misfit: the script's own inputs are not those of the model.
        Exception: what the model raised at the likeliest inputs, if it refuses all.
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
    refused: Exception | None = None
    until = time.monotonic() + min(seconds, MOST_SECONDS)
    candidates = _Candidates(specs, _wanted(model, specs), _smallest_table(model))
    for inputs in candidates:
        before = _weights(model)
        try:
            return _sample(model, inputs, keys, call)
        except MemoryError:
            raise
        except Exception as error:
            refused = refused or error
            # What is built by its first call was built for inputs that it refused.
            if isinstance(error, NotDeterministic) or _weights(model) != before:
                break
            candidates.refused(error)
        if time.monotonic() > until:
            break
    raise refused or Unusable("no inputs of a size that can be tried fit the model")


class NotDeterministic(Unusable):
    """Two calls on the same batch give different outputs."""


def check(outputs: list, again: list) -> None:
    """Refuse outputs that say nothing: two calls on the same batch must agree, and have numbers.

    Raises:
        Unusable: they do not.
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
    """Write inputs and outputs to ``path`` (npz), in order; none of them without a sample."""
    arrays: dict = {}
    if sample is not None:
        arrays.update({f"input_{index:03d}": array for index, array in enumerate(sample.inputs)})
        arrays.update({f"output_{index:03d}": array for index, array in enumerate(sample.outputs)})
        if sample.keys:
            arrays[KEYS] = np.array(sample.keys)
    np.savez(path, **arrays)


def load(path: str) -> Sample | None:
    """Return what is in ``path``; None where the reference could not be called.

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
    """Return the arrays that a script or a file has for a model, in its order, and keys.

    Raises:
        Misfit: they are not what the model says it takes.
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
    # A model that was only called says how large its batch was then, and takes any.
    return len(array.shape) == len(spec.shape) and all(
        size is None or size == own for size, own in zip(spec.shape[1:], array.shape[1:])
    )


def _wanted(model: Any, specs: list) -> list:
    """Return what the model's architecture asks of each of its inputs."""
    try:
        found = graph.wanted_inputs(model.get_config())
    except Exception:  # a layer of others that has no config, or a model that has no graph
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
    """Yield the layers inside a model, however they are kept."""
    try:
        yield from (getattr(model, "submodules", None) or model._flatten_layers())  # noqa: SLF001
    except Exception:
        yield from getattr(model, "layers", None) or ()


def _smallest_table(model: Any) -> int | None:
    """Return how many indices the smallest Embedding in a model knows, wherever it is."""
    sizes = [
        layer.input_dim
        for layer in _parts(model)
        if type(layer).__name__ == "Embedding" and isinstance(getattr(layer, "input_dim", 0), int)
    ]
    return min((size for size in sizes if size > 0), default=None)


def _vocabulary(model: Any) -> list:
    """Return words that a layer of a model knows, where its config does not have them."""
    for layer in _parts(model):
        if type(layer).__name__ in graph.TEXTS:
            try:
                found = [str(word) for word in layer.get_vocabulary()]
            except Exception:
                continue
            return [word for word in found if word and not word.startswith("[")]
    return []


class _Candidates:
    """Batches to try, the likeliest first; what is refused brings others forward."""

    def __init__(self, specs: list, wanted: list, smallest: int | None) -> None:
        self._specs = specs
        self._wanted = wanted
        first = _Choice(size=_fitting_size(specs, wanted))
        self._seen = {first.key}
        self._ahead: list = []
        self._waiting = [first, *_others(first, specs, smallest)]
        self._last = first

    def __iter__(self) -> Iterator:
        tries = 0
        while (self._ahead or self._waiting) and tries < MOST_TRIES:
            self._last = (self._ahead or self._waiting).pop(0)
            random = np.random.RandomState(SEED)
            pairs = list(zip(self._specs, self._wanted))
            shapes = [_shape(spec, wanted, self._last) for spec, wanted in pairs]
            if any(np.prod(shape) > MOST_NUMBERS for shape in shapes):
                continue
            tries += 1
            yield [
                _array(spec, wanted, shape, self._last, random)
                for (spec, wanted), shape in zip(pairs, shapes)
            ]

    def refused(self, error: BaseException) -> None:
        """Bring forward what the message of an exception points to."""
        text = str(error)[:MESSAGE]
        choices = []
        for match in BOUND.finditer(text):
            bound = int(next(group for group in match.groups() if group))
            if bound:
                choices.append(self._last.but(below=bound))
        unknown = any(size is None for spec in self._specs for size in spec.shape[1:])
        numbers = [int(number) for number in NUMBER.findall(text)] if unknown else []
        for number in list(dict.fromkeys(numbers))[:MOST_HINTS]:
            if number:
                choices.append(self._last.but(size=number))
                choices.append(self._last.but(channels=number))
        for choice in choices:
            if choice.key not in self._seen and len(self._ahead) < 2 * MOST_HINTS:
                self._seen.add(choice.key)
                self._ahead.append(choice)


def _fitting_size(specs: list, wanted: list) -> int:
    """Return a size for all dimensions that are free: what joins two inputs wants them alike."""
    factor, least = 1, 1
    for spec, each in zip(specs, wanted):
        if any(size is None for size in spec.shape[1:]):
            factor = factor * each.factor // np.gcd(factor, each.factor)
            least = max(least, each.least)
    least = max(least, UNKNOWN_LENGTH if factor == 1 else 2 * UNKNOWN_LENGTH - 2)
    return int(-(-least // factor) * factor)


def _others(first: _Choice, specs: list, smallest: int | None) -> list:
    """Return what else to try where nothing says what is wrong."""
    free = any(size is None for spec in specs for size in spec.shape[1:])
    open_channels = any(len(spec.shape) > 2 and spec.shape[-1] is None for spec in specs)  # noqa: PLR2004
    choices = []
    if any(spec.dtype is None for spec in specs):
        choices += [first.but(dtype="int32"), first.but(dtype=feeding.TEXT)]
    if smallest is not None:
        choices.append(first.but(below=smallest))
    if open_channels:
        choices += [first.but(channels=number) for number in CHANNELS]
    choices += [first.but(values="whole"), first.but(values="positive")]
    if free:
        choices += [first.but(size=size) for size in SIZES[:3]]
        if smallest is not None:
            choices += [first.but(size=size, below=smallest) for size in SIZES[:2]]
        if open_channels:
            choices += [first.but(size=SIZES[0], channels=number) for number in CHANNELS]
    choices += [first.but(batch=1), first.but(values="zeros"), first.but(batch=8)]
    if free:
        choices += [first.but(size=size) for size in SIZES[3:]]
    return choices


def _shape(spec: feeding.Spec, wanted: graph.Wanted, choice: _Choice) -> list:
    built = wanted.shape if wanted.shape and len(wanted.shape) == len(spec.shape) else None
    shape = []
    for place, size in enumerate(spec.shape):
        if size is not None:
            shape.append(int(size))
        elif place == 0:
            shape.append(choice.batch)
        elif built and built[place] is not None:
            shape.append(built[place])
        elif choice.channels is not None and place == len(spec.shape) - 1:
            shape.append(choice.channels)
        else:
            shape.append(choice.size or UNKNOWN_LENGTH)
    return shape


def _array(
    spec: feeding.Spec, wanted: graph.Wanted, shape: list, choice: _Choice, random: Any
) -> np.ndarray:
    """Return an array for an input."""
    name = spec.dtype or choice.dtype
    if name == feeding.TEXT:
        return _texts(shape, wanted.words, random)
    dtype = feeding.as_numpy(name)
    return np.asarray(_numbers(dtype, wanted, shape, choice, random)).astype(dtype)


def _texts(shape: list, words: list, random: Any) -> np.ndarray:
    known = list(words[:200]) or TEXTS.split()
    known.append("unheard-of")
    several = not shape[1:] or shape[1:] == [1]
    texts = [
        " ".join(known[index] for index in random.randint(0, len(known), 1 + several * 5))
        for _ in range(int(np.prod(shape)))
    ]
    if not several:  # one of each: a lookup takes words, not texts
        texts[: len(known)] = known[: len(texts)]
    return np.array(texts).reshape(shape)


def _numbers(  # noqa: C901, PLR0911 - one line a kind of numbers
    dtype: Any, wanted: graph.Wanted, shape: list, choice: _Choice, random: Any
) -> Any:
    if choice.values == "zeros":
        return np.zeros(shape)
    if choice.values == "whole":
        return random.randint(0, 2, shape)
    if choice.values == "positive":
        return random.uniform(0.1, 0.9, shape) if dtype.kind == "f" else np.ones(shape)
    below = choice.below or wanted.below
    if below is not None:
        return random.randint(0, min(below, np.iinfo("int32").max), shape)
    if wanted.known:
        return random.choice([*wanted.known[:200], max(wanted.known) + 1], shape)
    if wanted.integers and dtype.kind != "b":
        return random.randint(0, 10, shape)
    if wanted.pixels or dtype == np.uint8:
        return random.randint(0, 256, shape)
    if dtype.kind in "iub":
        return random.randint(0, 2, shape)
    if dtype.kind == "c":
        return random.standard_normal(shape) + 1j * random.standard_normal(shape)
    numbers = random.standard_normal(shape)
    if wanted.mean and wanted.deviation and len(wanted.mean) in (1, shape[-1]):
        numbers = numbers * np.asarray(wanted.deviation) + np.asarray(wanted.mean)
    return numbers
