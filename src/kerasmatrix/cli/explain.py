"""``kerasmatrix explain``: from an error message to its cause and what to do. Runs nothing."""

from __future__ import annotations

import json
import re
import sys

import click

from kerasmatrix.diagnosis.catalogue import Cause, the_catalogue
from kerasmatrix.diagnosis.classify import AmbiguousError, Evidence, candidates, classify
from kerasmatrix.diagnosis.traceback_text import chain_of
from kerasmatrix.errors import UsageError
from kerasmatrix.matrix import version_key

__all__ = ["explain"]

FIRST_KERAS_3 = (2, 16)  # `tf.keras` is Keras 3 from this TensorFlow on


@click.command()
@click.argument("error", required=False)
@click.option("--saved-with", metavar="VERSION", help="TensorFlow that saved it, such as tf2.4.")
@click.option("--loaded-with", metavar="VERSION", help="TensorFlow that loads it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(
    error: str | None, saved_with: str | None, loaded_with: str | None, *, as_json: bool
) -> int:
    """Say what ERROR (or a traceback on standard input) means, and what to do about it."""
    text = error if error is not None else sys.stdin.read()
    if not text.strip():
        raise UsageError(
            "nothing to explain", hint="give the error's text, or a traceback on standard input"
        )
    evidence = Evidence(
        chain=chain_of(text),
        log=text,
        writer_keras=_keras_of(saved_with),
        reader_keras=_keras_of(loaded_with),
    )
    try:
        cause = classify(the_catalogue(), evidence)
    except AmbiguousError:
        cause = max(candidates(the_catalogue(), evidence), key=lambda found: found[1])[0]
    if as_json:
        found = cause.model_dump(mode="json", exclude={"signatures", "slug"}) if cause else {}
        click.echo(json.dumps({"cause": cause.slug if cause else "unclassified", **found}))
    elif cause is None:
        click.echo("unclassified: the catalogue knows no cause with this message.")
    else:
        click.echo(_prose(cause))
    return 0


def _prose(cause: Cause) -> str:
    lines = [f"{cause.slug}: {cause.story}", "", cause.what.strip(), "", "What helps:"]
    for advice in cause.advice:
        loses = f" (gives up {advice.loses})" if advice.loses else ""
        lines.append(f"  - {advice.do}{loses}")
        lines += [f"      {line}" for line in (advice.code or "").splitlines()]
    return "\n".join([*lines, "", "Seen in:", *(f"  - {source}" for source in cause.sources)])


def _keras_of(version: str | None) -> int | None:
    """Return the major version of ``tf.keras`` in a TensorFlow named like ``tf2.15`` or 2.15."""
    if version is None:
        return None
    if "legacy" in version or "tf_keras" in version:
        return 2
    if not re.search(r"\d+\.\d+", version):
        raise UsageError(f"{version!r} is no version", hint="name one like tf2.15 or 2.15.1")
    return 3 if version_key(version)[:2] >= FIRST_KERAS_3 else 2
