"""Reads the rules of prediction from ``rules.yaml``, checks them, and compiles them to JSON."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerasmatrix.diagnosis.catalogue import Catalogue
from kerasmatrix.diagnosis.spans import SPAN
from kerasmatrix.errors import nearest
from kerasmatrix.filesystem.yaml_source import YamlSource
from kerasmatrix.prediction.features import FEATURES
from kerasmatrix.prediction.rules import IncompatibilityPattern, KnownFix, Rule
from kerasmatrix.strict_model import StrictModel

__all__ = ["compile_rules", "load_rules"]

# Statuses that need a cause.
WITH_CAUSE = {"degraded", "drift", "fail"}
SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# Names of classes or keys, separated by `|`.
NAMES = re.compile(r"[\w.]+(\|[\w.]+)*")

# The place in a rule, the problem, and a hint.
Mistake = tuple[tuple[str, ...], str, str | None]


class _Rules(StrictModel):
    rules: tuple[Rule, ...]


def load_rules(path: Path, catalogue: Catalogue) -> tuple[Rule, ...]:
    """Read rules from a file.

    Raises:
        UsageError: there is a mistake in it, such as a cause or fix that ``catalogue`` does not
            have, or that does not fit the rule's status. The message has the line.
    """
    source = YamlSource(path)
    rules = source.parse(_Rules).rules
    for index, rule in enumerate(rules):
        if rule.id in {other.id for other in rules[:index]}:
            raise source.error(("rules", index, "id"), f"{rule.id!r} stands twice")
        for key, problem, hint in (*_wrong_texts(rule), *_wrong_names(rule, catalogue)):
            raise source.error(("rules", index, *key), problem, hint=hint)
    return rules


def _wrong_texts(rule: Rule) -> Iterator[Mistake]:
    """Yield the mistakes in a rule about the form of its texts."""
    if not SLUG.fullmatch(rule.id):
        yield ("id",), f"{rule.id!r} has other characters than a-z, 0-9 and -", None
    for key in ("says", "source"):
        if not getattr(rule, key).strip():
            yield (key,), "is empty", None
    for key in ("writer", "reader", "tensorflow"):
        span = getattr(rule, key)
        if span is not None and not SPAN.match(span):
            yield (key,), f"{span!r} is not a span of releases", "write one as `2.3 to 2.16`"
    for key, pattern in (("incompatibility", rule.incompatibility), ("training", rule.training)):
        for part in ("name", "key"):
            text = getattr(pattern, part, None)
            if text is not None and not NAMES.fullmatch(text):
                yield (key, part), f"{text!r} is not names separated by |", None


def _wrong_names(rule: Rule, catalogue: Catalogue) -> Iterator[Mistake]:
    """Yield those about features, causes and fixes that do not exist, or that do not fit."""
    for key in ("features", "without"):
        for name in getattr(rule, key):
            if name not in FEATURES:
                yield (key,), f"unknown feature {name!r}", nearest(name, FEATURES)
    for key, name, known in (
        ("cause", rule.cause, {cause.slug for cause in catalogue.causes}),
        ("remedy", rule.remedy, {remedy.id for remedy in catalogue.remedies}),
    ):
        if name is not None and name not in known:
            yield (key,), f"unknown {key} {name!r}", nearest(name, known)
    if rule.cause and rule.status not in WITH_CAUSE:
        yield ("cause",), f"{rule.status} and a cause do not go together", None
    if rule.cause is None and rule.status in WITH_CAUSE:
        yield ("status",), f"{rule.status} needs a cause", None


def compile_rules(rules: tuple[Rule, ...], catalogue: Catalogue) -> str:
    """Return rules as JSON, with the fixes that they name and the titles of all causes.

    The zoo names further causes than rules do. Each has a line of its own, so that changes of two
    branches can be merged.
    """
    facts = tuple(field.name for field in dataclasses.fields(KnownFix))
    fixes = {rule.remedy for rule in rules}
    sections: Mapping[str, tuple[str, ...]] = {
        "rules": tuple(_line(_without_defaults(rule)) for rule in rules),
        "remedies": tuple(
            _line({key: getattr(remedy, key) for key in facts})
            for remedy in catalogue.remedies
            if remedy.id in fixes
        ),
        "causes": tuple(f"{_line(cause.slug)}: {_line(cause.story)}" for cause in catalogue.causes),
    }
    parts = [
        f' "{name}": {open_}\n{_lines(sections[name])}\n {close}'
        for name, open_, close in (("rules", *"[]"), ("remedies", *"[]"), ("causes", *"{}"))
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(lines: tuple[str, ...]) -> str:
    return ",\n".join(f"  {line}" for line in lines)


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _without_defaults(value: Rule | IncompatibilityPattern) -> dict[str, Any]:
    stored: dict[str, Any] = {}
    for field in dataclasses.fields(value):
        found = getattr(value, field.name)
        if found != field.default:
            is_pattern = isinstance(found, IncompatibilityPattern)
            stored[field.name] = _without_defaults(found) if is_pattern else found
    return stored
