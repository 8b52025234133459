import json

import pytest

from kerasmatrix import cli


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


def test_what_loads_as_it_is_says_so(measured, paths):
    code, printed = paths("--from", "good", "--to", "between")
    assert code == 0
    assert "1 load as they are" in printed
    assert "same weights, same outputs" in line_of(printed)


def test_a_remedy_is_a_path(measured, paths):
    _, printed = paths("--from", "good", "--to", "fails-rewrite-config")
    assert "1 load with a remedy that was seen to work" in printed
    assert "fail (unknown-functional), repaired by rewrite-config" in line_of(printed)
    assert "turned it round" in printed


def test_a_bridge_is_a_path_with_its_hops(measured, paths):
    _, printed = paths("--from", "good", "--to", "picky-between")
    assert "1 load by way of another version" in printed
    assert "bridge: good → between → picky-between" in line_of(printed)
    assert "loaded with between and saved as h5" in printed


def test_where_nothing_works_it_says_what_was_tried(measured, paths):
    _, printed = paths("--from", "good", "--to", "fails")
    assert "1 do not load: nothing that was tried works" in printed
    assert "tried in vain: rewrite-config, rebuild-and-load-weights" in line_of(printed)


def test_what_was_not_measured_is_no_path(measured, paths):
    _, printed = paths("--from", "good", "--to", "absent")
    assert "1 were not measured" in printed
    assert "infra: absent: no CPython" in line_of(printed)


def test_json_is_for_programs(measured, paths):
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
def test_a_mistake_gets_a_message(measured, paths, arguments, message):
    code, printed = paths(*arguments)
    assert code == 2
    assert message in printed
    assert "Traceback" not in printed
