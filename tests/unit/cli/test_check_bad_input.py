"""Bad input of a check: a clear line for each kind, the rest goes on, nothing half-written."""

from pathlib import Path

import pytest

from tests.unit import fakes
from tests.unit.cli.test_check_fix import OWN, REWRITE, check  # noqa: F401 - a fixture
from tests.unit.inspection import files

UPGRADE = ("--from", "good", "--to", REWRITE)
SCRIPT = 'File "/tmp/scratch/a.h5/mine.py", line 3, in <module>\n    import nothing'


def no_leftovers():
    return not [path for path in Path().rglob(".kerasmatrix-*") if path.parent.name == "fixed"]


def test_check_folder_without_models_leaves_the_rest(check):  # noqa: F811
    check.project("good", REWRITE)
    Path("empty").mkdir()
    code, out, err = check("empty", "models", *UPGRADE)
    assert code == 2
    assert "empty: is a folder without a model" in err
    assert "2 of 2 files break" in out


def test_check_text_file_leaves_the_rest(check):  # noqa: F811
    check.project("good", REWRITE)
    Path("models/notes.h5").write_text("notes")
    code, out, err = check("models", *UPGRADE, "--fix", "fixed")
    assert code == 2
    assert "models/notes.h5: is a text file" in err
    assert "all 2 fixed" in out


def test_check_unknown_target_names_the_nearest(check, engine):  # noqa: F811
    check.project("good", "tf2.15")
    code, _, err = check("models", "--to", "2.22")
    assert code == 2
    assert "--to: unknown environment '2.22'" in err
    assert "the nearest is " in err
    assert engine.tasks == []


def test_check_module_with_syntax_error_names_the_line(check):  # noqa: F811
    check.project("good", REWRITE)
    Path("mine.py").write_text("class Gate:\n    def\n")
    _, out, err = check("models", *UPGRADE, "--custom-objects", "mine.py")
    assert "mine.py:2: is not valid Python: invalid syntax" in err
    assert "2 of 2 files" in out


def test_check_module_that_is_missing_is_refused(check, engine):  # noqa: F811
    check.project("good", REWRITE)
    code, _, err = check("models", *UPGRADE, "--custom-objects", "nowhere.py")
    assert (code, "nowhere.py: there is no such file" in err) == (2, True)
    assert engine.tasks == []
    assert not Path("reports").exists()


def test_check_module_that_fails_to_import_breaks_no_file(check, monkeypatch):  # noqa: F811
    check.project("good", "fails")
    error = {
        "type": "ModuleNotFoundError",
        "message": "No module named 'nothing'",
        "chain": [{"type": "ModuleNotFoundError", "message": "No module named 'nothing'"}],
        "traceback": SCRIPT,
    }
    real = fakes.FakeWorker.run

    def run(worker, tasks):
        for _, answer in zip(tasks, real(worker, tasks), strict=True):
            is_broken = worker.name == "fails" and answer["ended"] == "raised"
            yield {**answer, "error": error, "stage": "script"} if is_broken else answer

    monkeypatch.setattr(fakes.FakeWorker, "run", run)
    out = check("models", "--from", "good", "--to", "fails")[1]
    said = "mine.py:3 cannot be imported: ModuleNotFoundError: No module named 'nothing'"
    assert f"models/a.h5: not loaded: {said}" in out
    assert f"In fails: {said}" in out
    assert "None of 2 files breaks in fails; 2 could not be judged." in out


def test_check_class_that_the_module_lacks_is_named(check):  # noqa: F811
    check.project("good")
    files.hdf5_model(Path("own.h5"), OWN)
    Path("mine.py").write_text("class Other: ...\n")
    err = check("own.h5", "--custom-objects", "mine.py")[2]
    assert "own.h5: needs Gate: mine.py does not define it" in err


@pytest.mark.parametrize("place", ["taken", "taken/fixed", "/proc/fixed"])
def test_check_output_that_cannot_be_written_is_refused(check, engine, place):  # noqa: F811
    check.project("good", REWRITE)
    Path("taken").touch()
    code, _, err = check("models", *UPGRADE, "--fix", place)
    assert code in {2, 3}
    assert "is not a folder" in err or "cannot be written" in err
    assert engine.tasks == []
    assert not Path("reports").exists()


def test_check_fixed_file_that_cannot_be_written_is_named(check, monkeypatch):  # noqa: F811
    check.project("good", REWRITE)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasmatrix.files.output.shutil.copyfile", full)
    _, out, _ = check("models", *UPGRADE, "--fix", "fixed")
    assert "not written: fixed/a.h5: cannot be written: No space left on device" in out
    assert "none could be fixed" in out
    assert not [path for path in Path("fixed").rglob("*") if path.is_file()]
    assert no_leftovers()


def test_check_fixed_file_that_exists_is_kept(check):  # noqa: F811
    check.project("good", REWRITE)
    Path("fixed").mkdir()
    Path("fixed/a.h5.kerasmatrix.json").write_text("mine")
    out = check("models", *UPGRADE, "--fix", "fixed")[1]
    assert "not written: fixed/a.h5.kerasmatrix.json: exists already" in out
    assert Path("fixed/a.h5.kerasmatrix.json").read_text() == "mine"
    assert not Path("fixed/a.h5").exists()
    assert Path("fixed/sub/b.h5").exists()
