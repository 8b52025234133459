import sys

from kerasmatrix.harness.task_files import TaskFiles


def files(tmp_path):
    request = {"scenario": "s", "id": "task", "artifact": "a"}
    return TaskFiles(request, str(tmp_path), str(tmp_path), str(tmp_path))


def test_import_modules_of_a_converted_model(tmp_path, monkeypatch):
    artifact = tmp_path / "a"
    artifact.mkdir()
    (artifact / "layers_of_a_test.py").write_text("READY = True\n")
    (artifact / "model.keras").write_text("")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "layers_of_a_test", None)
    del sys.modules["layers_of_a_test"]
    files(tmp_path).import_modules(str(artifact))
    assert sys.modules["layers_of_a_test"].READY


def test_import_modules_without_any_leaves_the_path(tmp_path):
    before = list(sys.path)
    files(tmp_path).import_modules(str(tmp_path))
    assert sys.path == before
