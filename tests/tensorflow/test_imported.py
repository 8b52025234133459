"""Real environments say what they have imported, and so do copies that were tampered with."""

import os
import re
import shutil

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.engines.base import Workplace
from kerasmatrix.engines.import_check import find_mismatch
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.venvs import venv_name
from kerasmatrix.results.observations import Status
from tests.real import ENVIRONMENTS, REPAIRED, ROOT, measure

pytestmark = pytest.mark.tensorflow

NAMES = sorted({*ENVIRONMENTS, *REPAIRED})


def environment_of(name):
    environment = load_matrix(ROOT / "matrix.yaml").environments[name]
    return environment, read_lock(ROOT / "images" / "locks", environment)


def say_hello(engine, environment, lock, folder):
    places = [folder / name for name in ("scenarios", "artifacts", "scratch")]
    for place in places:
        place.mkdir()
    limits = load_matrix(ROOT / "matrix.yaml").limits
    worker = engine.open(environment, lock, Workplace(*places), limits)
    worker.close()
    return worker.hello


@pytest.mark.parametrize("name", NAMES)
def test_environment_is_what_its_lock_says(engine, tmp_path, name):
    environment, lock = environment_of(name)
    hello = say_hello(engine, environment, lock, tmp_path)
    assert hello.modules["tensorflow"] == environment.tensorflow
    assert find_mismatch(hello, environment, lock) is None


@pytest.fixture
def copy(engine, tmp_path):
    """The site-packages of a copy of an environment, and the engine that opens the copy."""

    def make(name):
        environment, lock = environment_of(name)
        folder = venv_name(environment, lock)
        target = tmp_path / "cache" / "environments" / folder
        source = default_cache() / "environments" / folder
        shutil.copytree(source, target, symlinks=True, copy_function=os.link)
        (packages,) = target.glob("lib/python*/site-packages")
        return packages, LocalEngine(tmp_path / "cache")

    return make


def write(path, text):
    """Write a file that may be a second name of one in the real environment."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_keras_overwritten_by_a_nightly_is_infra(copy, tmp_path):
    packages, engine = copy("tf2.16")
    version = packages / "keras" / "src" / "version.py"
    write(version, re.sub(r'(__version__ = )"[^"]*"', r'\1"3.15.0.dev2026010103"',
                          version.read_text()))  # fmt: skip
    write(
        packages / "keras_nightly-3.15.0.dev2026010103.dist-info" / "METADATA",
        "Name: keras-nightly\nVersion: 3.15.0.dev2026010103\n",
    )
    results = measure(
        engine, tmp_path / "store", scenarios=("import_path",), environments=("tf2.16",)
    )
    assert {cell.status for cell in results.cells} == {Status.INFRA}
    for words in ("keras 3.15.0.dev2026010103", "3.4.1", "keras-nightly 3.15.0.dev2026010103"):
        assert words in results.cells[0].summary


def test_package_that_was_removed_is_infra(copy, tmp_path):
    packages, engine = copy("tf2.4")
    for path in packages.glob("h5py*"):
        shutil.rmtree(path)
    environment, lock = environment_of("tf2.4")
    hello = say_hello(engine, environment, lock, tmp_path)
    assert "h5py is not installed" in find_mismatch(hello, environment, lock)
