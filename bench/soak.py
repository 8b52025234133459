"""Runs many cells in one go and counts what did not go smoothly: hangs, lost workers, retries.

A hang is a task that did not end in time, in one attempt or in all, or a worker that did not answer
after the deadline and had to be killed. A model that hangs by itself is counted too, and named by
scenario and environment: the reader knows whether it is meant to.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from running import run

from kerasmatrix.engines.protocol import SILENT
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import LOST, Observation, RetriedAttempt
from kerasmatrix.results.results_json import read_results
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.store.store import Store

UNMEASURED = {Status.UNSUPPORTED, Status.INFRA, Status.NOT_RUN}
NAMED = 40


def main() -> int:
    """Run, count, print, and write ``soak.json``; 1 if too few cells came out or any task hung."""
    parser = argparse.ArgumentParser(
        prog="nox -s soak --",
        description=__doc__,
        epilog="All other options are passed to `kerasmatrix run`: --group all --engine local …",
    )
    parser.add_argument("--cells", type=int, default=10_000, help="fewer measured are too few")
    parser.add_argument("--output", type=Path, default=Path("reports"), help="where to write")
    parser.add_argument(
        "--folder",
        type=Path,
        help="keep the store and the reports here, or go on with them  [default: removed]",
    )
    options, passed_on = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        results = _run(folder, *passed_on)
        with Store(folder / "store") as store:
            texts = [row[1] for row in store.observations.rows("observations")]
            texts += [row[2] for row in store.observations.rows("retries")]
    figures = count(results, [Observation.from_json(text) for text in texts])
    for name, value in figures.items():
        print(f"{name.replace('_', ' ')}: {value}")
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "soak.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if figures["hangs"] or figures["measured_cells"] < options.cells else 0


def count(results: Results, observations: Sequence[Observation]) -> dict[str, object]:
    """Return figures of a run and of all that its store holds."""
    tries = [one for seen in observations for one in seen.retried]
    # A worker that was lost in every attempt is reported, and not stored.
    lost = _lost_for_good(results)
    timed_out = sum(seen.ended == "timed-out" for seen in observations)
    timed_out_once = sum(one.status is Status.TIMEOUT for one in tries)
    silent = sum(one.summary == SILENT for one in tries) + sum(
        SILENT in why for why in lost.values()
    )
    measured = [cell for cell in results.cells if cell.status not in UNMEASURED]
    return {
        "cells": len(results.cells),
        "measured_cells": len(measured),
        "inferred_cells": sum(cell.inferred_from is not None for cell in measured),
        "statuses": dict(Counter(cell.status.value for cell in results.cells)),
        "tasks": len(observations) + len(lost),
        "hangs": timed_out + timed_out_once + silent,
        "tasks_that_timed_out": timed_out,
        "tries_that_timed_out": timed_out_once,
        "workers_that_fell_silent": silent,
        "workers_lost": sum(_of_a_worker(one) for one in tries) + len(lost),
        "tries_not_believed": len(tries),
        "flaky_cells": sum(cell.flaky for cell in results.cells),
        "environments_in_trouble": sorted(env.name for env in results.environments if env.trouble),
        "seconds": round((results.run.finished - results.run.started).total_seconds(), 1),
        "complete": results.run.complete,
        "timed_out_or_lost": [*_timed_out(results), *map("/".join, lost)][:NAMED],
    }


def _of_a_worker(one: RetriedAttempt) -> bool:
    """Whether an attempt lost its worker, and not just a child that was killed."""
    return one.status is Status.INFRA and one.summary.startswith("the worker ")


def _timed_out(results: Results) -> list[str]:
    """Return the cells that timed out, by name."""
    return [_name(cell) for cell in results.cells if cell.status is Status.TIMEOUT]


def _lost_for_good(results: Results) -> dict[tuple[str, ...], str]:
    """Return the saves and loads whose worker was lost each time, and how."""
    lost: dict[tuple[str, ...], str] = {}
    for cell in results.cells:
        if cell.save and cell.save.stage == LOST:
            lost[cell.scenario, cell.format, cell.saved_with] = cell.save.log
        if cell.load and cell.load.stage == LOST:
            lost[cell.scenario, cell.format, cell.saved_with, cell.loaded_with] = cell.load.log
    return lost


def _name(cell: CellResult) -> str:
    return f"{cell.scenario}/{cell.format}/{cell.saved_with}/{cell.loaded_with}"


def _run(folder: Path, *options: str) -> Results:
    path = run(folder / "store", folder / "reports", *options)
    return read_results(path.read_text(encoding="utf-8"), str(path))


if __name__ == "__main__":
    sys.exit(main())
