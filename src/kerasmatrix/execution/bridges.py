"""Finds bridges: intermediate versions that load a file and save it so that another can load it.

Pure: a search of the measured matrix for the shortest chains. A chain is a conjecture, since each
hop was measured with a model that its own version had made; it counts once it was tried.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from typing import NamedTuple

from kerasmatrix.results.cells import LOADS, Cell, Save, Status

__all__ = ["Chain", "Hop", "find_chains", "presume_chains"]

# Each intermediate version is one more conversion by hand.
LONGEST = 2
# How many are tried in a cell: the shortest ones.
CHAINS = 2
# How many versions are tried as the intermediate one of a file that was saved elsewhere.
MOST_BETWEEN = 2
# The fix by which the last version loads what an intermediate one saved.
ON_ARRIVAL = ("rewrite-config",)
# The fixes with which it does after an attempt that failed with one of these causes. The version
# then saves the file once more, since a program would need the fixes otherwise.
ARRIVALS = {
    "silent-drift": ("rewrite-config", "scale-gates"),
    "optimizer-config": ("rewrite-config", "no-compile"),
    "loss-metric-config": ("rewrite-config", "no-compile"),
    "builtin-layer-gone": ("stand-ins",),
    "not-there-yet": ("stand-ins",),
}


class Hop(NamedTuple):
    """An intermediate version, and the format that it saves the model in.

    ``remedies`` are those it loads the model with. Where it is not ``saved``, the file that they
    made of the one before is passed on, not one that this version wrote.
    """

    environment: str
    format: str
    remedies: tuple[str, ...] = ()
    saved: bool = True


Chain = tuple[Hop, ...]


def find_chains(
    cell: Cell,
    environments: tuple[str, ...],
    formats: tuple[str, ...],
    statuses: Mapping[Cell, Status],
    is_saved: Callable[[Save], bool],
) -> list[Chain]:
    """Return the shortest chains from the file of ``cell`` to the version that is to load it.

    Args:
        cell: where a direct load does not work.
        environments: the versions to go through.
        formats: the formats they may save in.
        statuses: what the matrix says of each cell.
        is_saved: whether a save worked.
    """
    shortest: list[Chain] = []
    chains: list[Chain] = [()]
    for _ in range(LONGEST):
        chains = [
            (*chain, Hop(hop, into))
            for chain in chains
            for hop in _hops(cell, chain, environments, statuses)
            for into in formats
            if is_saved(Save(cell.scenario, into, hop))
        ]
        shortest += [chain for chain in chains if _lands(cell, chain, statuses)]
        if shortest:
            break
    # A load without a loss before one with, the file's own format before another.
    shortest.sort(key=lambda chain: (_loss(cell, chain, statuses), chain[-1].format != cell.format))
    return shortest[:CHAINS]


def presume_chains(  # noqa: PLR0913 - the cell, and what is known of it
    cell: Cell,
    environments: tuple[str, ...],
    formats: tuple[str, ...],
    loads_with: Mapping[str, tuple[str, ...]],
    saved: Callable[[Save], bool],
    *,
    causes: Container[str | None] = (),
) -> list[Chain]:
    """Return chains worth trying for a file that was saved elsewhere.

    No version saves the model by itself, so it is only known which versions load the file. Those
    that need no fix are tried first, and the closest to the version of the final load. If the file
    that they save needs a fix there, that version saves it once more.

    Args:
        cell: where a direct load does not work.
        environments: the versions to go through, oldest first.
        formats: the formats they may save in.
        loads_with: the fixes with which each version loads the file, none if it loads plainly.
        saved: whether a version has a format.
        causes: those of the attempts that failed.
    """
    target = environments.index(cell.loaded_with)
    # The nearer two versions are, the more they have in common.
    between = sorted(
        (name for name in environments if name != cell.loaded_with and name in loads_with),
        key=lambda name: (len(loads_with[name]), abs(environments.index(name) - target)),
    )
    # The file's own format last: it may be what does not load.
    direct = [
        Hop(name, form, loads_with[name])
        for name in between[:MOST_BETWEEN]
        for form in sorted(formats, key=lambda form: form == cell.format)
        if saved(Save(cell.scenario, form, name))
        and saved(Save(cell.scenario, form, cell.loaded_with))
    ]
    arrivals = dict.fromkeys(fixes for cause, fixes in ARRIVALS.items() if cause in causes)
    return [
        *((hop,) for hop in direct),
        *((hop, Hop(cell.loaded_with, hop.format, ON_ARRIVAL, saved=False)) for hop in direct),
        *((hop, Hop(cell.loaded_with, hop.format, fixes)) for fixes in arrivals for hop in direct),
    ]


def _hops(
    cell: Cell, chain: Chain, environments: tuple[str, ...], statuses: Mapping[Cell, Status]
) -> Iterator[str]:
    """Yield the versions that load what ``chain`` ends with, each at most once in a chain."""
    writer, form = chain[-1][:2] if chain else (cell.saved_with, cell.format)
    passed = {cell.saved_with, cell.loaded_with, *(hop.environment for hop in chain)}
    for name in environments:
        crossing = statuses.get(Cell(cell.scenario, form, writer, name))
        # A degraded model may have lost a part that saving it needs, so only whole ones go on.
        if name not in passed and crossing is Status.PASS:
            yield name


def _lands(cell: Cell, chain: Chain, statuses: Mapping[Cell, Status]) -> bool:
    return _last(cell, chain, statuses) in LOADS


def _loss(cell: Cell, chain: Chain, statuses: Mapping[Cell, Status]) -> bool:
    return _last(cell, chain, statuses) is not Status.PASS


def _last(cell: Cell, chain: Chain, statuses: Mapping[Cell, Status]) -> Status | None:
    environment, form = chain[-1][:2]
    return statuses.get(Cell(cell.scenario, form, environment, cell.loaded_with))
