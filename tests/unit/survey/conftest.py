"""The modules of ``survey/zoo`` import each other as scripts do: from their own folder."""

import importlib
import sys
from pathlib import Path

import pytest

ZOO = Path(__file__).parents[3] / "survey/zoo"


@pytest.fixture(scope="session")
def zoo_module():
    sys.path.insert(0, str(ZOO))
    yield importlib.import_module
    sys.path.remove(str(ZOO))
