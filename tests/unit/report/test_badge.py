import json

import pytest

from kerasmatrix.report.badge import to_badge
from kerasmatrix.results.observations import Status
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
        (["pass", "pass"], "100% load", "brightgreen"),
        (["pass", "degraded", "drift"], "66% load", "yellowgreen"),
        (["pass", "fail"], "50% load, 1 repaired", "yellow"),
        (["crash"], "0% load", "orange"),
        (["pass", "infra", "not-run", "unsupported"], "100% load", "brightgreen"),
        (["infra"], "not measured", "lightgrey"),
        ([], "not measured", "lightgrey"),
    ],
)
def test_a_badge_says_how_much_loads_of_what_was_measured(statuses, message, colour):
    found = badge(*statuses)
    assert found["schemaVersion"] == 1
    assert (found["message"], found["color"]) == (message, colour)


def test_an_incomplete_run_says_so():
    assert badge("pass", complete=False)["message"] == "100% load (incomplete)"
