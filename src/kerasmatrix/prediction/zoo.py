"""The zoo: which releases write and read each class of Keras with each argument. Measured data.

``zoo.json`` is written by ``nox -s zoo``, which builds, saves and loads one tiny model, an exhibit,
for each class and each argument at another value than its default.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from kerasmatrix.prediction.parts import Part
from kerasmatrix.prediction.release_spans import places_of
from kerasmatrix.versions import minor_of

__all__ = ["PLAINEST", "Exhibit", "Failure", "Zoo", "measured_zoo", "plainest_of"]

FAILING = ("fail", "crash", "timeout")
# Classes whose exhibits hold a layer of another class, which is a part of its own.
WRAPPED = {
    "TimeDistributed": "Dense", "SpectralNormalization": "Dense", "Bidirectional": "LSTM",
    "RNN": "LSTMCell", "StackedRNNCells": "LSTMCell", "Pipeline": "Rescaling",
}  # fmt: skip
NO_CAUSE = {"", "call", "unclassified"}
# The plainest models, functional and Sequential, with weights and without: where none of them
# loads, no model of its kind does.
PLAINEST = (
    ("layers/Dense", "layers/Flatten"),
    ("layers/Dense/in-Sequential", "layers/Flatten/in-Sequential"),
)
# The plainest exhibits with a part that is not a layer, likewise: such a part is shown in a Dense.
PLAINEST_WITH = {
    "activations": "layers/Dense", "constraints": "layers/Dense", "initializers": "layers/Dense",
    "regularizers": "layers/Dense", "losses": "losses/mean_squared_error",
    "metrics": "losses/mean_squared_error", "optimizers": "losses/mean_squared_error",
    "optimizers.schedules": "losses/mean_squared_error",
}  # fmt: skip
# Arguments of every layer, which say nothing on a class.
COMMON = {"name", "trainable", "dtype"}
# An argument whose number means something else in inputs with more or fewer axes.
AXIS = "axis"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """A tiny model of the zoo: a class with its defaults, with one argument, or wired otherwise.

    Attributes:
        name: such as ``layers/Attention/score_mode=concat``.
        data: its line of ``zoo.json``.
    """

    name: str
    data: Mapping[str, Any]

    @property
    def place(self) -> str:
        """The module of Keras with the class."""
        return self.name.split("/", 2)[0]

    @property
    def class_name(self) -> str:
        """The class, or the function."""
        return self.name.split("/", 2)[1]

    @property
    def setting(self) -> str:
        """The difference from the default: ``argument=value``, ``in-Sequential``, or nothing."""
        return self.name.partition(f"{self.place}/{self.class_name}/")[2]

    @property
    def argument(self) -> str:
        """The argument that has another value than its default."""
        argument, equals, _ = self.setting.partition("=")
        return argument if equals else ""

    @property
    def value(self) -> object:
        """The value of that argument; a text if it is not a literal of Python."""
        text = self.setting.partition("=")[2]
        try:
            return ast.literal_eval(text)
        except (SyntaxError, ValueError):
            return text

    @property
    def call(self) -> str:
        """The exhibit as a user would write it."""
        if not self.argument:
            way = f", {self.shown_setting}" if self.setting else ""
            return f"{self.class_name}(){way}" if self.class_name[:1].isupper() else self.class_name
        return f"{self.class_name}({self.shown_setting})"

    @property
    def shown_setting(self) -> str:
        """The difference from the default as a user would write it."""
        if not self.argument:
            return self.setting.replace("-", " ")
        text = self.setting.partition("=")[2]
        is_text = self.value == text and not text.endswith((")", "]")) and "." not in text
        shown = json.dumps(text) if is_text and not text.startswith("lambda ") else text
        return f"{self.argument}={shown}"

    @property
    def formats(self) -> Iterator[str]:
        """The formats in which some release saves it."""
        return (key for key in self.data if key not in {"refused", "among"})

    @property
    def refused(self) -> Mapping[str, str]:
        """The releases that have the class and cannot build the exhibit, by kind of error."""
        found: Mapping[str, str] = self.data.get("refused", {})
        return found


@dataclass(frozen=True)
class Failure:
    """An exhibit that a file's layer is like.

    Attributes:
        exhibit: the exhibit.
        status: ``fail``, or ``drift`` if it loads and computes something else.
        cause: why it fails, if that is known.
        layer: the name of the file's layer.
        refused: whether the reader cannot even build it.
    """

    exhibit: Exhibit
    status: str
    cause: str | None
    layer: str
    refused: bool = False


class Zoo:
    """The measured exhibits, with the releases, oldest first, and the environment of each."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.environments: Mapping[str, str] = data["releases"]
        self.releases: tuple[str, ...] = tuple(self.environments)
        self._places = {release: place for place, release in enumerate(self.releases)}
        self._by_class: dict[str, list[Exhibit]] = {}
        self._by_name: dict[str, Exhibit] = {}
        self._known: dict[tuple[str, ...], Mapping[Exhibit, str]] = {}
        for name, entry in data["exhibits"].items():
            exhibit = Exhibit(name, entry)
            self._by_class.setdefault(exhibit.class_name, []).append(exhibit)
            self._by_name[name] = exhibit

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of all exhibited classes and functions."""
        return tuple(self._by_class)

    def of_class(self, name: str) -> tuple[Exhibit, ...]:
        """Return the exhibits of a class: with its defaults first."""
        return tuple(self._by_class.get(name, ()))

    def outcome(self, exhibit: Exhibit, form: str, writer: str, reader: str) -> str | None:
        """Return what came of loading what ``writer`` saved, such as ``fail unknown-class``.

        A release between two measured ones has their outcome if they agree. None if nothing of the
        kind was measured, or the exhibit cannot be saved.
        """
        among = self.among(exhibit)
        found = {
            self._measured(exhibit, form, one, other)
            for one in _around(writer, among)
            for other in _around(reader, among)
        }
        return found.pop() if len(found) == 1 else None

    def loads(self, name: str, form: str, writer: str, reader: str) -> bool:
        """Return whether the layer ``name`` was measured to load with its defaults."""
        plain = self._by_name.get(f"layers/{name}")
        return plain is not None and self.outcome(plain, form, writer, reader) == "pass"

    def failure(self, part: Part, form: str, writer: str, reader: str) -> Failure | None:
        """Return an exhibit that ``part`` is like and that fails, or computes something else.

        That is one with a setting or the wiring of the part, or the one with the defaults, unless
        a setting of the part may be the remedy.

        Args:
            part: of a file.
            form: ``h5`` or ``keras``.
            writer: the release that saved it.
            reader: the release that has to load it.
        """
        outcomes = self._outcomes_of(part.place, part.name, form, writer, reader)
        wired = {outcomes.get(each) for each in self.of_class(part.name) if _is_wired(part, each)}
        refused = self._refused(part, reader)
        if refused is not None and "pass" not in wired:
            return Failure(refused, "fail", None, part.where, refused=True)
        like = {
            each: what
            for has in (_has, _has_kind)
            for each, what in outcomes.items()
            if each.setting and has(part, each)
        }
        found = next((each for each, what in like.items() if _fails(what)), None)
        plain = next((each for each in outcomes if not each.setting), None)
        if found is None and plain is not None and _is_wrong(outcomes[plain]):
            remedies = (each for each, what in outcomes.items() if what == "pass")
            if any(_has(part, each) or _may_have(part.config, each) for each in remedies):
                return None
            found = plain
        if found is None:
            found = next((each for each, what in like.items() if _is_wrong(what)), None)
        if found is None:
            return None
        status, _, cause = outcomes[found].partition(" ")
        return Failure(
            exhibit=found,
            status="drift" if status == "drift" else "fail",
            cause=cause if status == "fail" and cause not in NO_CAUSE else None,
            layer=part.where,
        )

    def _refused(self, part: Part, reader: str) -> Exhibit | None:
        """Return the exhibit of a part's class with its defaults if ``reader`` cannot build it."""
        exhibit = self._by_name.get(f"{part.place}/{part.name}")
        if exhibit is None or not exhibit.refused:
            return None
        refusing = {each for span in exhibit.refused.values() for each in self.expanded(span)}
        around = _around(reader, self.among(exhibit))
        return exhibit if around and refusing.issuperset(around) else None

    def _outcomes_of(
        self, place: str, name: str, form: str, writer: str, reader: str
    ) -> Mapping[Exhibit, str]:
        """Return the outcomes of the exhibits of a class in a place, of those that count.

        An exhibit does not count where the plainest models fail: releases write these differently.
        """
        key = (place, name, form, writer, reader)
        if key not in self._known:
            self._known[key] = {
                exhibit: outcome
                for exhibit in self.of_class(name)
                if exhibit.place == place
                and self._is_plainest_loaded(exhibit, form, writer, reader)
                and (name not in WRAPPED or self.loads(WRAPPED[name], form, writer, reader))
                and (outcome := self.outcome(exhibit, form, writer, reader)) is not None
            }
        return self._known[key]

    def _is_plainest_loaded(self, exhibit: Exhibit, form: str, writer: str, reader: str) -> bool:
        frames = plainest_of(exhibit.name)
        holder = PLAINEST_WITH.get(exhibit.place)
        return any(self._is_loaded(name, form, writer, reader) for name in frames) and (
            holder is None or self._is_loaded(holder, form, writer, reader)
        )

    def _is_loaded(self, name: str, form: str, writer: str, reader: str) -> bool:
        exhibit = self._by_name.get(name)
        outcome = exhibit and self.outcome(exhibit, form, writer, reader)
        return bool(outcome) and not _is_wrong(outcome or "")

    def among(self, exhibit: Exhibit) -> tuple[str, ...]:
        """Return the releases that measured an exhibit."""
        span = exhibit.data.get("among")
        return self.releases if span is None else self.expanded(span)

    def expanded(self, span: str) -> tuple[str, ...]:
        """Return the measured releases of a span such as ``2.4-2.15,3.15``."""
        return tuple(self.releases[place] for place in sorted(self._expanded(span)))

    def _measured(self, exhibit: Exhibit, form: str, writer: str, reader: str) -> str | None:
        for writers, row in exhibit.data.get(form, {}).items():
            if self._places[writer] in self._expanded(writers) and isinstance(row, Mapping):
                place = self._places[reader]
                return next(
                    (what for what, span in row.items() if place in self._expanded(span)), None
                )
        return None

    def _expanded(self, span: str) -> frozenset[int]:
        return places_of(span, self.releases)


def plainest_of(exhibit: str) -> tuple[str, ...]:
    """Return the plainest exhibits of which one has to load where an exhibit loads."""
    return PLAINEST[exhibit.endswith("/in-Sequential")]


@cache
def _around(release: str, among: tuple[str, ...]) -> tuple[str, ...]:
    """Return the release if it is one of ``among``, else those before and after it."""
    if release in among:
        return (release,)
    key = minor_of(release)
    before = [each for each in among if minor_of(each) < key]
    after = [each for each in among if minor_of(each) > key]
    return (before[-1], after[0]) if before and after else ()


def _fails(outcome: str) -> bool:
    return outcome.startswith(FAILING)


def _is_wrong(outcome: str) -> bool:
    return outcome.startswith((*FAILING, "drift"))


def _has(part: Part, exhibit: Exhibit) -> bool:
    """Return whether a part has an exhibit's argument at its value, or its wiring."""
    argument = exhibit.argument
    if not argument:
        return _is_wired(part, exhibit)
    return (
        argument not in COMMON
        and not (argument == AXIS and isinstance(exhibit.value, int))
        and argument in part.config
        and _is_stored(part.config[argument], exhibit.value)
    )


def _is_wired(part: Part, exhibit: Exhibit) -> bool:
    return exhibit.setting in part.wirings


def _has_kind(part: Part, exhibit: Exhibit) -> bool:
    """Return whether a part has an exhibit's argument at another value of its kind.

    That is a list of unequal items, as no default is, or an object with settings.
    """
    stored, value = part.config.get(exhibit.argument), exhibit.value
    if isinstance(value, dict):
        return isinstance(stored, Mapping) and bool(stored) and set(stored) <= set(value)
    return _is_uneven(stored) and _is_uneven(value)


def _is_uneven(value: object) -> bool:
    return isinstance(value, list | tuple) and any(item != value[0] for item in value)


def _may_have(config: Mapping[str, Any], exhibit: Exhibit) -> bool:
    """Return whether a layer may have an exhibit's argument at another value than its default."""
    stored = config.get(exhibit.argument)
    if isinstance(exhibit.value, bool):
        return stored == exhibit.value
    return stored is not None and exhibit.argument not in COMMON


def _is_stored(stored: object, value: object) -> bool:
    """Return whether a config has an exhibit's value: ``2`` stands for ``[2, 2]``, too."""
    if value is None:  # an axis of None is stored as no axes
        return stored is None or stored == []
    if isinstance(stored, list) and not isinstance(value, list | tuple):
        return bool(stored) and all(_is_stored(each, value) for each in stored)
    if isinstance(stored, list) and isinstance(value, list | tuple):
        return len(stored) == len(value) and all(map(_is_stored, stored, value))
    return type(stored) is type(value) and stored == value


@cache
def measured_zoo() -> Zoo:
    """Return the measured exhibits."""
    source = resources.files("kerasmatrix.prediction").joinpath("zoo.json")
    return Zoo(json.loads(source.read_text(encoding="utf-8")))
