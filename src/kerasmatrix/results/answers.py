"""Turns a worker's answer into an observation, whatever it answered."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping, MutableMapping
from typing import Any, TypeVar

from pydantic import ValidationError

from kerasmatrix.results.bounds import LONGEST_LINE, cut
from kerasmatrix.results.observations import Observation

__all__ = ["understand"]

Kind = TypeVar("Kind", bound=Observation)
# The fields that the harness sends. Anything else is ignored: the runner adds what it knows itself.
ANSWERED = frozenset(
    {"ended", "value", "error", "stage", "exit_code", "signal", "seconds", "peak_memory_mb", "log"}
)


def understand(
    kind: type[Kind], answer: Mapping[str, Any], shared: MutableMapping[Hashable, Any] | None = None
) -> Kind:
    """Return a worker's answer as an observation; one that does not fit is a crash of that task.

    Args:
        kind: what was to be observed.
        answer: the message as it came from the worker.
        shared: values that other observations have, too; equal ones are made the same object.
    """
    fields = {key: value for key, value in answer.items() if key in ANSWERED}
    deadline = answer.get("deadline")
    # An endless deadline is none: JSON has no infinity.
    if isinstance(deadline, int | float) and 0 <= deadline <= sys.float_info.max:
        fields["deadline"] = deadline
    try:
        return kind.model_validate(fields, context=shared)
    except (ValidationError, ArithmeticError, RecursionError) as error:
        return kind(ended="crashed", log=f"the answer does not fit: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Return the first thing that does not fit, without what stands there."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    found = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in found[0]["loc"]) or "all of it"
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return cut(f"{where}: {found[0]['msg']}", LONGEST_LINE) + more
