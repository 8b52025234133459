"""Explains the text of an error by its cause, without running anything."""

from __future__ import annotations

import re
from typing import Literal

from kerasmatrix.diagnosis.catalogue import Cause, the_catalogue
from kerasmatrix.diagnosis.recognize_cause import (
    AmbiguousError,
    Evidence,
    candidates,
    recognize_cause,
)
from kerasmatrix.diagnosis.traceback_parser import parse_chain
from kerasmatrix.errors import UsageError
from kerasmatrix.text.escape import brief
from kerasmatrix.versions import minor_of

__all__ = ["explain_text"]

FIRST_KERAS_3 = (2, 16)  # `tf.keras` is Keras 3 from this TensorFlow on


def explain_text(
    text: str, saved_with: str | None = None, loaded_with: str | None = None
) -> Cause | None:
    """Return the cause of an error, or None if the catalogue has none.

    Args:
        text: a message, or a whole traceback.
        saved_with: the TensorFlow that saved the file, such as ``tf2.4`` or ``2.15.1``.
        loaded_with: the TensorFlow that loads it.

    Raises:
        UsageError: there is no text, or a version is invalid.
    """
    if not text.strip():
        raise UsageError(
            "nothing to explain",
            hint="pass the error message, or pipe a traceback: "
            "python app.py 2>&1 | kerasmatrix explain",
        )
    evidence = Evidence(
        chain=parse_chain(text),
        log=text,
        writer_keras=_keras_of(saved_with),
        reader_keras=_keras_of(loaded_with),
    )
    try:
        return recognize_cause(the_catalogue(), evidence)
    except AmbiguousError:
        return max(candidates(the_catalogue(), evidence), key=lambda candidate: candidate[1])[0]


def _keras_of(version: str | None) -> Literal[2, 3] | None:
    """Return the major version of ``tf.keras`` in a TensorFlow named like ``tf2.15`` or 2.15."""
    if version is None:
        return None
    if "legacy" in version or "tf_keras" in version:
        return 2
    version_number = re.search(r"(?<!\d)\d{1,4}\.\d{1,4}(?!\d)", version)
    if version_number is None:
        raise UsageError(
            f"{brief(version)} is not a version", hint="name one like tf2.15 or 2.15.1"
        )
    return 3 if minor_of(version_number.group()) >= FIRST_KERAS_3 else 2
