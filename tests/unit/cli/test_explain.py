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


def test_explain_unknown_layer_functional(explain):
    code, printed = explain("ValueError: Unknown layer: Functional")
    assert code == 0
    assert printed.startswith("unknown-functional: ")
    assert "TensorFlow 2.3" in printed
    assert "Fixes:" in printed
    assert "      kerasmatrix check FILE --fix fixed/\n" in printed


def test_explain_error_that_is_not_of_a_file_names_no_check(explain):
    _, printed = explain("AttributeError: module 'keras' has no attribute '__version__'")
    assert "Fixes:" in printed
    assert "kerasmatrix check" not in printed


def test_explain_traceback_on_standard_input(explain):
    typed = "Traceback (most recent call last):\n  …\nKeyError: 'query_shape'\n"
    assert explain(typed=typed)[1].startswith("config-key-absent")


def test_explain_json(explain):
    found = json.loads(explain("ValueError: Unknown layer: MyLayer", "--json")[1])
    assert found["cause"] == "custom-class-missing"
    assert found["advice"][0]["id"] == "custom-objects"
    unknown = json.loads(explain("ValueError: an unheard-of problem", "--json")[1])
    assert unknown["cause"] == "unclassified"
    assert not {"advice", "near"} & set(unknown)


def test_explain_file_with_a_traceback_is_read(explain, tmp_path):
    trace = tmp_path / "trace.txt"
    trace.write_text(f"Traceback (most recent call last):\n  ...\n{FUNCTIONAL}\n")
    assert explain(str(trace))[1].startswith("unknown-functional: ")


@pytest.mark.parametrize("more", ["x" * 300, "x/" * 3000, "\x00", "\n/tmp"])
def test_explain_message_that_cannot_be_a_path_is_explained(explain, more):
    assert explain(f"{FUNCTIONAL} {more}")[1].startswith("unknown-functional")


def test_explain_model_file_as_text_is_usage_error(explain, tmp_path):
    model = tmp_path / "model.h5"
    model.write_bytes(b"\x89HDF")
    code, printed = explain(str(model))
    assert code == 2
    assert f"--file {model}" in printed


@pytest.mark.parametrize("path", ["/proc/self/status", None])
def test_explain_file_without_size_is_usage_error(explain, tmp_path, path):
    """Files of the kernel, such as /proc/kmsg, can wait for ever."""
    empty = tmp_path / "empty.txt"
    empty.touch()
    code, shown = explain(path or str(empty))
    assert code == 2
    assert "is empty" in shown


def test_explain_symptom_without_error(explain):
    code, printed = explain("--symptom", "predictions differ after loading")
    assert code == 0
    assert printed.startswith("silent-drift: ")


def test_explain_says_where_a_message_is_raised(explain):
    _, printed = explain("OSError: No file or directory found at model.h5")
    assert "raised by keras" in printed
    assert "worded so in" in printed


def test_explain_versions_select_cause(explain):
    error = "ValueError: Unrecognized keyword arguments passed to MyNewLayer: {'new': 1}"
    older = explain(error, "--saved-with", "tf2.15", "--loaded-with", "2.18", "--json")[1]
    newer = explain(error, "--saved-with", "tf2.21", "--loaded-with", "tf2.18", "--json")[1]
    assert json.loads(older)["cause"] == "config-key-removed"
    assert json.loads(newer)["cause"] == "config-key-too-new"


def test_explain_empty_text_is_usage_error(explain):
    code, printed = explain(typed="  \n")
    assert code == 2
    assert "nothing to explain" in printed


def test_explain_invalid_version_is_usage_error(explain):
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


def test_explain_measured_cells_and_fixes(measured):
    _, printed = measured(FUNCTIONAL)
    assert "Measured in 8 cases of the run" in printed
    assert "loaded with fails: saved with good, fails, good3, fails-rewrite-config" in printed
    assert "Fix rewrite-config worked in 4 of 8." in printed
    assert "absent" not in printed


def test_explain_versions_narrow_measured_cells(measured):
    told = json.loads(
        measured(FUNCTIONAL, "--saved-with", "tf2.1", "--loaded-with", "tf2.2", "--json")[1]
    )
    assert told["measured"]["cells"] == 8  # no such environments: nothing is narrowed
    assert told["measured"]["repaired_by"] == {"rewrite-config": 4}


def test_explain_later_unrelated_run_is_skipped(measured, command):
    command("--environments", "good", "--fresh")
    assert "Measured in 8 cases of the run" in measured(FUNCTIONAL)[1]


def test_explain_run_without_cause_is_noted(measured):
    assert "Not measured in your last run" in measured("ValueError: Unknown layer: MyLayer")[1]


def test_explain_without_run_uses_catalogue(explain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, printed = explain(FUNCTIONAL)
    assert code == 0
    assert "run" not in printed.splitlines()[-1]
    assert "measured" not in json.loads(explain(FUNCTIONAL, "--json")[1])
    assert not (tmp_path / ".kerasmatrix").exists()
