"""Model files whose Lambda does harm when they are loaded, in one container, one after the other.

The Lambda's bytecode is made by the very Python that loads it. After each the next ordinary file is
loaded by the same worker, and comes out as it always does.
"""

import json
import os
import shutil

import h5py
import numpy as np
import pytest

from kerasmatrix.checking.given import Companions, stand_in
from kerasmatrix.engines.base import Task, WorkerLost, Workplace
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.matrix import Limits
from kerasmatrix.outcome import SaveObservation
from kerasmatrix.run import _understand
from kerasmatrix.sight import Sight
from kerasmatrix.store import NoArtifact, Store, make_readable
from tests.hostile.misdeeds import MISDEEDS, PRELUDE

pytestmark = pytest.mark.docker

LIMITS = Limits(memory_mb=512, processes=200)
HARMLESS = "pass"
MAKE = """
import tensorflow as tf

def build():
    ran = lambda x, code="pass": (exec(code, {}), x * 2)[1]
    return tf.keras.Sequential([tf.keras.layers.Lambda(ran, input_shape=(3,))])
"""


class Bench:
    """A worker in a container, and files with Lambdas to give it."""

    def __init__(self, engine, environment, folder):
        self.store = Store(folder / "store")
        self._engine, self._environment, self._folder = engine, environment, folder
        scratch = self.store._scratch / "run"
        self.whole = Workplace(folder / "store" / "scratch" / "all", self.store.artifacts, scratch)
        for made in (self.whole.scenarios, scratch):
            made.mkdir()
        self._sight = Sight(self.whole, "tf2.4", narrow=True)
        self.lost = self._tasks = 0
        self._worker = None
        self._lambda = self._make()

    def _make(self):
        """Have a model with a Lambda saved in the environment itself."""
        made = self.whole.scenarios / "maker"
        made.mkdir()
        (made / "save.py").write_text(MAKE)
        answer, folder = self.do("save", "maker")
        assert answer["ended"] == "returned", answer
        return (folder / "artifact" / "model.h5").read_bytes()

    def file(self, name, code):
        """Make a model file whose Lambda runs ``code``, and the scenario that stands for it."""
        path = self._folder / f"{name}.h5"
        path.write_bytes(self._lambda)
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            (layer,) = (
                each for each in config["config"]["layers"] if each["class_name"] == "Lambda"
            )
            assert layer["config"]["function"][1] == [HARMLESS]
            layer["config"]["function"][1] = [code]
            file.attrs["model_config"] = np.bytes_(json.dumps(config))
        told = inspect(path)
        assert told.lambdas
        stand_in(told, name, self.whole.scenarios / name, Companions())
        make_readable(self.whole.scenarios)
        return name

    def do(self, kind, scenario, deadline=30.0):
        """Have a task done; return the answer, and the folder in which it was."""
        self._tasks += 1
        task = Task(
            f"task-{self._tasks}-{os.urandom(8).hex()}", kind, scenario, "h5", None, deadline,
            LIMITS.memory_mb,
        )  # fmt: skip
        self._sight.turn_to(task)
        if self._worker is None:
            self._worker = self._engine.open(*self._environment, self._sight.place, LIMITS)
        try:
            (answer,) = self._worker.run([task])
        except WorkerLost:
            self.lost += 1
            self.close()
            raise
        return answer, self._sight.place.scratch / task.id

    def close(self):
        if self._worker:
            self._worker.close()
        self._worker = None


@pytest.fixture(scope="module")
def bench(engine, tmp_path_factory):
    from kerasmatrix.environments.locks import read_lock
    from kerasmatrix.matrix import load_matrix
    from tests.real import ROOT

    environment = load_matrix(ROOT / "matrix.yaml").environments["tf2.4"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("A_SECRET_TOKEN", "of the runner")
        lock = read_lock(ROOT / "images" / "locks", environment)
        opened = Bench(engine, (environment, lock), tmp_path_factory.mktemp("bench"))
        opened.file("ordinary", HARMLESS)
        opened.file("after", f"{PRELUDE}\ntell([processes()[0], len(processes()), "
                    'os.listdir("/tmp"), os.listdir("/dev/shm"), '
                    'len(os.listdir("/kerasmatrix/scratch"))])')  # fmt: skip
        opened.right = _ordinary(opened)
        yield opened
        opened.close()
        opened.store.close()


@pytest.fixture(autouse=True)
def _no_container_is_left():
    """The module's own is there until its end."""


def _ordinary(bench):
    """Load the ordinary file: all that says what it computes."""
    answer, folder = bench.do("take", "ordinary")
    assert answer["ended"] == "returned", answer
    return answer["value"]["weights"], bench.store.keep_artifact(folder / "artifact")


def test_there_are_many_misdeeds_and_each_says_what_it_promises():
    assert len({misdeed.name for misdeed in MISDEEDS}) == len(MISDEEDS) >= 30
    assert all(misdeed.promise for misdeed in MISDEEDS)


@pytest.mark.parametrize("misdeed", MISDEEDS, ids=lambda misdeed: misdeed.name)
def test_a_lambda_breaks_no_promise_and_the_next_file_is_measured_right(bench, misdeed):
    bench.file(misdeed.name, f"{PRELUDE}\n{misdeed.code}")
    answer, folder = bench.do("take", misdeed.name, misdeed.deadline)
    assert answer["ended"] in misdeed.ended, answer
    said = json.dumps(answer)
    assert len(said) < 200_000
    message = (answer["error"] or {}).get("message", "")
    if misdeed.facts is not None:
        assert message.startswith("facts: "), answer
        assert json.loads(message.removeprefix("facts: ")) == misdeed.facts
    elif answer["ended"] == "returned" and misdeed.words:
        with pytest.raises(NoArtifact, match=misdeed.words):
            bench.store.keep_artifact(folder / "artifact")
    elif answer["ended"] == "raised":
        assert misdeed.words in message
    shutil.rmtree(folder, ignore_errors=True)  # as a run does, whatever was left there
    observation = _understand(SaveObservation, answer)
    bench.store.remember(misdeed.name, observation, "test")
    assert bench.lost == 0, "the worker was lost"
    # Of what it began and wrote nothing is left: the harness, this task, and its folder.
    after, _ = bench.do("take", "after")
    first, count, *left, folders = json.loads(after["error"]["message"].removeprefix("facts: "))
    assert (first, count, left, folders) == (1, 2, [[], []], 1)
    assert _ordinary(bench) == bench.right
