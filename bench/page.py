"""Measures the page: how long it takes to compile, how large it is, how soon it answers.

The cells are made up, a few hundred different texts among them, as in a real run. The browser's
work is timed in headless Chromium, and left out (null) where there is none.
"""

from __future__ import annotations

import datetime
import shutil
import tempfile
import time
import zlib
from pathlib import Path

from pydantic import TypeAdapter

from kerasmatrix.report.html import render_html
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import (
    CellResult,
    EnvironmentResult,
    Results,
    RunInfo,
    ScenarioResult,
)

CELL = TypeAdapter(CellResult)
WHEN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
ENVIRONMENTS, FORMATS = 25, ("h5", "keras")
STATUSES = (Status.PASS, Status.FAIL, Status.DEGRADED, Status.PASS, Status.DRIFT)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
FILTER = """async (status) => {
  const form = document.getElementById("filters");
  const before = performance.now();
  form.elements.status.value = status;
  form.elements.status.dispatchEvent(new Event("input", { bubbles: true }));
  const shown = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  await shown(); // what it looks like then is on the screen
  return performance.now() - before;
}"""


def page(cells: int) -> dict[str, object]:
    """Return what a page of about ``cells`` cells costs."""
    results = made_up(cells)
    started = time.process_time()
    text = render_html(results)
    compiled = time.process_time() - started
    measured: dict[str, object] = {
        "cells": len(results.cells),
        "compile_seconds": round(compiled, 2),
        "megabytes": round(len(text.encode()) / 1e6, 2),
        "interactive_ms": None,
        "filter_ms": None,
    }
    chromium = shutil.which("chromium")
    if chromium:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "index.html")
            path.write_text(text, encoding="utf-8")
            measured.update(_browse(chromium, path.as_uri()))
    return measured


def _browse(chromium: str, address: str) -> dict[str, object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.goto(address)
        opened.wait_for_function("document.getElementById('count').textContent !== ''")
        interactive = opened.evaluate("performance.now()")
        filters = [opened.evaluate(FILTER, status) for status in ("fail", "pass", "drift", "")]
        browser.close()
    return {"interactive_ms": round(interactive), "filter_ms": round(sorted(filters)[1])}


def made_up(cells: int) -> Results:
    """Return results with at least ``cells`` cells."""
    names = [f"tf2.{number}" for number in range(ENVIRONMENTS)]
    block = ENVIRONMENTS**2 * len(FORMATS)
    scenarios = [f"scenario_{number}" for number in range(-(-cells // block))]
    keys = [
        (scenario, form, saved, loaded)
        for scenario in scenarios
        for form in FORMATS
        for saved in names
        for loaded in names
    ]
    return Results(
        run=RunInfo(
            id="made-up", started=WHEN, finished=WHEN, engine="none", command="bench",
            complete=True, measured=len(keys), known=0,
        ),
        environments=tuple(
            EnvironmentResult(
                name=name, python="3.11", packages={"tensorflow": f"2.{number}.0"},
                keras_major=2 if number < ENVIRONMENTS // 2 else 3, lock=f"{number:064x}",
            )
            for number, name in enumerate(names)
        ),
        scenarios=tuple(
            ScenarioResult(name=name, title=f"The {name}", shows="Nothing.") for name in scenarios
        ),
        formats=FORMATS,
        claims=(),
        cells=tuple(_cell(number, *key) for number, key in enumerate(keys)),
    )  # fmt: skip


def _cell(number: int, scenario: str, form: str, saved: str, loaded: str) -> CellResult:
    status = STATUSES[number * 7919 % 31 % len(STATUSES)]
    failed = status is Status.FAIL
    message = f"Unrecognized keyword arguments: {number % 311} of {scenario}"
    trace = "\n".join(f'File "keras/saving_{line}.py", line {line}' for line in range(20))
    side = {
        "ended": "raised" if failed else "returned", "seconds": 0.1 + number % 97 / 100,
        "timings": {"load": 0.1 + number % 89 / 100, "call": 0.02}, "log": f"log {number % 53}",
        "measured_at": WHEN + datetime.timedelta(seconds=number),
    }  # fmt: skip
    link = {"type": "TypeError", "message": message}
    return CELL.validate_python(
        {
            "scenario": scenario, "format": form, "saved_with": saved, "loaded_with": loaded,
            "status": status, "summary": f"{status.value}: {message}",
            "cause": f"cause-{number % 23}" if failed else None,
            "error": {**link, "chain": [link], "traceback": f"{trace}\n{message}"}
            if failed
            else None,
            "remedies": [{"id": "rewrite-config", "status": "verified", "summary": message}]
            if failed and number % 3
            else [],
            "max_abs_diff": 1e-3 * (number % 17) if status is Status.DRIFT else None,
            "artifact": f"{zlib.crc32(f'{scenario}/{form}/{saved}'.encode()):064x}",
            "seconds": side["seconds"], "save": side, "load": side,
        }
    )  # fmt: skip
