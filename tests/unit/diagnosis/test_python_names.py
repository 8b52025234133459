"""Names in Python's messages, and the releases that have them."""

import pytest

from kerasmatrix.diagnosis.companions import fact_about
from kerasmatrix.diagnosis.explain import explain_message
from kerasmatrix.diagnosis.keras_range import parse_keras_range
from kerasmatrix.diagnosis.python_names import find_named

NP_UTILS = "cannot import name 'np_utils' from 'keras.utils'"
WRAPPERS = "module 'keras.api._v2.keras' has no attribute 'wrappers'"


@pytest.mark.parametrize(
    ("message", "state"),
    [
        (NP_UTILS, "keras gone"),
        ("No module named 'keras.layers.core'", "keras gone"),
        ("module 'keras.backend' has no attribute 'image_dim_ordering'", "keras gone"),
        ("module 'tensorflow.keras.layers' has no attribute 'RMSNormalization'", "keras newer"),
        ("cannot import name 'MultiHeadAttention' from 'keras.layers' (/a.py)", "keras newer"),
        ("cannot import name 'Dense' from 'tensorflow.keras.layers'", "keras there"),
        ("module 'keras.layers' has no attribute 'OwnLayer'", "keras unknown"),
        ("module 'tensorflow.compat.v1' has no attribute 'estimator'", "tensorflow gone"),
        ("'Sequential' object has no attribute 'predict_generator'", "keras gone"),
        ("LSTM.__init__() got an unexpected keyword argument 'time_major'", "argument gone"),
        ("Dense.__init__() got an unexpected keyword argument 'lora_rank'", "argument newer"),
        ("Own.__init__() got an unexpected keyword argument 'depth'", "argument own"),
        (
            "ModelCheckpoint.__init__() got an unexpected keyword argument 'period'",
            "argument unknown",
        ),
        ("Unknown layer: 'CutMix'", "keras newer"),
        ("Could not locate class 'RMSNormalization'. Make sure", "keras newer"),
        ("module 'keras_hub.models' has no attribute 'Own'", "companion"),
        ("No module named 'tensorflow_text'", "companion missing"),
        ("No module named 'tf2onnx'", "companion missing"),
        ("cannot import name 'float_' from 'numpy'", "numpy"),
        ("No module named 'keras'", "other missing"),
        ("cannot import name 'imread' from 'scipy.misc'", "other"),
        ("No module named keras.models", "other missing"),
        ("module 'tensorflow' has no attribute 'float32'", "tensorflow there"),
        ("module 'tensorflow' has no attribute 'placeholder'", "tensorflow gone"),
        # The module of that name ends with 1.14: it lacks what all known releases have.
        ("module 'tensorflow._api.v1.compat' has no attribute 'v2'", "tensorflow newer"),
        # It went with Keras 2.3, while its module stayed.
        ("module 'keras.backend.tensorflow_backend' has no attribute '_SESSION'", "keras gone"),
        # The module is in the user's Keras: the name is newer than that, and of the same inside.
        ("module 'keras.engine.training' has no attribute 'reduce_per_replica'", "keras there"),
    ],
)
def test_find_named_state_of_message(message, state):
    assert [named.state for named in find_named([("", message)])] == [state]


@pytest.mark.parametrize(
    "message",
    [
        "'Functional' object has no attribute 'predict'",
        "'Own' object has no attribute 'foo'",
        "Own.__init__() got an unexpected keyword argument 'dtype'",
        "cannot import name 'np_utils'",
        "Unknown layer: Addons>GroupNormalization",
        "Unknown layer: Dense",
    ],
)
def test_find_named_without_a_fact_is_nothing(message):
    assert find_named([("", message)]) == []


def test_find_named_module_is_in_the_line_above():
    text = "    from keras.regularizers import l2, l1l2\nImportError: cannot import name 'l1l2'"
    assert find_named([("ImportError", "cannot import name 'l1l2'")], text)[0].state == "keras gone"


def test_find_named_of_unknown_module_states_no_fact():
    message = "module 'tensorflow.python.framework' has no attribute 'own'"
    assert find_named([("", message)])[0].fact is None


@pytest.mark.parametrize(
    ("message", "loaded_with", "state"),
    [
        (NP_UTILS, "tf2.10", "keras there"),
        (NP_UTILS, "tf2.15", "keras gone"),
        ("module 'keras' has no attribute 'ops'", "tf2.15", "keras newer"),
        (WRAPPERS, None, "keras gone"),
    ],
)
def test_find_named_version_decides(message, loaded_with, state):
    reader = parse_keras_range(loaded_with) if loaded_with else None
    assert find_named([("", message)], reader=reader)[0].state == state


@pytest.mark.parametrize(
    ("package", "error", "slug"),
    [
        ("tensorflowjs", "KeyError: 'kernel'", "converter"),
        ("keras_cv", "TypeError: 'NoneType' object is not callable", "env-tfp"),
    ],
)
def test_explain_package_that_raises_has_low_confidence(package, error, slug):
    text = (
        "Traceback (most recent call last):\n"
        f'  File "/opt/site-packages/{package}/part.py", line 3, in convert\n'
        "    return names[name]\n"
        f"{error}\n"
    )
    found = explain_message(text)
    assert (found.cause.slug, found.confidence) == (slug, "low")


def test_explain_name_says_which_releases_have_it():
    found = explain_message(f"ImportError: {NP_UTILS}")
    assert found.cause.slug == "gone-from-keras-3"
    assert found.known == ("keras.utils.np_utils is in Keras 1.2.2 to 2.12.0",)


REMOVED = "AttributeError: module 'tensorflow.keras.layers' has no attribute 'experimental'"


@pytest.mark.parametrize(
    ("file", "slug"),
    [
        ('File "/opt/site-packages/tensorflow_addons/rnn.py", line 3, in <module>', "env-tfp"),
        ('File "/opt/site-packages/own_package/rnn.py", line 3, in <module>', "env-tfp"),
        ("/opt/dist-packages/autokeras/rnn.py in <module>", "env-tfp"),
        ("[/opt/dist-packages/autokeras/rnn.py](https://localhost/#) in <module>", "env-tfp"),
        ('File "/opt/site-packages/coremltools/rnn.py", line 3, in <module>', "converter"),
        ('File "/home/me/app.py", line 3, in <module>', "gone-from-keras-3"),
        ('File "/opt/site-packages/keras/rnn.py", line 3, in <module>', "gone-from-keras-3"),
    ],
)
def test_explain_name_that_a_package_asks_for(file, slug):
    lines = ("Traceback (most recent call last):", f"  {file}", "    layers.experimental", REMOVED)
    assert explain_message("\n".join(lines)).cause.slug == slug


def test_explain_keras_that_asks_for_a_missing_name():
    text = (
        "Traceback (most recent call last):\n"
        '  File "/opt/site-packages/keras/initializers/__init__.py", line 49, in populate\n'
        "    LOCAL.GENERATED_WITH_V2 = tf.__internal__.tf2.enabled()\n"
        "AttributeError: module 'tensorflow_core.compat.v2' has no attribute '__internal__'\n"
    )
    found = explain_message(text)
    assert (found.cause.slug, found.advice[0].id) == ("env-release-mismatch", "matching-releases")


def test_explain_cut_traceback_does_not_tell_who_asks():
    text = (
        '  File "/opt/site-packages/mtcnn/factory.py", line 26, in <module>\n'
        "    from keras.layers import Input, Dense\n"
        f"{REMOVED}\n"
    )
    assert explain_message(text).cause.slug == "gone-from-keras-3"


def test_explain_frame_of_a_lazy_loader_is_not_who_asks():
    text = (
        '  File "/opt/site-packages/larq/zoo.py", line 3, in <module>\n'
        '  File "/opt/site-packages/tensorflow/python/util/lazy_loader.py", line 9, in f\n'
        f"{REMOVED}\n"
    )
    assert explain_message(text).cause.slug == "env-tfp"


def test_explain_companion_says_which_release_fits():
    text = (
        "ImportError: This version of TensorFlow Probability requires TensorFlow version >= 2.9; "
        "Detected an installation of version 2.8.4.\nNo module named 'tensorflow_probability.x'"
    )
    assert fact_about("tensorflow_probability", text).startswith(
        "tensorflow-probability is made for one TensorFlow: 0.16 for 2.8"
    )
    assert "0.23 for 2.15" in fact_about("tensorflow_probability")
    assert fact_about("own_package") is None
    known = explain_message("No module named 'tensorflow_addons'").known
    assert "0.23 for 2.15" in known[0]


@pytest.mark.parametrize(
    ("file", "error", "slug"),
    [
        ("own/part.py", "TypeError: own() takes no argument", "env-import"),
        ("google/protobuf/descriptor.py", "TypeError: own() takes no argument", "env-protobuf"),
    ],
)
def test_explain_import_of_tensorflow_that_fails(file, error, slug):
    text = (
        'File "app.py", line 1, in <module>\n'
        'File "/opt/site-packages/tensorflow/__init__.py", line 37, in <module>\n'
        f'File "/opt/site-packages/{file}", line 9, in f\n'
        f"{error}\n"
    )
    assert explain_message(text).cause.slug == slug
