"""A check that answers an upgrade, and writes fixed files."""

import importlib
import json
import zipfile
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.filesystem.digests import digest_path
from tests.unit import fakes
from tests.unit.behaviours import FAILS, REFUSES, error_of
from tests.unit.fakes import make_project
from tests.unit.inspection import files

REWRITE = "fails-unless-rewrite-config"
GATE = {"class_name": "Gate", "config": {"name": "gate", "units": 2}}
OWN = {"class_name": "Sequential", "config": {"name": "s", "layers": [GATE]}}


@pytest.fixture
def check(tmp_path, engine, monkeypatch, capsys):
    """``kerasmatrix check`` on fake environments: returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    session = importlib.import_module("kerasmatrix.cli.session")
    monkeypatch.setattr(session, "open_engine", lambda *_: engine)

    def call(*arguments, verb="check"):
        command = [verb, *map(str, arguments)]
        monkeypatch.setattr("sys.argv", ["kerasmatrix", *command])
        with pytest.raises(SystemExit) as left:
            cli.main(command)
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    call.project = lambda *names, **options: make_project(tmp_path, *names, **options)
    (tmp_path / "models" / "sub").mkdir(parents=True)
    files.hdf5_model(tmp_path / "models" / "a.h5")
    files.hdf5_model(tmp_path / "models" / "sub" / "b.h5", training=None, state=False)
    return call


def test_check_fix_of_file_that_no_version_loads_plainly(check, engine):
    error = error_of("ValueError", "Unknown loss function: mine")
    fails = FAILS.but(fixed_by="no-compile", error=error)
    engine.behaviours.update(old=fails, new=fails)
    check.project("old", "new")
    code, out, _ = check("models/a.h5", "--from", "old", "--to", "new", "--fix", "fixed")
    assert code == 0
    assert "fixed by no-compile: fixed/a.h5" in out
    assert Path("fixed/a.h5").is_file()


def test_check_fix_that_cannot_be_verified_says_why(check, engine):
    engine.behaviours["refuses"] = REFUSES
    check.project("refuses", REWRITE)
    _, out, _ = check("models/a.h5", "--from", "refuses", "--to", REWRITE)
    assert "no fix verified: with rewrite-config it loads" in out
    assert "outputs not compared" in out


def test_check_story_keeps_the_name_keras(check, engine):
    error = error_of("ValueError", "Keras 3 only supports V3 `.keras` files")
    engine.behaviours["new"] = FAILS.but(error=error)
    check.project("good", "new")
    _, out, _ = check("models/a.h5", "--from", "good", "--to", "new")
    assert "fail: Keras 3 cannot load a SavedModel" in out


def test_check_fix_writes_each_broken_file(check, engine):
    check.project("good", REWRITE)
    before = digest_path(Path("models"))
    code, out, _ = check("models", "--from", "good", "--to", REWRITE, "--fix", "fixed/new")
    assert code == 0
    written = sorted(str(path) for path in Path("fixed").rglob("*") if path.is_file())
    assert written == [
        "fixed/new/a.h5", "fixed/new/a.h5.kerasmatrix.json",
        "fixed/new/sub/b.h5", "fixed/new/sub/b.h5.kerasmatrix.json",
    ]  # fmt: skip
    assert digest_path(Path("models")) == before
    assert f"2 of 2 files break in {REWRITE}; all 2 fixed." in out
    assert "✕ models/a.h5: fail: " in out
    assert "fixed by rewrite-config: fixed/new/a.h5" in out
    # Both environments are opened for the check and once more for all conversions.
    assert len(engine.workers) <= 3


def test_check_fix_again_keeps_the_files_and_measures_nothing(check, engine):
    check.project("good", REWRITE)
    arguments = ("models", "--from", "good", "--to", REWRITE, "--fix", "fixed")
    check(*arguments)
    done, stamp = len(engine.tasks), Path("fixed/a.h5").stat().st_mtime_ns
    code, out, _ = check(*arguments)
    assert (code, len(engine.tasks)) == (0, done)
    assert Path("fixed/a.h5").stat().st_mtime_ns == stamp
    assert "all 2 fixed" in out


def test_check_fix_other_file_is_not_overwritten(check):
    check.project("good", REWRITE)
    Path("fixed").mkdir()
    Path("fixed/a.h5").write_text("mine")
    arguments = ("models", "--from", "good", "--to", REWRITE, "--fix", "fixed")
    code, out, _ = check(*arguments)
    assert code == 0
    assert Path("fixed/a.h5").read_text() == "mine"
    assert "models/a.h5: fail: " in out
    assert "not written: fixed/a.h5: exists already" in out
    assert "2 of 2 files break" in out
    assert "; 1 fixed" in out
    assert "all 2 fixed" in check(*arguments, "--overwrite")[1]
    assert Path("fixed/a.h5").read_text() != "mine"


def test_check_fix_degraded_file_gets_one_that_loses_less(check, monkeypatch):
    check.project("good", "good2")
    real = fakes.FakeWorker.run
    refused = {**fakes.LOAD_FACTS, "resave_error": fakes.ERROR}

    def run(worker, tasks):
        for task, answer in zip(tasks, real(worker, tasks), strict=True):
            loses = worker.name == "good2" and task.kind == "load" and task.format == "h5"
            yield {**answer, "value": refused} if loses else answer

    monkeypatch.setattr(fakes.FakeWorker, "run", run)
    _, out, _ = check("models", "--from", "good", "--to", "good2", "--fix", "fixed")
    assert Path("fixed/a.keras").is_file()
    assert not Path("fixed/a.h5").exists()
    assert "loses less: fixed/a.keras (nothing)" in out
    assert "2 load but lose something (2 with a new file that loses less)." in out


def test_check_fix_into_the_checked_folder_leaves_it_out(check):
    check.project("good", REWRITE)
    arguments = (".", "--from", "good", "--to", REWRITE, "--fix", "fixed")
    check(*arguments)
    assert "2 of 2 files" in check(*arguments)[1]


def test_check_without_fix_prints_the_command(check):
    check.project("good", REWRITE)
    _, out, _ = check("models", "--from", "good", "--to", REWRITE)
    assert "2 of 2 files break" in out
    assert "all 2 can be fixed" in out
    assert (
        f"To write fixed files: kerasmatrix check models --from good --to {REWRITE} --fix fixed"
        in out
    )
    assert not Path("fixed").exists()


def test_check_defaults_are_best_source_and_newest_target(check):
    check.project("fails", "good", "good2", REWRITE)
    _, out, _ = check("models")
    results = json.loads(Path("reports/check/results.json").read_text())
    assert (results["current"], results["candidate"]) == ("good2", REWRITE)
    assert f"break in {REWRITE}" in out


def test_check_from_is_the_reference_where_it_loads(check):
    # TensorFlow 2.3 wrote the files, which is the third.
    check.project("good", "good2", "good3", "good4", "good5", "good6", "good7", "good8")
    check("models", "--from", "good7", "--to", "good8")
    results = json.loads(Path("reports/check/results.json").read_text())
    assert {cell["saved_with"] for cell in results["cells"]} == {"good7"}


def test_check_fix_folder_that_is_a_file_is_refused_at_once(check, engine):
    check.project("good", REWRITE)
    Path("taken").touch()
    code, _, err = check("models", "--to", REWRITE, "--fix", "taken")
    assert (code, "taken: is not a folder" in err) == (2, True)
    assert engine.tasks == []
    assert not Path("reports").exists()


def test_check_unknown_version_leaves_nothing_behind(check, engine):
    check.project("good", REWRITE)
    code, _, err = check("models", "--to", "god")
    assert code == 2
    assert "--to: unknown environment 'god'\n  did you mean 'good'?" in err
    assert engine.tasks == []
    assert not Path("reports").exists()


def test_check_custom_classes_are_named_before_a_load(check, engine):
    check.project("good")
    files.hdf5_model(Path("own.h5"), OWN)
    Path("mine.py").write_text("class Other: ...\n")
    said = []
    engine.before_task = lambda _: said.append(1)
    _, out, err = check("own.h5")
    assert "own.h5: needs Gate: name the module that defines it: --custom-objects" in err
    assert 'custom_objects={"Gate": Gate}' in out
    err = check("own.h5", "--custom-objects", "mine.py")[2]
    assert "own.h5: needs Gate: mine.py does not define it" in err
    Path("mine.py").write_text("class Gate: ...\n")
    assert "needs Gate" not in check("own.h5", "--custom-objects", "mine.py")[2]


def test_check_says_what_is_unsafe_before_a_load(check, engine):
    check.project("good")
    lookup = {"class_name": "StringLookup", "config": {"name": "t", "vocabulary": "/etc/passwd"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [lookup]}}
    files.hdf5_model(Path("own.h5"), config)
    assert "own.h5: unsafe: t reaches outside the file: /etc/passwd" in check("own.h5")[2]


def test_convert_folder_is_one_batch_with_manifests(check, engine):
    check.project("good", REWRITE)
    code, out, _ = check("models", "--for", REWRITE, "--output-dir", "new", verb="convert")
    assert code == 0
    assert Path("new/a.h5").is_file()
    assert Path("new/sub/b.h5.kerasmatrix.json").is_file()
    assert f"2 of 2 files converted for {REWRITE} into new;" in out
    assert len(engine.workers) <= 3


def test_convert_folder_one_failure_leaves_the_others(check):
    check.project("good", REWRITE)
    files.hdf5_model(Path("models/empty.h5"))
    Path("models/empty.h5").write_bytes(b"")
    Path("new").mkdir()
    Path("new/a.h5").write_text("mine")
    code, out, err = check("models", "--for", REWRITE, "--output-dir", "new", verb="convert")
    assert code == 2
    assert "models/empty.h5: is an empty file" in err
    assert "models/a.h5: not converted: new/a.h5: exists already" in out
    assert Path("new/a.h5").read_text() == "mine"
    assert "1 of 2 files converted" in out


def test_convert_unpacked_archive_becomes_an_archive(check, tmp_path):
    check.project("good")
    files.archive(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "a.keras") as packed:
        packed.extractall("unpacked")
    code, out, _ = check("unpacked", "--for", "good", "--output-dir", "new", verb="convert")
    assert code == 0, out
    assert zipfile.is_zipfile("new/unpacked.keras")


def test_convert_needs_a_place_to_write(check):
    check.project("good")
    for more in ((), ("--output", "a.h5", "--output-dir", "new")):
        code, _, err = check("models", "--for", "good", *more, verb="convert")
        assert (code, "name either --output FILE, or --output-dir DIR" in err) == (2, True)
    code, _, err = check("models", "--for", "good", "--output", "a.h5", verb="convert")
    assert (code, "models: holds 2 models" in err) == (2, True)
