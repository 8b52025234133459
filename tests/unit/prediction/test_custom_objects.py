import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.prediction.custom_objects import names_brought, names_of_program


@pytest.fixture
def module(tmp_path):
    def write(text):
        path = tmp_path / "my_layers.py"
        path.write_text(text)
        return path

    return write


def test_what_a_module_defines_imports_and_assigns_is_brought(module):
    path = module(
        "from elsewhere import Attention as Mine\n"
        "class Layer: pass\n"
        "def swish(x): return x\n"
        "alias = swish\n"
        "typed: object = swish\n"
    )
    assert names_brought(path) == {"Mine", "Layer", "swish", "alias", "typed"}


def test_names_in_ifs_and_tries_are_found_and_those_inside_functions_are_not(module):
    path = module(
        "try:\n    import keras\nexcept ImportError:\n    class Fallback: pass\n"
        "if keras:\n    def used(): pass\nelse:\n    def unused(): pass\n"
        "with open('x') as file:\n    class Within: pass\n"
        "def maker():\n    class Hidden: pass\n"
    )
    names = {"keras", "Fallback", "used", "unused", "Within", "maker"}
    assert names_brought(path) == names


def test_a_dict_of_custom_objects_says_what_is_brought(module):
    path = module("class A: pass\nclass B: pass\ncustom_objects = {'Called': A}\n")
    assert names_brought(path) == {"Called"}


def test_a_dict_that_cannot_be_read_leaves_all_names(module):
    path = module("class A: pass\ncustom_objects = {A.__name__: A}\n")
    assert names_brought(path) == {"A", "custom_objects"}


def test_nothing_in_the_module_runs(module, tmp_path):
    path = module(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass A: pass\n")
    assert names_brought(path) == {"A"}
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "said"), [("class A(:\n", "my_layers.py:1: is no Python"), ("\0", "is no Python")]
)
def test_what_is_no_python_is_said_with_its_line(module, text, said):
    with pytest.raises(UsageError, match=said):
        names_brought(module(text))


def test_a_module_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        names_brought(tmp_path / "absent.py")


def test_a_scenario_brings_what_it_defines_and_what_it_imports_from_beside(tmp_path):
    (tmp_path / "save.py").write_text("class Layer: pass\ndef build(): pass\n")
    (tmp_path / "unused.py").write_text("class Unused: pass\n")
    load = tmp_path / "load.py"
    load.write_text("import sys\ndef load(path): pass\n")
    assert names_of_program(tmp_path) == {"sys", "load"}
    load.write_text("from save import build\n")
    assert names_of_program(tmp_path) == {"build", "Layer"}
    load.write_text("import save\n")
    assert names_of_program(tmp_path) == {"build", "Layer", "save"}


def test_the_scenario_of_a_file_brings_the_module_that_came_with_it(tmp_path):
    (tmp_path / "load.py").write_text("def load(path): pass\n")
    (tmp_path / "mine.py").write_text("class Layer: pass\n")
    (tmp_path / "given.json").write_text('{"code": "mine", "inputs": false}')
    assert names_of_program(tmp_path) == {"Layer"}
    (tmp_path / "given.json").write_text('{"code": null, "inputs": false}')
    assert names_of_program(tmp_path) == frozenset()
