"""Batches on which a model may be called: from its declared inputs, or from an error message.

The numbers come from one seed, so a model gets the same batches in every release.
"""

from __future__ import annotations

import re
from typing import Any, Iterator

import numpy as np

from . import feeding, graph

__all__ = ["SampleBatches"]

BATCH = 4
UNKNOWN_LENGTH = 5
SEED = 20200727
MOST_TRIES = 28
MOST_NUMBERS = 4 << 20  # in one array
SIZES = (32, 64, 16, 128, 1, 8, 10, 256, 224)
CHANNELS = (3, 1)
TEXTS = "the model reads some words of a text"
# Numbers in a message that may be sizes: not parts of names, versions or addresses.
NUMBER = re.compile(r"(?<![\w.:/'\-])(\d{1,5})(?![\w:/']|\.\d)")
BOUND = re.compile(
    r"\[0, ?(\d+)\)|bounds for axis \d+ with size (\d+)|must be (?:<|less than) (\d+)"
)
MOST_HINTS = 8
MESSAGE = 3000  # characters of a message that are searched
# Values to try where rounding alone changes the outputs, or nothing does: in this order, since
# outputs of small numbers saturate least, and all of zeros are equal.
CALMER = ("small", "positive", "zeros")


class _Choice:
    """A choice of sizes and values for inputs."""

    def __init__(  # noqa: PLR0913, PLR0917 - all that can be chosen
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
        """Equal for equal choices."""
        return tuple(sorted(vars(self).items(), key=str))


class SampleBatches:
    """Batches to try, the likeliest first; an error message brings others forward."""

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
        """Bring forward the choices to which the message of an exception points."""
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
        self._bring_forward(choices)

    def accepted(self) -> None:
        """Go on with calmer values of this batch alone: its outputs are little evidence."""
        self._bring_forward([self._last.but(values=values) for values in CALMER])
        self._waiting = []

    def _bring_forward(self, choices: list) -> None:
        for choice in choices:
            if choice.key not in self._seen and len(self._ahead) < 2 * MOST_HINTS:
                self._seen.add(choice.key)
                self._ahead.append(choice)


def _fitting_size(specs: list, wanted: list) -> int:
    """Return one size for all free dimensions, since layers that join inputs want equal ones."""
    factor, least = 1, 1
    for spec, each in zip(specs, wanted):
        if any(size is None for size in spec.shape[1:]):
            factor = factor * each.factor // np.gcd(factor, each.factor)
            least = max(least, each.least)
    least = max(least, UNKNOWN_LENGTH if factor == 1 else 2 * UNKNOWN_LENGTH - 2)
    return int(-(-least // factor) * factor)


def _others(first: _Choice, specs: list, smallest: int | None) -> list:
    """Return other choices, for a model whose messages give no hint."""
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
    if not several:  # single words: a lookup takes no texts
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
    numbers = random.standard_normal(shape) / (100 if choice.values == "small" else 1)
    if wanted.mean and wanted.deviation and len(wanted.mean) in (1, shape[-1]):
        numbers = numbers * np.asarray(wanted.deviation) + np.asarray(wanted.mean)
    return numbers
