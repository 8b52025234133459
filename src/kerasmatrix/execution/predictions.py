"""Predicts each cell of a run, to compare the prediction with the measured result.

Every file is predicted as if nothing were measured of it: by rules from its content, and from cells
of similar files in other scenarios. The predictions by rules are made once for each file, and are
cached next to the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import resources
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.execution.plan import Plan
from kerasmatrix.prediction.cache import FileRecord, PredictionCache
from kerasmatrix.prediction.custom_objects import names_of_program
from kerasmatrix.prediction.metrics import is_measured, score
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.select_targets import target_of
from kerasmatrix.prediction.similar_cells import SimilarCell, SimilarCells
from kerasmatrix.prediction.target import Target
from kerasmatrix.results.boundary import Boundary, make_apart, spoilt
from kerasmatrix.results.cells import Status, cell_of
from kerasmatrix.results.schema import CellResult, PredictionResult, Results

__all__ = ["code_digest", "model_in", "with_predictions"]

# How a store calls the model among what a save left.
MODELS = ("model", "weights")
BESIDE = (".json", ".npz")
DOUBTED = Status.NOT_COMPARABLE
# Where the scenario that stands for a file keeps it.
GIVEN = "given"


def with_predictions(results: Results, plan: Plan, store: Path, *, needed: bool = True) -> Results:
    """Return ``results`` with a prediction of each cell, and the scores of all.

    Args:
        results: of a run of ``plan``.
        plan: with the scenarios' folders and the environments' locks.
        store: the folder of the store, with the artifacts.
        needed: without them there are no results. Where a run was cut off by a full disk, they
            cannot be kept either, and a table without them is better than none.
    """
    try:
        return _predicted(results, plan, store)
    except Exception:
        if needed:
            raise
        return results


def _predicted(results: Results, plan: Plan, store: Path) -> Results:
    notes = PredictionCache(store)
    files = _Files(plan, store / "artifacts", notes)
    boundary = Boundary()
    read: list[FileRecord | None] = []
    for cell in results.cells:
        content = None
        with boundary.apart(cell_of(cell)):
            is_release = plan.environment(cell.loaded_with).is_release
            content = files.read(cell) if is_release else None
        read.append(content)
    files.keep()
    precedents = _precedents(results.cells, read, files, notes, boundary)
    cells = []
    for cell, content in zip(results.cells, read, strict=True):
        predicted = cell
        with boundary.apart(cell_of(cell)):
            if content is not None:
                predicted = _with_prediction(cell, content, files.reader(cell), precedents)
        fault = boundary.of(cell_of(cell))
        cells.append(spoilt(cell, fault) if fault else predicted)
    results = results.model_copy(update={"cells": tuple(cells)})
    results, predictor = make_apart(results, lambda part: score(part.cells))
    return results.model_copy(update={"predictor": predictor})


def _with_prediction(
    cell: CellResult, content: FileRecord, reader: str, precedents: SimilarCells
) -> CellResult:
    by_rule = Prediction(environment=cell.loaded_with, **content.predictions[reader])
    weighed = precedents.weigh(
        by_rule, content.similarity_key, content.readers[reader], without=cell.scenario
    )
    # The values come from our own rules: checking thousands of them takes time for nothing.
    prediction = PredictionResult.model_construct(
        status=weighed.status,
        cause=weighed.cause,
        remedy=weighed.remedy,
        rule=weighed.rule,
        confidence=weighed.confidence,
    )
    return cell.but(prediction=prediction)


def _precedents(
    cells: Sequence[CellResult],
    read: Sequence[FileRecord | None],
    files: _Files,
    notes: PredictionCache,
    boundary: Boundary,
) -> SimilarCells:
    """Return what earlier runs and this one have measured, and note what is new."""
    known = {cell[:4]: (alike, reader, cell) for alike, reader, cell in notes.cells()}
    doubted = [*_doubted(cells, known, files)]
    notes.forget_cells(doubted)
    for key in doubted:
        del known[key]
    new = {}
    for cell, content in zip(cells, read, strict=True):
        with boundary.apart(cell_of(cell)):
            if content is None or not is_measured(cell):
                continue
            repaired = cell.repaired_by
            precedent = SimilarCell(
                cell.scenario, cell.format, cell.saved_with, cell.loaded_with,
                cell.status.value, cell.cause, repaired.id if repaired else None,
            )  # fmt: skip
            entry = (content.similarity_key, content.readers[files.reader(cell)], precedent)
            if known.get(precedent[:4]) != entry:
                new[precedent[:4]] = entry
    notes.keep_cells(new.values())
    precedents = SimilarCells()
    for alike, reader, precedent in {**known, **new}.values():
        precedents.add(alike, reader, precedent)
    return precedents


def _doubted(
    cells: Sequence[CellResult], known: Iterable[tuple[str, str, str, str]], files: _Files
) -> Iterator[tuple[str, str, str, str]]:
    """Yield cached cells that no longer count as evidence.

    A failure may have been caused by unsuitable inputs; and a file that was saved elsewhere has one
    reference, which may have been another one before.
    """
    now = {
        (cell.scenario, cell.format, cell.loaded_with): cell
        for cell in cells
        if cell.status is DOUBTED or (files.is_given(cell) and is_measured(cell))
    }
    for key in known:
        cell = now.get((key[0], key[1], key[3]))
        if cell and (cell.status is DOUBTED or cell.saved_with != key[2]):
            yield key


class _Files:
    """The files of a run as predictions see them: those known before, and those read now."""

    def __init__(self, plan: Plan, artifacts: Path, notes: PredictionCache) -> None:
        self._plan = plan
        self._artifacts = artifacts
        self._notes = notes
        self._code = code_digest()
        self._known = notes.read_files(self._code)
        self._new: dict[tuple[str, str], FileRecord] = {}
        self._unreadable: set[tuple[str, str]] = set()
        self._brought = cache(lambda name: names_of_program(plan.scenarios[name].folder))
        self._targets = {
            env.name: target_of(env, plan.locks[env.name]) for env in plan.selection.environments
        }
        self._readers = {name: _reader(target) for name, target in self._targets.items()}

    def is_given(self, cell: CellResult) -> bool:
        """Whether the file of a cell was saved elsewhere."""
        return self._plan.scenarios[cell.scenario].given

    def reader(self, cell: CellResult) -> str:
        """Return what stands for the environment that loads a cell, in all that was read."""
        return self._readers[cell.loaded_with]

    def read(self, cell: CellResult) -> FileRecord | None:
        """Return what is read of a cell's file; None if there is none, or it cannot be read."""
        scenario = self._plan.scenarios[cell.scenario]
        # A file that was saved elsewhere is there even if no version could make anything of it.
        artifact = scenario.digest if scenario.given else cell.artifact
        if artifact is None:
            return None
        key = (artifact, scenario.digest)
        known = self._new.get(key) or self._known.get(key)
        if known and self.reader(cell) in known.readers:
            return known
        if key in self._unreadable:
            return None
        folder = scenario.folder / GIVEN if scenario.given else self._artifacts / artifact
        try:
            self._new[key] = self._read_anew(model_in(folder), cell.scenario)
        except UsageError:
            self._unreadable.add(key)
        return self._new.get(key)

    def keep(self) -> None:
        """Note what was read now."""
        self._notes.keep_files(self._code, self._new)

    def _read_anew(self, model: Path, scenario: str) -> FileRecord:
        from kerasmatrix.prediction.predict import predict_by_rules  # noqa: PLC0415 - rarely needed

        by_rules = predict_by_rules(
            model,
            tuple(self._targets.values()),
            self._brought(scenario),
        )
        return FileRecord(
            by_rules.similarity_key,
            {self._readers[name]: reader for name, reader in by_rules.readers.items()},
            {
                self._readers[content.environment]: content.about()
                for content in by_rules.predictions
            },
        )


def _reader(target: Target) -> str:
    """Return all of an environment that a prediction goes by."""
    return f"{target.release} {target.tensorflow} {target.python}"


def model_in(folder: Path) -> Path:
    """Return the model among what a save left.

    Raises:
        UsageError: there is none.
    """
    names = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in names:
        if path.name.startswith(MODELS) and not path.name.endswith(BESIDE):
            return path
    raise UsageError(f"{folder}: holds no model")


@cache
def code_digest() -> str:
    """Return the digest of all code and rules that make a prediction: a change makes them again."""
    total = hashlib.sha256()
    for package in ("inspection", "prediction"):
        folder = resources.files(f"kerasmatrix.{package}")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_file():
                total.update(entry.name.encode() + b"\0" + entry.read_bytes() + b"\0")
    return total.hexdigest()
