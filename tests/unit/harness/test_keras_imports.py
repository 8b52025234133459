import ast
import sys

import pytest

from kerasmatrix.harness import script
from kerasmatrix.harness.keras_imports import from_keras, needs_tensorflow


@pytest.mark.parametrize(
    ("source", "rewritten"),
    [
        ("from tensorflow import keras", "import keras"),
        ("from tensorflow import keras as k", "import keras as k"),
        ("from tensorflow import keras, nn", "import keras\nfrom tensorflow import nn"),
        ("from tensorflow.keras.layers import Dense", "from keras.layers import Dense"),
        ("from tensorflow.keras import layers", "from keras import layers"),
        ("import tensorflow.keras.layers as layers", "import keras.layers as layers"),
        ("import tensorflow.keras", "import tensorflow.keras"),
        ("import tensorflow as tf", "import tensorflow as tf"),
        (
            "from tensorflow.python.keras import layers",
            "from tensorflow.python.keras import layers",
        ),
        ("from tensorflow.kerasish import x", "from tensorflow.kerasish import x"),
        ("from . import keras", "from . import keras"),
        ("from .tensorflow import keras", "from .tensorflow import keras"),
        ("def load():\n    from tensorflow import keras", "def load():\n    import keras"),
    ],
)
def test_from_keras_replaces_tensorflows_keras(source, rewritten):
    assert ast.unparse(from_keras(source.encode(), "save.py")) == rewritten


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("from tensorflow import keras\nimport numpy", False),
        ("from tensorflow.keras.layers import Dense", False),
        ("import tensorflow as tf", True),
        ("import tensorflow.keras", True),
        ("from tensorflow import keras, nn", True),
        ("from tensorflow.python.keras import layers", True),
        ("def build():\n    import tensorflow.compat.v1 as tf", True),
        ("import tensorflow_hub", False),
        ("from .tensorflow import keras", False),
    ],
)
def test_needs_tensorflow_for_more_than_keras(source, needs):
    assert needs_tensorflow(source.encode()) is needs


def test_run_script_with_another_backend_imports_keras(monkeypatch, tmp_path):
    packages, scenario = tmp_path / "packages", tmp_path / "scenario"
    packages.mkdir()
    scenario.mkdir()
    (packages / "keras.py").write_text("WHICH = 'keras'\n")
    (scenario / "mine.py").write_text("from tensorflow import keras\nfound = keras.WHICH\n")
    (scenario / "load.py").write_text("from tensorflow import keras\nfrom mine import found\n")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    monkeypatch.setattr(sys, "path_hooks", list(sys.path_hooks))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for name in ("keras", "mine"):
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    names = script.run_script(str(scenario / "load.py"))
    assert (names["keras"].WHICH, names["found"]) == ("keras", "keras")
