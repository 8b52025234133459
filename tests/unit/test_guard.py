import base64
import marshal
import subprocess
import sys
import types
import warnings
from pathlib import Path

import h5py
import numpy
import pytest

import kerasmatrix
from kerasmatrix import guard
from kerasmatrix.prediction.rules import story_of
from tests.unit.inspection import files
from tests.unit.prediction.made import layer, model

# Keras 3 does not accept the argument.
INPUT = layer("InputLayer", batch_input_shape=[None, 3])
LSTM = model(INPUT, layer("LSTM", units=1, time_major=False))
DENSE = model(INPUT, layer(units=1))
CODE = base64.b64encode(marshal.dumps((lambda x: x).__code__)).decode()
BYTECODE = model(
    INPUT, layer("Lambda", function={"class_name": "__lambda__", "config": {"code": CODE}})
)
TRAINING = {"loss": "mean_squared_error", "optimizer_config": {"class_name": "SGD", "config": {}}}
# What `python -m venv` has: the standard library, and the packages of these folders alone.
BARE = """
import sys, types, warnings
sys.path[:0] = {paths!r}
sys.modules["keras"] = types.ModuleType("keras")
sys.modules["keras"].__version__ = "3.15.1"
from kerasmatrix import guard
from kerasmatrix.prediction.rules import story_of
warnings.simplefilter("ignore")
found = guard.check({file!r})
others = {{"packaging", "pandas", "pydantic", "re2", "yaml"}}
print(found.prediction.rule, sorted(others & set(sys.modules)))
"""


@pytest.fixture
def keras(monkeypatch):
    """Return a function that installs a Keras of a version, whose loads are listed."""

    def install(version, tensorflow=None):
        package = types.ModuleType("keras")
        package.__version__ = version
        package.loads = []
        package.models = types.ModuleType("keras.models")

        def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):  # noqa: A002, FBT002
            package.loads.append(filepath)
            return "a model"

        load_model.__module__ = "keras.src.saving.saving_api"
        package.models.load_model = load_model
        monkeypatch.setitem(sys.modules, "keras", package)
        monkeypatch.setitem(sys.modules, "keras.models", package.models)
        # Nothing else is installed.
        monkeypatch.setattr(guard, "_distributions", dict)
        if tensorflow:
            other = types.ModuleType("tensorflow")
            other.__version__ = tensorflow
            monkeypatch.setitem(sys.modules, "tensorflow", other)
        return package

    return install


@pytest.fixture
def lstm(tmp_path):
    return files.hdf5_model(tmp_path / "lstm.h5", LSTM, keras="2.15.0", training=None)


def test_guard_bare_interpreter_needs_h5py_only(tmp_path, lstm):
    site = tmp_path / "site"
    site.mkdir()
    for package in (kerasmatrix, h5py, numpy):
        folder = Path(package.__file__).parent
        (site / folder.name).symlink_to(folder)
        for beside in folder.parent.glob(f"{folder.name}.libs"):
            (site / beside.name).symlink_to(beside)
    code = BARE.format(paths=[str(site)], file=str(lstm))
    ended = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    assert ended.stdout == "key-removed []\n"


def test_check_failing_file_warns_with_versions_and_fix(keras, lstm):
    keras("3.15.1", tensorflow="2.21.0")
    with pytest.warns(guard.IncompatibleModelWarning) as caught:
        found = guard.check(lstm)
    assert found is caught[0].message
    assert caught[0].filename == __file__
    assert found.saved_with == "Keras 2.15.0 (TensorFlow 2.15)"
    assert found.loaded_with == "Keras 3.15.1 (TensorFlow 2.21.0)"
    assert (found.prediction.status, found.prediction.rule) == ("fail", "key-removed")
    assert found.fix == "Rewrite the architecture in a copy of the file"
    first, cause, fix, command = str(found).splitlines()
    assert first.startswith(f"{lstm}: Keras 3.15.1 (TensorFlow 2.21.0) does not load it.")
    assert "'time_major' of LSTM" in cause
    assert found.fix in fix
    assert f"kerasmatrix convert {lstm} --for tf2.21" in command


@pytest.mark.usefixtures("silence")
class TestSilent:
    """Nothing is known, so nothing is said."""

    @pytest.fixture
    def silence(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield

    def test_check_good_file_is_silent(self, keras, lstm):
        keras("2.15.0")
        assert guard.check(lstm) is None

    def test_check_without_keras_is_silent(self, monkeypatch, lstm):
        monkeypatch.setattr(guard, "_distributions", dict)
        assert guard.check(lstm) is None

    @pytest.mark.parametrize("content", [None, b"", b"nothing", b"\x89HDF\r\n\x1a\nand so on"])
    def test_check_unreadable_file_is_silent(self, keras, tmp_path, content):
        keras("3.15.1")
        if content is not None:
            (tmp_path / "a.h5").write_bytes(content)
        assert guard.check(tmp_path / "a.h5") is None

    def test_check_class_of_program_is_silent(self, keras, tmp_path):
        keras("2.15.0")
        path = files.hdf5_model(tmp_path / "a.h5", model(layer("Mine")), keras="2.9.0")
        assert guard.check(path) is None

    def test_check_untrained_loses_no_training(self, keras, tmp_path):
        keras("3.15.1")
        path = files.hdf5_model(tmp_path / "a.h5", DENSE, keras="2.9.0", training=TRAINING)
        assert guard.check(path, compile=False) is None

    def test_check_layer_of_gpu_is_silent(self, keras, tmp_path):
        keras("2.15.0")
        cudnn = model(layer("CuDNNLSTM", units=1))
        path = files.hdf5_model(tmp_path / "a.h5", cudnn, keras="2.15.0", training=None)
        assert guard.check(path) is None


def test_check_cause_that_only_the_zoo_names_warns(keras, tmp_path):
    keras("2.15.0")
    vectors = layer("TextVectorization", ngrams=[1, 2], output_mode="multi_hot", max_tokens=9)
    path = files.archive(tmp_path / "a.keras", model(vectors), keras="2.15.0")
    with pytest.warns(guard.IncompatibleModelWarning) as caught:
        found = guard.check(path)
    assert found.prediction.cause == "config-value-refused"
    assert f"Cause: {story_of('config-value-refused')}: " in str(caught[0].message)


def test_check_lost_training_warns(keras, tmp_path):
    keras("3.15.1")
    path = files.hdf5_model(tmp_path / "a.h5", DENSE, keras="2.9.0", training=TRAINING)
    with pytest.warns(guard.IncompatibleModelWarning, match="it loses something") as caught:
        guard.check(path)
    assert "convert" not in str(caught[0].message)


def test_watch_warns_before_load(keras, lstm):
    package = keras("3.15.1")
    with guard.watch(), pytest.warns(guard.IncompatibleModelWarning) as caught:
        assert package.models.load_model(str(lstm)) == "a model"
    assert package.loads == [str(lstm)]
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with guard.watch(), pytest.raises(guard.IncompatibleModelWarning):
            package.models.load_model(lstm)
    assert package.loads == [str(lstm)]  # not loaded a second time


def test_watch_restores_every_name(keras, lstm):
    package = keras("3.15.1")
    original = package.models.load_model
    package.bound = original  # as in `from keras.models import load_model`
    with guard.watch():
        assert package.bound is package.models.load_model is not original
        with pytest.warns(guard.IncompatibleModelWarning):
            package.bound(lstm)
    assert package.bound is package.models.load_model is original


def test_watch_inside_watch_warns_once(keras, lstm):
    package = keras("3.15.1")
    with guard.watch(), guard.watch(), pytest.warns(guard.IncompatibleModelWarning) as caught:
        package.models.load_model(lstm)
    assert len(caught) == 1


def test_watch_wrong_arguments_are_left_to_keras(keras):
    package = keras("3.15.1")
    with guard.watch(), pytest.raises(TypeError, match="load_model"):
        package.models.load_model()


@pytest.mark.parametrize(("safe_mode", "warned"), [(True, 1), (False, 0)])
def test_watch_unsafe_load_may_run_lambda(keras, tmp_path, safe_mode, warned):
    package = keras("3.15.1")
    path = files.archive(tmp_path / "a.keras", BYTECODE, keras="3.15.1")
    with guard.watch(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        package.models.load_model(path, safe_mode=safe_mode)
    assert len(caught) == warned
