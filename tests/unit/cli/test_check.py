import importlib
import itertools
import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from kerasmatrix import cli
from tests.hostile.files import ACTIVE, NAME, with_names_that_act
from tests.hostile.pages import Page
from tests.unit import fakes
from tests.unit.behaviours import FAILS
from tests.unit.fakes import FakeEngine, make_project
from tests.unit.inspection import files

BEHAVIOURS = {
    "fails2": FAILS,
}


@pytest.fixture
def check(tmp_path, engine: FakeEngine, monkeypatch, capsys):
    """``kerasmatrix check`` on fake environments: returns exit code, results, output."""
    monkeypatch.chdir(tmp_path)
    setups = importlib.import_module("kerasmatrix.cli.session")
    monkeypatch.setattr(setups, "open_engine", lambda *_: engine)

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(["check", *map(str, arguments)])
        said = capsys.readouterr()
        results = Path("reports/check/results.json")
        table = json.loads(results.read_text()) if results.exists() else None
        return left.value.code, table, said.out + said.err

    call.project = lambda *names, **options: make_project(tmp_path, *names, **options)
    return call


@pytest.fixture
def model(tmp_path):
    return files.hdf5_model(tmp_path / "model.h5")  # TensorFlow 2.3 or 2.4


def statuses(table):
    return {(cell["scenario"], cell["loaded_with"]): cell["status"] for cell in table["cells"]}


def test_check_file_is_compared_in_every_version(check, engine, model):
    check.project("good", "fails", "good3", "drifts")
    code, table, out = check(model)
    assert code == 0
    assert statuses(table) == {
        ("model.h5", "good"): "pass",
        ("model.h5", "fails"): "fail",
        ("model.h5", "good3"): "pass",
        ("model.h5", "drifts"): "drift",
    }
    assert table["scenarios"][0]["file"] == str(model)
    # TensorFlow 2.3 is what wrote it, as far as it says.
    assert {cell["saved_with"] for cell in table["cells"]} == {"good3"}
    assert out.startswith("file ")
    assert out.endswith(f"Report: {Path('reports/check/index.html').resolve().as_uri()}\n")


def test_check_each_version_is_opened_once(check, engine, model):
    check.project("good", "fails", "good3", "drifts")
    check(model, "--remedies", "none")
    assert sorted(worker.name for worker in engine.workers) == ["drifts", "fails", "good", "good3"]
    assert engine.closed


def test_check_copies_each_file_once(check, engine, model):
    copies = []

    def look(_):
        held = [path.stat() for path in Path(".kerasmatrix").rglob("*") if path.is_file()]
        size = model.stat().st_size
        copies.append([status.st_ino for status in held if status.st_size == size])

    engine.before_task = look
    check.project("good", "good3")
    check(model, "--remedies", "none")
    assert len(copies[0]) > 1  # one name as it was taken in, one as workers see it
    assert len(set(copies[0])) == 1
    assert model.stat().st_ino not in copies[0]


def test_check_where_links_cannot_be_made_copies(check, engine, model, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("kerasmatrix.execution.run_folders.os.link", refuse)
    check.project("good", "good3")
    code, table, _ = check(model, "--remedies", "none")
    assert (code, len(table["cells"])) == (0, 2)


def test_check_refused_files_leave_the_others_rows(check, engine, model, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "model.h5").symlink_to("nowhere")
    good = files.hdf5_model(tmp_path / "b" / "model.h5")
    (tmp_path / "c.h5").touch()
    linked = files.saved_model(tmp_path / "saved")
    (linked / "z").symlink_to("/dev/zero")
    long = tmp_path / ("n" * 300 + ".h5")
    check.project("good", "good3")
    code, table, out = check(tmp_path / "a" / "model.h5", good, tmp_path / "c.h5", linked, long)
    assert code == 2
    assert {told["file"] for told in table["scenarios"]} == {str(good)}
    assert {cell["status"] for cell in table["cells"]} == {"pass"}
    for said in ("a/model.h5: there is no such file", "c.h5: is an empty file",
                 "saved: z is a symbolic link", "File name too long"):  # fmt: skip
        assert said in out


def ten_files(folder, class_name="Dense"):
    """Ten models in a folder, no two of one content."""
    folder.mkdir()
    for units in range(1, 11):
        config = {**files.DENSE["config"], "units": units}
        layer = {"class_name": class_name, "config": config}
        config = {**files.SEQUENTIAL, "config": {"name": "sequential", "layers": [layer]}}
        files.hdf5_model(folder / f"model-{units}.h5", config)
    return folder


def phases(engine, name):
    """Return the kinds of tasks of an environment, in order."""
    kinds = [
        "repair" if task.remedies or task.kind == "probe" else task.kind
        for at, task in engine.tasks
        if at == name
    ]
    return [kind for kind, _ in itertools.groupby(kinds)]


TEN = (*(f"good{number}" for number in range(8)), "fails", "fails-unless-rewrite-config")


@pytest.mark.parametrize(("class_name", "options"), [("Dense", ()), ("Mine", ("--trust",))])
def test_check_of_data_or_trusted_files_imports_once(check, engine, tmp_path, class_name, options):
    check.project(*TEN)
    code, table, _ = check(ten_files(tmp_path / "models", class_name), *options)
    assert code == 0
    assert len(table["cells"]) == 10 * len(TEN)
    # One worker finds a reference, compares with it, repairs, and converts for other versions.
    assert phases(engine, "fails")[:3] == ["take", "load", "repair"]
    assert "convert" in {task.kind for _, task in engine.tasks}
    assert sorted(worker.name for worker in engine.workers) == sorted(TEN)


def test_check_gives_each_file_with_code_its_own_worker(check, engine, tmp_path):
    engine.idle_workers = 200
    check.project(*TEN)
    code, table, _ = check(ten_files(tmp_path / "models", "Mine"))
    assert code == 0
    assert len(table["cells"]) == 10 * len(TEN)
    assert sorted(worker.name for worker in engine.workers) == sorted(TEN * 10)
    assert {len({task.scenario for task in worker.done}) for worker in engine.workers} == {1}
    assert len({worker.place.scratch for worker in engine.workers}) == 100


def test_check_without_room_ends_waiting_workers(check, engine, tmp_path):
    engine.idle_workers = 12
    most = []
    engine.before_task = lambda _: most.append(sum(not each.closed for each in engine.workers))
    check.project(*TEN)
    check(ten_files(tmp_path / "models", "Mine"), "--remedies", "none")
    assert {len({task.scenario for task in worker.done}) for worker in engine.workers} == {1}
    assert max(most) <= 12 + 1
    # Without any that wait, each of a hundred would be opened for each of two phases.
    assert 100 <= len(engine.workers) < 190


def test_check_many_versions_are_opened_once_per_phase(check, engine, model):
    loads = [f"good{number}" for number in range(12)]
    check.project(*loads, "fails-unless-rewrite-config")
    check(model)
    # To be taken in, to be compared, and to be repaired, each time with all that there is.
    assert Counter(worker.name for worker in engine.workers) == {
        **dict.fromkeys(loads, 2), "fails-unless-rewrite-config": 3,
    }  # fmt: skip


def test_check_second_run_measures_nothing(check, engine, model):
    check.project("good", "fails", "drifts")
    _, before, _ = check(model)
    done, opened = len(engine.tasks), len(engine.workers)
    _, after, _ = check(model)
    assert (len(engine.tasks), len(engine.workers)) == (done, opened)
    assert after["cells"] == before["cells"]
    assert (after["run"]["measured"], after["run"]["known"]) == (0, before["run"]["measured"])
    check(model, "--fresh")
    assert len(engine.tasks) == 2 * done


def test_check_changed_file_is_measured_again(check, engine, model, tmp_path):
    check.project("good")
    check(model)
    done = len(engine.tasks)
    model.write_bytes(model.read_bytes() + b"more")
    check(model)
    assert len(engine.tasks) == 2 * done


def test_check_remedy_is_tried(check, model):
    check.project("good", "fails-unless-rewrite-config")
    _, table, out = check(model)
    cell = next(c for c in table["cells"] if c["loaded_with"].startswith("fails"))
    assert [(r["id"], r["status"]) for r in cell["remedies"]][-1] == ("rewrite-config", "verified")
    assert "Verified fix for 1 of" in out


def test_check_unloadable_file_has_error_of_each_version(check, model):
    check.project("fails", "crashes", "fails2")
    code, table, _ = check(model)
    assert code == 0
    assert statuses(table) == {
        ("model.h5", "fails"): "fail",
        ("model.h5", "crashes"): "crash",
        ("model.h5", "fails2"): "fail",
    }
    assert {c["cause"] for c in table["cells"]} == {"unknown-functional", "unclassified"}


def test_check_reference_option(check, model):
    check.project("good", "good2", "good3")
    _, table, _ = check(model, "--reference", "good")
    assert {cell["saved_with"] for cell in table["cells"]} == {"good"}
    code, _, out = check(model, "--reference", "god")
    assert code == 2
    assert "unknown environment 'god'" in out
    assert "did you mean 'good'" in out


def test_check_unavailable_version_is_infra(check, model):
    check.project("good", "absent")
    code, table, _ = check(model)
    assert code == 3
    assert statuses(table) == {("model.h5", "good"): "pass", ("model.h5", "absent"): "infra"}


@pytest.mark.parametrize(
    "step",
    [
        "judge_save",
        "version_distances",
        "Candidates.best",
        "Candidates.as_reference",
        "Candidates._is_loaded",
    ],
)
def test_check_error_in_search_spoils_one_file(check, model, tmp_path, monkeypatch, step):
    check.project("good", "fails")
    other = shutil.copy(model, tmp_path / "wicked.h5")
    place = importlib.import_module("kerasmatrix.files.reference_candidates")
    *parents, name = step.split(".")
    for parent in parents:
        place = getattr(place, parent)
    real, calls = getattr(place, name), itertools.count()

    def raising(*arguments, **options):
        # The files are looked at one after the other.
        if next(calls) == 0:
            raise OverflowError("too large")
        return real(*arguments, **options)

    monkeypatch.setattr(place, name, raising)
    code, table, _ = check(other, model)
    assert code == 3
    found = statuses(table)
    assert {found["model.h5", "good"], found["model.h5", "fails"]} == {"pass", "fail"}
    assert {found["wicked.h5", "good"], found["wicked.h5", "fails"]} == {"infra"}
    summaries = {cell["summary"] for cell in table["cells"] if cell["scenario"] == "wicked.h5"}
    assert all("OverflowError: too large. Please report it" in text for text in summaries)


def test_check_internal_error_report_is_written(check, model, monkeypatch):
    """An error that no file causes ends the check, after the report is written."""
    check.project("good", "fails")
    agenda = importlib.import_module("kerasmatrix.execution.work_queue").WorkQueue
    real = agenda.take

    def take(self):
        if self._state.loads:
            raise RuntimeError("lost count")
        return real(self)

    monkeypatch.setattr(agenda, "take", take)
    code, table, out = check(model)
    assert code == 70
    assert "RuntimeError: lost count" in out
    assert not table["run"]["complete"]
    assert {"pass", "fail"} & set(statuses(table).values())


def test_check_refused_file_others_are_checked(check, model, tmp_path):
    check.project("good")
    (tmp_path / "notes.h5").write_text("notes")
    code, table, out = check(tmp_path / "notes.h5", model)
    assert code == 2
    assert "notes.h5: is a text file" in out
    assert "notes.h5: is a text file: not checked" in out
    assert "1 other file was not checked." in out
    assert statuses(table) == {("model.h5", "good"): "pass"}
    code, _, out = check(tmp_path / "notes.h5")
    assert code == 2


def test_check_files_of_same_name_are_two_rows(check, model, tmp_path):
    check.project("good")
    (tmp_path / "other").mkdir()
    other = files.hdf5_model(tmp_path / "other" / "model.h5")
    _, table, _ = check(model, other)
    assert [told["file"] for told in table["scenarios"]] == [str(model), str(other)]
    assert set(statuses(table)) == {("model.h5", "good"), ("model.h5-2", "good")}


def test_check_archive_in_a_version_from_before_is_loaded(check, engine, tmp_path):
    check.project("good", formats=("h5", "keras"))  # TensorFlow 2.1
    _, table, _ = check(files.archive(tmp_path / "model.keras"))
    assert statuses(table) == {("model.keras", "good"): "pass"}
    assert {task.kind for _, task in engine.tasks} == {"take", "load"}


def test_check_hostile_names_are_escaped(check, model, tmp_path, monkeypatch):
    check.project("good", "fails", "drifts", "picky-good")
    monkeypatch.setitem(fakes.ERROR, "message", ACTIVE)
    hostile = with_names_that_act(tmp_path / f"{NAME}.h5")
    code, table, out = check(model, hostile)
    assert (code, table["scenarios"][1]["file"]) == (0, str(hostile))
    assert not [each for each in out if not each.isprintable() and each != "\n"]
    text = Path("reports/check/index.html").read_text(encoding="utf-8")
    page = Page(text)
    assert (page.tags.count("script"), page.tags.count("img"), page.handlers) == (3, 0, [])
    assert "alert(1)" in page.scripts[0]  # it is there, as text
    assert "\x1b" not in text


def test_check_hostile_name_of_changed_file_is_escaped(check, engine, tmp_path):
    check.project("good")
    hostile = with_names_that_act(tmp_path / f"{NAME}.h5")
    engine.before_task = lambda _: hostile.write_bytes(b"another")
    _, _, out = check(hostile)
    assert "It has changed in the meantime" in out
    assert "\x1b" not in out


def test_check_engine_without_sandbox_requires_trust(check, engine, model):
    check.project("good")
    engine.sandbox = False
    code, table, out = check(model)
    assert (code, table, engine.tasks) == (2, None, [])
    assert "not a sandbox" in out
    assert "--trust" in out
    assert check(model, "--trust")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing.h5",), "no such file"),
        (("model.h5", "--custom-objects", "nothing.py"), "no such file"),
        (("model.h5", "--environments", "tf9"), "unknown environment 'tf9'"),
    ],
)
def test_check_mistakes_have_message(check, model, arguments, message):
    check.project("good")
    code, _, out = check(*arguments)
    assert code == 2
    assert message in out


def test_check_leaves_no_scratch(check, model, tmp_path):
    check.project("good", "fails")
    check(model)
    assert not (tmp_path / ".kerasmatrix" / "scratch").exists()


def test_check_changing_file_is_checked_as_it_was(check, engine, model):
    check.project("good", "good2")
    before = model.read_bytes()
    seen = []

    def change(task):
        model.write_bytes(b"another")
        given = engine.here.place.scenarios / task.scenario / "given" / "model.h5"
        seen.append(given.read_bytes())

    engine.before_task = change
    code, table, out = check(model)
    assert code == 0
    assert set(seen) == {before}
    assert f"{model}: It has changed in the meantime" in out
    assert "It has changed in the meantime" in table["scenarios"][0]["shows"]


def test_check_unchanged_file_has_no_note(check, model):
    check.project("good")
    _, table, out = check(model)
    assert "has changed" not in out + table["scenarios"][0]["shows"]


def test_check_file_changing_during_import_is_refused(check, engine, model, monkeypatch):
    check.project("good")
    module = importlib.import_module("kerasmatrix.files.import_models")
    inspect = module.inspect_required

    def slowly(path):
        inspected = inspect(path)
        model.write_bytes(model.read_bytes() + b"more")
        return inspected

    monkeypatch.setattr(module, "inspect_required", slowly)
    code, _, out = check(model)
    assert (code, engine.tasks) == (2, [])
    assert "model.h5: changes while it is read" in out


def test_check_folder_has_row_for_each_file(check, tmp_path):
    check.project("good")
    (tmp_path / "models" / "deep").mkdir(parents=True)
    for name in ("b.h5", "deep/a.h5", "deep/b.h5"):
        files.hdf5_model(tmp_path / "models" / name)
    _, table, _ = check("models")
    assert [told["file"] for told in table["scenarios"]] == [
        "models/b.h5", "models/deep/a.h5", "models/deep/b.h5",
    ]  # fmt: skip
    assert {name for name, _ in statuses(table)} == {"b.h5", "a.h5", "b.h5-2"}


def test_check_platform_names_what_it_lacks(check, model, monkeypatch):
    measured = {
        f"2.{minor}.0": {"platforms": ["macos-arm64"] if minor > 1 else []} for minor in (1, 2, 3)
    }
    monkeypatch.setattr("kerasmatrix.environments.platforms._measured", lambda: measured)
    check.project("old", "good", "fails")
    _, _, out = check(model, "--platform", "macos-arm64")
    lacks = "old (no wheels of TensorFlow below 2.2 for Apple silicon)"
    assert f"Not to be installed on macos-arm64: {lacks}.\n" in out


def test_check_exports_are_columns(check, model, tmp_path):
    matrix = check.project("fails", "good")
    locks = tmp_path / "images" / "locks"
    (locks / "out.txt").write_text((locks / "good.txt").read_text())
    exports = "exports: {out: {environment: good, format: onnx}}\n"
    matrix.write_text(exports + matrix.read_text())
    code, table, out = check(model, "--exports", "onnx")
    assert (code, table["candidate"]) == (0, "good")
    assert statuses(table)["model.h5", "out"] == "pass"
    code, _, out = check(model, "--exports", "tflite")
    assert code == 2
    assert "--exports: no environment of" in out
    assert "exports to 'tflite'" in out
    code, _, out = check(model, "--exports", "onnx", "--environments", "fails")
    assert code == 2
    assert "add --environments good" in out
