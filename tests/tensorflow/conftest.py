import pytest

from tests.real import ENVIRONMENTS, REPAIRED, local_engine


@pytest.fixture(scope="session")
def engine():
    """The local engine with its environments installed; skips with a reason if that fails."""
    return local_engine(*ENVIRONMENTS, *REPAIRED)
