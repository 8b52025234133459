"""The order of releases, and whether `tf.keras` is tf_keras."""

import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.index import newest_of
from kerasmatrix.environments.keras_version import keras_major, release_of
from kerasmatrix.environments.locks import Lock
from kerasmatrix.files.version_distance import by_version_distance
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.results.migrations import _add_keras_major
from kerasmatrix.versions import is_legacy_keras, minor_of, version_key

IN_ORDER = ["1.15.5", "2.2.0", "2.10.0a1", "2.10.0b1", "2.10.0rc0", "2.10.0rc1", "2.10.0",
            "2.10.0.post1", "2.10.1"]  # fmt: skip
# What TensorFlow 2.15 to 2.21 do with the variable (tensorflow/python/util/lazy_loader.py).
READINGS = {
    "1": True, "true": True, "True": True,
    "": False, "0": False, "false": False, "False": False, "TRUE": False, "yes": False, "2": False,
}  # fmt: skip


def environment(value=None, **more):
    variables = {} if value is None else {"TF_USE_LEGACY_KERAS": value}
    told = {"name": "e", "python": "3.12", "tensorflow": "2.18.0", "as_of": "2025-01-01"}
    return Environment.model_validate({**told, "variables": variables, **more})


def lock_of(packages, folder):
    return Lock(folder / "e.txt", "".join(f"{name}=={at}\n" for name, at in packages.items()))


def test_version_key_of_releases_orders_as_pep_440():
    assert sorted(set(IN_ORDER), key=version_key) == IN_ORDER
    assert version_key("2.10") == version_key("2.10.0")
    assert newest_of(IN_ORDER) == "2.10.1"


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("2.15.0.post1", (2, 15)), ("2.2.4-tf", (2, 2)), ("2.3 to 2.4", (2, 3)), ("3", (3, 0)),
        ("tf2.15", (2, 15)), ("", (0, 0)), ("nightly", (0, 0)), ("9" * 100_000, (999_999_999, 0)),
    ],
)  # fmt: skip
def test_minor_of_any_text_is_two_numbers(text, minor):
    assert minor_of(text) == minor


def test_environments_sort_candidate_before_final():
    rc, final = environment(tensorflow="2.20.0rc1"), environment(tensorflow="2.20.0")
    assert sorted([final, rc], key=lambda env: env.sort_key) == [rc, final]


@pytest.mark.parametrize(("value", "on"), [*READINGS.items(), (None, False)])
def test_legacy_keras_has_one_reading(value, on, tmp_path):
    env = environment(value)
    lock = lock_of({"keras": "3.8.0", "tf-keras": "2.18.0"}, tmp_path)
    assert is_legacy_keras(env.variables) is env.legacy_keras is on
    assert release_of(env, lock) == ("2.18" if on else "3.8")
    assert keras_major(env, lock) == (2 if on else 3)
    other = environment(name="other", tensorflow="2.18.1")
    assert (env.sort_key < environment(name="a").sort_key) is on
    locks = {"e": lock, "other": lock_of({"keras": "3.7.0"}, tmp_path)}
    writer = Writer(keras="3.8.0", keras_major=3)
    assert by_version_distance(writer, (env, other), locks)[0] == ("other" if on else "e")
    told = _add_keras_major({"packages": dict(lock.packages), "variables": env.variables})
    assert told["keras_major"] == (2 if on else 3)
