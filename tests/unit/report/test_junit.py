from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
import xmlschema

from kerasmatrix.report.junit import to_junit
from kerasmatrix.results.observations import Status
from tests.unit.report.factory import HOSTILE, make_cell, make_results


@pytest.fixture(scope="module")
def common():
    return xmlschema.XMLSchema(Path(__file__).with_name("junit.xsd"))


def test_a_document_keeps_to_the_common_schema(common):
    common.validate(to_junit(make_results(scenarios=2)))
    common.validate(to_junit(make_results().model_copy(update={"cells": ()})))


@pytest.mark.parametrize("status", list(Status))
def test_hostile_text_does_not_break_the_schema(common, status):
    cell = make_cell("first", "h5", "tf2.1", "tf2.2", status, message=f"{HOSTILE}\x00\ud800\uffff")
    common.validate(to_junit(make_results().model_copy(update={"cells": (cell,)})))


@pytest.mark.parametrize(
    "spoil",
    [
        ('skipped="', 'omitted="'),
        ("testcase", "case"),
        ('time="0.250"', 'time="a quarter"'),
        ('timestamp="2026-01-02T03:04:05"', 'timestamp="2026-01-02T03:04:05+00:00"'),
        ('name="tf2.1 to tf2.2"', 'name="tf2.1 to tf2.1"'),
    ],
)
def test_the_schema_refuses_what_readers_would(common, spoil):
    text = to_junit(make_results())
    assert spoil[0] in text
    assert not common.is_valid(text.replace(*spoil))


def test_there_is_a_suite_for_each_block_and_a_case_for_each_cell():
    root = Xml.fromstring(to_junit(make_results(scenarios=2)))
    assert [suite.get("name") for suite in root] == [
        "first.h5", "first.keras", "scenario2.h5", "scenario2.keras",
    ]  # fmt: skip
    assert [len(suite) for suite in root] == [25] * 4


def test_counts_are_those_of_the_cases():
    root = Xml.fromstring(to_junit(make_results()))
    for counted, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        there = len(root.findall(f".//{tag}"))
        assert int(root.get(counted, there)) == there > 0
        assert sum(int(suite.get(counted)) for suite in root) == there
    assert int(root.get("tests")) == len(root.findall(".//testcase")) == 50


def case_of(status, message="words"):
    cell = make_cell("first", "h5", "tf2.1", "tf2.2", status, message=message)
    root = Xml.fromstring(to_junit(make_results().model_copy(update={"cells": (cell,)})))
    return root.find(".//testcase")


@pytest.mark.parametrize(
    ("status", "tags"),
    [
        ("pass", []),
        ("degraded", ["system-out"]),
        ("drift", ["failure"]),
        ("fail", ["failure"]),
        ("crash", ["failure"]),
        ("timeout", ["failure"]),
        ("save-failed", ["failure"]),
        ("infra", ["error"]),
        ("unsupported", ["skipped"]),
        ("not-comparable", ["skipped"]),
        ("not-run", ["skipped"]),
    ],
)
def test_a_status_is_a_verdict_of_a_test(status, tags):
    assert [child.tag for child in case_of(Status(status))] == tags


def test_a_failure_tells_its_story():
    failure = case_of(Status.FAIL).find("failure")
    assert failure.get("type") == "ValueError"
    for expected in ("cause: unknown-functional", "repaired by: no-compile + rewrite-config",
                     "Traceback: words"):  # fmt: skip
        assert expected in failure.text


def test_what_xml_cannot_hold_is_replaced():
    failure = case_of(Status.FAIL, message=f"{HOSTILE}\x00\ud800\uffff").find("failure")
    assert "\x1b" not in failure.text
    assert "</script><img src=x onerror=alert(1)> \\u001b[31m" in failure.text


def test_a_message_of_megabytes_is_shortened():
    assert len(to_junit_of_a_long_message()) < 100_000


def to_junit_of_a_long_message():
    cell = make_cell("first", "h5", "tf2.1", "tf2.2", Status.FAIL, message="x" * 10_000_000)
    return to_junit(make_results().model_copy(update={"cells": (cell,)}))


def test_no_cells_are_a_document():
    root = Xml.fromstring(to_junit(make_results().model_copy(update={"cells": ()})))
    assert (root.get("tests"), len(root)) == ("0", 0)
