import importlib
import itertools
import json
import re
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.inspection import reader_process
from tests.unit.fakes import FakeEngine, make_project


@pytest.fixture(autouse=True)
def _files_are_read_here(request, monkeypatch):
    """Read model files in this process, unless a test is marked ``reader_process``."""
    if request.node.get_closest_marker("reader_process"):
        yield
        return
    monkeypatch.setattr(reader_process, "_execute", _call_here)
    monkeypatch.setattr(reader_process._Server, "execute", lambda _, call: _call_here(call))
    yield


def _call_here(call):
    reader_process._prepare(call.function)
    return call()


@pytest.fixture(scope="module", autouse=True)
def _no_process_is_kept():
    """End the process that forks file readers: the next module's tests count children."""
    yield
    reader_process._SERVER.close()


@pytest.fixture(scope="session")
def _new_folder(tmp_path_factory):
    """Make folders. pytest would search all earlier ones for the highest number each time."""
    root, numbers = tmp_path_factory.mktemp("t"), itertools.count()

    def make(name: str) -> Path:
        folder = root / f"{name}{next(numbers)}"
        folder.mkdir(mode=0o700)
        return folder

    return make


@pytest.fixture
def tmp_path(_new_folder, request):
    """Replace pytest's fixture of this name, which takes milliseconds after thousands of tests."""
    return _new_folder(re.sub(r"\W", "_", request.node.name)[:30])


@pytest.fixture(autouse=True)
def _a_cache_of_its_own(_new_folder, monkeypatch):
    """Keep the tests out of the user's cache."""
    monkeypatch.setenv("KERASMATRIX_CACHE", str(_new_folder("cache")))


@pytest.fixture
def engine(request) -> FakeEngine:
    """An engine whose environments behave as ``BEHAVIOURS`` of the test module says."""
    return FakeEngine(getattr(request.module, "BEHAVIOURS", {}))


@pytest.fixture
def command(tmp_path, engine, monkeypatch, capsys):
    """Run a command on a project of fake environments; return exit code, results, output."""
    monkeypatch.chdir(tmp_path)
    # By name: as an attribute of the package, `run` is the command and not the module.
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
