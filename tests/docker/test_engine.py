"""What a container lets a scenario do, and what is left of it afterwards."""

import json
import os
import signal
import textwrap

import pytest

from kerasmatrix.config.matrix import Limits, load_matrix
from kerasmatrix.engines.base import Task, WorkerLost, Workplace
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError
from tests.real import ROOT

pytestmark = pytest.mark.docker

LIMITS = Limits(memory_mb=256, task_seconds=20)
FACTS = """
import json, os, socket

def facts():
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    found = {
        "uid": os.getuid(),
        "capabilities": int(status["CapEff"], 16),
        "no_new_privileges": int(status["NoNewPrivs"]),
        "interfaces": os.listdir("/sys/class/net"),
        "pids": open("/sys/fs/cgroup/pids/pids.max").read().strip()
        if os.path.exists("/sys/fs/cgroup/pids/pids.max")
        else open("/sys/fs/cgroup/pids.max").read().strip(),
        "written": [],
    }
    for path in ("/", "/kerasmatrix/scenarios", "/kerasmatrix/artifacts", "/kerasmatrix/harness",
                 "/usr/local", "/tmp", "/kerasmatrix/scratch"):
        try:
            with open(os.path.join(path, "probe"), "w"):
                found["written"].append(path)
        except OSError:
            pass
    return found

def build():
    raise RuntimeError(json.dumps(facts()))
"""


@pytest.fixture(scope="module")
def tf24():
    environment = load_matrix(ROOT / "matrix.yaml").environments["tf2.4"]
    return environment, read_lock(ROOT / "images" / "locks", environment)


@pytest.fixture
def place(tmp_path):
    made = Workplace(tmp_path / "scenarios", tmp_path / "artifacts", tmp_path / "scratch")
    for folder in (made.scenarios, made.artifacts, made.scratch):
        folder.mkdir()
    return made


@pytest.fixture
def save(engine, tf24, place):
    """Runs ``save.py`` with the given text in a worker that is kept for the test."""
    worker = engine.open(*tf24, place, LIMITS)
    done = []

    def save(script, deadline=20.0):
        name = f"scenario{len(done)}"
        folder = place.scenarios / name
        folder.mkdir()
        (folder / "save.py").write_text(textwrap.dedent(script))
        done.append(name)
        task = Task(f"task-{name}", "save", name, "h5", None, deadline, LIMITS.memory_mb)
        (result,) = worker.run([task])
        return result

    save.worker = worker
    yield save
    worker.close()


def test_a_container_is_closed_up(save):
    result = save(FACTS)
    found = json.loads(result["error"]["message"])
    assert found["uid"] != 0
    assert found["capabilities"] == 0
    assert found["no_new_privileges"] == 1
    assert found["interfaces"] == ["lo"]
    assert found["pids"] == str(LIMITS.processes)
    assert found["written"] == ["/tmp", "/kerasmatrix/scratch"]


def test_each_misdeed_is_one_tasks_outcome_and_the_worker_lives_on(save):
    assert save("import os\ndef build(): os.abort()")["signal"] == signal.SIGABRT
    assert save("import sys\ndef build(): sys.exit(9)")["exit_code"] == 9
    assert save("def build(): print('x' * 99); 1 / 0")["error"]["type"] == "ZeroDivisionError"
    hung = save("import signal\ndef build(): signal.pause()", deadline=1.0)
    assert hung["ended"] == "timed-out"
    eaten = save("def build(): return bytearray(2 ** 33)")
    assert eaten["error"]["type"] == "MemoryError"
    assert save("def build(): raise KeyError('still here')")["error"]["message"] == "'still here'"


def test_a_container_that_dies_is_a_lost_worker_not_an_outcome(save, client):
    label = f"kerasmatrix.runner={os.getpid()}"
    (container,) = client.containers.list(filters={"label": label})
    container.kill()
    with pytest.raises(WorkerLost, match="the worker died"):
        save("def build(): pass")


def test_closing_twice_is_allowed(save):
    save.worker.close()
    save.worker.close()


def test_an_environment_without_image_and_base_says_how_to_get_one(client, tf24):
    from kerasmatrix.engines.docker import DockerEngine

    engine = DockerEngine("kerasmatrix.invalid/python:{python}-none", ROOT)
    with pytest.raises(InfrastructureError, match=r"python:3\.8-none") as caught:
        engine.prepare(*tf24)
    assert "base_image" in caught.value.hint
    engine.close()
