"""Results with every status in them, and with text that means harm."""

from __future__ import annotations

import datetime

from pydantic import TypeAdapter

from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import (
    AdviceResult,
    CauseResult,
    CellResult,
    ClaimResult,
    EnvironmentResult,
    PredictorResult,
    RemedyInfo,
    Results,
    RunInfo,
    ScenarioResult,
    ShareResult,
    SideResult,
    StatusScore,
    UpstreamResult,
)

HOSTILE = "</script><img src=x onerror=alert(1)> \x1b[31m \u2028 \u202e &amp; {{ 7*7 }}"
CELL = TypeAdapter(CellResult)
WHEN = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)

CULPRIT = {"layer": HOSTILE, "class_name": "Dense", "keys": ["groups"], "error": f"E: {HOSTILE}"}
REJECTED = {"id": "no-compile", "status": "rejected", "summary": "outputs differ by up to 0.5"}
VERIFIED = {
    "id": "no-compile + rewrite-config", "status": "verified", "summary": "same weights",
    "did": (f"dropped {HOSTILE}",), "lost": ("the compile state",),
}  # fmt: skip
PREDICTION = {
    "status": "fail", "cause": "unknown-functional", "remedy": "no-compile",
    "rule": f"measured:{HOSTILE}", "confidence": 0.75,
}  # fmt: skip
PREDICTOR = PredictorResult(
    cells=12,
    unknown=1,
    statuses=(
        StatusScore(status="fail", predicted=4, measured=5, right=3, precision=0.75, recall=0.6),
        StatusScore(status="drift", predicted=0, measured=1, right=0, precision=None, recall=0.0),
    ),
    causes=ShareResult(of=3, right=2, share=0.667),
    remedies=ShareResult(of=2, right=1, share=0.5),
)


def make_results(*, environments: int = 5, scenarios: int = 1, complete: bool = True) -> Results:
    """Return results over tf2.1, tf2.2 and so on, whose cells go through all statuses in turn."""
    names = [f"tf2.{number}" for number in range(1, environments + 1)]
    told = ["first", *(f"scenario{number}" for number in range(2, scenarios + 1))]
    keys = [
        (scenario, form, saved, loaded)
        for scenario in told
        for form in ("h5", "keras")
        for saved in names
        for loaded in names
    ]
    statuses = list(Status)
    cells = [make_cell(*key, statuses[number % len(statuses)]) for number, key in enumerate(keys)]
    return Results(
        run=RunInfo(
            id="run", started=WHEN, finished=WHEN, engine="fake", command="kerasmatrix run",
            complete=complete, measured=10, known=2,
        ),
        environments=tuple(
            EnvironmentResult(
                name=name,
                python="3.8",
                packages={"tensorflow-cpu": f"2.{number}.0", "numpy": "1.19.5"},
                keras_major=2 if number <= 3 else 3,
                lock="ab" * 32,
                trouble=HOSTILE if number == 1 else None,
            )
            for number, name in enumerate(names, start=1)
        ),
        scenarios=tuple(
            ScenarioResult(name=name, title=f"Title of {name}", shows=HOSTILE) for name in told
        ),
        formats=("h5", "keras"),
        claims=(
            ClaimResult(
                scenario="first", says=f"it says `{HOSTILE}`", verdict="holds in part", cells=4,
                confirmed=1, statuses={Status.PASS: 1, Status.FAIL: 3},
            ),
        ),
        upstream=(
            UpstreamResult(
                id="https://issues.example/1", kind="issue", says=HOSTILE, state="open",
                link="https://issues.example/1", as_of=WHEN.date(),
                cells=("first/h5/tf2.1/tf2.2",),
            ),
        ),
        causes=(
            CauseResult(
                slug="unknown-functional", story=f"A story {HOSTILE}", what="What went wrong",
                cells=10, sources=("measured: here",),
                failing=4, repaired=3, repaired_by={"rewrite-config": 3},
                advice=(AdviceResult(id="newer-loader", do="Load it", code="pip install x"),),
            ),
        ),
        remedies=(
            RemedyInfo(
                id="rewrite-config", title="Rewrite it", code="load(copy)", gives_up="nothing"
            ),
        ),
        predictor=PREDICTOR,
        cells=tuple(cells),
    )  # fmt: skip


def make_cell(
    scenario: str, form: str, saved: str, loaded: str, status: Status, message: str = HOSTILE
) -> CellResult:
    failed = status in {Status.FAIL, Status.SAVE_FAILED}
    side = SideResult(
        ended="raised" if failed else "returned",
        stage="load" if failed else None,
        seconds=0.25,
        peak_memory_mb=123.4,
        timings={"load": 0.2},
        log=HOSTILE,
        measured_at=WHEN,
    )
    error = {
        "type": "ValueError",
        "message": message,
        "chain": [
            {"type": "ValueError", "message": message},
            {"type": "KeyError", "message": "the cause"},
        ],
        "traceback": f"Traceback: {message}",
    }
    return CELL.validate_python(
        {
            "scenario": scenario,
            "format": form,
            "saved_with": saved,
            "loaded_with": loaded,
            "status": status,
            "summary": f"{status.value} because {message}",
            "cause": "unknown-functional" if failed else None,
            "error": error if failed else None,
            "culprits": [CULPRIT] if status is Status.FAIL else None,
            "remedies": [REJECTED, VERIFIED] if status is Status.FAIL else [],
            "lost": ("the compile state",) if status is Status.DEGRADED else (),
            "max_abs_diff": 0.5 if status is Status.DRIFT else None,
            "weights_equal": True if status is Status.PASS else None,
            "artifact": "cd" * 32,
            "prediction": PREDICTION if failed else None,
            "seconds": 0.25,
            "save": side,
            "load": side,
        }
    )
