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
    assert "Fixes:" in printed


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


FUNCTIONAL = "ValueError: Unknown layer: Functional"


@pytest.fixture
def measured(command, explain):
    """A stored run in which two of four versions show the famous error."""
    command.project("good", "fails", "good3", "fails-rewrite-config", "absent")
    command()
    return explain


def test_where_it_was_measured_is_told_and_what_helped(measured):
    _, printed = measured(FUNCTIONAL)
    assert "Measured in 8 cases of the run" in printed
    assert "loaded with fails: saved with good, fails, good3, fails-rewrite-config" in printed
    assert "Fix rewrite-config worked in 4 of 8." in printed
    assert "absent" not in printed


def test_versions_narrow_what_was_measured(measured):
    told = json.loads(
        measured(FUNCTIONAL, "--saved-with", "tf2.1", "--loaded-with", "tf2.2", "--json")[1]
    )
    assert told["measured"]["cells"] == 8  # no such environments: nothing is narrowed
    assert told["measured"]["repaired_by"] == {"rewrite-config": 4}


def test_a_later_run_of_something_else_hides_nothing(measured, command):
    command("--environments", "good", "--fresh")
    assert "Measured in 8 cases of the run" in measured(FUNCTIONAL)[1]


def test_a_run_that_has_not_seen_it_says_so(measured):
    assert "Not measured in your last run" in measured("ValueError: Unknown layer: MyLayer")[1]


def test_without_a_run_there_is_the_catalogue(explain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed = explain(FUNCTIONAL)
    assert code == 0
    assert "run" not in printed.splitlines()[-1]
    assert "measured" not in json.loads(explain(FUNCTIONAL, "--json")[1])
    assert not (tmp_path / ".kerasmatrix").exists()
