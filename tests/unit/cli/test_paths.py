import json

import pytest

from kerasmatrix import cli
from tests.unit.behaviours import only_from

BEHAVIOURS = {
    "picky-between": only_from("between"),
}


@pytest.fixture
def paths(capsys):
    def paths(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["paths", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out + printed.err

    return paths


@pytest.fixture
def measured(command):
    command.project("good", "between", "picky-between", "fails", "fails-rewrite-config", "absent")
    command()


def line_of(printed, text="first · h5"):
    return next(line for line in printed.splitlines() if line.startswith(text))


def test_paths_of_a_passing_cell_is_a_plain_load(measured, paths):
    code, printed = paths("--from", "good", "--to", "between")
    assert code == 0
    assert "1 load unchanged" in printed
    assert "same weights, same outputs" in line_of(printed)


def test_paths_of_a_fixed_cell_names_the_fix(measured, paths):
    _, printed = paths("--from", "good", "--to", "fails-rewrite-config")
    assert "1 load with a verified fix" in printed
    assert "fail (unknown-functional), fixed by rewrite-config" in line_of(printed)
    assert "turned it round" in printed


def test_paths_via_another_version_lists_the_hops(measured, paths):
    _, printed = paths("--from", "good", "--to", "picky-between")
    assert "1 load via another version" in printed
    assert "bridge: good → between → picky-between" in line_of(printed)
    assert "loaded with between and saved as h5" in printed


def test_paths_without_a_fix_lists_the_attempts(measured, paths):
    _, printed = paths("--from", "good", "--to", "fails")
    assert "1 fail; no fix found" in printed
    assert "tried without success: rewrite-config, rebuild-and-load-weights" in line_of(printed)


def test_paths_of_an_infra_cell_is_not_measured(measured, paths):
    _, printed = paths("--from", "good", "--to", "absent")
    assert "1 not measured" in printed
    assert "infra: absent: no CPython" in line_of(printed)


def test_paths_json_has_path_and_remedy(measured, paths):
    _, printed = paths("--from", "good", "--to", "picky-between", "--json")
    (path,) = json.loads(printed)["paths"]
    assert (path["path"], path["remedy"]["id"]) == ("bridged", "bridge")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "bad", "--to", "good"), "has no environment 'bad'"),
        (("--from", "good", "--to", "good", "--format", "pickle"), "has no format 'pickle'"),
        (("--from", "a", "--to", "b", "--results", "nowhere.json"), "nowhere.json: cannot be read"),
    ],
)
def test_paths_wrong_argument_is_usage_error(measured, paths, arguments, message):
    code, printed = paths(*arguments)
    assert code == 2
    assert message in printed
    assert "Traceback" not in printed
