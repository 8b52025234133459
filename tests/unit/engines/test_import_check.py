"""An environment that is not what its lock says is not measured."""

import dataclasses
from pathlib import Path

import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Handshake
from kerasmatrix.engines.import_check import find_mismatch
from kerasmatrix.environments.locks import Lock
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.runner import Run
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import RunInfo
from kerasmatrix.store.store import Store
from tests.unit.fakes import FakeEngine
from tests.unit.plans import make_plan

LOCKED = {"tensorflow-cpu": "2.22.0rc0", "keras": "3.14.1", "numpy": "2.1.0", "h5py": "3.11.0",
          "ml-dtypes": "0.5.0"}  # fmt: skip
ENVIRONMENT = Environment(
    name="tf2.22", python="3.13", tensorflow="2.22.0rc0", keras="3.14.1", as_of="2026-01-01"
)
LOCK = Lock(Path("tf2.22.txt"), "".join(f"{name}=={at}\n" for name, at in LOCKED.items()))
HELLO = Handshake(
    tensorflow="2.22.0-rc0",
    keras="3.14.1",
    python="3.13.1",
    import_seconds=1.0,
    modules={"tensorflow": "2.22.0-rc0", "keras": "3.14.1", "numpy": "2.1.0"},
    distributions={"tensorflow_cpu": "2.22.0rc0", "keras": "3.14.1", "numpy": "2.1.0",
                   "h5py": "3.11.0", "ml_dtypes": "0.5.0", "pip": "25.0"},
)  # fmt: skip


def hello(*, without=(), distributions=(), **changes):
    found = {name: at for name, at in HELLO.distributions.items() if name not in without}
    return dataclasses.replace(HELLO, distributions={**found, **dict(distributions)}, **changes)


def test_find_mismatch_same_packages_is_none():
    assert find_mismatch(HELLO, ENVIRONMENT, LOCK) is None


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_find_mismatch_backend_is_that_of_the_environment(backend):
    environment = Environment(
        name="keras3.15-jax", backend="jax", python="3.13", keras="3.15.1", as_of="2026-08-15"
    )
    lock = Lock(Path("keras3.15-jax.txt"), "keras==3.15.1\njax==0.11.0\n")
    packages = {"keras": "3.15.1", "jax": "0.11.0"}
    said = Handshake(
        tensorflow="", keras="3.15.1", python="3.13.1", import_seconds=1.0, modules=packages,
        distributions=packages, backend=backend,
    )  # fmt: skip
    wanted = None if backend == "jax" else "its backend is tensorflow, and matrix.yaml says jax"
    assert find_mismatch(said, environment, lock) == wanted


def test_find_mismatch_post_release_is_none():
    lock = Lock(LOCK.path, LOCK.content.replace("2.22.0rc0", "2.22.0rc0.post1"))
    said = hello(distributions={"tensorflow_cpu": "2.22.0rc0.post1"})
    assert find_mismatch(said, ENVIRONMENT, lock) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (hello(python="3.12.4"), ["Python 3.12.4", "3.13"]),
        (
            hello(modules={**HELLO.modules, "tensorflow": "2.21.0"}),
            ["tensorflow 2.21.0", "2.22.0rc0"],
        ),
        (
            hello(
                modules={**HELLO.modules, "keras": "3.15.0.dev2026010103"},
                distributions={"keras-nightly": "3.15.0.dev2026010103"},
            ),
            ["keras 3.15.0.dev2026010103", "3.14.1", "keras-nightly 3.15.0.dev2026010103"],
        ),
        (hello(modules={**HELLO.modules, "tf_keras": "2.19.0"}), ["tf_keras 2.19.0"]),
        (hello(keras="2.19.0"), ["tf.keras is Keras 2.19.0", "Keras 3"]),
        (hello(distributions={"h5py": "2.10.0"}), ["h5py 2.10.0", "3.11.0"]),
        (hello(without=["ml_dtypes"]), ["ml-dtypes is not installed", "0.5.0"]),
    ],
    ids=["python", "tensorflow", "nightly", "tf_keras", "tf.keras", "h5py", "missing"],
)
def test_find_mismatch_names_both_versions(said, words):
    found = find_mismatch(said, ENVIRONMENT, LOCK)
    assert found is not None
    assert all(word in found for word in words)


class Replaced(FakeEngine):
    """Has another TensorFlow in one environment than its lock says."""

    def open(self, environment, lock, work_dirs, limits):
        worker = super().open(environment, lock, work_dirs, limits)
        if environment.name == "good2":
            modules = {"tensorflow": "2.9.9"}
            worker.hello = dataclasses.replace(worker.hello, modules=modules)
        return worker


def measure(plan, engine, folder):
    with Store(folder / "store") as store:
        run = Run(plan, engine, store, id="r1")
        state = run.execute()
        rows = store.observations.rows("observations")
    now = "2026-01-01T00:00:00Z"
    info = RunInfo.model_validate(
        {"id": "r1", "started": now, "finished": now, "engine": "fake", "command": "c",
         "complete": run.complete, "measured": run.measured, "known": run.known}
    )  # fmt: skip
    return tabulate(state, info), rows


def test_open_other_tensorflow_is_infra(tmp_path):
    engine = Replaced()
    results, rows = measure(make_plan(tmp_path, "good", "good2"), engine, tmp_path)
    cells = {(cell.saved_with, cell.loaded_with): cell for cell in results.cells}
    assert cells["good", "good"].status is Status.PASS
    assert cells["good", "good2"].status is Status.INFRA
    assert "tensorflow 2.9.9, and its lock says 2.2.0" in cells["good", "good2"].summary
    assert len(rows) == 2
    assert [worker.closed for worker in engine.workers if worker.name == "good2"] == [True]


def test_open_edited_harness_is_refused(tmp_path):
    plan = dataclasses.replace(make_plan(tmp_path, "good"), harness="of an earlier day")
    results, rows = measure(plan, FakeEngine(), tmp_path)
    assert [cell.status for cell in results.cells] == [Status.INFRA]
    assert "kerasmatrix itself was changed" in results.cells[0].summary
    assert rows == []
