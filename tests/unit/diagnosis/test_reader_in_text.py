"""The Keras that a traceback is of, by its files."""

import pytest

from kerasmatrix.diagnosis.explain import explain_message
from kerasmatrix.diagnosis.reader_in_text import reader_in_text


def frame(path):
    return f'  File "/opt/lib/python3.11/site-packages/{path}", line 3, in load\n    load(path)\n'


@pytest.mark.parametrize(
    ("path", "major"),
    [
        ("keras/src/models/functional.py", 3),
        ("keras/src/legacy/saving/legacy_h5_format.py", 3),
        ("keras/src/engine/base_layer.py", 2),
        ("keras/saving/hdf5_format.py", 2),
        ("tf_keras/src/saving/saving_api.py", 2),
        ("tensorflow/python/keras/saving/save.py", 2),
        ("tensorflow_core/python/keras/engine/network.py", 2),
    ],
)
def test_reader_in_text_file_shows_the_major(path, major):
    assert reader_in_text(frame(path)).major == major
    assert reader_in_text(frame(path).replace("/", "\\")).major == major


def test_reader_in_text_files_of_two_kinds_show_nothing():
    both = frame("keras/src/models/functional.py") + frame("tf_keras/src/engine/training.py")
    assert reader_in_text(both) is None
    assert reader_in_text(frame("keras/__init__.py")) is None


def test_explain_traceback_decides_by_its_files():
    message = "AttributeError: module 'keras.backend' has no attribute 'RandomGenerator'\n"
    assert explain_message(message).cause is None
    new = explain_message(frame("keras/src/models/functional.py") + message)
    old = explain_message(frame("tensorflow_core/python/keras/engine/network.py") + message)
    assert (new.cause.slug, old.cause.slug) == ("gone-from-keras-3", "not-there-yet")


def test_explain_advice_is_for_the_release_of_the_traceback():
    message = "AttributeError: '_UserObject' object has no attribute 'predict'\n"
    old = explain_message(frame("tensorflow/python/keras/saving/save.py") + message)
    assert "tfsm-layer" not in {advice.id for advice in old.advice}
