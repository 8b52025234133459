"""Shares equal parts of observations, which saves most of the memory of a large run."""

from __future__ import annotations

from collections.abc import Hashable, MutableMapping
from typing import Any, TypeVar

from kerasmatrix.results.observations import LoadFacts, Observation, SaveFacts

__all__ = ["share_equal"]

Seen = TypeVar("Seen", bound=Observation)


def share_equal(observation: Seen, shared: MutableMapping[Hashable, Any]) -> Seen:
    """Return ``observation`` with the parts that ``shared`` has, too, replaced by those.

    Of a hundred thousand cells few have weights, settings or errors of their own.
    """
    changes: dict[str, object] = {}
    if observation.error:
        changes["error"] = shared.setdefault(observation.error, observation.error)
    facts = getattr(observation, "value", None)
    if isinstance(facts, SaveFacts | LoadFacts):
        compiled = facts.compiled
        changes["value"] = facts.but(
            weights=shared.setdefault(facts.weights, facts.weights),
            layers=shared.setdefault(facts.layers, facts.layers),
            compiled=shared.setdefault(compiled.to_json(), compiled) if compiled else None,
        )
    return observation.but(**changes)
