import base64
import json
import math
import re
import zlib

import pytest

from kerasmatrix.report import page_data as module
from kerasmatrix.report.blocks import blocks_of
from kerasmatrix.report.page_data import eras, pack, page_data
from kerasmatrix.results.history import in_short
from kerasmatrix.results.observations import Status
from tests.unit.report.factory import HOSTILE, make_cell, make_results


def data_of(results):
    return page_data(results, blocks_of(results))


def with_cells(*cells, **changes):
    return make_results().model_copy(update={"cells": cells, **changes})


def texts_of(chunk):
    return [
        text if isinstance(text, str) else "\n".join(chunk["lines"][line] for line in text)
        for text in chunk["texts"]
    ]


def unpacked(text):
    return json.loads(zlib.decompress(base64.b64decode(text)))


def test_every_cell_has_an_entry_in_every_column():
    results = make_results()
    columns, chunks = data_of(results)
    chunks = list(chunks)
    for name in ("status", "cause", "help", "lost", "summary", "seconds"):
        assert len(columns[name]) == len(results.cells), name
    assert sum(len(chunk["cells"]) for chunk in chunks) == len(results.cells)


def test_columns_say_what_the_cells_are():
    results = make_results()
    columns, _ = data_of(results)
    for number, cell in enumerate(results.cells):
        place = ord(columns["status"][number]) - ord("0")
        assert columns["statuses"][place]["id"] == cell.status.value
        slug = columns["cause"][number]
        assert (columns["slugs"][slug] if slug >= 0 else None) == cell.cause
        help_ = columns["help"][number]
        remedy = cell.repaired_by
        assert (columns["helps"][help_] if help_ >= 0 else None) == (remedy and remedy.id)
        assert columns["summaries"][columns["summary"][number]] == cell.summary


def test_a_whole_block_needs_no_places_and_one_with_gaps_has_them():
    results = make_results()
    columns, _ = data_of(results)
    assert columns["blocks"] == [(0, 0, 0, None), (0, 1, 25, None)]
    column = tuple(cell for cell in results.cells if cell.loaded_with == "tf2.3")
    columns, _ = data_of(results.model_copy(update={"cells": column}))
    assert columns["blocks"][1] == (0, 1, 5, (2, 7, 12, 17, 22))


def test_details_are_split_into_chunks(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 20)
    results = make_results()
    columns, chunks = data_of(results)
    chunks = list(chunks)
    assert columns["chunk"] == 20
    assert [len(chunk["cells"]) for chunk in chunks] == [20, 20, 10]
    artifact = 6
    assert chunks[2]["cells"][9][artifact] == results.cells[-1].artifact


def test_a_chunk_comes_back_as_it_was_whatever_is_in_it():
    _, (chunk,) = data_of(make_results())
    packed = pack(chunk)
    assert packed.isascii()
    assert "<" not in packed
    assert unpacked(packed)["texts"] == chunk["texts"]
    assert any(HOSTILE in text for text in texts_of(unpacked(packed)))
    assert unpacked(pack(["\ud800"])) == ["\ud800"]


def test_equal_texts_are_in_a_chunk_once():
    small, large = (next(data_of(make_results(environments=n)).chunks) for n in (4, 6))
    assert len(small["errors"]) == len(large["errors"]) == 1
    assert small["texts"] == large["texts"]


def test_tracebacks_share_their_lines():
    shared = "\n".join(f'File "model.py", line {number}' for number in range(200))
    cells = [
        make_cell(
            "first", "h5", "tf2.1", f"tf2.{number}", Status.FAIL, message=f"{shared}\n{number}"
        )
        for number in range(1, 5)
    ]
    _, (chunk,) = data_of(with_cells(*cells))
    assert len(chunk["lines"]) < 250
    assert sum(f"{shared}\n3" in text for text in texts_of(chunk)) >= 1


def test_an_infinite_difference_does_not_break_the_data():
    cells = [
        make_cell("first", "h5", "tf2.1", name, Status.DRIFT).but(max_abs_diff=value)
        for name, value in (("tf2.1", math.nan), ("tf2.2", math.inf))
    ]
    columns, (chunk,) = data_of(with_cells(*cells))
    difference = 3
    assert [row[difference] for row in chunk["cells"]] == ["nan", "inf"]
    assert columns["differences"] == {0: ["nan", None], 1: ["inf", None]}
    json.dumps(columns, allow_nan=False)


def test_a_text_of_megabytes_is_cut_in_the_middle_and_says_so():
    message = "start" + "x" * 5_000_000 + "end"
    columns, (chunk,) = data_of(
        with_cells(make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message))
    )
    assert len(columns["summaries"][0]) < 300
    cut = [text for text in texts_of(chunk) if re.search(r"\d{7} characters", text)]
    assert any(text.startswith("start") and text.endswith("end") for text in cut)
    assert max(len(text) for text in texts_of(chunk)) < 30_000


@pytest.mark.parametrize(
    ("majors", "expected"), [((2, 2, 3, 3), {2}), ((2, 3, 2), {1, 2}), ((3, 3), set()), ((), set())]
)
def test_an_era_begins_where_the_major_version_of_keras_changes(majors, expected):
    base = make_results(environments=max(1, len(majors)))
    environments = tuple(
        told.model_copy(update={"keras_major": major})
        for told, major in zip(base.environments, majors, strict=False)
    )
    assert eras(base.model_copy(update={"environments": environments})) == expected


def test_a_prediction_is_in_a_chunk_once_and_a_cell_without_one_has_none():
    results = make_results()
    _, (chunk,) = data_of(results)
    assert len(chunk["predictions"]) == 1
    assert chunk["predictions"][0][:3] == ["fail", "unknown-functional", "no-compile"]
    places = {row[11] for row in chunk["cells"]}
    assert places == {None, 0}


def test_what_runs_said_of_cells_is_in_a_chunk_once():
    results = make_results()
    runs = [in_short(results.model_copy(update={"cells": results.cells[:3]}))] * 2
    columns, (chunk,) = page_data(results, blocks_of(results), past=runs)
    assert columns["runs"] == ["2026-01-02 03:04"] * 2
    assert len(chunk["pasts"]) == 3
    assert chunk["pasts"][0] == [[0, 1, 2, "pass", None, None, False]]
    assert [row[13] for row in chunk["cells"]] == [0, 1, 2, *[None] * 47]
