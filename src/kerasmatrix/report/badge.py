"""A badge: the JSON that shields.io's endpoint badges read. Pure."""

from __future__ import annotations

import json

from kerasmatrix.results.observations import BADNESS, Status
from kerasmatrix.results.schema import Results

__all__ = ["to_badge"]

LOADS = {Status.PASS, Status.DEGRADED}
# From this share of cells on, in percent.
COLOURS = ((95, "brightgreen"), (80, "green"), (60, "yellowgreen"), (40, "yellow"), (0, "orange"))


def to_badge(results: Results) -> str:
    """Return how many of the cells that were measured load, a remedy's help included."""
    measured = [cell for cell in results.cells if cell.status in BADNESS]
    loading = sum(cell.status in LOADS for cell in measured)
    helped = sum(cell.repaired_by is not None for cell in measured)
    if not measured:
        message, colour = "not measured", "lightgrey"
    else:
        share = 100 * loading // len(measured)
        message = f"{share}% load" + (f", {helped} repaired" if helped else "")
        colour = next(name for least, name in COLOURS if share >= least)
    told = {
        "schemaVersion": 1,
        "label": "saved models",
        "message": message if results.run.complete else f"{message} (incomplete)",
        "color": colour,
    }
    return json.dumps(told) + "\n"
