"""Where a cause was seen in a measured matrix, and what was seen to help there. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from kerasmatrix.results.schema import Results

__all__ = ["Pair", "Sightings", "find_sightings"]


class _Value(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pair(_Value):
    """Two versions between which a cause was seen, and in how many cells."""

    saved_with: str
    loaded_with: str
    cells: int


class Sightings(_Value):
    """What a run measured of a cause. ``repaired_by`` are remedies that were seen to work."""

    run: str
    cells: int
    pairs: tuple[Pair, ...] = Field(description="in the order of the matrix")
    repaired_by: Mapping[str, int] = Field(description="the commonest first")


def find_sightings(
    results: Results, cause: str, saved_with: str | None = None, loaded_with: str | None = None
) -> Sightings:
    """Return where ``cause`` was seen in ``results``.

    Args:
        results: a run.
        cause: the slug.
        saved_with: only cells of this writer, where it is one of the run's environments.
        loaded_with: only cells of this reader, likewise.
    """
    names = {env.name for env in results.environments}
    seen = [
        cell
        for cell in results.cells
        if cell.cause == cause
        and (saved_with not in names or cell.saved_with == saved_with)
        and (loaded_with not in names or cell.loaded_with == loaded_with)
    ]
    pairs = Counter((cell.saved_with, cell.loaded_with) for cell in seen)
    order = {env.name: place for place, env in enumerate(results.environments)}
    helped = Counter(cell.repaired_by.id for cell in seen if cell.repaired_by)
    return Sightings(
        run=results.run.id,
        cells=len(seen),
        pairs=tuple(
            Pair(saved_with=writer, loaded_with=reader, cells=pairs[writer, reader])
            for writer, reader in sorted(pairs, key=lambda pair: (order[pair[1]], order[pair[0]]))
        ),
        repaired_by=dict(helped.most_common()),
    )
