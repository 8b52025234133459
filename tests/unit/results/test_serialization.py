import json
import math

import jsonschema
import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.results import serialization
from kerasmatrix.results.observations import Status
from kerasmatrix.results.serialization import read_results, results_schema, to_json
from tests.unit.report.factory import make_cell, make_results


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_parts_are_together_what_the_whole_is(monkeypatch, size):
    monkeypatch.setattr(serialization, "PART", size)
    results = make_results(environments=3)
    assert len(results.cells) == 18
    assert to_json(results) == results.model_dump_json(indent=1) + "\n"
    blank = results.model_copy(update={"cells": ()})
    assert to_json(blank) == blank.model_dump_json(indent=1) + "\n"


def test_what_is_written_is_read_back():
    results = make_results()
    assert read_results(to_json(results), "results.json") == results


def test_the_document_keeps_to_the_published_schema(pytestconfig):
    published = json.loads((pytestconfig.rootpath / "docs" / "results.schema.json").read_text())
    assert published == results_schema(), "run `kerasmatrix schema > docs/results.schema.json`"
    jsonschema.validate(json.loads(to_json(make_results())), published)


def test_the_published_fields_are_there():
    document = json.loads(to_json(make_results()))
    assert {"id", "started", "finished", "engine", "command"} <= document["run"].keys()
    assert {"name", "python", "packages", "lock"} <= document["environments"][0].keys()
    cell = document["cells"][0]
    for field in ("scenario", "format", "saved_with", "loaded_with", "status", "error",
                  "max_abs_diff", "weights_equal", "seconds"):  # fmt: skip
        assert field in cell


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "not whole JSON"),
        (lambda text: text.replace('"schema_version": 1', '"schema_version": 9'), "version 9"),
        (lambda text: "[]", "version None"),
        (lambda text: "[" * 200_000, "not whole JSON"),
        (
            lambda text: text.replace('"loaded_with": "tf2.5"', '"loaded_with": "tf9"', 1),
            "cells.4.loaded_with: 'tf9' is not described",
        ),
        (
            lambda text: text.replace('"loaded_with": "tf2.5"', '"loaded_with": "tf2.4"', 1),
            "cells: first / h5 / tf2.1 / tf2.4 is there twice",
        ),
        (
            lambda text: text.replace('"name": "tf2.5"', '"name": "tf2.4"', 1),
            "environments: 'tf2.4' is there twice",
        ),
        (lambda text: text.replace('"status": "pass"', '"status": "fine"', 1), "cells.0.status"),
        (lambda text: text.replace('"lost"', '"last"', 1), "cells.0.last"),
        (
            lambda text: text.replace('"candidate": null', '"candidate": "tf9"', 1),
            "candidate: 'tf9' is not described",
        ),
    ],
)
def test_a_document_that_is_not_right_is_refused_with_a_reason(change, message):
    with pytest.raises(UsageError, match=message) as caught:
        read_results(change(to_json(make_results())), "old/results.json")
    assert caught.value.message.startswith("old/results.json: ")


def test_text_that_utf8_refuses_and_numbers_that_json_lacks_lose_no_report():
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.DRIFT)
    cell = cell.but(summary="half \ud800 a pair", max_abs_diff=math.nan)
    text = to_json(make_results().model_copy(update={"cells": (cell,)}))
    read = read_results(text.encode().decode(), "results.json").cells[0]
    assert read.summary == "half ? a pair"
    assert read.max_abs_diff is None


@pytest.mark.parametrize("part", [1, 3, 1000])
def test_what_is_compared_has_every_cell_and_leaves_out_the_run(monkeypatch, part):
    monkeypatch.setattr(serialization, "PART", part)
    results = make_results(environments=2)
    content = list(serialization.content_of(results))
    another_run = results.run.model_copy(update={"id": "another", "command": "another"})
    assert (
        list(serialization.content_of(results.model_copy(update={"run": another_run}))) == content
    )
    for number, cell in enumerate(results.cells):
        cells = list(results.cells)
        cells[number] = cell.but(summary="something else")
        changed = results.model_copy(update={"cells": tuple(cells)})
        assert list(serialization.content_of(changed)) != content
