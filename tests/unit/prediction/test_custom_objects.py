import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.prediction.custom_objects import custom_object_names, names_of_program


@pytest.fixture
def module(tmp_path):
    def write(text):
        path = tmp_path / "my_layers.py"
        path.write_text(text)
        return path

    return write


def test_custom_object_names_of_module(module):
    path = module(
        "from elsewhere import Attention as Mine\n"
        "class Layer: pass\n"
        "def swish(x): return x\n"
        "alias = swish\n"
        "typed: object = swish\n"
    )
    assert custom_object_names(path) == {"Mine", "Layer", "swish", "alias", "typed"}


def test_custom_object_names_in_if_and_try(module):
    path = module(
        "try:\n    import keras\nexcept ImportError:\n    class Fallback: pass\n"
        "if keras:\n    def used(): pass\nelse:\n    def unused(): pass\n"
        "with open('x') as file:\n    class Within: pass\n"
        "def maker():\n    class Hidden: pass\n"
    )
    names = {"keras", "Fallback", "used", "unused", "Within", "maker"}
    assert custom_object_names(path) == names


def test_custom_object_names_dict_decides(module):
    path = module("class A: pass\nclass B: pass\ncustom_objects = {'Called': A}\n")
    assert custom_object_names(path) == {"Called"}


def test_custom_object_names_dynamic_dict_is_ignored(module):
    path = module("class A: pass\ncustom_objects = {A.__name__: A}\n")
    assert custom_object_names(path) == {"A", "custom_objects"}


def test_custom_object_names_module_is_not_run(module, tmp_path):
    path = module(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass A: pass\n")
    assert custom_object_names(path) == {"A"}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [("class A(:\n", "my_layers.py:1: is not valid Python"), ("\0", "is not valid Python")],
)
def test_custom_object_names_syntax_error_has_line(module, text, said):
    with pytest.raises(UsageError, match=said):
        custom_object_names(module(text))


def test_custom_object_names_missing_module_is_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        custom_object_names(tmp_path / "absent.py")


def test_names_of_program_includes_sibling_modules(tmp_path):
    (tmp_path / "save.py").write_text("class Layer: pass\ndef build(): pass\n")
    (tmp_path / "unused.py").write_text("class Unused: pass\n")
    load = tmp_path / "load.py"
    load.write_text("import sys\ndef load(path): pass\n")
    assert names_of_program(tmp_path) == {"sys", "load"}
    load.write_text("from save import build\n")
    assert names_of_program(tmp_path) == {"build", "Layer"}
    load.write_text("import save\n")
    assert names_of_program(tmp_path) == {"build", "Layer", "save"}


def test_names_of_program_model_input_has_asset_names(tmp_path):
    (tmp_path / "load.py").write_text("def load(path): pass\n")
    (tmp_path / "mine.py").write_text("class Layer: pass\n")
    (tmp_path / "given.json").write_text('{"code": "mine", "inputs": false}')
    assert names_of_program(tmp_path) == {"Layer"}
    (tmp_path / "given.json").write_text('{"code": null, "inputs": false}')
    assert names_of_program(tmp_path) == frozenset()
