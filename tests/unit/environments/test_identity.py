"""Two environments share an identity only if the same packages are installed in both."""

import dataclasses
import sysconfig

import pytest

from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.identity import (
    DOCKERFILE,
    identity_of,
    image_recipe,
    read_dockerfile,
)
from kerasmatrix.environments.locks import Lock
from kerasmatrix.environments.variables import FIXED, lasting_variables, worker_variables
from kerasmatrix.errors import InfrastructureError

REASON = "No such file or directory"


@pytest.fixture
def environment():
    return Environment(name="tf2.4", tensorflow="2.4.0", python="3.8", as_of="2021-01-01")


@pytest.fixture
def lock(tmp_path):
    return Lock(tmp_path / "tf2.4.txt", "tensorflow-cpu==2.4.0\n")


def test_identity_changes_with_lock_python_platform_and_recipe(environment, lock, monkeypatch):
    other_lock = dataclasses.replace(lock, content="tensorflow-cpu==2.4.1\n")
    other_python = environment.model_copy(update={"python": "3.7"})
    identities = [
        identity_of(environment, lock, "recipe"),
        identity_of(environment, other_lock, "recipe"),
        identity_of(other_python, lock, "recipe"),
        identity_of(environment, lock, "another"),
    ]
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-aarch64")
    identities.append(identity_of(environment, lock, "recipe"))
    assert len(set(identities)) == 5
    assert all(len(identity) == 64 for identity in identities)


def test_identity_ignores_name_and_variables(environment, lock):
    renamed = environment.model_copy(update={"name": "other", "variables": {"A": "1"}})
    assert identity_of(renamed, lock, "") == identity_of(environment, lock, "")


def test_image_recipe_changes_with_base_image_and_dockerfile():
    recipes = {
        image_recipe("debian@sha256:1", b"FROM x"),
        image_recipe("debian@sha256:2", b"FROM x"),
        image_recipe("debian@sha256:1", b"FROM y"),
    }
    assert len(recipes) == 3
    assert all(isinstance(recipe, str) for recipe in recipes)


def test_read_dockerfile_returns_its_bytes(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / DOCKERFILE).write_bytes(b"FROM x\n")
    assert read_dockerfile(tmp_path) == b"FROM x\n"


def test_read_dockerfile_missing_names_file_and_way_out(tmp_path):
    with pytest.raises(InfrastructureError) as raised:
        read_dockerfile(tmp_path)
    assert raised.value.message == f"{tmp_path / DOCKERFILE}: cannot be read: {REASON}"
    assert raised.value.hint == "restore it, or measure with --engine local"


def test_lasting_variables_of_the_environment_take_precedence(environment):
    ours = environment.model_copy(update={"variables": {"LANG": "de", "TF_USE_LEGACY_KERAS": "1"}})
    assert lasting_variables(ours) == {**FIXED, "LANG": "de", "TF_USE_LEGACY_KERAS": "1"}


def test_worker_variables_add_a_home_that_can_be_replaced(environment):
    assert worker_variables(environment, "/home") == {"HOME": "/home", **FIXED}
    ours = environment.model_copy(update={"variables": {"HOME": "/own"}})
    assert worker_variables(ours, "/home")["HOME"] == "/own"
