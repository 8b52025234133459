"""Channels and conversations with misbehaving one-line workers."""

import dataclasses
import sys

import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines import local
from kerasmatrix.engines.base import Task, WorkerDied
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
        ("print('welcome', flush=True)", "is not JSON"),
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
def test_open_wrong_first_message_is_an_error(start, program, message):
    with pytest.raises(InfrastructureError) as caught:
        start(program)
    assert message in caught.value.message
    assert caught.value.message.startswith("tf2.4: ")


def test_open_endless_import_is_an_error(start):
    with pytest.raises(InfrastructureError, match=r"not imported within 0\.2 s"):
        start("import signal; signal.pause()", open_seconds=0.2)


def test_run_task_yields_its_result(start):
    worker = start(
        HELLO + "for task in json.loads(input())['tasks']:\n"
        "    say(kind='result', id=task['id'], ended='returned', value=task['scenario'])\ninput()"
    )
    assert worker.hello.tensorflow == "2"
    second = dataclasses.replace(TASK, id="task-2", scenario="second")
    assert [result["value"] for result in worker.run([TASK, second])] == ["first", "second"]


def test_run_yields_each_result_at_once(start):
    worker = start(HELLO + "input()\nsay(kind='result', id='task-1', ended='returned')\ninput()")
    results = worker.run([TASK, dataclasses.replace(TASK, id="task-2")])
    assert next(results)["ended"] == "returned"
    worker.close()
    with pytest.raises(WorkerDied, match="the worker died"):
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
def test_run_wrong_answer_is_worker_died(start, answer, message):
    worker = start(HELLO + "import os\ninput()\n" + answer)
    with pytest.raises(WorkerDied, match=message):
        list(worker.run([TASK]))


def test_run_exited_worker_is_worker_died(start):
    worker = start(HELLO)
    worker._channel.exit_reason()
    with pytest.raises(WorkerDied):
        list(worker.run([TASK]))


def test_exit_reason_running_process_is_killed(start, monkeypatch):
    monkeypatch.setattr(local, "EXIT_SECONDS", 0.1)
    worker = start(HELLO + "import os, signal\ninput()\nos.close(1)\nsignal.pause()")
    with pytest.raises(WorkerDied, match="killed by signal 9"):
        list(worker.run([TASK]))


def test_close_twice_ends_the_process(start):
    worker = start(HELLO + "import signal; signal.pause()")
    worker.close()
    worker.close()
    assert worker._channel._process.returncode == -9


def test_worker_variables_are_few(monkeypatch):
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    variables = worker_variables(ENVIRONMENT, "/home")
    assert "TF_ENABLE_ONEDNN_OPTS" not in variables  # each release's own default
    assert variables["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert variables["A"] == "b"
    assert "KERAS_BACKEND" not in variables
