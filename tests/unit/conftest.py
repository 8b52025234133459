import importlib
import json
from pathlib import Path

import pytest

from kerasmatrix import cli
from tests.unit.fakes import FakeEngine, make_project


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def command(tmp_path, engine, monkeypatch, capsys):
    """The command line on a project of fake environments: returns exit code, results, output."""
    monkeypatch.chdir(tmp_path)
    # By name, since the package shows the command `run` where the module of that name stands.
    module = importlib.import_module("kerasmatrix.cli.run")
    monkeypatch.setattr(module, "open_engine", lambda *_: engine)

    def run(*arguments: str):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["run", *arguments])
        printed = capsys.readouterr()
        results = Path("reports/results.json")
        table = json.loads(results.read_text()) if results.exists() else None
        return leaving.value.code, table, printed.out + printed.err

    run.project = lambda *names, **options: make_project(tmp_path, *names, **options)
    return run
