"""Turns a worker's answer into an observation, even an answer that makes no sense."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Mapping, MutableMapping
from typing import Any, TypeVar

from pydantic import ValidationError

from kerasmatrix.results.bounds import LONGEST_LINE, cut
from kerasmatrix.results.observations import Observation
from kerasmatrix.results.sharing import share_equal

__all__ = ["parse_answer"]

Kind = TypeVar("Kind", bound=Observation)
# The fields that the harness sends. Others are ignored: they are for the runner to set.
ANSWERED = frozenset(
    {"ended", "value", "error", "stage", "exit_code", "signal", "seconds", "peak_memory_mb", "log"}
)


def parse_answer(
    kind: type[Kind], answer: Mapping[str, Any], shared: MutableMapping[Hashable, Any] | None = None
) -> Kind:
    """Return a worker's answer as an observation; an answer that does not fit is a crash.

    Args:
        kind: the class of the observation.
        answer: the worker's message.
        shared: parts of other observations; see `share_equal`.
    """
    fields = {key: value for key, value in answer.items() if key in ANSWERED}
    deadline = answer.get("deadline")
    # JSON has no infinity, so that an endless deadline counts as no deadline.
    if isinstance(deadline, int | float) and 0 <= deadline <= sys.float_info.max:
        fields["deadline"] = deadline
    try:
        observation = kind.parse(fields)
    # Huge integers raise OverflowError in conversions, deep nesting RecursionError.
    except (ValidationError, ArithmeticError, RecursionError) as error:
        return kind(ended="crashed", log=f"the answer does not fit: {_reason(error)}")
    return observation if shared is None else share_equal(observation, shared)


def _reason(error: Exception) -> str:
    """Return where the answer does not fit, without its content."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    details = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in details[0]["loc"]) or "all of it"
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return cut(f"{where}: {details[0]['msg']}", LONGEST_LINE) + more
