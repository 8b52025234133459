"""From the text of an error to its cause. Runs nothing, and needs no environment."""

from __future__ import annotations

import re
from typing import Literal

from kerasmatrix.diagnosis.catalogue import Cause, the_catalogue
from kerasmatrix.diagnosis.classify import AmbiguousError, Evidence, candidates, classify
from kerasmatrix.diagnosis.traceback_parser import chain_of
from kerasmatrix.errors import UsageError
from kerasmatrix.text.escape import brief
from kerasmatrix.versions import minor_of

__all__ = ["explain_text"]

FIRST_KERAS_3 = (2, 16)  # `tf.keras` is Keras 3 from this TensorFlow on


def explain_text(
    text: str, saved_with: str | None = None, loaded_with: str | None = None
) -> Cause | None:
    """Return the cause of an error, or None if the catalogue knows none.

    Args:
        text: a message, or a whole traceback.
        saved_with: the TensorFlow that saved the file, such as ``tf2.4`` or ``2.15.1``.
        loaded_with: the TensorFlow that loads it.

    Raises:
        UsageError: there is no text, or a version is none.
    """
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
        return classify(the_catalogue(), evidence)
    except AmbiguousError:
        return max(candidates(the_catalogue(), evidence), key=lambda found: found[1])[0]


def _keras_of(version: str | None) -> Literal[2, 3] | None:
    """Return the major version of ``tf.keras`` in a TensorFlow named like ``tf2.15`` or 2.15."""
    if version is None:
        return None
    if "legacy" in version or "tf_keras" in version:
        return 2
    found = re.search(r"(?<!\d)\d{1,4}\.\d{1,4}(?!\d)", version)
    if found is None:
        raise UsageError(f"{brief(version)} is no version", hint="name one like tf2.15 or 2.15.1")
    return 3 if minor_of(found.group()) >= FIRST_KERAS_3 else 2
