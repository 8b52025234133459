import pytest

from tests.real import ENVIRONMENTS, REPAIRED, local_engine


@pytest.fixture(scope="session")
def engine():
    """The local engine with its environments made, or a reason why there is none."""
    return local_engine(*ENVIRONMENTS, *REPAIRED)
