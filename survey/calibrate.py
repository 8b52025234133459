"""Holds predictions against what stores have measured, and says how often each rule is right.

``nox -s calibrate -- STORE…``: of folders of runs (``.kerasmatrix``), whose scenarios are those of
this matrix. Prints precision and recall of all scenarios and of two halves of them, every other one
in the order of matrix.yaml. ``--write`` writes ``src/kerasmatrix/prediction/calibration.json``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.predictions import model_in
from kerasmatrix.prediction.custom_objects import names_of_program
from kerasmatrix.prediction.metrics import is_measured, score
from kerasmatrix.prediction.predict import FilePrediction, predict_by_rules
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.rules import CALIBRATION, calibration_text
from kerasmatrix.prediction.select_targets import target_of
from kerasmatrix.prediction.similar_cells import SimilarCell, SimilarCells, normalized_status
from kerasmatrix.results.cells import Cell, cell_of
from kerasmatrix.results.schema import CellResult, PredictionResult
from kerasmatrix.store.runs import Archive

TARGET = Path(__file__).parent.parent / "src/kerasmatrix/prediction" / CALIBRATION


class Measured(NamedTuple):
    """A measured cell with what is read of its file."""

    cell: CellResult
    read: FilePrediction
    by_rule: Prediction


def main(stores: Sequence[Path], *, write: bool) -> None:
    """Print how good predictions are, and write how often each rule was right if asked to."""
    project = Project(Path("matrix.yaml"))
    matrix = load_matrix(project.matrix_file)
    measured = list(read(project, stores))
    halves = [set(matrix.scenarios[start::2]) for start in (0, 1)]
    for title, names in (
        ("all scenarios", set(matrix.scenarios)),
        ("every other scenario, from the first", halves[0]),
        ("every other scenario, from the second", halves[1]),
    ):
        part = [row for row in measured if row.cell.scenario in names]
        report(f"{title}, rules alone", part, [row.by_rule for row in part])
        # SimilarCells come from all other scenarios, as they do in a run.
        report(f"{title}, with precedents", part, weighed(measured, part))
    counts = count(measured)
    print("\nrule: right of decided")
    for rule, (right, decided) in sorted(counts.items(), key=lambda item: -item[1][1]):
        print(f"{rule:24} {right:5} of {decided:5}")
    if write:
        stored = json.loads(TARGET.read_text("utf-8"))
        stored |= {"cells": len(measured), "rules": counts}
        TARGET.write_text(calibration_text(stored), "utf-8")


def read(project: Project, stores: Iterable[Path]) -> Iterable[Measured]:
    """Yield the measured cells of all runs in ``stores``, each once."""
    matrix = load_matrix(project.matrix_file)
    targets = tuple(
        target_of(env, read_lock(project.locks_with(env.name), env)) for env in matrix.releases
    )
    known: dict[tuple[str, str], FilePrediction | None] = {}
    newest: dict[Cell, tuple[CellResult, Path]] = {}
    for store in stores:
        archive = Archive(store)
        for run in archive.runs():
            for cell in archive.read(run).cells:
                if is_measured(cell) and cell.scenario in matrix.scenarios:
                    newest[cell_of(cell)] = cell, store
    for cell, store in newest.values():
        key = (cell.scenario, str(cell.artifact))
        if key not in known:
            try:
                model = model_in(store / "artifacts" / str(cell.artifact))
                custom_names = names_of_program(project.scenario(cell.scenario))
                known[key] = predict_by_rules(model, targets, custom_names)
            except UsageError as error:
                print(error)
                known[key] = None
        record = known[key]
        if record is not None:
            by_name = {prediction.environment: prediction for prediction in record.predictions}
            yield Measured(cell, record, by_name[cell.loaded_with])


def weighed(measured: Sequence[Measured], part: Sequence[Measured]) -> list[Prediction]:
    """Return the predictions for ``part`` in the light of what other scenarios measured."""
    precedents = SimilarCells()
    for cell, record, _ in measured:
        repaired = cell.repaired_by
        precedents.add(
            record.similarity_key,
            record.readers[cell.loaded_with],
            SimilarCell(*cell_of(cell), cell.status, cell.cause, repaired.id if repaired else None),
        )
    return [
        precedents.weigh(
            by_rule, record.similarity_key, record.readers[cell.loaded_with], without=cell.scenario
        )
        for cell, record, by_rule in part
    ]


def report(title: str, part: Sequence[Measured], predictions: Sequence[Prediction]) -> None:
    """Print how good the predictions for some cells are."""
    cells = []
    for (cell, _, _), prediction in zip(part, predictions, strict=True):
        fields = prediction.about()
        del fields["because"]
        cells.append(dataclasses.replace(cell, prediction=PredictionResult(**fields)))
    result = score(cells)
    if result is None:
        return
    print(f"\n{title}: {result.cells} cells, {result.unknown} unknown")
    for row in result.statuses:
        print(
            f"  {row.status:9} precision {row.precision} ({row.right} of {row.predicted})  "
            f"recall {row.recall} ({row.right} of {row.measured})"
        )
    print(f"  cause right in {result.causes.right} of {result.causes.of} predicted failures")
    print(
        f"  remedy works in {result.remedies.right} of {result.remedies.of} in which it was tried"
    )
    right = [
        is_right(cell, prediction)
        for (cell, _, _), prediction in zip(part, predictions, strict=True)
    ]
    sure = sum(prediction.confidence for prediction in predictions) / len(predictions)
    print(f"  mean confidence {sure:.3f}, status and cause right in {sum(right) / len(right):.3f}")


def count(measured: Iterable[Measured]) -> dict[str, tuple[int, int]]:
    """Return by rule in how many cells it was right, of how many it decided."""
    decided: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for cell, _, prediction in measured:
        rule = prediction.rule.partition(":")[0]  # all exhibits of the zoo count as one rule
        decided[rule] += 1
        right[rule] += is_right(cell, prediction)
    return {rule: (right[rule], decided[rule]) for rule in sorted(decided)}


def is_right(cell: CellResult, prediction: Prediction) -> bool:
    """Say whether a prediction has the status and the cause that were measured."""
    return (prediction.status, prediction.cause) == (normalized_status(cell.status), cell.cause)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stores", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    main(asked.stores, write=asked.write)
