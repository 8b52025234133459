"""SARIF 2.1.0, which code scanning reads: what is unsafe or unusual in model files. Pure.

The format: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Literal, NamedTuple
from urllib.parse import quote

from kerasmatrix import __version__
from kerasmatrix.errors import KerasmatrixError
from kerasmatrix.inspection.model_info import ModelFile

__all__ = ["to_sarif"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
RULES = {
    "unreadable": "The file is damaged, or is not a model",
    "code-in-lambda": "A Lambda layer holds Python bytecode, which runs when the model is called",
    "code-outside": "The file names code outside the model, which a load can call",
    "pickle": "The file holds a pickle, which runs code when it is read",
    "path-outside": "The model reaches outside its file when it is loaded or called",
    "two-types": "The file has two types at once, of which versions load different ones",
    "unknown-class": "The model has a class that Keras does not have",
    "unusual": "The file has something unusual",
}


HAZARDS = {"code": "code-outside", "pickle": "pickle", "file": "path-outside"}


class Finding(NamedTuple):
    """One finding in a file."""

    rule: str
    level: Literal["error", "warning", "note"]
    text: str


def to_sarif(files: Iterable[tuple[str, ModelFile | KerasmatrixError]]) -> dict[str, Any]:
    """Return the findings in files, or why a file cannot be read, as a SARIF log."""
    names = list(RULES)
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": names.index(finding.rule),
            "level": finding.level,
            "message": {"text": finding.text},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(path)}}}],
        }
        for path, told in files
        for finding in _findings(told)
    ]
    rules = [{"id": rule, "shortDescription": {"text": text}} for rule, text in RULES.items()]
    driver = {"name": "kerasmatrix", "version": __version__, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _findings(told: ModelFile | KerasmatrixError) -> Iterator[Finding]:
    if isinstance(told, KerasmatrixError):
        yield Finding("unreadable", "error", told.message)
        return
    for layer in told.lambdas:
        python = f", of Python {layer.python}" if layer.python else ""
        yield Finding(
            "code-in-lambda",
            "warning",
            f"The Lambda layer {layer.layer!r} holds bytecode{python}. It runs when the model is "
            "called: load the file only if you trust its author.",
        )
    for hazard in told.hazards:
        yield Finding(HAZARDS[hazard.kind], "warning", f"{hazard.sentence}.")
    two = told.notes[:1] if told.second else ()
    for note in told.notes:
        rule = "two-types" if note in two else "unusual"
        yield Finding(rule, "warning", note)
    for name in told.custom_objects:
        yield Finding(
            "unknown-class", "note", f"A program must pass the class {name!r} to load the file."
        )


def _uri(path: str) -> str:
    return quote(PurePath(path).as_posix())
