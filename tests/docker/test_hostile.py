"""Model files whose Lambda attacks the machine at the load, one after the other in one container.

The environment that loads a Lambda also compiles it. After each attack the same worker loads an
ordinary file, whose result must be the usual one.
"""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerasmatrix import cli
from kerasmatrix.config.matrix import Limits, load_matrix
from kerasmatrix.engines.base import Task, WorkDirs, WorkerDied
from kerasmatrix.engines.workspace import WorkerView
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.files.import_models import make_scenario
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.harness import trees
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.results.answers import parse_answer
from kerasmatrix.results.observations import SaveObservation
from kerasmatrix.store.artifacts import NoArtifact, make_readable
from kerasmatrix.store.store import Store
from tests.hostile.files import NAME, with_names_that_act
from tests.hostile.lambdas import ATTACKS, PRELUDE
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
    """A worker in a container, and model files with Lambdas for it."""

    def __init__(self, engine, environment, folder):
        self.store = Store(folder / "store")
        self._engine, self._environment, self._folder = engine, environment, folder
        scratch = self.store._scratch / "run"
        self.whole = WorkDirs(folder / "store" / "scratch" / "all", self.store.artifacts, scratch)
        for path in (self.whole.scenarios, scratch):
            path.mkdir()
        self._sight = WorkerView(self.whole, "tf2.4", per_task=True)
        self._tasks = 0
        self.spent = None
        self._worker = None
        self._lambda = self.saved("maker", MAKE)

    def saved(self, name, script):
        """Save a model in the environment, and return the content of the file."""
        scenario = self.whole.scenarios / name
        scenario.mkdir()
        (scenario / "save.py").write_text(script)
        answer, folder = self.do("save", name)
        assert answer["ended"] == "returned", answer
        return (folder / "artifact" / "model.h5").read_bytes()

    def model(self, path, code):
        """Write a model file whose Lambda runs ``code``, and return the result of `inspect`."""
        path.write_bytes(self._lambda)
        with h5py.File(path, "r+") as file:
            config = json.loads(file.attrs["model_config"])
            (layer,) = (
                layer for layer in config["config"]["layers"] if layer["class_name"] == "Lambda"
            )
            assert layer["config"]["function"][1] == [HARMLESS]
            layer["config"]["function"][1] = [code]
            file.attrs["model_config"] = np.bytes_(json.dumps(config))
        model = inspect(path)
        assert model.lambdas
        return model

    def file(self, name, code):
        """Make such a file, and the scenario that stands for it."""
        told = self.model(self._folder / f"{name}.h5", code)
        make_scenario(told, self.whole.scenarios / name, ModelAssets())
        make_readable(self.whole.scenarios)
        return name

    def do(self, kind, scenario, deadline=30.0):
        """Run a task; return the answer and the task's folder."""
        self._tasks += 1
        task = Task(
            f"task-{self._tasks}-{os.urandom(8).hex()}", kind, scenario, "h5", None, deadline,
            LIMITS.memory_mb,
        )  # fmt: skip
        self._sight.expose(task)
        if self._worker is None:
            self._worker = self._engine.open(*self._environment, self._sight.dirs, LIMITS)
        try:
            (answer,) = self._worker.run([task])
        except WorkerDied:
            self.close()  # the next file gets another one
            raise
        self.spent = answer.pop("spent")
        if self.spent:  # as a run does
            self.close()
        return answer, self._sight.dirs.scratch / task.id

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
        opened.file("after", f"{PRELUDE}\nreport([processes()[0], len(processes()), "
                    'os.listdir("/tmp"), os.listdir("/dev/shm"), '
                    'len(os.listdir("/kerasmatrix/scratch"))])')  # fmt: skip
        opened.right = _ordinary(opened)
        yield opened
        opened.close()
        opened.store.close()


@pytest.fixture(autouse=True)
def _no_container_is_left():
    """Replaces the check after each test: the container of this module stays until its end."""


def _ordinary(bench):
    """Load the ordinary file; return its weights and the digest of its outputs."""
    answer, folder = bench.do("take", "ordinary")
    assert answer["ended"] == "returned", answer
    return answer["value"]["weights"], bench.store.keep_artifact(folder / "artifact")


def test_attacks_are_many_and_name_their_promise():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 30
    assert all(attack.promise for attack in ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_attack_breaks_no_promise_next_file_is_right(bench, attack):
    bench.file(attack.name, f"{PRELUDE}\n{attack.code}")
    answer, folder = bench.do("take", attack.name, attack.deadline)
    assert answer["ended"] in attack.ended, answer
    assert len(json.dumps(answer)) < 200_000
    message = (answer["error"] or {}).get("message", "")
    if attack.facts is not None:
        assert message.startswith("facts: "), answer
        assert json.loads(message.removeprefix("facts: ")) == attack.facts
    elif answer["ended"] == "returned" and attack.words:
        with pytest.raises(NoArtifact, match=attack.words):
            bench.store.keep_artifact(folder / "artifact")
    elif answer["ended"] == "raised":
        assert attack.words in message
    assert trees.remove(str(folder))  # as a run does
    observation = parse_answer(SaveObservation, answer)
    bench.store.observations.remember(attack.name, observation, "test")
    assert attack.spent in (bench.spent or "")
    # No process or file of the attack is left, only the harness, this task, and its folder.
    after, _ = bench.do("take", "after")
    first, count, *left, folders = json.loads(after["error"]["message"].removeprefix("facts: "))
    assert (first, count, left, folders) == (1, 2, [[], []], 1)
    assert _ordinary(bench) == bench.right


# ---- a whole check ----

WHOLE = (
    "writes_outside_scratch",
    "reads_other_files",
    "forges_answers_on_all_descriptors",
    "links_in_artifact",
    "active_text_in_message",
)
ENVIRONMENTS = ("tf2.4", "tf2.16")


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Return a function that runs `kerasmatrix check` and returns the table and the output."""

    def call(folder, *paths):
        folder.mkdir()
        monkeypatch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            cli.main(["check", *map(str, paths), "--matrix", str(ROOT / "matrix.yaml"),
                      "--environments", ",".join(ENVIRONMENTS), "--engine", "docker",
                      "--store", "store", "--output", "reports"])  # fmt: skip
        output = capsys.readouterr()
        assert left.value.code == 0, output.err
        return json.loads(Path("reports/check/results.json").read_text()), output.out + output.err

    return call


def _all_below(folder):
    """Return all paths below a folder, with the digests of files."""
    return {
        path: digest_path(path) if path.is_file() else path.lstat().st_mode
        for path in folder.rglob("*")
    }


def _cells(table, file):
    """Return the cells of a file, without the fields that change from run to run."""
    (name,) = (entry["name"] for entry in table["scenarios"] if entry["file"] == str(file))
    left_out = {"scenario", "seconds", "load", "save", "prediction"}
    return {
        cell["loaded_with"]: {key: value for key, value in cell.items() if key not in left_out}
        for cell in table["cells"]
        if cell["scenario"] == name
    }


def test_check_of_hostile_files_does_no_harm(bench, check, tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    ordinary = [models / name for name in ("0.h5", "named.h5", "zz.h5")]  # before, amid, after
    dense = bench.saved("dense", DENSE)
    for path in ordinary:
        path.write_bytes(dense)
    codes = {attack.name: attack.code for attack in ATTACKS}
    for name in WHOLE:
        bench.model(models / f"{name}.h5", f"{PRELUDE}\n{codes[name]}")
    hostile = with_names_that_act(models / f"{NAME}.h5")
    before = _all_below(models)

    alone, _ = check(tmp_path / "alone", ordinary[0])
    table, output = check(tmp_path / "together", models)

    assert all(len(_cells(table, path)) == len(ENVIRONMENTS) for path in models.iterdir())
    expected = _cells(alone, ordinary[0])
    assert {cell["status"] for cell in expected.values()} == {"pass"}
    assert [_cells(table, path) for path in ordinary] == [expected] * 3
    # Two of them report what they could do.
    for name, facts in (("writes_outside_scratch", []), ("reads_other_files", [1, 1])):
        message = _cells(table, models / f"{name}.h5")["tf2.4"]["error"]["message"]
        reported = json.loads(message.removeprefix("facts: "))
        assert [len(fact) if isinstance(fact, list) else fact for fact in reported] == facts
    for cell in _cells(table, hostile).values():
        assert cell["status"] == "fail"
        assert "alert(1)" in cell["error"]["message"]

    assert _all_below(models) == before
    assert {path.name for path in tmp_path.iterdir()} == {"models", "alone", "together"}
    left = list((tmp_path / "together").rglob("*"))
    assert not [path for path in left if path.is_symlink()]
    assert not (tmp_path / "together" / "store" / "scratch").exists()
    assert not [char for char in output if not char.isprintable() and char != "\n"]
    text = Path("reports/check/index.html").read_text(encoding="utf-8")
    page = Page(text)
    ordinary_page = Page((tmp_path / "alone" / "reports/check/index.html").read_text("utf-8"))
    assert page.tags.count("script") == ordinary_page.tags.count("script")
    assert (page.tags.count("img"), page.handlers) == (0, [])
    assert "alert(1)" in page.scripts[0]  # as text
    assert "\x1b" not in text
