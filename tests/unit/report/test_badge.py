import json

import pytest

from kerasmatrix.report.badge import to_badge
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_cell, make_results


def badge(*statuses, complete=True):
    cells = tuple(
        make_cell("first", "h5", "tf2.1", f"tf2.{n}", Status(status), message="words")
        for n, status in enumerate(statuses, start=1)
    )
    results = make_results(complete=complete).model_copy(update={"cells": cells})
    return json.loads(to_badge(results))


@pytest.mark.parametrize(
    ("statuses", "message", "colour"),
    [
        (["pass", "pass"], "1 of 1 load", "brightgreen"),
        (["pass", "fail"], "1 of 1 break, 1 fixable", "orange"),
        (["pass", "crash"], "1 of 1 break", "orange"),
        (["pass"], "100% load", "brightgreen"),
        (["crash"], "0% load", "orange"),
        (["infra"], "not measured", "lightgrey"),
        ([], "not measured", "lightgrey"),
    ],
)
def test_badge_shows_what_a_step_breaks(statuses, message, colour):
    found = badge(*statuses)
    assert found["schemaVersion"] == 1
    assert (found["message"], found["color"]) == (message, colour)


def test_badge_incomplete_run_is_marked():
    assert badge("pass", complete=False)["message"] == "100% load (incomplete)"


def test_badge_names_the_step():
    assert badge("pass", "pass")["label"] == "saved models tf2.1 → tf2.2"
    assert badge("pass")["label"] == "saved models"
