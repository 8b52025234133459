import os

import pytest

from kerasmatrix.engines.memory import FEW, idle_workers, machine_memory


@pytest.mark.parametrize(("gigabytes", "workers"), [(0, FEW), (4, FEW), (16, 40), (64, 163)])
def test_half_of_the_memory_may_wait(gigabytes, workers):
    assert idle_workers(gigabytes << 30) == workers


def test_a_machine_that_does_not_tell_its_memory_has_room_for_a_few(monkeypatch):
    assert machine_memory() > 0

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert idle_workers(machine_memory()) == FEW
