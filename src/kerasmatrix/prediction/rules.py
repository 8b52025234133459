"""The rules of prediction as typed, checked values: data, in ``rules.yaml``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, field_validator

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.errors import nearest
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.inspection.model_info import Kind
from kerasmatrix.prediction.features import SIGNS, Features
from kerasmatrix.prediction.incompatibilities import Obstacle
from kerasmatrix.prediction.target import Target
from kerasmatrix.text.patterns import compile_pattern
from kerasmatrix.versions import minor_of, minor_text

__all__ = [
    "CALIBRATION",
    "TOGETHER",
    "Rule",
    "confidence_of",
    "is_final",
    "load_rules",
    "place_of",
    "the_rules",
]

# How often rules were right, as survey/calibrate.py writes it.
CALIBRATION = "calibration.json"
# Remedies that help together are named so.
TOGETHER = " + "

# What is not as it was has a cause.
WITH_CAUSE = {"degraded", "drift", "fail"}
SPAN = re.compile(
    r"^(?:(?P<only>\d+\.\d+)|(?:(?:from )?(?P<first>\d+\.\d+))?(?: ?to (?P<last>\d+\.\d+))?)$"
)
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Span = Annotated[str, StringConstraints(pattern=SPAN.pattern)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WantedObstacle(_Strict):
    """Which obstacle a rule is about: regular expressions for its class or function and its key."""

    kind: Literal[
        "class", "custom", "key", "absent", "function", "module", "policy", "own-policy", "bare"
    ]
    name: str | None = None
    key: str | None = None

    @field_validator("name", "key")
    @classmethod
    def _valid(cls, pattern: str | None) -> str | None:
        compile_pattern(pattern or "")
        return pattern

    def fits(self, obstacle: Obstacle | None) -> bool:
        """Say whether ``obstacle`` is meant."""
        return (
            obstacle is not None
            and obstacle.kind == self.kind
            and (self.name is None or compile_pattern(self.name).is_all_of(obstacle.name))
            and (self.key is None or compile_pattern(self.key).is_all_of(obstacle.key))
        )


class Rule(_Strict):
    """If all its conditions hold, it foretells. The first rule that does decides.

    ``writer`` and ``reader`` are spans of Keras releases (``2.3 to 2.16``, ``from 3.4``;
    TensorFlow's minor for Keras 2), ``tensorflow`` one of the environment's TensorFlow. ``order``
    compares the reader with the writer. ``signs`` must be so, ``without`` must not. ``obstacle``
    is the first thing of the architecture that cannot be made.
    """

    id: Slug
    says: Text
    kind: tuple[Kind, ...] = ()
    writer: Span | None = None
    reader: Span | None = None
    tensorflow: Span | None = None
    order: Literal["reader-older", "reader-newer", "same"] | None = None
    obstacle: WantedObstacle | None = None
    training: WantedObstacle | None = None
    signs: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    status: Literal["pass", "degraded", "drift", "fail", "unsupported", "unknown"]
    cause: Slug | None = None
    remedy: str | None = None
    source: Text

    @field_validator("signs", "without")
    @classmethod
    def _known_signs(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in SIGNS:
                raise ValueError(f"unknown sign {name!r}")
        return names

    def fits(
        self,
        features: Features,
        target: Target,
        obstacle: Callable[[], Obstacle | None],
        training: Callable[[], Obstacle | None],
    ) -> bool:
        """Say whether all conditions hold of a file in an environment."""
        return (
            (not self.kind or features.kind in self.kind)
            and within(self.writer, features.writer)
            and within(self.reader, target.release)
            and within(self.tensorflow, _minor(target.tensorflow))
            and self._in_order(features.writer, target.release)
            and all(SIGNS[name](features, target) for name in self.signs)
            and not any(SIGNS[name](features, target) for name in self.without)
            and (self.obstacle is None or self.obstacle.fits(obstacle()))
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
def within(span: str | None, release: str | None) -> bool:
    """Say whether ``release`` is in ``span``; anything is in none, and nothing unknown in one."""
    if span is None:
        return True
    if release is None:
        return False
    found = SPAN.match(span)
    ends = found.groupdict() if found else {}
    key = minor_of(release)
    first, last = ends.get("only") or ends["first"], ends.get("only") or ends["last"]
    return (not first or minor_of(first) <= key) and (not last or key <= minor_of(last))


@cache
def _minor(version: str) -> str:
    return minor_text(version)


class _Rules(_Strict):
    rules: tuple[Rule, ...]


@cache
def the_rules() -> tuple[Rule, ...]:
    """Return the rules that come with kerasmatrix, in the order in which they are asked."""
    with resources.as_file(resources.files("kerasmatrix.prediction")) as folder:
        return load_rules(folder / "rules.yaml", the_catalogue())


def load_rules(path: Path, catalogue: Catalogue) -> tuple[Rule, ...]:
    """Read rules from a file.

    Raises:
        UsageError: anything wrong in it, with the line; a cause or remedy that ``catalogue`` does
            not have, or that a rule's status cannot have.
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
    """Return how sure a rule is: the share of cells in which it was right, by Laplace's rule.

    Of one that decided no measured cell that is one half.
    """
    right, decided = _calibration().get(rule, (0, 0))
    return (right + 1) / (decided + 2)


@cache
def _calibration() -> Mapping[str, tuple[int, int]]:
    text = resources.files("kerasmatrix.prediction").joinpath(CALIBRATION).read_text("utf-8")
    rules: Mapping[str, tuple[int, int]] = json.loads(text)["rules"]
    return rules


@cache
def is_final(remedy: str) -> bool:
    """Say whether a remedy takes the place of a load, so that no other is needed beside it."""
    known = the_catalogue().remedy(remedy)
    return known is not None and (known.final or known.by != "load")


@cache
def place_of(remedy: str) -> int:
    """Return where a remedy stands in the catalogue: in that order several are carried out."""
    return [known.id for known in the_catalogue().remedies].index(remedy)
