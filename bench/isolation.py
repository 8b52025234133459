"""Proves on a stated matrix that tasks which share a process end as they do alone.

The matrix is measured twice from nothing, as usual and with ``--isolate``, on stores of their own.
Each cell must have the same status, cause, losses, error (type, message and chain), numbers and
attempts. Only the differences between any two runs are ignored: digests, task ids, folders and
addresses in messages, times, and which of equal files was loaded for the others (the first to
arrive). Two runs of ``--isolate`` can be compared as well (``--control``): their differences do not
come from a lack of isolation.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from running import run

from kerasmatrix.results.cells import cell_of
from kerasmatrix.results.results_json import read_results
from kerasmatrix.results.schema import CellResult, Results

NAMED = 40
INCIDENTAL = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\btask-\d{6}(-[0-9a-f]+)?\b"), "<task>"),
    (re.compile(r"\b\d{8}T\d{6}\.\d+-\d+\b"), "<run>"),
    (re.compile(r"0x[0-9a-f]+"), "<address>"),
    (re.compile(r"\b\d{9,}\b"), "<address>"),  # `shared_object_id` in a config
)


def main() -> int:
    """Measure both ways, compare, print, and write ``isolation.json``."""
    parser = argparse.ArgumentParser(prog="nox -s isolation --", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("reports"), help="where to write")
    parser.add_argument(
        "--folder", type=Path, help="keep stores and reports here  [default: they are removed]"
    )
    parser.add_argument("--control", action="store_true", help="isolate both times")
    options, passed_on = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        first = ("--isolate",) if options.control else ()
        together = _run(folder / "together", *first, *passed_on)
        isolated = _run(folder / "isolated", "--isolate", *passed_on)
    figures = compare(together, isolated)
    for name, value in figures.items():
        print(f"{name.replace('_', ' ')}: {value}")
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "isolation.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["differing_cells"] or not figures["measured_cells"] else 0


def compare(together: Results, isolated: Results) -> dict[str, object]:
    """Return figures of two runs of one matrix; ``differing`` names cells and what differs."""
    theirs = {cell_of(cell): cell for cell in isolated.cells}
    pairs = [(cell, theirs[cell_of(cell)]) for cell in together.cells]
    found = {cell_of(one): list(_differences(one, two)) for one, two in pairs}
    found = {cell: told for cell, told in found.items() if told}
    measured = [one for one, _ in pairs if one.load is not None]
    return {
        "cells": len(pairs),
        "measured_cells": len(measured),
        "statuses": dict(Counter(one.status.value for one, _ in pairs)),
        "attempts": sum(len(one.remedies) for one, _ in pairs),
        "seconds_together": round(_seconds(together), 1),
        "seconds_isolated": round(_seconds(isolated), 1),
        "isolated_over_together": round(_seconds(isolated) / _seconds(together), 2),
        "differing_cells": len(found),
        "differing": [
            f"{' / '.join(cell)}: {'; '.join(told)}" for cell, told in list(found.items())[:NAMED]
        ],
    }


def _differences(one: CellResult, two: CellResult) -> Iterator[str]:
    ours, theirs = outcome(one), outcome(two)
    for key, value in ours.items():
        if value != theirs[key]:
            yield f"{key}: {value!r}, alone {theirs[key]!r}"


def outcome(cell: CellResult) -> dict[str, object]:
    """Return all that must be equal of a cell."""
    return {
        "status": cell.status.value,
        "summary": plain(cell.summary),
        "cause": cell.cause,
        "lost": cell.lost,
        "error": cell.error and (cell.error.type, plain(cell.error.message)),
        "chain": cell.error and [(link.type, plain(link.message)) for link in cell.error.chain],
        "weights equal": cell.weights_equal,
        "difference": cell.max_abs_diff,
        "reference": cell.max_abs_reference,
        "culprits": cell.culprits,
        "remedies": [
            (tried.id, tried.status, plain(tried.summary), tried.cause, tried.lost, tried.did)
            for tried in cell.remedies
        ],
    }


def plain(text: str) -> str:
    """Return ``text`` without what differs between any two runs."""
    for pattern, name in INCIDENTAL:
        text = pattern.sub(name, text)
    return text


def _seconds(results: Results) -> float:
    return (results.run.finished - results.run.started).total_seconds()


def _run(folder: Path, *options: str) -> Results:
    path = run(folder / "store", folder / "reports", "--engine", "local", *options)
    text = path.read_text(encoding="utf-8").replace(str(folder.resolve()), "<folder>")
    return read_results(text, str(path))


if __name__ == "__main__":
    sys.exit(main())
