import pytest

from kerasmatrix.config.script import read_script


@pytest.mark.parametrize(
    ("source", "defined", "uses_tensorflow", "trains"),
    [
        ("def build():\n    pass", True, False, False),
        ("from other import build", True, False, False),
        ("build = None", True, False, False),
        ("from other import *", True, False, False),
        ("def other():\n    pass", False, False, False),
        ("import tensorflow as tf", False, True, False),
        ("from tensorflow import keras\nkeras.Model().fit(1, 2)", False, False, True),
        ("def fit():\n    pass\nfit()", False, False, False),
        ("print 'Python 2'", True, False, False),
    ],
)
def test_read_script_says_what_it_needs(tmp_path, source, defined, uses_tensorflow, trains):
    path = tmp_path / "save.py"
    path.write_text(source)
    script = read_script(path)
    assert script.defines("build") is defined
    assert (script.uses_tensorflow, script.trains) == (uses_tensorflow, trains)
