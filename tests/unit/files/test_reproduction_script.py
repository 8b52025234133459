import sys
import types

import pytest

from kerasmatrix.engines.base import Handshake
from kerasmatrix.files.failure import Failure
from kerasmatrix.files.reproduction_script import MOST_LINES, issue_text, script_of
from kerasmatrix.files.small_model import RandomArray, SmallModel
from kerasmatrix.inspection.read import read_contents
from tests.unit.files import models

VERSIONS = Handshake("2.21.0", "3.15.1", "3.13.0", 0.0, {"h5py": "3.16.0"})
FAILURE = Failure(
    ended="raised",
    stage="load",
    cause="builtin-layer-gone",
    error="ValueError",
    message="Unknown layer: 'Gone'\nmore",
    root="ValueError",
    reason="Unknown layer: 'Gone'\nmore",
    template="",
    traceback='Traceback:\n  File "/home/me/env/lib/site-packages/keras/saving.py", line 3\nLast',
)


def small(form, **more):
    config = models.config() if form == "h5" else models.keras_3(models.config())
    path = "hidden/kernel:0" if form == "h5" else "vars/0"
    arrays = (RandomArray("hidden", path, (4, 3)),)
    return SmallModel(form, config, **{"arrays": arrays, "keras": "3.4.1", **more})


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a script with a stand-in for TensorFlow; return the file that it loads."""
    monkeypatch.chdir(tmp_path)
    loaded = []
    fake = types.ModuleType("tensorflow")
    fake.keras = types.SimpleNamespace(models=types.SimpleNamespace(load_model=loaded.append))
    monkeypatch.setitem(sys.modules, "tensorflow", fake)

    def run_script(text):
        exec(compile(text, "reproduce.py", "exec"), {"__name__": "__main__"})
        return read_contents(tmp_path / loaded[0])

    return run_script


@pytest.mark.parametrize("form", ["h5", "keras"])
@pytest.mark.parametrize("more", [{}, {"arrays": ()}])
def test_script_writes_the_small_file(run, form, more):
    model = small(form, **more)
    contents = run(script_of(model, FAILURE, VERSIONS))
    assert contents.config == model.config
    assert contents.writer.keras == "3.4.1"
    assert contents.stored.weights.parameters == (0 if more else 12)


def test_script_writes_compile_state(run):
    contents = run(script_of(small("h5", training={"loss": "mse"}), FAILURE, VERSIONS))
    assert contents.training == {"loss": "mse"}


@pytest.mark.parametrize("form", ["h5", "keras"])
def test_script_has_at_most_30_lines(form):
    text = script_of(small(form, training={"loss": "mse"}), FAILURE, VERSIONS, "my_layers")
    assert len(text.splitlines()) <= MOST_LINES == 30
    assert text.startswith("# ValueError: Unknown layer: 'Gone'\n# TensorFlow 2.21.0")


def test_script_keeps_the_ending_of_the_name(run):
    text = script_of(small("h5", suffix=".keras"), FAILURE, VERSIONS)
    assert 'h5py.File("small.keras", "w")' in text
    assert text.endswith('load_model("small.keras")\n')


def test_script_passes_classes_of_module():
    text = script_of(small("h5"), FAILURE, VERSIONS, "my_layers")
    assert "import my_layers\n" in text
    assert 'load_model("small.h5", custom_objects=vars(my_layers))' in text


def test_issue_has_script_and_traceback_without_own_paths():
    text = issue_text("SCRIPT\n", FAILURE, VERSIONS, "Keras 2.15.0")
    assert "```python\nSCRIPT\n```" in text
    assert "TensorFlow 2.21.0, Keras 3.15.1, Python 3.13.0 (h5py 3.16.0)" in text
    assert 'File "site-packages/keras/saving.py"' in text
    assert "/home/me" not in text
