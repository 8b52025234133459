import os

import pytest

from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.matrix import load_matrix
from tests.real import ENVIRONMENTS, REPAIRED, ROOT


@pytest.fixture(scope="session")
def engine():
    """The local engine with its environments made, or a reason why there is none."""
    opened = LocalEngine()
    matrix = load_matrix(ROOT / "matrix.yaml")
    try:
        for name in (*ENVIRONMENTS, *REPAIRED):
            environment = matrix.environments[name]
            opened.prepare(environment, read_lock(ROOT / "images" / "locks", environment))
    except InfrastructureError as error:
        if os.environ.get("KERASMATRIX_REQUIRE_TENSORFLOW"):
            raise
        pytest.skip(f"no environments for real TensorFlow: {error.message}")
    return opened
