"""The JSON of a shields.io endpoint badge. Pure."""

from __future__ import annotations

import json

from kerasmatrix.report.steps import Cells, Step, count_step, default_step
from kerasmatrix.results.cells import LOADS, SAYS_NOTHING
from kerasmatrix.results.schema import Results

__all__ = ["to_badge"]

# Colours by the least percentage of files that do not break.
COLOURS = ((100, "brightgreen"), (80, "yellowgreen"), (50, "yellow"), (0, "orange"))


def to_badge(results: Results) -> str:
    """Return what becomes of the files in the step of the report; without one, how many load."""
    cells = Cells(results)
    chosen = default_step(results, cells)
    step = count_step(results, cells, *chosen) if chosen else None
    if step and not step.files:
        step = None
    message, colour = _message(step) if step else _share(results)
    badge = {
        "schemaVersion": 1,
        "label": f"saved models {step.name}" if step else "saved models",
        "message": message if results.run.complete else f"{message} (incomplete)",
        "color": colour,
    }
    return json.dumps(badge) + "\n"


def _message(step: Step) -> tuple[str, str]:
    intact = step.files - step.broken
    colour = _colour(intact, step.files)
    if not step.broken:
        return f"{intact} of {step.files} load", colour
    fixes = f", {step.fixable} fixable" if step.fixable else ""
    return f"{step.broken} of {step.files} break{fixes}", colour


def _share(results: Results) -> tuple[str, str]:
    measured = [cell for cell in results.cells if cell.status not in SAYS_NOTHING]
    if not measured:
        return "not measured", "lightgrey"
    loading = sum(cell.status in LOADS for cell in measured)
    return f"{100 * loading // len(measured)}% load", _colour(loading, len(measured))


def _colour(good: int, of: int) -> str:
    return next(name for least, name in COLOURS if 100 * good // of >= least)
