"""Model files whose Lambda does harm when they are loaded, in one container, one after the other.

The Lambda's bytecode is made by the very Python that loads it. After each the next ordinary file is
loaded by the same worker, and comes out as it always does.
"""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerasmatrix import cli
from kerasmatrix.config.matrix import Limits, load_matrix
from kerasmatrix.engines.base import Task, WorkerLost, Workplace
from kerasmatrix.engines.workspace import Sight
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.files.model_input import Companions, digest_file, stand_in
from kerasmatrix.harness import trees
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.results.answers import understand
from kerasmatrix.results.observations import SaveObservation
from kerasmatrix.store.store import NoArtifact, Store, make_readable
from tests.hostile.files import NAME, with_names_that_act
from tests.hostile.misdeeds import MISDEEDS, PRELUDE
from tests.hostile.pages import Page
from tests.real import ROOT

pytestmark = pytest.mark.docker

LIMITS = Limits(memory_mb=512, processes=200)
HARMLESS = "pass"
MAKE = """
import tensorflow as tf

def build():
    ran = lambda x, code="pass": (exec(code, {}), x * 2)[1]
    return tf.keras.Sequential([tf.keras.layers.Lambda(ran, input_shape=(3,))])
"""
DENSE = """
import tensorflow as tf

def build():
    return tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
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
        self.spent = None
        self._worker = None
        self._lambda = self.saved("maker", MAKE)

    def saved(self, name, script):
        """Have a model saved in the environment itself, and return the file."""
        made = self.whole.scenarios / name
        made.mkdir()
        (made / "save.py").write_text(script)
        answer, folder = self.do("save", name)
        assert answer["ended"] == "returned", answer
        return (folder / "artifact" / "model.h5").read_bytes()

    def model(self, path, code):
        """Make a model file whose Lambda runs ``code``, and return what `inspect` says of it."""
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
        return told

    def file(self, name, code):
        """Make such a file, and the scenario that stands for it."""
        told = self.model(self._folder / f"{name}.h5", code)
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
        self.spent = answer.pop("spent")
        if self.spent:  # as a run does
            self.close()
        return answer, self._sight.place.scratch / task.id

    def close(self):
        if self._worker:
            self._worker.close()
        self._worker = None


@pytest.fixture(scope="module")
def bench(engine, tmp_path_factory):
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
    assert trees.remove(str(folder))  # as a run does, whatever was left there
    observation = understand(SaveObservation, answer)
    bench.store.remember(misdeed.name, observation, "test")
    assert bench.lost == 0, "the worker was lost"
    assert misdeed.spent in (bench.spent or "")
    # Of what it began and wrote nothing is left: the harness, this task, and its folder.
    after, _ = bench.do("take", "after")
    first, count, *left, folders = json.loads(after["error"]["message"].removeprefix("facts: "))
    assert (first, count, left, folders) == (1, 2, [[], []], 1)
    assert _ordinary(bench) == bench.right


# ---- a whole check ----

WHOLE = (
    "writes_everywhere",
    "reads_other_files",
    "forges_answers_in_every_descriptor",
    "leaves_a_link_as_its_artifact",
    "says_what_acts",
)
ENVIRONMENTS = ("tf2.4", "tf2.16")


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """`kerasmatrix check` in containers, in a folder: returns the table and what was printed."""

    def call(folder, *paths):
        folder.mkdir()
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            cli.main(["check", *map(str, paths), "--matrix", str(ROOT / "matrix.yaml"),
                      "--environments", ",".join(ENVIRONMENTS), "--engine", "docker",
                      "--store", "store", "--output", "reports"])  # fmt: skip
        said = capsys.readouterr()
        assert left.value.code == 0, said.err
        return json.loads(Path("reports/check/results.json").read_text()), said.out + said.err

    return call


def _all_below(folder):
    """What is in a folder: each file with its content."""
    return {
        path: digest_file(path) if path.is_file() else path.lstat().st_mode
        for path in folder.rglob("*")
    }


def _cells(table, file):
    """What is said of a file, but for when that was seen and how long it took."""
    (name,) = (told["name"] for told in table["scenarios"] if told["file"] == str(file))
    left_out = {"scenario", "seconds", "load", "save", "prediction"}
    return {
        cell["loaded_with"]: {key: said for key, said in cell.items() if key not in left_out}
        for cell in table["cells"]
        if cell["scenario"] == name
    }


def test_a_check_of_hostile_files_harms_nothing_and_nobody(bench, check, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    ordinary = [models / name for name in ("0.h5", "named.h5", "zz.h5")]  # before, amid, after
    dense = bench.saved("dense", DENSE)
    for path in ordinary:
        path.write_bytes(dense)
    codes = {misdeed.name: misdeed.code for misdeed in MISDEEDS}
    for name in WHOLE:
        bench.model(models / f"{name}.h5", f"{PRELUDE}\n{codes[name]}")
    hostile = with_names_that_act(models / f"{NAME}.h5")
    before = _all_below(models)

    alone, _ = check(tmp_path / "alone", ordinary[0])
    table, said = check(tmp_path / "together", models)

    assert all(len(_cells(table, path)) == len(ENVIRONMENTS) for path in models.iterdir())
    expected = _cells(alone, ordinary[0])
    assert {cell["status"] for cell in expected.values()} == {"pass"}
    assert [_cells(table, path) for path in ordinary] == [expected] * 3
    # What two of them could do is told by themselves.
    for name, facts in (("writes_everywhere", []), ("reads_other_files", [1, 1])):
        message = _cells(table, models / f"{name}.h5")["tf2.4"]["error"]["message"]
        told = json.loads(message.removeprefix("facts: "))
        assert [len(each) if isinstance(each, list) else each for each in told] == facts
    for cell in _cells(table, hostile).values():
        assert cell["status"] == "fail"
        assert "alert(1)" in cell["error"]["message"]

    assert _all_below(models) == before
    assert {path.name for path in tmp_path.iterdir()} == {"models", "alone", "together"}
    left = list((tmp_path / "together").rglob("*"))
    assert not [path for path in left if path.is_symlink()]
    assert not (tmp_path / "together" / "store" / "scratch").exists()
    assert not [each for each in said if not each.isprintable() and each != "\n"]
    text = Path("reports/check/index.html").read_text(encoding="utf-8")
    page = Page(text)
    ordinary_page = Page((tmp_path / "alone" / "reports/check/index.html").read_text("utf-8"))
    assert page.tags.count("script") == ordinary_page.tags.count("script")
    assert (page.tags.count("img"), page.handlers) == (0, [])
    assert "alert(1)" in page.scripts[0]  # it is there, as text
    assert "\x1b" not in text
