"""Proves on a stated matrix that an inferred cell is what measuring it gives.

The matrix is run as usual, and then again without inference on the same store, so that just those
cells are loaded that were inferred. Their outcomes must be the same: status, cause, losses, the fix
attempts and the verified fix.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from running import run

from kerasmatrix.results.cells import Cell, cell_of
from kerasmatrix.results.results_json import read_results
from kerasmatrix.results.schema import CellResult, Results

NAMED = 20


def main() -> int:
    """Measure both ways, compare, print, and write ``inference.json``."""
    parser = argparse.ArgumentParser(prog="nox -s inference --", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reports"), help="where to write")
    parser.add_argument(
        "--store", type=Path, help="an empty folder  [default: one that is removed]"
    )
    options, passed_on = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        store = options.store or Path(scratch) / "store"
        inferring = _run(store, Path(scratch) / "inferring", *passed_on)
        measuring = _run(store, Path(scratch) / "measuring", "--no-infer", *passed_on)
    figures = compare(inferring, measuring)
    for name, value in figures.items():
        print(f"{name.replace('_', ' ')}: {value}")
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "inference.json").write_text(json.dumps(figures, indent=1) + "\n")
    if figures["differing"]:
        return 1
    if not figures["inferred_cells"]:
        print("nothing was inferred, so that nothing is proven", file=sys.stderr)
        return 1
    return 0


def compare(inferring: Results, measuring: Results) -> dict[str, object]:
    """Return figures of two runs on one store: ``differing`` names the cells that differ."""
    measured = {cell_of(cell): cell for cell in measuring.cells}
    inferred = [cell for cell in inferring.cells if cell.inferred_from]
    pairs = [(cell, measured[cell_of(cell)]) for cell in inferred]
    usual, saved = inferring.run.measured, measuring.run.measured
    return {
        "cells": len(inferring.cells),
        "inferred_cells": len(inferred),
        "measured_after_all": sum(found.inferred_from is None for _, found in pairs),
        "tasks": usual,
        "tasks_saved": saved,
        "saved_of_all": round(saved / (usual + saved), 3) if usual + saved else 0.0,
        "other_numbers": sum(one.max_abs_diff != two.max_abs_diff for one, two in pairs),
        "other_summaries": sum(one.summary != two.summary for one, two in pairs),
        "differing": [
            _difference(cell_of(one), one, two)
            for one, two in pairs
            if two.inferred_from or _outcome(one) != _outcome(two)
        ][:NAMED],
    }


def _outcome(cell: CellResult) -> dict[str, object]:
    return {
        "status": cell.status.value,
        "cause": cell.cause,
        "lost": cell.lost,
        "tried": [(tried.id, tried.status) for tried in cell.remedies],
        "repaired by": cell.repaired_by and (cell.repaired_by.id, cell.repaired_by.hops),
    }


def _difference(cell: Cell, one: CellResult, two: CellResult) -> str:
    if two.inferred_from:
        return f"{' / '.join(cell)}: was not measured"
    ours, theirs = _outcome(one), _outcome(two)
    told = [
        f"{key}: {value}, measured {theirs[key]}"
        for key, value in ours.items()
        if value != theirs[key]
    ]
    return f"{' / '.join(cell)}, from {one.inferred_from}: {'; '.join(told)}"


def _run(store: Path, output: Path, *options: str) -> Results:
    path = run(store, output, *options)
    return read_results(path.read_text(encoding="utf-8"), str(path))


if __name__ == "__main__":
    sys.exit(main())
