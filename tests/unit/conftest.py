import importlib
import json
import sys
from pathlib import Path

import pytest

from kerasmatrix import cli
from tests.unit.fakes import FakeEngine, make_project


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_kept():
    """The process that forks readers of files is no child of the next module's tests."""
    yield
    guarded = sys.modules.get("kerasmatrix.inspection.reader_process")
    if guarded:
        guarded._SERVER.close()


@pytest.fixture(autouse=True)
def _a_cache_of_its_own(tmp_path_factory, monkeypatch):
    """No test notes its uses in the cache of whoever runs the tests."""
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path_factory.mktemp("cache", numbered=True)))


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def command(tmp_path, engine, monkeypatch, capsys):
    """The command line on a project of fake environments: returns exit code, results, output."""
    monkeypatch.chdir(tmp_path)
    # By name, since the package shows the command `run` where the module of that name stands.
    for name in ("run", "rerun"):
        module = importlib.import_module(f"kerasmatrix.cli.{name}")
        monkeypatch.setattr(module, "open_engine", lambda *_: engine)

    def run(*arguments: str, verb: str = "run"):
        with pytest.raises(SystemExit) as leaving:
            cli.main([verb, *arguments])
        printed = capsys.readouterr()
        results = Path("reports/results.json")
        table = json.loads(results.read_text()) if results.exists() else None
        return leaving.value.code, table, printed.out + printed.err

    run.project = lambda *names, **options: make_project(tmp_path, *names, **options)
    return run
