"""Answers of children, which may be forged, and the results made of them."""

import signal

import pytest

from kerasmatrix.harness import answer, protocol

ERROR = {"chain": [{"type": "ValueError", "message": "no layer X"}]}


def raised(message, stage="load"):
    chain = [{"type": "ValueError", "message": message}]
    return {"ended": "raised", "stage": stage, "error": {"chain": chain}}


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b"[1]",
        b'{"value": NaN, "printed": 0}',
        b'{"value": 1}',
        b'{"value": 1, "printed": "0"}',
        b'{"printed": 0}',
        b"[" * 100_000,
    ],
)
def test_parse_malformed_line_is_none(line):
    assert answer.parse(line) is None


def test_parse_message_returns_it():
    message = {"value": [1], "printed": 0}
    assert answer.parse(protocol.encode(message).strip()) == message


@pytest.mark.parametrize(
    ("message", "status", "expected"),
    [
        ({"value": 1}, None, {"ended": "returned", "value": 1}),
        ({"error": ERROR, "stage": "load"}, None, {"ended": "raised", "stage": "load"}),
        ({"left": 3}, None, {"ended": "crashed", "exit_code": 3}),
        (None, 7 << 8, {"ended": "crashed", "exit_code": 7, "signal": None}),
        (None, signal.SIGSEGV, {"ended": "crashed", "exit_code": None, "signal": 11}),
    ],
)
def test_to_result_distinguishes_endings(message, status, expected):
    result = answer.to_result(message, status, is_garbled=False, timed_out=False)
    assert {key: result[key] for key in expected} == expected


def test_to_result_timeout_wins_over_a_message():
    result = answer.to_result({"value": 1}, None, is_garbled=False, timed_out=True)
    assert (result["ended"], result["value"]) == ("timed-out", None)


def test_to_result_garbled_answer_hides_exit_status():
    result = answer.to_result(None, 0, is_garbled=True, timed_out=False)
    assert (result["ended"], result["exit_code"]) == ("crashed", None)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("no X at 0x7f01", "no X at 0x7f02"),
        ("in task-000001-0abc: no X", "in task-000002-0def: no X"),
        (f"no file {'a' * 64}", f"no file {'b' * 64}"),
        ("no X in config={'a': 1}", "no X in config={'b': {'c': 2}}"),
    ],
)
def test_error_signature_ignores_incidental_parts(first, second):
    signature = answer.error_signature(raised(first))
    assert signature == answer.error_signature(raised(second))
    assert signature != answer.error_signature(raised("another error"))
    assert signature != answer.error_signature(raised(first, stage="call"))


@pytest.mark.parametrize("error", [None, 3, {}, {"chain": [3]}, {"chain": [{"type": "E"}]}])
def test_error_signature_of_forged_error_is_none(error):
    assert answer.error_signature({"ended": "raised", "stage": None, "error": error}) is None


@pytest.mark.parametrize("ended", ["returned", "crashed", "timed-out"])
def test_error_signature_without_error_is_none(ended):
    assert answer.error_signature({"ended": ended}) is None
