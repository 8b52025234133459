import ast

import pytest

from kerasmatrix.filesystem.digests import HARNESS

MODULES = sorted(HARNESS.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_harness_is_python_3_7(path):
    ast.parse(path.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_harness_imports_nothing_of_the_rest(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("kerasmatrix") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level <= 1
            assert not (node.module or "").startswith("kerasmatrix")


def test_there_are_modules_to_look_at():
    assert len(MODULES) >= 8
