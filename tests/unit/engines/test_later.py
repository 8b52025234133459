import pytest

from kerasmatrix.engines.base import EngineDisconnected
from kerasmatrix.engines.docker import DockerEngine
from kerasmatrix.engines.later import DockerLater
from kerasmatrix.errors import InfrastructureError
from tests.unit.fakes import FakeEngine


def test_it_says_of_itself_what_the_engine_says():
    for name in ("name", "sandbox", "in_place", "batch", "slots"):
        assert getattr(DockerLater, name) == getattr(DockerEngine, name)


def test_it_is_made_once_and_not_before_it_is_needed():
    made = []

    class Preparing(FakeEngine):
        def prepare(self, environment, lock):
            made.append((self, environment))

    later = DockerLater(Preparing, "recipe")
    later.close()
    assert made == []
    later.prepare("one", None)
    later.prepare("another", None)
    (first, _), (second, _) = made
    assert first is second
    later.close()
    assert first.closed


def test_there_is_as_much_room_as_the_engine_has():
    assert DockerLater(FakeEngine, "recipe").idle_workers == FakeEngine.idle_workers


def test_one_that_is_gone_by_then_ends_the_run():
    def make():
        raise InfrastructureError("no Docker Engine: gone", hint="start one")

    with pytest.raises(EngineDisconnected, match="gone") as error:
        DockerLater(make, "recipe").prepare(None, None)
    assert error.value.hint == "start one"
