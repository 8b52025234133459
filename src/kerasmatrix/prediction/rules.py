"""The rules of prediction in ``rules.yaml``, as typed and checked values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import StringConstraints, field_validator

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.errors import nearest
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.inspection.model_info import Kind
from kerasmatrix.prediction.features import FEATURES, Features
from kerasmatrix.prediction.incompatibilities import Incompatibility
from kerasmatrix.prediction.spans import SPAN, within
from kerasmatrix.prediction.target import Target
from kerasmatrix.strict_model import StrictModel
from kerasmatrix.text.patterns import compile_pattern
from kerasmatrix.versions import minor_of, minor_text

__all__ = [
    "CALIBRATION",
    "TOGETHER",
    "Rule",
    "calibration_text",
    "confidence_of",
    "is_final",
    "load_rules",
    "place_of",
    "the_rules",
]

# The accuracy of the rules, written by survey/calibrate.py.
CALIBRATION = "calibration.json"
# Joins the names of fixes that are needed together.
TOGETHER = " + "

# Statuses that need a cause.
WITH_CAUSE = {"degraded", "drift", "fail"}
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Span = Annotated[str, StringConstraints(pattern=SPAN.pattern)]


class IncompatibilityPattern(StrictModel):
    """Matches an incompatibility; ``name`` and ``key`` are regular expressions."""

    kind: Literal[
        "class", "coming", "custom", "key", "absent", "function", "module", "policy", "own-policy",
        "bare", "value", "operation",
    ]  # fmt: skip
    name: str | None = None
    key: str | None = None

    @field_validator("name", "key")
    @classmethod
    def _valid(cls, pattern: str | None) -> str | None:
        compile_pattern(pattern or "")
        return pattern

    def fits(self, incompatibility: Incompatibility | None) -> bool:
        """Return whether ``incompatibility`` matches."""
        return (
            incompatibility is not None
            and self._is_of_kind(incompatibility.kind)
            and (self.name is None or compile_pattern(self.name).is_all_of(incompatibility.name))
            and (self.key is None or compile_pattern(self.key).is_all_of(incompatibility.key))
        )

    def _is_of_kind(self, kind: str) -> bool:
        # A class that comes later is a class that is not there, too.
        return kind == self.kind or (self.kind == "class" and kind == "coming")


class Rule(StrictModel):
    """A rule predicts a status if all its conditions hold. The first such rule decides.

    ``writer`` and ``reader`` are spans of Keras releases (``2.3 to 2.16``, ``from 3.4``;
    TensorFlow's minor for Keras 2), ``tensorflow`` is one of the environment's TensorFlow.
    ``order`` compares the reader with the writer. The file must have all ``features``, and none of
    ``without``. ``incompatibility`` is the first one of the architecture, ``training`` that of the
    compile config.
    """

    id: Slug
    says: Text
    kind: tuple[Kind, ...] = ()
    writer: Span | None = None
    reader: Span | None = None
    tensorflow: Span | None = None
    order: Literal["reader-older", "reader-newer", "same"] | None = None
    incompatibility: IncompatibilityPattern | None = None
    training: IncompatibilityPattern | None = None
    features: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    status: Literal["pass", "degraded", "drift", "fail", "unsupported", "unknown"]
    cause: Slug | None = None
    remedy: str | None = None
    source: Text

    @field_validator("features", "without")
    @classmethod
    def _known_features(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in FEATURES:
                raise ValueError(f"unknown feature {name!r}")
        return names

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


class _Rules(StrictModel):
    rules: tuple[Rule, ...]


@cache
def the_rules() -> tuple[Rule, ...]:
    """Return the rules of the package, in the order in which they are tried."""
    with resources.as_file(resources.files("kerasmatrix.prediction")) as folder:
        return load_rules(folder / "rules.yaml", the_catalogue())


def load_rules(path: Path, catalogue: Catalogue) -> tuple[Rule, ...]:
    """Read rules from a file.

    Raises:
        UsageError: there is a mistake in it, such as a cause or fix that ``catalogue`` does not
            have, or that does not fit the rule's status. The message has the line.
    """
    source = YamlSource(path)
    rules = source.parse(_Rules).rules
    causes = {cause.slug for cause in catalogue.causes}
    remedies = {remedy.id for remedy in catalogue.remedies}
    for index, rule in enumerate(rules):
        at = ("rules", index)
        if rule.id in {other.id for other in rules[:index]}:
            raise source.error((*at, "id"), f"{rule.id!r} stands twice")
        for key, name, known in (
            ("cause", rule.cause, causes),
            ("remedy", rule.remedy, remedies),
        ):
            if name is not None and name not in known:
                hint = nearest(name, known)
                raise source.error((*at, key), f"unknown {key} {name!r}", hint=hint)
        if rule.cause and rule.status not in WITH_CAUSE:
            raise source.error((*at, "cause"), f"{rule.status} and a cause do not go together")
        if rule.cause is None and rule.status in WITH_CAUSE:
            raise source.error((*at, "status"), f"{rule.status} needs a cause")
    return rules


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
    text = resources.files("kerasmatrix.prediction").joinpath(CALIBRATION).read_text("utf-8")
    stored = json.loads(text)
    return stored["rules"], stored.get("zoo", {})


def calibration_text(stored: Mapping[str, Any]) -> str:
    """Return the content of a calibration as JSON with one line for each rule."""
    parts = [f' "cells": {stored["cells"]}']
    for section in ("rules", "zoo"):
        counts = stored.get(section, {}).items()
        lines = ",\n".join(f"  {json.dumps(rule)}: {json.dumps(count)}" for rule, count in counts)
        parts.append(f' "{section}": {{\n{lines}\n }}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


@cache
def is_final(remedy: str) -> bool:
    """Return whether a fix replaces the load, so that no other fix is needed."""
    known = the_catalogue().remedy(remedy)
    return known is not None and (known.final or known.by != "load")


@cache
def place_of(remedy: str) -> int:
    """Return a fix's position in the catalogue, which is the order of application."""
    return [known.id for known in the_catalogue().remedies].index(remedy)
