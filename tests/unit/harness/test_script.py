import sys

import pytest

from kerasmatrix.harness.script import run_script


@pytest.fixture(autouse=True)
def _same_path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_run_script_skips_main_block_and_sets_module(tmp_path):
    path = tmp_path / "save.py"
    path.write_text(
        "import sys\nclass Layer: pass\ndef build(): return Layer()\n"
        "if __name__ == '__main__':\n    raise SystemExit(1)\n"
    )
    names = run_script(str(path))
    assert type(names["build"]()).__module__ == "__main__"


def test_run_script_imports_file_next_to_it(tmp_path):
    (tmp_path / "kerasmatrix_neighbour.py").write_text("value = 3\n")
    path = tmp_path / "load.py"
    path.write_text("from kerasmatrix_neighbour import value\n")
    assert run_script(str(path))["value"] == 3


def test_run_script_syntax_error_has_file_and_line(tmp_path):
    path = tmp_path / "save.py"
    path.write_text("def build(:\n")
    with pytest.raises(SyntaxError) as caught:
        run_script(str(path))
    assert (caught.value.filename, caught.value.lineno) == (str(path), 1)
