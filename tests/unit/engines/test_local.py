"""Channels and conversations with misbehaving one-line workers."""

import dataclasses
import sys

import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines import local
from kerasmatrix.engines.base import Task, WorkerLost
from kerasmatrix.engines.local import ProcessChannel
from kerasmatrix.engines.protocol import ConversingWorker
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.errors import InfrastructureError

ENVIRONMENT = Environment(
    name="tf2.4", python="3.8", tensorflow="2.4.4", as_of="2021-12-01", variables={"A": "b"}
)
TASK = Task("task-1", "load", "first", "h5", "digest", 1.0, 256)
HELLO = (
    "import sys, json\n"
    "def say(**message): print(json.dumps(message), flush=True)\n"
    "say(kind='hello', protocol=2, tensorflow='2', keras='2', python='3.8', import_seconds=1)\n"
)


@pytest.fixture
def start():
    """Starts a Python program as a worker and ends it after the test."""
    opened = []

    def start(program, open_seconds=20):
        channel = ProcessChannel([sys.executable, "-I", "-c", program], {})
        opened.append(channel)
        return ConversingWorker(channel, ENVIRONMENT, open_seconds)

    yield start
    for channel in opened:
        channel.close()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("raise SystemExit(3)", "the worker did not start: exit code 3"),
        ("import os; os.abort()", "killed by signal 6"),
        ("import sys; sys.exit('no such symbol')", "no such symbol"),
        ("print('welcome', flush=True)", "hello is not JSON"),
        ('print(\'{"kind": "hello", "protocol": 99}\', flush=True)', "protocol 99, not 2"),
        (
            (
                'print(\'{"kind": "unavailable", "protocol": 2, "error": '
                '{"type": "ImportError", "message": "libcublas"}}\', flush=True)'
            ),
            "TensorFlow cannot be imported: ImportError: libcublas",
        ),
    ],
)
def test_a_worker_that_does_not_say_hello_is_infrastructure(start, program, message):
    with pytest.raises(InfrastructureError) as caught:
        start(program)
    assert message in caught.value.message
    assert caught.value.message.startswith("tf2.4: ")


def test_an_import_that_never_ends_is_infrastructure(start):
    with pytest.raises(InfrastructureError, match=r"not imported within 0\.2 s"):
        start("import signal; signal.pause()", open_seconds=0.2)


def test_a_task_is_answered(start):
    worker = start(
        HELLO + "for task in json.loads(input())['tasks']:\n"
        "    say(kind='result', id=task['id'], ended='returned', value=task['scenario'])\ninput()"
    )
    assert worker.hello.tensorflow == "2"
    second = dataclasses.replace(TASK, id="task-2", scenario="second")
    assert [result["value"] for result in worker.run([TASK, second])] == ["first", "second"]


def test_a_result_is_there_before_the_next_task_is_done(start):
    worker = start(HELLO + "input()\nsay(kind='result', id='task-1', ended='returned')\ninput()")
    results = worker.run([TASK, dataclasses.replace(TASK, id="task-2")])
    assert next(results)["ended"] == "returned"
    worker.close()
    with pytest.raises(WorkerLost, match="the worker died"):
        next(results)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("print('garbage', flush=True); input()", "not JSON"),
        ("say(kind='result', id='other'); input()", "another question"),
        ("say(kind='hello'); input()", "another question"),
        ("raise SystemExit(5)", "the worker died: exit code 5"),
        ("import os; os.kill(os.getpid(), 9)", "killed by signal 9"),
        ("sys.stdout.write('{'); sys.stdout.flush(); os._exit(0)", "the worker died"),
    ],
)
def test_a_worker_that_misbehaves_is_lost(start, answer, message):
    worker = start(HELLO + "import os\ninput()\n" + answer)
    with pytest.raises(WorkerLost, match=message):
        list(worker.run([TASK]))


def test_a_worker_that_is_gone_before_the_task_is_lost(start):
    worker = start(HELLO)
    worker._channel.epitaph()
    with pytest.raises(WorkerLost):
        list(worker.run([TASK]))


def test_a_worker_that_hangs_up_and_stays_is_ended(start, monkeypatch):
    monkeypatch.setattr(local, "LEAVES_SECONDS", 0.1)
    worker = start(HELLO + "import os, signal\ninput()\nos.close(1)\nsignal.pause()")
    with pytest.raises(WorkerLost, match="killed by signal 9"):
        list(worker.run([TASK]))


def test_closing_twice_is_allowed_and_ends_the_process(start):
    worker = start(HELLO + "import signal; signal.pause()")
    worker.close()
    worker.close()
    assert worker._channel._process.returncode == -9


def test_a_worker_sees_few_variables_and_the_environments_own(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    variables = worker_variables(ENVIRONMENT, "/home")
    assert "TF_ENABLE_ONEDNN_OPTS" not in variables  # each release's own default
    assert variables["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert variables["A"] == "b"
    assert "KERAS_BACKEND" not in variables
