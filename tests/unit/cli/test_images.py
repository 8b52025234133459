import importlib

import pytest

from kerasmatrix import cli
from tests.unit.fakes import FakeEngine, make_project


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, "good", "absent")
    engine = FakeEngine()
    module = importlib.import_module("kerasmatrix.cli.images")
    monkeypatch.setattr(module, "open_engine", lambda *_: engine)

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["images", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out + printed.err, engine

    return run


def test_what_can_be_made_is_made_and_the_rest_is_said(run):
    code, printed, engine = run()
    assert code == 3
    assert "good: ready" in printed
    assert "absent: no CPython 3.8" in printed
    assert engine.closed


def test_only_what_is_named_is_made(run):
    code, printed, _ = run("--environments", "good")
    assert code == 0
    assert "absent" not in printed
