"""What an engine promises of its containers: nothing outlasts them, and they end for a reason."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap

import docker.errors
import pytest

from kerasmatrix.config.matrix import Limits
from kerasmatrix.engines.base import Task, WorkerLost
from kerasmatrix.engines.docker import DockerEngine
from kerasmatrix.engines.local import HARNESS
from kerasmatrix.engines.memory import idle_workers
from kerasmatrix.errors import InfrastructureError
from tests.real import ROOT
from tests.unit.harness.closed_off import CLOSED_OFF, GOES_ON

pytestmark = pytest.mark.docker

LIMITS = Limits(memory_mb=256, task_seconds=20)
# Where memory is short the machine reads again and again what it had to forget.
PATIENCE = 300.0
EATERS = """
import os, signal

def offer(process, score):
    with open("/proc/{{}}/oom_score_adj".format(process), "w") as handle:
        handle.write(str(score))

def build():
    for _ in range({number}):
        if os.fork() == 0:
            offer("self", {score})
            held = bytearray({megabytes} * 2 ** 20)
            held[::4096] = b"x" * len(held[::4096])
            signal.pause()
    while True:
        _, status = os.wait()
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            raise RuntimeError("one of us was killed")
"""
# Each is smaller than the worker, so that the kernel chooses the worker.
SMALL_EATERS = """
import os, sys

EAT = "import signal; held = bytearray(60 * 2 ** 20); held[::4096] = b'x' * 15360; signal.pause()"

def build():
    with open("/proc/self/oom_score_adj", "w") as handle:
        handle.write("0")
    for _ in range(40):
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", EAT])
    os.execv(sys.executable, [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"])
"""
LEFT = """
import json, os, resource

def build():
    cores = [name for name in os.listdir("/tmp") if "core" in name]
    raise RuntimeError(json.dumps([cores, resource.getrlimit(resource.RLIMIT_CORE)]))
"""


@pytest.fixture
def own_engine(engine):
    """An engine of the test's own, since it is closed."""
    opened = DockerEngine("python:{python}-slim", ROOT)
    yield opened
    opened.close()


def ask(worker, place, name, script, deadline=20.0):
    folder = place.scenarios / name
    folder.mkdir()
    (folder / "save.py").write_text(script)
    task = Task(f"task-{name}", "save", name, "h5", None, deadline, LIMITS.memory_mb)
    (result,) = worker.run([task])
    return result


@pytest.fixture
def worker(engine, tf24, place):
    opened = engine.open(*tf24, place, LIMITS)
    yield opened
    opened.close()


def test_children_that_eat_the_containers_memory_are_killed_and_the_worker_lives_on(worker, place):
    eaters = EATERS.format(number=16, megabytes=200, score=1000)
    result = ask(worker, place, "eaters", eaters, PATIENCE)
    assert result["error"]["message"] == "one of us was killed"
    again = ask(worker, place, "again", "def build(): raise KeyError('still here')")
    assert again["error"]["message"] == "'still here'"


def test_a_worker_killed_for_memory_says_so(worker, place):
    """A child can make itself and many others less likely to be chosen."""
    with pytest.raises(WorkerLost, match="out of memory") as caught:
        ask(worker, place, "eaters", SMALL_EATERS, PATIENCE)
    assert caught.value.memory


def test_a_killed_container_is_no_shortage_of_memory(worker, place, client):
    client.api.kill(worker._channel._container.id)
    with pytest.raises(WorkerLost, match="killed") as caught:
        ask(worker, place, "killed", "def build(): pass")
    assert not caught.value.memory


def test_a_crash_leaves_no_core_file(worker, place):
    crash = ask(worker, place, "crash", "import os\ndef build(): os.abort()")
    assert crash["signal"] == signal.SIGABRT
    assert json.loads(ask(worker, place, "left", LEFT)["error"]["message"]) == [[], [0, 0]]


def test_workers_may_wait_in_half_of_the_machines_memory(engine, client):
    memory = client.info()["MemTotal"]
    assert engine.idle_workers == idle_workers(memory) >= 12


def test_what_is_left_beside_a_child_that_waits_is_ended_in_a_container_too(client):
    told = client.containers.run(
        "python:3.8-slim",
        ["python", "-B", "/closed_off.py", "/"],
        volumes={
            str(HARNESS): {"bind": "/harness", "mode": "ro"},
            CLOSED_OFF: {"bind": "/closed_off.py", "mode": "ro"},
        },
        remove=True,
    )
    assert json.loads(told) == GOES_ON


def test_a_closed_engine_has_no_containers(own_engine, tf24, place, client):
    worker = own_engine.open(*tf24, place, LIMITS)
    container = worker._channel._container.id
    own_engine.close()
    assert client.api.containers(all=True, filters={"id": container}) == []
    with pytest.raises(WorkerLost):
        ask(worker, place, "late", "def build(): pass")
    worker.close()


def test_a_folder_may_have_a_colon_in_its_name(engine, tf24, place, tmp_path):
    folder = tmp_path / "sce:narios"
    place.scenarios.rename(folder)
    moved = type(place)(folder, place.artifacts, place.scratch)
    opened = engine.open(*tf24, moved, LIMITS)
    try:
        result = ask(opened, moved, "here", "def build(): raise KeyError('read')")
        assert result["error"]["message"] == "'read'"
    finally:
        opened.close()


def test_a_missing_folder_is_an_error_and_leaves_no_container(engine, tf24, place):
    place.artifacts.rmdir()
    with pytest.raises(InfrastructureError, match="artifacts"):
        engine.open(*tf24, place, LIMITS)


def test_an_interrupt_while_a_container_is_made_leaves_none(engine, tf24, place, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("kerasmatrix.engines.docker.DockerChannel", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.open(*tf24, place, LIMITS)


def test_no_container_outlives_a_runner_that_is_killed_while_a_child_is_busy(
    engine, tf24, place, client
):
    """The harness hears of it although its child, which would never end, keeps it waiting."""
    engine.prepare(*tf24)
    folder = place.scenarios / "endless"
    folder.mkdir()
    script = (
        "def build():\n    open('/kerasmatrix/scratch/busy', 'w').close()\n    while True: pass"
    )
    (folder / "save.py").write_text(script)
    busy = place.scratch / "busy"
    os.mkfifo(busy)
    busy.chmod(0o666)
    places = [str(place.scenarios), str(place.artifacts), str(place.scratch)]
    program = f"""
        import threading
        from pathlib import Path
        from kerasmatrix.engines.base import Task, Workplace
        from kerasmatrix.engines.docker import DockerEngine
        from kerasmatrix.environments.locks import read_lock
        from kerasmatrix.config.matrix import Limits, load_matrix

        root = Path({str(ROOT)!r})
        environment = load_matrix(root / "matrix.yaml").environments["tf2.4"]
        place = Workplace(*map(Path, {places!r}))
        worker = DockerEngine("python:{{python}}-slim", root).open(
            environment, read_lock(root / "images/locks", environment), place, Limits())
        task = Task("endless", "save", "endless", "h5", None, 600, 4096)
        threading.Thread(target=lambda: list(worker.run([task])), daemon=True).start()
        open({str(busy)!r}).close()  # until the child opens the other end
        print(worker._channel._container.id, flush=True)
        threading.Event().wait()
    """
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    )
    with runner:
        container = runner.stdout.readline().strip()
        assert client.api.containers(filters={"id": container})
        runner.kill()
    with contextlib.suppress(docker.errors.NotFound):  # it is gone already
        client.api.wait(container, timeout=60, condition="removed")
    assert client.api.containers(all=True, filters={"id": container}) == []
