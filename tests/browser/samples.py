"""Results as a user would have them, of a matrix and of a check of files, for tests that look.

All of it is fixed (names, texts, times), so that a page made of it always looks the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from kerasmatrix.analysis.compare import compare
from kerasmatrix.analysis.expectations import expect
from kerasmatrix.config.expectation import Expectation
from kerasmatrix.report.write import write_reports
from kerasmatrix.results.history import PastRun, in_short
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import (
    AdviceResult,
    CauseResult,
    CellResult,
    ClaimResult,
    EnvironmentResult,
    PredictorResult,
    RemedyInfo,
    Results,
    RetryResult,
    RunInfo,
    ScenarioResult,
    ShareResult,
    StatusScore,
)

WHEN = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
DAY = datetime.timedelta(days=1)
CELL = TypeAdapter(CellResult)
DIGEST = "4f1c9be27d0a83d6e5b1" * 3 + "c0de"

# Name, Python, TensorFlow, Keras, the major version of its `tf.keras`.
VERSIONS = (
    ("tf2.2", "3.8", "2.2.3", "2.3.0", 2),
    ("tf2.9", "3.10", "2.9.3", "2.9.0", 2),
    ("tf2.15", "3.11", "2.15.1", "2.15.0", 2),
    ("tf2.16-legacy", "3.12", "2.16.2", "3.3.3", 2),
    ("tf2.16", "3.12", "2.16.2", "3.3.3", 3),
    ("tf2.21", "3.13", "2.21.0", "3.13.2", 3),
)
NAMES = tuple(name for name, *_ in VERSIONS)

STATUSES = {
    "P": Status.PASS, "G": Status.DEGRADED, "D": Status.DRIFT, "F": Status.FAIL,
    "C": Status.CRASH, "T": Status.TIMEOUT, "S": Status.SAVE_FAILED, "U": Status.UNSUPPORTED,
    "I": Status.INFRA, "N": Status.NOT_RUN,
}  # fmt: skip

# A row for each version that saves, a letter for each that loads.
TABLES: Mapping[tuple[str, str], Sequence[str]] = {
    ("functional", "h5"): ("PPPPGF", "PPPPGF", "FPPPGG", "FPPPPP", "FFDPPP", "FFFFPP"),
    ("functional", "keras"): ("UUUUUU", "UUUUUU", "UUPPFF", "UUPPFF", "UUFFPP", "UUFFFP"),
    ("custom-layer-with-a-long-name", "h5"):
        ("PFFFFF", "FPGGFC", "FPPPTF", "FPPPDF", "SSSSSS", "IIIINN"),
    ("custom-layer-with-a-long-name", "keras"):
        ("UUUUUU", "UUUUUU", "UUPPFF", "UUPGDF", "SSSSSS", "IIIINN"),
}  # fmt: skip

# A file, its format, who wrote it, a letter for each version that loads it.
FILES = (
    ("churn.h5", "h5", "tf2.15", "FPPPFF"),
    ("models/production/forecast_2021-04_final.h5", "h5", "tf2.9", "PPPPGG"),
    ("resnet_finetuned.keras", "keras", "tf2.15", "UUPPFF"),
    ("scorer", "savedmodel", "tf2.2", "PPPPCD"),
    ("translation_encoder_decoder.keras", "keras", "tf2.21", "UUFFFP"),
)

ISSUE = "https://github.com/tensorflow/tensorflow/issues/41929"
UNKNOWN_LAYER = (
    "Unknown layer: 'Functional'. Please ensure you are using a `keras.utils.custom_object_scope` "
    "and that this object is included in the scope. See "
    "https://www.tensorflow.org/guide/keras/save_and_serialize#registering_the_custom_object"
)
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "load.py", line 9, in load\n    return keras.models.load_model(path)\n'
    f"ValueError: {UNKNOWN_LAYER}"
)
REWRITTEN = 'model = tf.keras.models.load_model(rewritten_copy("model.h5"), compile=False)'
VERIFIED = {
    "id": "no-compile + rewrite-config", "status": "verified",
    "summary": "loads, with the same weights and the same outputs",
    "did": ["dropped the argument 'groups' of conv2d_3 and conv2d_4"],
    "lost": ["the compile state"],
}  # fmt: skip
REJECTED = {
    "id": "no-compile", "status": "rejected",
    "summary": "loads, and its outputs differ by up to 0.25 from those that were saved",
}  # fmt: skip
FAILED = {"id": "newer-loader", "status": "failed", "summary": "the same error", "hops": ["tf2.9"]}
CULPRIT = {
    "layer": "conv2d_3", "class_name": "Conv2D", "keys": ["groups"],
    "error": "TypeError: ('Keyword argument not understood:', 'groups')",
}  # fmt: skip
SUMMARIES = {
    Status.PASS: "loads, with the same weights and the same outputs",
    Status.DEGRADED: "loads and predicts the same, but lost the compile state",
    Status.DRIFT: "loads, but an output differs by up to 0.25",
    Status.FAIL: f"ValueError: {UNKNOWN_LAYER}",
    Status.CRASH: "the process that loaded it died of signal 11 (SIGSEGV)",
    Status.TIMEOUT: "the load did not end within 120 s",
    Status.SAVE_FAILED: "NotImplementedError: Layer Scaled has arguments in `__init__`",
    Status.UNSUPPORTED: "TensorFlow 2.2 has no format `keras`",
    Status.INFRA: "the environment tf2.21 could not be had",
    Status.NOT_RUN: "not measured yet",
}


def make_cell(scenario: str, form: str, saved: str, loaded: str, status: Status) -> CellResult:
    """Return a cell with everything that the panel shows of one of its status."""
    raised = status in {Status.FAIL, Status.SAVE_FAILED}
    measured = status not in {Status.UNSUPPORTED, Status.INFRA, Status.NOT_RUN}
    side = {
        "ended": "raised" if raised else "returned",
        "stage": "load" if raised else None,
        "seconds": 1.25,
        "peak_memory_mb": 412.5,
        "timings": {"import": 0.75, "load": 0.25, "predict": 0.125},
        "log": "This TensorFlow binary is optimized to use available CPU instructions.",
        "measured_at": WHEN,
    }
    error = {
        "type": "ValueError", "message": UNKNOWN_LAYER, "traceback": TRACEBACK,
        "chain": [
            {"type": "ValueError", "message": UNKNOWN_LAYER},
            {"type": "KeyError", "message": "'groups'"},
        ],
    }  # fmt: skip
    return CELL.validate_python(
        {
            "scenario": scenario, "format": form, "saved_with": saved, "loaded_with": loaded,
            "status": status, "summary": SUMMARIES[status],
            "cause": "unknown-functional" if raised else None,
            "error": error if raised else None,
            "culprits": [CULPRIT] if status is Status.FAIL else None,
            "remedies": [FAILED, REJECTED, VERIFIED] if status is Status.FAIL else [],
            "lost": ["the compile state"] if status is Status.DEGRADED else [],
            "max_abs_diff": 0.25 if status is Status.DRIFT else None,
            "max_abs_reference": 4.0 if status is Status.DRIFT else None,
            "weights_equal": True if status in {Status.PASS, Status.DRIFT} else None,
            "artifact": DIGEST if measured else None,
            "prediction": {
                "status": "fail", "cause": "unknown-functional", "remedy": "no-compile",
                "rule": "functional-class-name", "confidence": 0.875,
            } if raised else None,
            "seconds": 1.25 if measured else None,
            "save": {**side, "ended": "returned", "stage": None} if measured else None,
            "load": side if measured else None,
        }
    )  # fmt: skip


def _results(
    cells: Sequence[CellResult],
    scenarios: Sequence[ScenarioResult],
    troubles: Mapping[str, str],
    **more: Any,
) -> Results:
    formats = tuple(dict.fromkeys(cell.format for cell in cells))
    failing = sum(cell.status is Status.FAIL for cell in cells)
    return Results(
        run=RunInfo(
            id="2026-03-04T05-06-07", started=WHEN, finished=WHEN + datetime.timedelta(minutes=14),
            engine="local", command="kerasmatrix run", complete=True, measured=140, known=12,
            retries=2,
        ),
        environments=tuple(
            EnvironmentResult(
                name=name,
                python=python,
                packages={
                    "tensorflow-cpu": tensorflow, "keras": keras,
                    "numpy": "1.26.4", "h5py": "3.11.0",
                },
                variables={"TF_USE_LEGACY_KERAS": "1"} if name.endswith("legacy") else {},
                keras_major=major,
                lock=DIGEST,
                trouble=troubles.get(name),
            )
            for name, python, tensorflow, keras, major in VERSIONS
        ),
        scenarios=tuple(scenarios),
        formats=formats,
        current="tf2.15",
        candidate="tf2.21",
        causes=(
            CauseResult(
                slug="unknown-functional",
                story="the loader has no layer class of the name that the file uses",
                what="TensorFlow 2.3 and later write `Functional` where earlier ones have `Model`.",
                cells=failing, failing=failing, repaired=failing,
                repaired_by={"no-compile + rewrite-config": failing},
                advice=(
                    AdviceResult(
                        id="newer-loader", do="Load it with `tensorflow>=2.3`",
                        code="pip install 'tensorflow>=2.3,<2.16'", loses="nothing",
                    ),
                    AdviceResult(id="rewrite-config", do="Rewrite the class name", code=REWRITTEN),
                ),
                sources=(ISSUE, "measured: functional"),
            ),
        ),
        remedies=(
            RemedyInfo(id="no-compile", title="Load without the compile state",
                       code='load_model("model.h5", compile=False)', gives_up="the compile state"),
            RemedyInfo(id="rewrite-config", title="Rewrite what the file says of its layers",
                       code=REWRITTEN),
        ),
        cells=tuple(cells),
        **more,
    )  # fmt: skip


def make_matrix() -> Results:
    """Return the results of a matrix: every status, claims, expectations, predictions, a retry."""
    cells = [
        make_cell(scenario, form, saved, loaded, STATUSES[letter])
        for (scenario, form), rows in TABLES.items()
        for saved, row in zip(NAMES, rows, strict=True)
        for loaded, letter in zip(NAMES, row, strict=True)
    ]
    cells[1] = cells[1].but(inferred_from="tf2.9")
    again = RetryResult(status=Status.PASS, summary=SUMMARIES[Status.PASS], measured_at=WHEN)
    cells[5] = cells[5].but(retries=(again,), flaky=True)
    scenarios = (
        ScenarioResult(
            name="functional", title="A functional model with grouped convolutions",
            shows="Whether the class name `Functional` is known to the version that loads.",
            reports=(ISSUE,),
        ),
        ScenarioResult(
            name="custom-layer-with-a-long-name", title="A layer of one's own, with an argument",
            shows="Whether `get_config` and the registration of the class are enough.",
        ),
    )  # fmt: skip
    base = _results(
        cells,
        scenarios,
        {"tf2.21": "no worker could be opened any more: No space left on device"},
        claims=(
            ClaimResult(
                scenario="functional", verdict="holds in part", cells=4, confirmed=1,
                says="Models of TensorFlow 2.3 raise `Unknown layer: Functional` before it.",
                statuses={Status.PASS: 1, Status.FAIL: 3}, confirmed_by=("h5/tf2.9/tf2.2",),
                contradicted_by=("h5/tf2.2/tf2.2",),
            ),
        ),
        predictor=PredictorResult(
            cells=96, unknown=7,
            statuses=(
                StatusScore(status="fail", predicted=31, measured=33, right=30, precision=0.968,
                            recall=0.909),
                StatusScore(status="drift", predicted=0, measured=3, right=0, precision=None,
                            recall=0.0),
            ),
            causes=ShareResult(of=30, right=28, share=0.933),
            remedies=ShareResult(of=28, right=27, share=0.964),
        ),
    )  # fmt: skip
    expected = [
        {"status": "fail", "scenario": "functional", "format": "h5", "loaded_with": "tf2.2",
         "reason": "TensorFlow 2.2 does not know Functional", "where": "matrix.yaml:7"},
        {"status": "pass", "scenario": "functional", "format": "keras", "loaded_with": "tf2.21",
         "reason": "it is what we deploy", "where": "matrix.yaml:12"},
    ]  # fmt: skip
    known = {
        "scenario": [scenario.name for scenario in scenarios], "format": base.formats,
        "saved_with": NAMES, "loaded_with": NAMES,
    }  # fmt: skip
    return expect(base, [Expectation.model_validate(each) for each in expected], known)


def make_check() -> Results:
    """Return the results of a check of files."""
    cells, scenarios = [], []
    for path, form, writer, row in FILES:
        name = Path(path).stem
        cells += [
            make_cell(name, form, writer, loaded, STATUSES[letter])
            for loaded, letter in zip(NAMES, row, strict=True)
        ]
        version = dict(version[:3:2] for version in VERSIONS)[writer]
        shows = f"A {form} file of 4.2 MB, written by TensorFlow {version}."
        scenarios.append(ScenarioResult(name=name, title=path, shows=shows, file=path))
    return _results(cells, scenarios, {}, claims=())


def earlier(results: Results) -> list[PastRun]:
    """Return two runs before ``results``, in the first of which everything passed."""
    passed = tuple(cell.but(status=Status.PASS, cause=None, remedies=()) for cell in results.cells)
    runs = []
    for days, cells in ((2, passed), (1, results.cells)):
        run = results.run.model_copy(update={"started": results.run.started - days * DAY})
        runs.append(in_short(results.model_copy(update={"run": run, "cells": cells})))
    return runs


def write_matrix(folder: Path) -> Path:
    """Write the report of a matrix, with a baseline and earlier runs; return its page."""
    head = make_matrix()
    before = tuple(
        cell.but(status=Status.PASS, cause=None, remedies=())
        if cell.loaded_with == "tf2.21" and cell.status is Status.FAIL
        else cell
        for cell in head.cells
    )
    base = head.model_copy(
        update={"cells": before, "run": head.run.model_copy(update={"id": "2026-03-03T05-06-07"})}
    )
    return write_reports(head, folder, compare(base, head), past=lambda: earlier(head))


def write_check(folder: Path) -> Path:
    """Write the report of a check of files; return its page."""
    results = make_check()
    return write_reports(results, folder, past=lambda: earlier(results))


REPORTS: Mapping[str, Callable[[Path], Path]] = {"matrix": write_matrix, "check": write_check}
