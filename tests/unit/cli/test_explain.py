import io
import json

import pytest

from kerasmatrix import cli


@pytest.fixture
def explain(monkeypatch, capsys):
    def explain(*arguments, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as leaving:
            cli.main(["explain", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out + printed.err

    return explain


def test_the_famous_error_is_explained(explain):
    code, printed = explain("ValueError: Unknown layer: Functional")
    assert code == 0
    assert printed.startswith("unknown-functional: ")
    assert "TensorFlow 2.3" in printed
    assert "What helps:" in printed


def test_a_traceback_on_standard_input_is_explained(explain):
    typed = "Traceback (most recent call last):\n  …\nKeyError: 'query_shape'\n"
    assert explain(typed=typed)[1].startswith("config-key-absent")


def test_json_is_for_programs(explain):
    found = json.loads(explain("ValueError: Unknown layer: MyLayer", "--json")[1])
    assert found["cause"] == "custom-class-missing"
    assert found["advice"][0]["id"] == "custom-objects"
    assert json.loads(explain("ValueError: nobody knows", "--json")[1]) == {"cause": "unclassified"}


def test_versions_sharpen_the_answer(explain):
    error = "ValueError: Unrecognized keyword arguments passed to MyNewLayer: {'new': 1}"
    older = explain(error, "--saved-with", "tf2.15", "--loaded-with", "2.18", "--json")[1]
    newer = explain(error, "--saved-with", "tf2.21", "--loaded-with", "tf2.18", "--json")[1]
    assert json.loads(older)["cause"] == "config-key-removed"
    assert json.loads(newer)["cause"] == "config-key-too-new"


def test_nothing_to_explain_is_a_usage_error(explain):
    code, printed = explain(typed="  \n")
    assert code == 2
    assert "nothing to explain" in printed


def test_a_version_that_is_none_is_a_usage_error(explain):
    code, printed = explain("ValueError: x", "--saved-with", "latest")
    assert code == 2
    assert "tf2.15" in printed
