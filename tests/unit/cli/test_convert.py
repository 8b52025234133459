import dataclasses
import importlib
import json
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.files.model_input import digest_file
from kerasmatrix.results.formats import FORMATS
from tests.hostile.files import ACTIVE
from tests.unit import fakes
from tests.unit.fakes import make_project
from tests.unit.inspection import files


@pytest.fixture
def convert(tmp_path, engine, monkeypatch, capsys):
    """``kerasmatrix convert`` on fake environments: returns exit code and output."""
    monkeypatch.chdir(tmp_path)
    setups = importlib.import_module("kerasmatrix.cli.session")
    monkeypatch.setattr(setups, "open_engine", lambda *_: engine)

    def call(*arguments, out="out.h5", file="model.h5"):
        with pytest.raises(SystemExit) as left:
            cli.main(["convert", str(file), "--output", str(out), *map(str, arguments)])
        said = capsys.readouterr()
        return left.value.code, said.out + said.err

    call.project = lambda *names, **options: make_project(tmp_path, *names, **options)
    files.hdf5_model(tmp_path / "model.h5")  # TensorFlow 2.3 or 2.4
    return call


def manifest(path="out.h5.kerasmatrix.json"):
    return Manifest.model_validate_json(Path(path).read_text())


def conversions(engine):
    return [(name, task.remedies, task.into) for name, task in engine.tasks
            if task.kind == "convert"]  # fmt: skip


def test_what_loads_as_it_is_is_copied(convert, engine):
    convert.project("good")
    before = Path("model.h5").read_bytes()
    code, out = convert("--for", "good")
    assert code == 0
    assert Path("out.h5").read_bytes() == Path("model.h5").read_bytes() == before
    made = manifest()
    assert made.action == "copied"
    assert made.source.sha256 == made.output.sha256 == digest_file(Path("model.h5"))
    assert not conversions(engine)
    assert "it loads as it is" in out


def test_a_rewritten_file_is_what_changes_least(convert, engine):
    convert.project("good", "fails-unless-rewrite-config")
    before = Path("model.h5").read_bytes()
    code, out = convert("--for", "fails-unless-rewrite-config")
    assert code == 0
    # The remedy's own copy, not what the version would have saved.
    assert conversions(engine) == [("fails-unless-rewrite-config", ("rewrite-config",), None)]
    assert json.loads(Path("out.h5").read_text())["converted"] == ["rewrite-config", None]
    assert Path("model.h5").read_bytes() == before
    made = manifest()
    assert (made.action, made.remedies) == ("rewritten", ("rewrite-config",))
    assert made.cause == "unknown-functional"
    assert made.did == ("rewrote the file for fails-unless-rewrite-config (rewrite-config)",)
    assert (made.verified.status, made.verified.reference.environment) == ("pass", "good")
    assert made.output.sha256 == digest_file(Path("out.h5"))
    assert (made.output.path, made.target.environment) == ("out.h5", "fails-unless-rewrite-config")
    assert "What was done: out.h5.kerasmatrix.json" in out


def test_the_new_file_is_loaded_without_a_remedy_before_it_is_written(convert, engine):
    convert.project("good", "fails-unless-rewrite-config")
    convert("--for", "fails-unless-rewrite-config")
    name, last = engine.tasks[-1]
    assert (name, last.kind, last.remedies) == ("fails-unless-rewrite-config", "load", ())
    assert last.artifact is not None
    assert not Path("out.h5").samefile("model.h5")


def test_a_programs_remedy_becomes_one_of_the_file(convert, engine):
    convert.project("good", "fails-unless-rebuild-and-load-weights")
    code, out = convert("--for", "fails-unless-rebuild-and-load-weights")
    assert code == 0
    assert [(remedies, into) for _, remedies, into in conversions(engine)] == [
        (("rebuild-and-load-weights",), "h5")
    ]
    assert manifest().action == "saved-again"
    assert "loaded and saved again (rebuild-and-load-weights)" in out


def test_a_version_in_between_can_make_the_file(convert, engine):
    convert.project("good", "picky-good")
    code, _ = convert("--for", "picky-good")
    assert code == 0
    made = manifest()
    assert (made.action, made.hops) == ("bridged", ("good",))
    assert made.did == ("loaded with good and saved as h5",)
    assert json.loads(Path("out.h5").read_text())["by"] == "good"


def test_versions_in_between_are_asked_only_where_the_closest_does_not_do(convert, engine):
    convert.project("good", "good2", "good3", "fails-unless-rewrite-config", "good5")
    convert("--for", "fails-unless-rewrite-config")
    assert {worker.name for worker in engine.workers} == {"good3", "fails-unless-rewrite-config"}


def test_where_no_file_can_be_made_the_code_is_told(convert, engine):
    convert.project("good", "fails-stubborn-rewrite-config")
    code, out = convert("--for", "fails-stubborn-rewrite-config")
    assert code == 1
    assert not Path("out.h5").exists()
    assert not Path("out.h5.kerasmatrix.json").exists()
    assert "what helps is done by the program that loads it" in out
    assert "tried rewrite-config as h5: failed: ValueError: Unknown layer: Functional" in out
    assert "model = keras.models.load_model(rewritten_copy)" in out


def test_where_nothing_works_what_was_tried_is_told(convert):
    convert.project("good", "fails")
    code, out = convert("--for", "fails", "--json")
    told = json.loads(out)
    assert code == 1
    assert (told["status"], told["cause"]) == ("fail", "unknown-functional")
    assert told["why"] == "nothing that was tried makes it load as it was"
    assert {each["status"] for each in told["tried"]} == {"failed"}
    assert len(told["tried"]) > 1
    assert not Path("out.h5").exists()


def test_what_nobody_loads_has_nothing_to_be_compared_with(convert):
    convert.project("fails", "fails-unless-rewrite-config")
    code, out = convert("--for", "fails-unless-rewrite-config")
    assert code == 1
    assert "there is nothing to compare with" in out


def test_a_second_conversion_measures_nothing(convert, engine):
    convert.project("good", "fails-unless-rewrite-config")
    convert("--for", "fails-unless-rewrite-config")
    done = len(engine.tasks)
    code, _ = convert("--for", "fails-unless-rewrite-config", out="again.h5")
    assert (code, len(engine.tasks)) == (0, done)
    assert Path("again.h5").read_bytes() == Path("out.h5").read_bytes()


def test_nothing_is_overwritten_unless_that_is_asked_for(convert, engine):
    convert.project("good")
    Path("out.h5").write_text("mine")
    code, out = convert("--for", "good")
    assert (code, Path("out.h5").read_text(), engine.tasks) == (2, "mine", [])
    assert "out.h5: is there already" in out
    assert convert("--for", "good", "--overwrite")[0] == 0
    assert Path("out.h5").read_bytes() == Path("model.h5").read_bytes()
    Path("out.h5").unlink()
    assert "out.h5.kerasmatrix.json: is there already" in convert("--for", "good")[1]


@pytest.mark.parametrize("name", ["model.h5", "./model.h5", "link.h5"])
def test_the_original_is_never_written(convert, engine, name):
    convert.project("good")
    Path("link.h5").symlink_to("model.h5")
    before = Path("model.h5").read_bytes()
    code, out = convert("--for", "good", "--overwrite", out=name)
    assert (code, engine.tasks) == (2, [])
    assert "is the file that is to be converted" in out
    assert Path("model.h5").read_bytes() == before
    code, _ = convert("--for", "good", "--overwrite", "--manifest", name)
    assert (code, Path("model.h5").read_bytes()) == (2, before)


def test_the_manifest_can_be_put_elsewhere(convert, tmp_path):
    convert.project("good")
    (tmp_path / "told").mkdir()
    assert convert("--for", "good", "--manifest", "told/it.json")[0] == 0
    assert manifest("told/it.json").action == "copied"
    assert not Path("out.h5.kerasmatrix.json").exists()


@pytest.mark.parametrize(
    ("arguments", "out", "message"),
    [
        (("--for", "god"), "out.h5", "unknown environment 'god'"),
        (("--for", "good"), "out.txt", "its ending stands for no format"),
        (("--for", "good"), "nowhere/out.h5", "there is no such folder"),
        (("--for", "good", "--overwrite"), "full", "is a folder, and no SavedModel"),
        (("--for", "good", "--manifest", "out.h5"), "out.h5", "is where the model goes"),
        (("--for", "good", "--through", "god"), "out.h5", "unknown environment 'god'"),
    ],
)
def test_mistakes_get_a_message(convert, arguments, out, message, tmp_path):
    convert.project("good")
    (tmp_path / "full").mkdir()
    code, said = convert(*arguments, out=out)
    assert code == 2
    assert message in said


def test_a_file_that_is_none_is_refused(convert):
    convert.project("good")
    assert "no such file" in convert("--for", "good", file="nothing.h5")[1]
    Path("notes.h5").write_text("notes")
    code, out = convert("--for", "good", file="notes.h5")
    assert code == 2
    assert "is a text file" in out


def test_a_version_that_cannot_be_had_is_the_machines_fault(convert):
    convert.project("good", "absent")
    code, out = convert("--for", "absent")
    assert code == 3
    assert "absent: cannot be had" in out


@pytest.fixture
def without_archives(monkeypatch):
    """Pretend that releases as old as those of the fakes have no format keras."""
    monkeypatch.setitem(FORMATS, "keras", dataclasses.replace(FORMATS["keras"], since=(2, 12)))


def test_convert_to_a_format_the_version_lacks_is_refused(convert, without_archives):
    convert.project("good")
    code, said = convert("--for", "good", out="out.keras")
    assert code == 2
    assert "has no format keras" in said


def test_a_format_that_the_version_lacks_is_said(convert, without_archives, tmp_path):
    convert.project("good")
    files.archive(tmp_path / "model.keras")
    code, out = convert("--for", "good", file="model.keras")
    assert code == 2
    assert "has no format keras" in out
    assert "convert it into an .h5 file for a version that has the format" in out


def test_a_file_that_changes_in_the_meantime_is_converted_as_it_was(convert, engine, tmp_path):
    convert.project("good")
    before = Path("model.h5").read_bytes()

    def change(task):
        Path("model.h5").write_bytes(b"another")

    engine.before_task = change
    code, out = convert("--for", "good")
    assert code == 0
    assert Path("out.h5").read_bytes() == before
    assert "has changed in the meantime" in out


def test_nothing_is_left_behind(convert, tmp_path):
    convert.project("good", "fails-unless-rewrite-config")
    convert("--for", "fails-unless-rewrite-config")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".kerasmatrix", "images", "matrix.yaml", "model.h5", "out.h5", "out.h5.kerasmatrix.json",
        "scenarios",
    ]  # fmt: skip
    assert not (tmp_path / ".kerasmatrix" / "scratch").exists()


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_what_a_file_says_does_nothing_to_a_terminal(convert, monkeypatch, more):
    convert.project("good", "fails")
    monkeypatch.setitem(fakes.ERROR, "message", ACTIVE)
    code, out = convert("--for", "fails", *more)
    assert code == 1
    assert "alert(1)" in out
    assert not [each for each in out if not each.isprintable() and each != "\n"]


@pytest.mark.parametrize("target", ["good", "fails-unless-rewrite-config"])
def test_convert_lists_what_the_file_held_and_the_new_one_lacks(convert, monkeypatch, target):
    # The version that is compared with brings back no steps either.
    adam = {"name": "Adam", "iterations": 0, "slots": ["zeros", "zeros"]}
    compiled = {"loss": "mse", "optimizer": adam}
    stored = {"slots": ["m", "v"], "iterations": 4500, "config": {"loss": "mse"}}
    monkeypatch.setitem(fakes.SAVE_FACTS, "compiled", compiled)
    monkeypatch.setitem(fakes.SAVE_FACTS, "stored", stored)
    monkeypatch.setitem(fakes.LOAD_FACTS, "compiled", compiled)
    convert.project("good", "fails-unless-rewrite-config")
    assert convert("--for", target)[0] == 0
    verified = manifest().verified
    assert (verified.status, verified.lost) == ("degraded", ("the optimizer state",))
