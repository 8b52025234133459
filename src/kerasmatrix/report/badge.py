"""The JSON of a shields.io endpoint badge. Pure."""

from __future__ import annotations

import json

from kerasmatrix.results.cells import LOADS, SAYS_NOTHING
from kerasmatrix.results.schema import Results

__all__ = ["to_badge"]

# Colours by the least percentage of cells that load.
COLOURS = ((95, "brightgreen"), (80, "green"), (60, "yellowgreen"), (40, "yellow"), (0, "orange"))


def to_badge(results: Results) -> str:
    """Return the share of measured cells that load, and the number with a verified fix."""
    measured = [cell for cell in results.cells if cell.status not in SAYS_NOTHING]
    loading = sum(cell.status in LOADS for cell in measured)
    helped = sum(cell.repaired_by is not None for cell in measured)
    if not measured:
        message, colour = "not measured", "lightgrey"
    else:
        share = 100 * loading // len(measured)
        message = f"{share}% load" + (f", {helped} fixable" if helped else "")
        colour = next(name for least, name in COLOURS if share >= least)
    badge = {
        "schemaVersion": 1,
        "label": "saved models",
        "message": message if results.run.complete else f"{message} (incomplete)",
        "color": colour,
    }
    return json.dumps(badge) + "\n"
