import os

import pytest

from kerasmatrix.engines.memory import FEW, idle_workers, machine_memory


@pytest.mark.parametrize(("gigabytes", "workers"), [(0, FEW), (4, FEW), (16, 40), (64, 163)])
def test_idle_workers_take_half_of_the_memory(gigabytes, workers):
    assert idle_workers(gigabytes << 30) == workers


def test_idle_workers_unknown_memory_is_few(monkeypatch):
    assert machine_memory() > 0

    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert idle_workers(machine_memory()) == FEW
