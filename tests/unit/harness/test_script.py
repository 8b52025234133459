import sys

import pytest

from kerasmatrix.harness.script import run_script


@pytest.fixture(autouse=True)
def _same_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_the_last_block_does_not_run_but_classes_say_they_are_from_main(tmp_path):
    path = tmp_path / "save.py"
    path.write_text(
        "import sys\nclass Layer: pass\ndef build(): return Layer()\n"
        "if __name__ == '__main__':\n    raise SystemExit(1)\n"
    )
    names = run_script(str(path))
    assert type(names["build"]()).__module__ == "__main__"


def test_a_neighbour_can_be_imported_as_from_a_script(tmp_path):
    (tmp_path / "kerasmatrix_neighbour.py").write_text("value = 3\n")
    path = tmp_path / "load.py"
    path.write_text("from kerasmatrix_neighbour import value\n")
    assert run_script(str(path))["value"] == 3


def test_a_syntax_error_names_the_file_and_the_line(tmp_path):
    path = tmp_path / "save.py"
    path.write_text("def build(:\n")
    with pytest.raises(SyntaxError) as caught:
        run_script(str(path))
    assert (caught.value.filename, caught.value.lineno) == (str(path), 1)
