"""`kerasmatrix reproduce` on an environment whose reaction depends on the file's architecture."""

import importlib
import json

import pytest

from kerasmatrix import cli
from kerasmatrix.inspection.read import read_contents
from tests.unit.behaviours import Behaviour, error_of, raised, returned
from tests.unit.fakes import LOAD_FACTS, SAVE_FACTS, FakeEngine, FakeWorker, make_project
from tests.unit.files import models

GONE = error_of("ValueError", "Unknown layer: 'BatchNormalization'. Please ensure …")


class Picky:
    """A version that does not know BatchNormalization. Scripts fail if ``honest``."""

    def __init__(self):
        self.kind = "BatchNormalization"
        self.honest = True
        self.loads = 0

    def __call__(self, worker, task):
        if task.kind != "load":
            return None
        self.loads += 1
        given = worker.place.scenarios / task.scenario / "given"
        (path,) = given.iterdir()
        config = json.dumps(read_contents(path).config)
        return raised(GONE) if f'"{self.kind}"' in config else returned(LOAD_FACTS)


@pytest.fixture
def picky():
    return Picky()


@pytest.fixture
def reproduce(tmp_path, picky, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    engine = FakeEngine({"tf2.4": Behaviour(ends=picky)})
    run = FakeWorker._do

    def do(worker, task):
        # A script is run as the `build` of a save.
        if task.kind == "save":
            return raised(GONE, "build") if picky.honest else returned(SAVE_FACTS)
        return run(worker, task)

    monkeypatch.setattr(FakeWorker, "_do", do)
    sessions = importlib.import_module("kerasmatrix.cli.session")
    monkeypatch.setattr(sessions, "open_engine", lambda *_: engine)
    make_project(tmp_path, "tf2.4")
    model = models.hdf5(tmp_path / "model.h5")

    def call(*arguments, file=model, version="tf2.4"):
        with pytest.raises(SystemExit) as end:
            cli.main(["reproduce", str(file), "--loaded-with", version, *map(str, arguments)])
        out, err = capsys.readouterr()
        return end.value.code, out, err

    call.engine = engine
    return call


def test_reproduce_prints_script_with_one_layer(reproduce):
    code, out, _ = reproduce()
    assert code == 0
    assert "Reduced from 7 layers to 1" in out
    script = out.partition("\n----\n")[0]
    assert "'BatchNormalization'" in script
    assert "'Dense'" not in script
    assert "# `load_model` fails: ValueError: Unknown layer" in out


def test_reproduce_uses_one_worker(reproduce, picky):
    reproduce()
    assert picky.loads > 5
    assert len(reproduce.engine.workers) == 1


def test_reproduce_writes_script_and_issue(reproduce, tmp_path):
    code, out, _ = reproduce("--output", tmp_path / "small")
    assert code == 0
    assert (tmp_path / "small" / "reproduce.py").read_text().startswith("# ValueError: Unknown")
    assert "```python" in (tmp_path / "small" / "issue.md").read_text()
    assert "reproduce.py" in out


def test_reproduce_existing_file_is_kept(reproduce, tmp_path, picky):
    (tmp_path / "issue.md").write_text("mine")
    code, _, err = reproduce("--output", tmp_path)
    assert code == 2
    assert "issue.md: exists" in err
    assert picky.loads == 0


def test_reproduce_file_that_loads_says_so(reproduce, picky):
    picky.kind = "LSTM"
    code, out, _ = reproduce()
    assert code == 1
    assert "not reproduced: the file loads in tf2.4" in out


def test_reproduce_script_that_does_not_fail_is_not_given(reproduce, picky):
    picky.honest = False
    code, out, _ = reproduce("--json")
    told = json.loads(out)
    assert (code, told["script"]) == (1, None)
    assert told["why"] == "the script that was made does not fail alike: it does not"


def test_reproduce_unknown_version_is_usage_error(reproduce):
    code, _, err = reproduce(version="tf9.9")
    assert code == 2
    assert "--loaded-with" in err


def test_reproduce_most_limits_the_trials(reproduce):
    _, out, _ = reproduce("--most", 3, "--json")
    assert json.loads(out)["trials"] == 3
