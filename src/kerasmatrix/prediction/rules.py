"""The rules of prediction, as typed values. They are written in ``rules.yaml``.

They are read from ``rules.json``, which `rules_file` makes of it, so that a program needs neither a
parser of YAML nor the whole catalogue of causes to predict.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from kerasmatrix.diagnosis.spans import within
from kerasmatrix.inspection.facts import Kind
from kerasmatrix.prediction.features import FEATURES, Features
from kerasmatrix.prediction.incompatibilities import Incompatibility, IncompatibilityKind
from kerasmatrix.prediction.target import Target
from kerasmatrix.slotted import Slotted
from kerasmatrix.versions import minor_of, minor_text

__all__ = [
    "CALIBRATION",
    "COMPILED",
    "TOGETHER",
    "KnownFix",
    "Rule",
    "calibration_text",
    "confidence_of",
    "fixes_in",
    "is_final",
    "place_of",
    "story_of",
    "the_rules",
]

# The accuracy of the rules, written by survey/calibrate.py.
CALIBRATION = "calibration.json"
# The rules with the fixes and causes that they name, written by survey/compile_rules.py.
COMPILED = "rules.json"
# Joins the names of fixes that are needed together.
TOGETHER = " + "


@dataclass(frozen=True, slots=True, kw_only=True)
class IncompatibilityPattern(Slotted):
    """Matches an incompatibility. ``name`` and ``key`` are names, separated by ``|``."""

    kind: IncompatibilityKind
    name: str | None = None
    key: str | None = None

    def fits(self, incompatibility: Incompatibility | None) -> bool:
        """Return whether ``incompatibility`` matches."""
        return (
            incompatibility is not None
            and self._is_of_kind(incompatibility.kind)
            and (self.name is None or incompatibility.name in self.name.split("|"))
            and (self.key is None or incompatibility.key in self.key.split("|"))
        )

    def _is_of_kind(self, kind: str) -> bool:
        # A class that comes later is a class that is not there, too.
        return kind == self.kind or (self.kind == "class" and kind == "coming")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Slotted):
    """A rule predicts a status if all its conditions hold. The first such rule decides.

    ``writer`` and ``reader`` are spans of Keras releases (``2.3 to 2.16``, ``from 3.4``;
    TensorFlow's minor for Keras 2), ``tensorflow`` is one of the environment's TensorFlow.
    ``order`` compares the reader with the writer. The file must have all ``features``, and none of
    ``without``. ``incompatibility`` is the first one of the architecture, ``training`` that of the
    compile config.
    """

    id: str
    says: str
    kind: tuple[Kind, ...] = ()
    writer: str | None = None
    reader: str | None = None
    tensorflow: str | None = None
    order: Literal["reader-older", "reader-newer", "same"] | None = None
    incompatibility: IncompatibilityPattern | None = None
    training: IncompatibilityPattern | None = None
    features: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    status: Literal["pass", "degraded", "drift", "fail", "unsupported", "unknown"]
    cause: str | None = None
    remedy: str | None = None
    source: str

    def fits(
        self,
        features: Features,
        target: Target,
        incompatibility: Callable[[], Incompatibility | None],
        training: Callable[[], Incompatibility | None],
    ) -> bool:
        """Return whether all conditions hold for a file in an environment."""
        return (
            (not self.kind or features.kind in self.kind)
            and within(self.writer, features.writer)
            and within(self.reader, target.release)
            and within(self.tensorflow, _minor(target.tensorflow))
            and self._in_order(features.writer, target.release)
            and all(FEATURES[name](features, target) for name in self.features)
            and not any(FEATURES[name](features, target) for name in self.without)
            and (self.incompatibility is None or self.incompatibility.fits(incompatibility()))
            and (self.training is None or self.training.fits(training()))
        )

    def _in_order(self, writer: str | None, reader: str) -> bool:
        if self.order is None:
            return True
        if writer is None:
            return False
        own, other = minor_of(reader), minor_of(writer)
        return {
            "reader-older": own < other,
            "reader-newer": own > other,
            "same": own == other,
        }[self.order]


@cache
def _minor(version: str) -> str:
    return minor_text(version)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFix(Slotted):
    """A fix that a rule names: ``by`` another way to load, in another environment, by a bridge."""

    id: str
    title: str
    by: str
    final: bool
    code: str


@cache
def the_rules() -> tuple[Rule, ...]:
    """Return the rules of the package, in the order in which they are tried."""
    return tuple(_rule(**stored) for stored in _compiled()["rules"])


def _rule(
    incompatibility: Mapping[str, str] | None = None,
    training: Mapping[str, str] | None = None,
    **facts: Any,  # noqa: ANN401 - see Rule
) -> Rule:
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()
    }
    return Rule(incompatibility=_pattern(incompatibility), training=_pattern(training), **fields)


def _pattern(stored: Mapping[str, Any] | None) -> IncompatibilityPattern | None:
    return None if stored is None else IncompatibilityPattern(**stored)


@cache
def _fixes() -> Mapping[str, KnownFix]:
    """Return the fixes that rules name, in the order of application."""
    return {stored["id"]: KnownFix(**stored) for stored in _compiled()["remedies"]}


@cache
def _compiled() -> Mapping[str, Any]:
    compiled: Mapping[str, Any] = json.loads(_packaged(COMPILED))
    return compiled


def _packaged(name: str) -> str:
    return resources.files("kerasmatrix.prediction").joinpath(name).read_text("utf-8")


@cache
def confidence_of(rule: str) -> float:
    """Return a rule's confidence: its share of right cells by Laplace's rule of succession.

    It is one half for a rule that decided no measured cell.
    """
    counts = [part.get(rule, (0, 0)) for part in _calibration()]
    right, decided = sum(each[0] for each in counts), sum(each[1] for each in counts)
    return (right + 1) / (decided + 2)


@cache
def _calibration() -> tuple[Mapping[str, tuple[int, int]], ...]:
    stored = json.loads(_packaged(CALIBRATION))
    return stored["rules"], stored.get("zoo", {})


def calibration_text(stored: Mapping[str, Any]) -> str:
    """Return the content of a calibration as JSON with one line for each rule."""
    parts = [f' "cells": {stored["cells"]}']
    for section in ("rules", "zoo"):
        counts = stored.get(section, {}).items()
        lines = ",\n".join(f"  {json.dumps(rule)}: {json.dumps(count)}" for rule, count in counts)
        parts.append(f' "{section}": {{\n{lines}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def fixes_in(remedy: str | None) -> tuple[KnownFix, ...]:
    """Return the fixes of a prediction, in the order of application."""
    return tuple(_fixes()[name] for name in (remedy or "").split(TOGETHER) if name)


def story_of(cause: str) -> str:
    """Return the title of a cause; empty for what is none, such as ``unclassified``."""
    story: str = _compiled()["causes"].get(cause, "")
    return story


def is_final(remedy: str) -> bool:
    """Return whether a fix replaces the load, so that no other fix is needed."""
    known = _fixes().get(remedy)
    return known is not None and (known.final or known.by != "load")


def place_of(remedy: str) -> int:
    """Return a fix's position in the order of application."""
    return list(_fixes()).index(remedy)
