import dataclasses
import importlib
import json
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.results.formats import FORMATS
from tests.hostile.files import ACTIVE
from tests.unit import fakes
from tests.unit.behaviours import FAILS
from tests.unit.fakes import make_project
from tests.unit.inspection import files

BEHAVIOURS = {
    "fails-stubborn": FAILS.but(loads_own=False),
    "fails-stubborn-rewrite-config": FAILS.but(fixed_by="rewrite-config", loads_own=False),
    "fails-unless-rebuild-and-load-weights": FAILS.but(fixed_by="rebuild-and-load-weights"),
}


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


def test_convert_loading_file_is_copied(convert, engine):
    convert.project("good")
    before = Path("model.h5").read_bytes()
    code, out = convert("--for", "good")
    assert code == 0
    assert Path("out.h5").read_bytes() == Path("model.h5").read_bytes() == before
    made = manifest()
    assert made.action == "copied"
    assert made.source.sha256 == made.output.sha256 == digest_path(Path("model.h5"))
    assert not conversions(engine)
    assert "it loads as it is" in out


def test_convert_rewrite_changes_least(convert, engine):
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
    assert made.output.sha256 == digest_path(Path("out.h5"))
    assert (made.output.path, made.target.environment) == ("out.h5", "fails-unless-rewrite-config")
    assert "Details: out.h5.kerasmatrix.json" in out


def test_convert_new_file_is_loaded_plainly(convert, engine):
    convert.project("good", "fails-unless-rewrite-config")
    convert("--for", "fails-unless-rewrite-config")
    name, last = engine.tasks[-1]
    assert (name, last.kind, last.remedies) == ("fails-unless-rewrite-config", "load", ())
    assert last.artifact is not None
    assert not Path("out.h5").samefile("model.h5")


def test_convert_fix_in_program_is_saved_again(convert, engine):
    convert.project("good", "fails-unless-rebuild-and-load-weights")
    code, out = convert("--for", "fails-unless-rebuild-and-load-weights")
    assert code == 0
    assert [(remedies, into) for _, remedies, into in conversions(engine)] == [
        (("rebuild-and-load-weights",), "h5")
    ]
    assert manifest().action == "saved-again"
    assert "loaded and saved again (rebuild-and-load-weights)" in out


def test_convert_intermediate_version(convert, engine):
    convert.project("good", "picky-good")
    code, _ = convert("--for", "picky-good")
    assert code == 0
    made = manifest()
    assert (made.action, made.hops) == ("bridged", ("good",))
    assert made.did == ("loaded with good and saved as h5",)
    assert json.loads(Path("out.h5").read_text())["by"] == "good"


def test_convert_nearest_version_suffices(convert, engine):
    convert.project("good", "good2", "good3", "fails-unless-rewrite-config", "good5")
    convert("--for", "fails-unless-rewrite-config")
    assert {worker.name for worker in engine.workers} == {"good3", "fails-unless-rewrite-config"}


def test_convert_impossible_shows_fix_in_program(convert, engine):
    convert.project("good", "fails-stubborn-rewrite-config")
    code, out = convert("--for", "fails-stubborn-rewrite-config")
    assert code == 1
    assert not Path("out.h5").exists()
    assert not Path("out.h5.kerasmatrix.json").exists()
    assert "no file that loads plainly can be made with it: as h5, ValueError: Unknown" in out
    assert "tried rewrite-config as h5: failed: ValueError: Unknown layer: Functional" in out
    # Its code would be this very command.
    assert "Fix in a program" not in out


def test_convert_no_fix_lists_attempts(convert):
    convert.project("good", "fails-stubborn")
    code, out = convert("--for", "fails-stubborn", "--json")
    told = json.loads(out)
    assert code == 1
    assert (told["status"], told["cause"]) == ("fail", "unknown-functional")
    assert told["why"] == "no fix that was tried makes it load unchanged"
    assert {each["status"] for each in told["tried"]} == {"failed"}
    assert len(told["tried"]) > 1
    assert not Path("out.h5").exists()


def test_convert_unloadable_file_has_no_reference(convert):
    convert.project("fails", "fails-unless-rewrite-config")
    code, out = convert("--for", "fails-unless-rewrite-config")
    assert code == 1
    assert "there is nothing to compare with" in out


def test_convert_second_run_measures_nothing(convert, engine):
    convert.project("good", "fails-unless-rewrite-config")
    convert("--for", "fails-unless-rewrite-config")
    done = len(engine.tasks)
    code, _ = convert("--for", "fails-unless-rewrite-config", out="again.h5")
    assert (code, len(engine.tasks)) == (0, done)
    assert Path("again.h5").read_bytes() == Path("out.h5").read_bytes()


def test_convert_existing_file_needs_overwrite(convert, engine):
    convert.project("good")
    Path("out.h5").write_text("mine")
    code, out = convert("--for", "good")
    assert (code, Path("out.h5").read_text(), engine.tasks) == (2, "mine", [])
    assert "out.h5: exists already" in out
    assert convert("--for", "good", "--overwrite")[0] == 0
    assert Path("out.h5").read_bytes() == Path("model.h5").read_bytes()
    Path("out.h5").unlink()
    assert "out.h5.kerasmatrix.json: exists already" in convert("--for", "good")[1]


@pytest.mark.parametrize("name", ["model.h5", "./model.h5", "link.h5"])
def test_convert_output_is_original_is_refused(convert, engine, name):
    convert.project("good")
    Path("link.h5").symlink_to("model.h5")
    before = Path("model.h5").read_bytes()
    code, out = convert("--for", "good", "--overwrite", out=name)
    assert (code, engine.tasks) == (2, [])
    assert "is the file to convert" in out
    assert Path("model.h5").read_bytes() == before
    code, _ = convert("--for", "good", "--overwrite", "--manifest", name)
    assert (code, Path("model.h5").read_bytes()) == (2, before)


def test_convert_manifest_option(convert, tmp_path):
    convert.project("good")
    (tmp_path / "told").mkdir()
    assert convert("--for", "good", "--manifest", "told/it.json")[0] == 0
    assert manifest("told/it.json").action == "copied"
    assert not Path("out.h5.kerasmatrix.json").exists()


@pytest.mark.parametrize(
    ("arguments", "out", "message"),
    [
        (("--for", "god"), "out.h5", "unknown environment 'god'"),
        (("--for", "good"), "out.txt", "unknown file extension"),
        (("--for", "good"), "file/out.h5", "file: is not a folder"),
        (("--for", "good", "--overwrite"), "full", "is a folder, and not a SavedModel"),
        (("--for", "good", "--manifest", "out.h5"), "out.h5", "is also the file for the model"),
        (("--for", "good", "--through", "god"), "out.h5", "unknown environment 'god'"),
    ],
)
def test_convert_mistakes_have_message(convert, arguments, out, message, tmp_path):
    convert.project("good")
    (tmp_path / "full").mkdir()
    (tmp_path / "file").touch()
    code, said = convert(*arguments, out=out)
    assert code == 2
    assert message in said


def test_convert_not_a_model_is_refused(convert):
    convert.project("good")
    assert "no such file" in convert("--for", "good", file="nothing.h5")[1]
    Path("notes.h5").write_text("notes")
    code, out = convert("--for", "good", file="notes.h5")
    assert code == 2
    assert "is a text file" in out


def test_convert_unavailable_version_is_code_3(convert):
    convert.project("good", "absent")
    code, out = convert("--for", "absent")
    assert code == 3
    assert "absent: environment unavailable" in out


@pytest.fixture
def without_archives(monkeypatch):
    """Pretend that releases as old as those of the fakes have no format keras."""
    monkeypatch.setitem(FORMATS, "keras", dataclasses.replace(FORMATS["keras"], since=(2, 12)))


def test_convert_format_missing_in_target_is_refused(convert, without_archives):
    convert.project("good")
    code, said = convert("--for", "good", out="out.keras")
    assert code == 2
    assert "has no format keras" in said


def test_convert_source_format_missing_in_target_is_refused(convert, without_archives, tmp_path):
    convert.project("good")
    files.archive(tmp_path / "model.keras")
    code, out = convert("--for", "good", file="model.keras")
    assert code == 2
    assert "has no format keras" in out
    assert "convert it into an .h5 file for a version that has the format" in out


def test_convert_changing_file_is_converted_as_it_was(convert, engine, tmp_path):
    convert.project("good")
    before = Path("model.h5").read_bytes()

    def change(task):
        Path("model.h5").write_bytes(b"another")

    engine.before_task = change
    code, out = convert("--for", "good")
    assert code == 0
    assert Path("out.h5").read_bytes() == before
    assert "It has changed in the meantime" in out


def test_convert_leaves_no_scratch(convert, tmp_path):
    convert.project("good", "fails-unless-rewrite-config")
    convert("--for", "fails-unless-rewrite-config")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".kerasmatrix", "images", "matrix.yaml", "model.h5", "out.h5", "out.h5.kerasmatrix.json",
        "scenarios",
    ]  # fmt: skip
    assert not (tmp_path / ".kerasmatrix" / "scratch").exists()


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_convert_hostile_file_output_is_printable(convert, monkeypatch, more):
    convert.project("good", "fails-stubborn")
    monkeypatch.setitem(fakes.ERROR, "message", ACTIVE)
    code, out = convert("--for", "fails-stubborn", *more)
    assert code == 1
    assert "alert(1)" in out
    assert not [each for each in out if not each.isprintable() and each != "\n"]


@pytest.mark.parametrize("target", ["good", "fails-unless-rewrite-config"])
def test_convert_losses_are_listed(convert, monkeypatch, target):
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
