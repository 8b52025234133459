"""What earlier kerasmatrix wrote into ``results.json``, as this one would have written it. Pure.

All of it has schema version 1: most fields that came later have a default, and only what has none
is brought up to date here. A file of each generation is kept in ``tests/unit/report/old``.
"""

from __future__ import annotations

from typing import Any

from kerasmatrix.versions import is_legacy_keras, minor_of

__all__ = ["brought_up_to_date"]


def brought_up_to_date(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of any generation as one of this; what is no such document is left alone.

    An environment says which Keras it has since the fourth generation, and what is known to help
    against a cause is called advice since the fifth, in which remedies are what was tried.
    """
    return {
        **document,
        **_each(document, "environments", _with_keras),
        **_each(document, "causes", _with_advice),
    }


def _each(document: dict[str, Any], key: str, change: Any) -> dict[str, Any]:  # noqa: ANN401
    found = document.get(key)
    if not isinstance(found, list):
        return {}
    return {key: [change(each) if isinstance(each, dict) else each for each in found]}


def _with_keras(environment: dict[str, Any]) -> dict[str, Any]:
    packages, variables = environment.get("packages"), environment.get("variables", {})
    if "keras_major" in environment or not isinstance(packages, dict):
        return environment
    # As a lock says it: where there is no package of that name, tf.keras is a Keras 2.
    legacy = isinstance(variables, dict) and is_legacy_keras(variables)
    major = 2 if legacy else minor_of(str(packages.get("keras") or "2"))[0]
    return {**environment, "keras_major": major}


def _with_advice(cause: dict[str, Any]) -> dict[str, Any]:
    if "advice" in cause or "remedies" not in cause:
        return cause
    told = {key: value for key, value in cause.items() if key != "remedies"}
    return {**told, "advice": cause["remedies"]}
