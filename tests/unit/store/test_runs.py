"""The results of earlier runs are kept and found by name."""

import json

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.results.results_json import to_json
from kerasmatrix.store.runs import Archive, find_results
from tests.unit.report.factory import make_results


def results_of(run):
    results = make_results(environments=2)
    return results.model_copy(update={"run": results.run.model_copy(update={"id": run})})


@pytest.fixture
def archive(tmp_path):
    made = Archive(tmp_path / "store")
    for run in ("20260101T000000.000001-7", "20260102T000000.000001-7"):
        made.keep(results_of(run))
    return made


def test_archive_reads_a_stored_run(archive):
    run = "20260101T000000.000001-7"
    assert archive.runs() == [run, "20260102T000000.000001-7"]
    assert archive.read(run) == results_of(run)


def test_archive_finds_runs_by_last_and_previous(archive):
    assert archive.read("last").run.id == "20260102T000000.000001-7"
    assert archive.read("previous").run.id == "20260101T000000.000001-7"


def test_archive_finds_a_run_by_id_and_a_file_by_path(archive, tmp_path):
    run = "20260101T000000.000001-7"
    assert find_results(run, archive).run.id == run
    (tmp_path / "kept.json").write_text(to_json(results_of("of-a-file")))
    assert find_results(str(tmp_path / "kept.json"), archive).run.id == "of-a-file"
    with pytest.raises(UsageError, match=r"absent.json: cannot be read"):
        find_results("absent.json", archive)


def test_archive_empty_hints_how_to_fill_it(tmp_path):
    with pytest.raises(UsageError, match="has no last run") as caught:
        Archive(tmp_path).read("last")
    assert "kerasmatrix run" in caught.value.hint


def test_archive_unknown_run_suggests_the_nearest(archive):
    with pytest.raises(UsageError, match="has no run '20260101T0'") as caught:
        archive.read("20260101T0")
    assert "20260101T000000.000001-7" in caught.value.hint


def test_archive_damaged_file_is_named(archive):
    place = archive.folder / "20260101T000000.000001-7.json.gz"
    place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(UsageError, match=r"20260101T000000.000001-7.json.gz: cannot be read"):
        archive.read("20260101T000000.000001-7")


def test_archive_not_writable_is_infrastructure(tmp_path):
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        Archive(tmp_path).keep(results_of("x"))


def test_find_results_by_path_or_by_name(archive, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(to_json(results_of("file")))
    assert find_results(str(path), archive).run.id == "file"
    assert find_results("last", archive).run.id == "20260102T000000.000001-7"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("absent.json", None, "No such file"),
        ("bytes.json", b"\xff\xfe", "cannot be read"),
        ("cut.json", b'{"schema', "not whole JSON"),
        ("other.json", json.dumps({"schema_version": 99}).encode(), "schema version 99"),
    ],
)
def test_find_results_in_a_file_without_them_is_refused(archive, tmp_path, name, content, expected):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=expected) as caught:
        find_results(str(path), archive)
    assert name in caught.value.message
