"""The files of a run that Keras could keep."""

import json

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.files.golden import choose_golden, is_plain, write_golden
from kerasmatrix.results.cells import Status
from kerasmatrix.results.tolerance import Tolerance
from tests.unit.report.factory import make_cell, make_results

PLAIN = (
    "import sys\n\nfrom tensorflow import keras\n\n\ndef load(path):\n"
    "    return keras.models.load_model(path)\n"
)
OWN = PLAIN.replace("import sys\n", "import sys\nfrom save import Scale\n")
OTHER = PLAIN.replace("load_model(path)", "load_model(path, compile=False)")


@pytest.mark.parametrize(("script", "plain"), [(PLAIN, True), (OWN, False), (OTHER, False)])
def test_is_plain_only_calls_load_model(script, plain):
    assert is_plain(script) is plain


@pytest.fixture
def results(tmp_path):
    """Return results of two files, 10 bytes each with their samples."""
    cells = []
    for scenario, status in (("a", "pass"), ("b", "fail"), ("c", "unsupported")):
        artifact = tmp_path / "artifacts" / scenario
        artifact.mkdir(parents=True)
        (artifact / "model.h5").write_bytes(b"model")
        (artifact / "probe.npz").write_bytes(b"arrays"[:5])
        made = make_cell(scenario, "h5", "tf2.1", "tf2.2", Status(status), message="words")
        cells.append(made.but(artifact=scenario))
    return make_results(environments=2).model_copy(update={"cells": tuple(cells)})


def choose(results, tmp_path, most=100, script=PLAIN):
    scripts = dict.fromkeys("abc", script)
    return choose_golden(results, "tf2.2", scripts, tmp_path / "artifacts", most)


def test_choose_golden_takes_measured_files(results, tmp_path):
    files, left_out = choose(results, tmp_path)
    assert [(each.name, each.known is None) for each in files] == [
        ("a/tf2.1.h5", True), ("b/tf2.1.h5", False),
    ]  # fmt: skip
    assert left_out == 0


def test_choose_golden_stays_within_its_size(results, tmp_path):
    files, left_out = choose(results, tmp_path, most=15)
    assert (len(files), left_out) == (1, 1)


def test_choose_golden_leaves_out_other_programs(results, tmp_path):
    assert choose(results, tmp_path, script=OWN) == ([], 0)


def test_write_golden_lists_files_with_their_samples(results, tmp_path):
    files, _ = choose(results, tmp_path)
    folder = tmp_path / "golden"
    write_golden(files, folder, Tolerance())
    index = json.loads((folder / "golden.json").read_text())
    assert [case["file"] for case in index] == ["a/tf2.1.h5", "b/tf2.1.h5"]
    assert all((folder / case["sample"]).read_bytes() == b"array" for case in index)
    assert (folder / "test_golden.py").is_file()


def test_write_golden_into_a_full_folder_is_refused(results, tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(UsageError, match="is not empty"):
        write_golden([], tmp_path, Tolerance())
