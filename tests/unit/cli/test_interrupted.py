"""A command cut off at any step: the exit code names the reason, known results are reported."""

import errno
import importlib
import json
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.store.store import Store
from tests.unit.fakes import FakeEngine, make_project
from tests.unit.inspection import files

ENVIRONMENTS = ("good", "good2", "fails", "fails-unless-rewrite-config")
TROUBLE = {
    "interrupt": (KeyboardInterrupt(), 130, "kerasmatrix: interrupted"),
    "full disk": (OSError(errno.ENOSPC, "No space left on device"), 3, "No space left on device"),
    "memory": (MemoryError(), 3, "not enough memory"),
    "bug": (ZeroDivisionError("by nothing"), 70, "ZeroDivisionError: by nothing"),
}


class Cut(FakeEngine):
    """An engine that raises at a step: of itself, or at the n-th task of a kind."""

    def __init__(self, step, error):
        super().__init__()
        self.step, _, number = step.partition(" ")
        self.left = int(number or 1)
        self.error = error
        self.before_task = lambda task: self.reach(
            "repair" if task.remedies and task.kind == "load" else task.kind
        )

    def reach(self, step):
        with self.mutex:
            self.left -= step == self.step
            if step == self.step and self.left <= 0:
                raise self.error

    def prepare(self, environment, lock):
        self.reach("prepare")
        super().prepare(environment, lock)

    def open(self, environment, lock, work_dirs, limits):
        self.reach("open")
        return super().open(environment, lock, work_dirs, limits)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """Run a command on fake environments; return the exit code and the output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    make_project(tmp_path, *ENVIRONMENTS)
    files.hdf5_model(tmp_path / "model.h5")

    def run(engine, verb, *arguments):
        for name in ("run", "session"):
            module = importlib.import_module(f"kerasmatrix.cli.{name}")
            monkeypatch.setattr(module, "open_engine", lambda *_: engine)
        with pytest.raises(SystemExit) as left:
            cli.main([verb, *arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return left.value.code, said.out + said.err

    return run


# Each step of a check: the first phase ends with the takes.
STEPS = (
    "prepare",
    "open",
    "open 2",
    "take",
    "take 2",
    "load",
    "load 3",
    "probe",
    "repair",
    "convert",
)
CASES = [
    *((step, TROUBLE[name]) for step in STEPS for name in ("interrupt", "full disk")),
    ("take", TROUBLE["memory"]),
    ("take 2", TROUBLE["bug"]),
]


def table():
    return json.loads(Path("reports/check/results.json").read_text())


@pytest.mark.parametrize(("step", "trouble"), CASES)
def test_check_cut_off_reports_each_file(call, step, trouble):
    error, code, message = trouble
    engine = Cut(step, error)
    left, said = call(engine, "check", "model.h5", "--jobs", "1")
    assert (left, said.count(message)) == (code, 1)
    before = table()
    assert len(before["cells"]) == len(ENVIRONMENTS)
    assert not before["run"]["complete"]
    assert engine.closed
    # The next check goes on from there.
    assert call(FakeEngine(), "check", "model.h5", "--jobs", "1")[0] == 0
    after = table()
    assert after["run"]["complete"]
    assert after["run"]["known"] == before["run"]["measured"]


def test_check_cut_off_early_shows_known_results(call):
    assert call(FakeEngine(), "check", "model.h5")[0] == 0
    known = table()["cells"]
    files.hdf5_model(Path("other.h5"), files.SEQUENTIAL)
    engine = Cut("take", KeyboardInterrupt())
    assert call(engine, "check", "model.h5", "other.h5", "--jobs", "1")[0] == 130
    cells = table()["cells"]
    assert len(cells) == 2 * len(ENVIRONMENTS)
    statuses = {cell["loaded_with"]: cell["status"] for cell in known}
    shown = [cell for cell in cells if cell["scenario"] == "model.h5"]
    assert {cell["loaded_with"]: cell["status"] for cell in shown} == statuses


def test_check_cut_off_early_gives_no_verdict(call):
    """One version that does not load a file says nothing about those that were not asked."""
    engine = Cut("take 2", KeyboardInterrupt())
    call(engine, "check", "model.h5", "--jobs", "1", "--environments", "fails,good")
    assert {cell["status"] for cell in table()["cells"]} == {"not-run"}


@pytest.mark.parametrize("full", ["files", "nothing", "artifacts"])
def test_check_on_a_full_disk_is_exit_code_3(call, monkeypatch, full):
    """The store is full when a file is taken in, when nothing loads it, when a load is kept."""
    error = InfrastructureError("store: the store cannot be written: No space left on device")

    def refuse(*_):
        raise error

    scratch = Store.scratch
    if full == "artifacts":
        monkeypatch.setattr(Store, "keep_artifact", refuse)
    else:
        monkeypatch.setattr(
            Store, "scratch", lambda self, name: refuse() if name == full else scratch(self, name)
        )
    only = ("--environments", "fails", "--reference", "fails")
    code, said = call(FakeEngine(), "check", "model.h5", *only)
    assert (code, said.count("No space left on device")) == (3, 1)


@pytest.mark.parametrize(("step", "trouble"), [case for case in CASES if case[0] != "convert"])
def test_run_cut_off_reports_each_cell(call, step, trouble):
    error, code, message = trouble
    step = step.replace("take", "save")
    left, said = call(Cut(step, error), "run", "--jobs", "1")
    assert (left, said.count(message)) == (code, 1)
    results = json.loads(Path("reports/results.json").read_text())
    assert len(results["cells"]) == len(ENVIRONMENTS) ** 2
    assert not results["run"]["complete"]


@pytest.mark.parametrize("step", ["prepare", "open", "take", "load", "load 2"])
@pytest.mark.parametrize("name", ["interrupt", "full disk", "bug"])
def test_bisect_cut_off_reports_the_reason(call, step, name):
    error, code, message = TROUBLE[name]
    engine = Cut(step, error)
    left, said = call(
        engine, "bisect", "model.h5", "--good", "good", "--bad", "fails", "--within-matrix"
    )
    assert (left, said.count(message)) == (code, 1)
    assert engine.closed


@pytest.mark.parametrize("step", ["prepare", "open", "take", "load", "repair", "convert"])
@pytest.mark.parametrize("name", ["interrupt", "full disk", "bug"])
def test_convert_cut_off_writes_nothing(call, step, name):
    error, code, message = TROUBLE[name]
    engine = Cut(step, error)
    left, said = call(
        engine, "convert", "model.h5", "--for", "fails-unless-rewrite-config", "--output", "new.h5"
    )
    assert (left, said.count(message)) == (code, 1)
    assert not Path("new.h5").exists()
    assert engine.closed
