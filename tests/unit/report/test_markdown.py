import re

from kerasmatrix.report import markdown
from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.report.texts import for_markdown
from kerasmatrix.results.observations import Status
from tests.unit.report.factory import HOSTILE, make_cell, make_results


def test_the_answer_comes_first():
    lines = to_markdown(make_results()).splitlines()
    assert lines[2].startswith("50 cells: ✓ 5 pass · ◐ 5 degraded")
    assert "20 do not come back as they were; in 5 a remedy works ↻." in lines


def test_the_overview_has_a_row_and_a_column_for_each_version():
    text = to_markdown(make_results())
    assert "| | tf2\\.1 | tf2\\.2 | tf2\\.3 | tf2\\.4 | tf2\\.5 |" in text
    assert "| **tf2\\.1** | 1/2 |" in text


def test_causes_and_failing_cells_are_listed():
    text = to_markdown(make_results())
    assert "| 10 | " in text
    assert text.count("| ✕ fail ↻ no\\-compile \\+ rewrite\\-config |") == 5


def test_an_incomplete_run_and_trouble_are_said():
    text = to_markdown(make_results(complete=False))
    assert "**This run is incomplete.**" in text
    assert "**tf2\\.1 could not be had:**" in text


def test_hostile_text_does_nothing():
    text = to_markdown(make_results())
    assert not re.search(r"(?<!\\)<", text)
    assert "\x1b" not in text
    assert for_markdown("a|b\n# c @me `x` <i> [l](u)") == (
        "a\\|b \\# c \\@me \\`x\\` \\<i\\> \\[l\\]\\(u\\)"
    )
    assert len(for_markdown(HOSTILE * 1000)) < 500


def test_a_summary_has_an_end_and_says_what_is_left_out(monkeypatch):
    monkeypatch.setattr(markdown, "LARGEST", 5000)
    cells = tuple(
        make_cell(f"scenario{n}", "h5", "tf2.1", "tf2.2", Status.FAIL, message="y" * 10_000)
        for n in range(2, 102)
    )
    text = to_markdown(make_results(scenarios=101).model_copy(update={"cells": cells}))
    assert len(text.encode()) < 5200
    left = int(re.search(r"(\d+) more are left out here", text)[1])
    assert left + text.count("| scenario") == 100


def test_no_cells_are_a_summary():
    assert "0 cells: " in to_markdown(make_results().model_copy(update={"cells": ()}))
