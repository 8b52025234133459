"""Arguments that no program should get: one message, a documented exit code, no wait."""

import importlib
import os
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.results.serialization import to_json
from kerasmatrix.store.runs import Archive
from tests.unit.fakes import FakeEngine, make_project
from tests.unit.inspection import files
from tests.unit.report.factory import make_results

WHOLE = make_results(environments=2)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    make_project(tmp_path, "good", "fails")
    files.hdf5_model(tmp_path / "model.h5")
    Path("good.json").write_text(to_json(WHOLE))
    Archive(tmp_path / ".kerasmatrix").keep(WHOLE)
    for name in ("run", "session"):
        module = importlib.import_module(f"kerasmatrix.cli.{name}")
        monkeypatch.setattr(module, "open_engine", lambda *_: FakeEngine())

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(list(arguments))
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return left.value.code, said.out, said.err

    return run


# What takes the name of a file; X stands for it.
NAMED = (
    ("report", "X", "--format", "badge"),
    ("report", "--format", "badge", "--output", "X"),
    ("report", "--format", "badge", "--store", "X"),
    ("gate", "X", "--baseline", "good.json"),
    ("gate", "good.json", "--baseline", "X"),
    ("compare", "X", "good.json"),
    ("compare", "good.json", "X"),
    ("history", "--store", "X"),
    ("can-upgrade", "--run", "X", "--from", "tf2.1", "--to", "tf2.2"),
    ("merge", "X"),
    ("merge", "good.json", "--absorb", "X"),
    ("paths", "--results", "X", "--from", "tf2.1", "--to", "tf2.2"),
    ("explain", "x", "--store", "X"),
    ("inspect", "X"),
    ("predict", "X"),
    ("predict", "model.h5", "--custom-objects", "X"),
    ("check", "X"),
    ("check", "model.h5", "--inputs", "X"),
    ("check", "model.h5", "--output", "X"),
    ("bisect", "X", "--good", "good", "--bad", "fails"),
    ("convert", "X", "--for", "good", "--output", "new.h5"),
    ("convert", "model.h5", "--for", "good", "--output", "X"),
    ("convert", "model.h5", "--for", "good", "--output", "new.h5", "--manifest", "X"),
    ("run", "--matrix", "X"),
    ("run", "--output", "X"),
    ("run", "--store", "X"),
    ("run", "--baseline", "X"),
    ("versions", "--matrix", "X"),
    ("lock", "--matrix", "X"),
    ("images", "--matrix", "X"),
    ("init", "X"),
)
LONG = {"name": "n" * 300, "name of a file": f"{'n' * 300}.json", "path": "d/" * 3000}


@pytest.mark.parametrize("name", LONG.values(), ids=LONG.keys())
@pytest.mark.parametrize("arguments", NAMED, ids=" ".join)
def test_long_name_is_usage_error(call, arguments, name):
    code, out, err = call(*(name if word == "X" else word for word in arguments))
    assert (code, out) == (2, "")
    assert len(err) < 7000
    assert "too long" in err or "has no run" in err or "stands for no format" in err


# What reads results or a matrix; each must not wait, nor take up memory.
READ = [words for words in NAMED if words[0] in {"gate", "compare", "can-upgrade", "paths"}]
READ += [("report", "X", "--format", "badge"), ("merge", "X"), ("run", "--matrix", "X")]
READ += [("predict", "model.h5", "--custom-objects", "X")]
READ += [("run", "--baseline", "X"), ("predict", "model.h5", "--matrix", "X")]


@pytest.fixture
def special(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "full").symlink_to("/dev/full")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)


@pytest.mark.usefixtures("special")
@pytest.mark.parametrize("name", ["pipe", "folder", "zero", "full", "large"])
@pytest.mark.parametrize("arguments", READ, ids=" ".join)
def test_special_file_is_refused_at_once(call, arguments, name):
    code, out, err = call(*(f"./{name}" if word == "X" else word for word in arguments))
    assert (code, out) == (2, "")
    assert f"{name}: cannot be read: is " in err or "is a directory" in err


DIGITS = "9" * 5000
VALUES = (
    ("run", "--shard", f"1/{DIGITS}"),
    ("run", "--shard", f"{DIGITS}/{DIGITS}"),
    ("run", "--shard", "1/99999999"),
    ("run", "--shard", "0/3"),
    ("run", "--budget", f"{DIGITS}h"),
    ("run", "--budget", "99999999h"),
    ("run", "--jobs", DIGITS),
    ("run", "--jobs", "99999999"),
    ("run", "--retries", DIGITS),
    ("check", "model.h5", "--jobs", "99999999"),
    ("history", "--limit", DIGITS),
    ("versions", "--cooling-off", "999999999999"),
    ("explain", "x", "--saved-with", f"2.{DIGITS}"),
    ("explain", "x", "--loaded-with", f"{DIGITS}.1"),
    ("run", "--group", DIGITS),
    ("run", "--environments", DIGITS),
    ("report", DIGITS, "--format", "badge"),
    ("convert", "model.h5", "--for", "good", "--output", "."),
    ("convert", "model.h5", "--for", "good", "--output", "/"),
    ("convert", "model.h5", "--for", "good", "--output", ".."),
    ("convert", "model.h5", "--for", "good", "--output", ""),
    ("report", "--format", "badge", "--store", "a\0b"),
    ("inspect", "a\0b"),
)


@pytest.mark.parametrize("arguments", VALUES, ids=lambda words: " ".join(words)[:40])
def test_value_out_of_range_is_usage_error(call, arguments):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert len(err) < 1000 + len(DIGITS)


def test_report_into_a_pipe_nobody_reads_is_said(call, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code, _, err = call("report", "--format", "badge", "--output", "pipe")
    assert (code, "pipe: cannot be written" in err) == (3, True)


def test_results_with_an_endless_version_are_read(call):
    text = to_json(WHOLE).replace('   "keras_major": 2,\n', "").replace('"2.', f'"{DIGITS}.')
    Path("long.json").write_text(text)
    code, _, err = call("report", "long.json", "--format", "badge")
    assert code in {0, 2}, err


def test_lock_that_is_not_text_is_said(call):
    Path("images/locks/good.txt").write_bytes(b"\xff\xfe")
    code, _, err = call("run")
    assert (code, "good.txt: cannot be read: is not UTF-8 text" in err) == (2, True)
