"""A run and the verbs that read it agree on where it is, wherever they are called from."""

import importlib
import json
import shutil

import pytest

from kerasmatrix import cli
from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.places import Places, matrix_or_bundled, places_of
from tests.unit.fakes import FakeEngine, make_project
from tests.unit.inspection import files

READERS = (
    ("report", "--format", "json"),
    ("history", "--json"),
    ("compare", "last", "last"),
    ("gate", "last", "--baseline", "last"),
    ("can-upgrade", "--from", "good", "--to", "good2"),
    ("paths", "--from", "good", "--to", "good2"),
    ("explain", "Unknown layer: Functional", "--json"),
)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    make_project(tmp_path / "sub" / "project", "good", "good2", "fails")
    for name in ("run", "session"):
        module = importlib.import_module(f"kerasmatrix.cli.{name}")
        monkeypatch.setattr(module, "open_engine", lambda *_: FakeEngine())

    def run(folder, *arguments):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            cli.main(list(arguments))
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


def from_above(tmp_path):
    return tmp_path, "sub/project/matrix.yaml"


def from_beside(tmp_path):
    return tmp_path / "other", "../sub/project/matrix.yaml"


def from_within(tmp_path):
    return tmp_path / "sub" / "project" / "scenarios", "../matrix.yaml"


def absolute(tmp_path):
    return tmp_path / "other", str(tmp_path / "sub" / "project" / "matrix.yaml")


@pytest.mark.parametrize("place", [from_above, from_beside, from_within, absolute])
def test_readers_find_the_run_of_the_same_matrix(call, tmp_path, place):
    folder, matrix = place(tmp_path)
    project = tmp_path / "sub" / "project"
    assert call(folder, "run", "--matrix", matrix)[0] == 0
    assert (project / ".kerasmatrix" / "store.sqlite").is_file()
    assert (project / "reports" / "results.json").is_file()
    for reader in READERS:
        # From the place of the run, and from the project, where it is the default.
        there = call(folder, *reader, "--matrix", matrix)
        here = call(project, *reader)
        assert there == here, reader
        assert there[0] == 0, there[2]
    assert not [path for path in folder.iterdir() if path.name in {".kerasmatrix", "reports"}]


def test_explain_from_elsewhere_tells_what_was_measured(call, tmp_path):
    folder, matrix = from_beside(tmp_path)
    call(folder, "run", "--matrix", matrix)
    told = json.loads(call(folder, *READERS[-1], "--matrix", matrix)[1])
    assert told["measured"]["cells"] > 0


def test_merge_and_check_write_where_a_run_does(call, tmp_path):
    folder, matrix = from_beside(tmp_path)
    project = tmp_path / "sub" / "project"
    call(folder, "run", "--matrix", matrix)
    results = str(project / "reports" / "results.json")
    shutil.copy(results, tmp_path / "part.json")
    (project / "reports" / "index.html").unlink()
    assert call(folder, "merge", str(tmp_path / "part.json"), "--matrix", matrix)[0] == 0
    assert (project / "reports" / "index.html").is_file()
    model = files.hdf5_model(tmp_path / "model.h5")
    assert call(folder, "check", str(model), "--matrix", matrix)[0] == 0
    assert (project / "reports" / "check" / "index.html").is_file()


def test_named_places_count_for_more(call, tmp_path):
    folder, matrix = from_beside(tmp_path)
    places = ("--store", "kept", "--output", "shown")
    assert call(folder, "run", "--matrix", matrix, *places)[0] == 0
    assert (folder / "kept" / "store.sqlite").is_file()
    assert (folder / "shown" / "index.html").is_file()
    assert call(folder, "report", "--format", "badge", "--store", "kept")[0] == 0
    code, _, err = call(folder, "report", "--format", "badge", "--matrix", matrix)
    assert (code, "has no last run" in err) == (2, True)


def test_places_of_no_matrix_are_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERASMATRIX_CACHE", str(tmp_path / "cache"))
    assert matrix_or_bundled(None) == bundled_folder() / "matrix.yaml"
    found = places_of(None)
    assert found.store == tmp_path / "cache" / "store"
    assert not found.reports.is_absolute()
    (tmp_path / "matrix.yaml").touch()
    assert places_of(None).store == tmp_path / ".kerasmatrix"


def test_places_of_a_link_are_beside_the_file(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "matrix.yaml").touch()
    (tmp_path / "matrix.yaml").symlink_to("real/matrix.yaml")
    real = tmp_path / "real"
    assert places_of(tmp_path / "matrix.yaml") == Places(real / ".kerasmatrix", real / "reports")
