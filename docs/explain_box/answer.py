"""Answers for the box in the page: runs in Pyodide, with the modules that the command runs."""

from __future__ import annotations

import json

from kerasmatrix.diagnosis.explain import explain_message
from kerasmatrix.errors import UsageError


def answer(text: str, saved_with: str, loaded_with: str, file_format: str) -> str:
    """Return the explanation as JSON, with ``error`` and ``hint`` if the user has to mend that."""
    try:
        found = explain_message(text, saved_with or None, loaded_with or None, file_format or None)
    except UsageError as error:
        return json.dumps({"error": error.message, "hint": error.hint})
    return found.model_dump_json()
