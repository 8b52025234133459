"""Which ways there are to make a file that a version loads as it is: from what helped. Pure.

A remedy that was seen to work in a cell is one in a program. Here it becomes one in a file: the
file that the remedy rewrote, or what the version saves once it has loaded the model with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from kerasmatrix.execution.attempts import Attempt
from kerasmatrix.execution.bridges import Chain, Hop
from kerasmatrix.results.cells import TOGETHER
from kerasmatrix.results.observations import Cell, Status
from kerasmatrix.results.schema import RemedyResult

__all__ = ["GOOD", "Way", "best", "form_of_ending", "legacy_twin", "told", "ways"]

GOOD = {Status.PASS, Status.DEGRADED}
# What these do is done to the file, and the weights and the training state in it stay.
REWRITE = {"true-name", "rewrite-config"}
# What a file's ending says about its format: Keras goes by it.
ENDINGS = {".h5": "h5", ".hdf5": "h5", ".keras": "keras", "": "savedmodel"}
LEGACY = "legacy-keras"


class Way(NamedTuple):
    """A chain that ends with a file, and the remedies that it comes from."""

    remedies: tuple[str, ...]
    chain: Chain


def form_of_ending(ending: str) -> str | None:
    """Return the format that a file's ending stands for, or None."""
    return ENDINGS.get(ending)


def ways(
    cell: Cell,
    status: Status,
    tried: Iterable[tuple[Attempt, RemedyResult]],
    form: str,
    twin: str | None = None,
) -> list[Way]:
    """Return the ways to a file of format ``form``, the one that changes least first.

    Args:
        cell: the file in the version that is to load it.
        status: what became of it there.
        tried: what was tried there, and what it was worth.
        form: the wanted format.
        twin: an environment with the same TensorFlow and tf_keras, if it loads the file.
    """
    found: list[Way] = []
    if status in GOOD:
        found += _saved_by_target(cell, (), (), form)
    for attempt, result in tried:
        if result.status != "verified":
            continue
        if attempt.chain:
            if attempt.chain[-1].format == form:
                found.append(Way(attempt.remedies, attempt.chain))
            found += _saved_by_target(cell, attempt.remedies, attempt.chain, form)
        else:
            if set(attempt.remedies) <= REWRITE and cell.format == form:
                hop = Hop(cell.loaded_with, form, attempt.remedies, saved=False)
                found.append(Way(attempt.remedies, (hop,)))
            found += _saved_by_target(cell, attempt.remedies, (), form)
    if twin and status not in GOOD:
        found.append(Way((LEGACY,), (Hop(twin, form),)))
    return list({way.chain: way for way in reversed(found)}.values())[::-1]


def _saved_by_target(cell: Cell, remedies: tuple[str, ...], before: Chain, form: str) -> list[Way]:
    # A chain's own remedy is the chain; what follows it is a plain load.
    own = () if before else remedies
    return [Way(remedies, (*before, Hop(cell.loaded_with, form, own)))]


def legacy_twin(remedies: Iterable[RemedyResult]) -> str | None:
    """Return the environment by which tf_keras was seen to help, if it was."""
    for result in remedies:
        if result.id == LEGACY and result.status == "verified":
            return result.hops[-1]
    return None


def best(found: Mapping[Way, RemedyResult]) -> Way | None:
    """Return the way that was seen to work and loses least; of several, the first."""
    working = [way for way, result in found.items() if result.status == "verified"]
    return min(working, key=lambda way: len(found[way].lost), default=None)


def told(way: Way) -> str:
    """Say in a few words what a way does."""
    return TOGETHER.join(way.remedies) or "load and save again"
