"""Faults of the environment, not of the file: a lock with one package that is too new."""

import json
import subprocess

import pytest
import uv
from click.testing import CliRunner

from kerasmatrix.cli.explain import explain
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.interpreters import find_interpreter
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from tests.real import ROOT

pytestmark = pytest.mark.tensorflow

PROGRAM = """\
import sys
import tensorflow as tf
model = tf.keras.Sequential([tf.keras.layers.LSTM(3, input_shape=(4, 1))])
model.save(sys.argv[1])
tf.keras.models.load_model(sys.argv[1])
"""
# Environment, a package that is too new for it, and the cause of the error.
FAULTS = [
    ("tf2.2", "h5py==3.1.0", "h5py3-str-decode"),
    ("tf2.2", "numpy==1.20.3", "symbolic-tensor-numpy"),
    ("tf2.4", "protobuf==4.21.0", "env-import"),
    ("tf2.15", "numpy==2.0.0", "env-import"),
]


def save_and_load(environment, newer, folder):
    """Run a plain program where one package of the lock is replaced; return what it printed."""
    python = folder / "venv" / "bin" / "python"
    found = find_interpreter(environment.python)
    lock = read_lock(ROOT / "images" / "locks", environment)
    for arguments in (
        ("venv", "--no-project", "--python", found, folder / "venv"),
        ("pip", "sync", "--require-hashes", "--python", python, lock.path),
        ("pip", "install", "--no-deps", "--python", python, newer),
    ):
        command = [uv.find_uv_bin(), *map(str, arguments), "--quiet"]
        subprocess.run(command, check=True, capture_output=True)
    (folder / "program.py").write_text(PROGRAM)
    return subprocess.run(
        [python, folder / "program.py", folder / "model.h5"],
        env=worker_variables(environment, str(folder)),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("name", "newer", "cause"), FAULTS, ids=[case[1] for case in FAULTS])
def test_run_too_new_package_is_environment_fault(engine, tmp_path, name, newer, cause):
    environment = load_matrix(ROOT / "matrix.yaml").environments[name]
    done = save_and_load(environment, newer, tmp_path)
    assert done.returncode == 1
    explained = CliRunner().invoke(explain, ["--json"], input=done.stderr, standalone_mode=False)
    answer = json.loads(explained.output)
    assert cause in {answer["cause"], answer["within"]}, done.stderr[-2000:]
