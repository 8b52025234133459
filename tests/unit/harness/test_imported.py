import importlib.metadata
import sys

import numpy

from kerasmatrix.harness import imported


def test_distributions_are_those_of_importlib_metadata():
    known = {}
    for found in importlib.metadata.distributions():
        known.setdefault(found.metadata["Name"], found.version)
    assert imported.distributions() == known


def test_distributions_of_damaged_folders_are_left_out(tmp_path, monkeypatch):
    for name, text in {
        "a-1.dist-info": "Metadata-Version: 2.1\nName: a\nVersion: 1\nSummary: x\n\nName: no\n",
        "b-1.dist-info": "Metadata-Version: 2.1\n\nName: b\nVersion: 1\n",
        "c-1.dist-info": "",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "METADATA").write_text(text)
    (tmp_path / "d-1.dist-info").mkdir()
    (tmp_path / "e-1.egg-info").write_text("Name: e\nVersion: 2\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "absent"), str(tmp_path)])
    assert imported.distributions() == {"a": "1", "e": "2"}


def test_modules_are_those_that_were_imported():
    assert imported.modules()["numpy"] == numpy.__version__
    assert "tensorflow" not in imported.modules()
