import ast

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
    (tmp_path / "keras.py").write_text("WHICH = 'keras'\n")
    (tmp_path / "load.py").write_text("from tensorflow import keras\nfound = keras.WHICH\n")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(script.sys.modules, "keras", raising=False)
    try:
        assert script.run_script(str(tmp_path / "load.py"))["found"] == "keras"
    finally:
        script.sys.modules.pop("keras", None)
