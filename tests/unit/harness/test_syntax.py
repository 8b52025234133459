"""The harness runs in Python 3.7 and without the rest of the package."""

import ast

import pytest

from kerasmatrix.filesystem.digests import HARNESS

MODULES = sorted(HARNESS.rglob("*.py"))
NAMES = [str(path.relative_to(HARNESS)) for path in MODULES]


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_harness_module_is_python_3_7(path):
    ast.parse(path.read_text(), feature_version=(3, 7))


@pytest.mark.parametrize("path", MODULES, ids=NAMES)
def test_harness_module_imports_only_the_harness(path):
    depth = len(path.relative_to(HARNESS).parts)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("kerasmatrix") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level <= depth
            assert not (node.module or "").startswith("kerasmatrix")


@pytest.mark.parametrize("name", ["__main__.py", "remedies/remedies.py"])
def test_harness_modules_are_found(name):
    assert name in NAMES
