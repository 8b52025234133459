import os
import shutil
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.scenario import digest_scenario, load_scenario, not_measured
from kerasmatrix.errors import UsageError
from tests.unit.fakes import make_scenario


def test_a_change_of_code_changes_the_digest_and_a_change_of_prose_does_not(tmp_path):
    folder = tmp_path / "first"
    make_scenario(folder)
    before = load_scenario(folder).digest
    (folder / "scenario.yaml").write_text("title: other\nshows: other\n")
    assert load_scenario(folder).digest == before
    (folder / "load.py").write_text("def load(path): return 1\n")
    assert load_scenario(folder).digest != before


@pytest.mark.parametrize(
    "name",
    ["units.yaml", "notes.md", "data/scenario.yaml", "data/README.md", "lib/fast.pyc",
     "given/model/assets/labels.yaml", "given/model/__pycache__/x.pyc"],
)  # fmt: skip
def test_digest_of_data_file_changes(tmp_path, name):
    folder = tmp_path / "first"
    make_scenario(folder)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("8\n")
    before = load_scenario(folder).digest
    path.write_text("999\n")
    assert load_scenario(folder).digest != before


@pytest.mark.parametrize("name", ["README.md", "scenario.yaml", "__pycache__/a.pyc",
                                  "lib/__pycache__/a.pyc"])  # fmt: skip
def test_digest_leaves_out_what_no_worker_gets(tmp_path, name):
    folder = tmp_path / "first"
    make_scenario(folder)
    before = digest_scenario(folder)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("title: other")
    assert digest_scenario(folder) == before
    shutil.copytree(folder, tmp_path / "copy", ignore=not_measured(folder))
    assert not (tmp_path / "copy" / name).exists()
    assert digest_scenario(tmp_path / "copy") == before


def test_digest_of_linked_folder_equals_that_of_its_copy(tmp_path):
    folder = tmp_path / "first"
    make_scenario(folder)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "layers.py").write_text("UNITS = 8\n")
    (folder / "lib").symlink_to(tmp_path / "shared")
    before = digest_scenario(folder)
    shutil.copytree(folder, tmp_path / "copy", ignore=not_measured(folder))
    assert digest_scenario(tmp_path / "copy") == before
    (tmp_path / "shared" / "layers.py").write_text("UNITS = 9\n")
    assert digest_scenario(folder) != before


def test_digest_of_name_that_is_not_utf8_is_made(tmp_path):
    folder = tmp_path / "first"
    make_scenario(folder)
    before = digest_scenario(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.npz")).write_bytes(b"x")
    assert digest_scenario(folder) != before


@pytest.mark.parametrize("name", ["save.py", "load.py", "scenario.yaml"])
def test_a_missing_file_is_named(tmp_path, name):
    make_scenario(tmp_path / "first")
    (tmp_path / "first" / name).unlink()
    with pytest.raises(UsageError, match=name):
        load_scenario(tmp_path / "first")


@pytest.mark.parametrize(
    ("name", "text", "good"),
    [
        ("load.py", "def lode(path): ...\n", False),
        ("save.py", "model = 3\n", False),
        ("load.py", "from shared import load\n", True),
        ("load.py", "from shared import *\n", True),
        ("load.py", "load = open\n", True),
        ("load.py", "this is no Python here\n", True),
    ],
)
def test_a_script_without_its_function_is_said_before_anything_runs(tmp_path, name, text, good):
    make_scenario(tmp_path / "first")
    (tmp_path / "first" / name).write_text(text)
    if good:
        load_scenario(tmp_path / "first")
        return
    with pytest.raises(UsageError, match=f"{name}: defines no function"):
        load_scenario(tmp_path / "first")


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ("[{says: x, status: [broken]}]", r"scenario\.yaml:3: claims\.0\.status\.0"),
        ("[{says: x, status: [fail], error: '('}]", "not a regular expression"),
        ("[{says: x, status: [fail], formats: [hdf]}]", "unknown format 'hdf'"),
        ("[{says: x, status: []}]", r"claims\.0\.status"),
    ],
)
def test_a_wrong_claim_is_named_with_its_line(tmp_path, claim, message):
    make_scenario(tmp_path / "first", f"claims: {claim}\n")
    with pytest.raises(UsageError, match=message):
        load_scenario(tmp_path / "first")


def test_every_scenario_of_the_project_is_valid_and_in_the_matrix(pytestconfig):
    folders = [path.parent for path in (pytestconfig.rootpath / "scenarios").glob("*/save.py")]
    matrix = load_matrix(pytestconfig.rootpath / "matrix.yaml")
    assert {load_scenario(folder).name for folder in folders} == set(matrix.scenarios)


def test_the_documents_scenarios_state_its_claims(pytestconfig):
    names = load_matrix(pytestconfig.rootpath / "matrix.yaml").select().scenarios
    assert len(names) == 10
    for name in names:
        assert load_scenario(pytestconfig.rootpath / "scenarios" / name).claims, name
