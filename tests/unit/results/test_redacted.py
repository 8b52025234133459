"""What is handed on holds no secret and no path of the machine, whatever form it has."""

import json
from pathlib import Path

import pytest

from kerasmatrix.report.blocks import blocks_of
from kerasmatrix.report.csv_parquet import csv_parts
from kerasmatrix.report.html import render_html
from kerasmatrix.report.junit import to_junit
from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.report.page_data import page_data
from kerasmatrix.results.observations import Status
from kerasmatrix.results.redacted import redacted
from kerasmatrix.results.serialization import read_results, to_json
from tests.unit.report.factory import make_cell, make_results

HOME = "/home/jo"
STORE = Path(HOME, "upgrade", ".kerasmatrix")
TELLING = (
    f"cannot open {STORE}/scratch/1/artifact of s3://KEY:hush@bucket\n"
    f'File "{HOME}/.cache/kerasmatrix/environments/tf2.4-01/lib/python3.8/site-packages/keras/a.py"'
)


@pytest.fixture
def telling(monkeypatch):
    """Results in which every text tells more than it should."""
    monkeypatch.setenv("HOME", HOME)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    plain = make_results()
    cells = []
    for number, cell in enumerate(plain.cells):
        status = list(Status)[number % len(Status)]
        made = make_cell(*cell_key(cell), status, TELLING)
        side = made.save.but(log=TELLING, retried=(TELLING,)) if made.save else None
        remedies = tuple(
            each.model_copy(update={"summary": TELLING, "did": (TELLING,)})
            for each in made.remedies
        )
        retries = tuple(each.model_copy(update={"summary": TELLING}) for each in made.retries)
        culprits = made.culprits and tuple(
            each.model_copy(update={"error": TELLING}) for each in made.culprits
        )
        cells.append(
            made.but(save=side, load=side, remedies=remedies, retries=retries, culprits=culprits)
        )
    environments = tuple(
        each.model_copy(update={"trouble": TELLING, "variables": {"HF_TOKEN": "hush"}})
        for each in plain.environments
    )
    run = plain.run.model_copy(update={"command": "kerasmatrix check /home/jo/models/a.h5"})
    return plain.model_copy(
        update={"cells": tuple(cells), "environments": environments, "run": run}
    )


def cell_key(cell):
    return cell.scenario, cell.format, cell.saved_with, cell.loaded_with


FORMS = {
    "json": to_json,
    "html": render_html,
    "page": lambda results: json.dumps(list(page_data(results, blocks_of(results), ()).chunks)),
    "csv": lambda results: "".join(csv_parts(results)),
    "junit": to_junit,
    "markdown": to_markdown,
}


@pytest.mark.parametrize("form", FORMS)
def test_reports_hold_no_secret_and_no_path(telling, form):
    before = FORMS[form](telling.model_copy(update={"run": make_results().run}))
    clean = redacted(telling, [STORE]).model_copy(update={"run": make_results().run})
    made = FORMS[form](clean)
    if form != "html":  # whose cells are compressed: they are in "page"
        assert "hush" in before
    for word in ("hush", "/home/", "site-packages", ".cache"):
        assert word not in made, word


def test_redacted_keeps_what_the_user_named(telling):
    clean = redacted(telling, [STORE])
    assert clean.run.command == "kerasmatrix check /home/jo/models/a.h5"
    assert ".../keras/a.py" in next(cell.error.traceback for cell in clean.cells if cell.error)
    assert clean.environments[0].variables == {"HF_TOKEN": "***"}


def test_redacted_twice_is_redacted_once(telling):
    once = redacted(telling, [STORE])
    assert redacted(once, [STORE]) == once


def test_redacted_without_anything_to_take_out_changes_nothing():
    plain = make_results()
    clean = redacted(plain)
    assert clean == plain
    assert all(new is old for new, old in zip(clean.cells, plain.cells, strict=True))


def test_read_results_of_an_older_release_redacts_them(telling):
    document = json.loads(to_json(telling))
    document["run"]["command"] = "kerasmatrix run --artifacts s3://KEY:hush@bucket"
    read = to_json(read_results(json.dumps(document), "old.json"))
    assert "hush" not in read
    assert "site-packages" not in read
    assert "s3://***@bucket" in read
