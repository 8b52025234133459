"""Upgrades a ``results.json`` of an earlier kerasmatrix to the current fields. Pure.

All of them have schema version 1. Most fields that were added later have a default; the others are
filled in here. ``tests/unit/results/old`` has a file of each generation.
"""

from __future__ import annotations

from typing import Any

from kerasmatrix.versions import is_legacy_keras, keras_in, minor_of

__all__ = ["migrate"]


def migrate(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of any generation with the current fields; other data is left alone.

    Environments have ``keras_major`` since the fourth generation. Causes have ``advice`` since the
    fifth; it was called ``remedies`` before, which now are the fixes that were tried.
    """
    return {
        **document,
        **_migrate_each(document, "environments", _add_keras_major),
        **_migrate_each(document, "causes", _rename_advice),
    }


def _migrate_each(
    document: dict[str, Any],
    key: str,
    change: Any,  # noqa: ANN401
) -> dict[str, Any]:
    entries = document.get(key)
    if not isinstance(entries, list):
        return {}
    return {key: [change(entry) if isinstance(entry, dict) else entry for entry in entries]}


def _add_keras_major(environment: dict[str, Any]) -> dict[str, Any]:
    packages, variables = environment.get("packages"), environment.get("variables", {})
    if "keras_major" in environment or not isinstance(packages, dict):
        return environment
    # A lock without a package named keras belongs to a TensorFlow whose tf.keras is Keras 2.
    legacy = isinstance(variables, dict) and is_legacy_keras(variables)
    major = 2 if legacy else minor_of(str(keras_in(packages) or "2"))[0]
    return {**environment, "keras_major": major}


def _rename_advice(cause: dict[str, Any]) -> dict[str, Any]:
    if "advice" in cause or "remedies" not in cause:
        return cause
    others = {key: value for key, value in cause.items() if key != "remedies"}
    return {**others, "advice": cause["remedies"]}
