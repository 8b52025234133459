"""New releases: answers of the index compared with the matrix."""

import datetime
import subprocess

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.index import (
    ask_index,
    keras_with,
    new_environments,
    newer_than,
    newest_of,
    nightly_environments,
)
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import minor_of
from tests.unit.fakes import make_project

TODAY = datetime.date(2026, 1, 2)


@pytest.fixture
def matrix(tmp_path):
    """TensorFlow 2.1 and 2.2, the newer with Keras 2.3.1."""
    path = make_project(tmp_path, "tf2.1", "tf2.2")
    text = path.read_text()
    path.write_text(text.replace("tensorflow: 2.2.0,", "tensorflow: 2.2.0, keras: 2.3.1,"))
    return load_matrix(path)


class Index:
    """Releases, and what was asked of them."""

    def __init__(self, *releases):
        self.releases = releases
        self.asked = []

    def below(self, version):
        self.asked.append(version)
        # As pip: below 2.22 means below its pre-releases too.
        older = [name for name in self.releases if minor_of(name) < minor_of(version)]
        return newest_of(older) if older else None


@pytest.mark.parametrize(
    ("known", "releases", "new"),
    [
        ("2.21.0", ["2.20.0", "2.21.0"], []),
        ("2.21.0", ["2.21.0", "2.21.1"], ["2.21.1"]),
        ("2.21.0", ["2.21.0", "2.22.0", "2.22.1", "2.23.0"], ["2.22.1", "2.23.0"]),
        ("2.21.0", ["2.21.0", "2.21.1", "2.22.0"], ["2.21.1", "2.22.0"]),
        ("2.21.0", ["2.21.0", "3.0.0"], ["3.0.0"]),
        ("2.21.0", ["2.21.0", "2.22.0rc0"], ["2.22.0rc0"]),
        ("2.22.0rc0", ["2.21.0", "2.22.0rc0", "2.22.0"], ["2.22.0"]),
        # Nothing that cools off yet is known: the index of that day is older than the matrix.
        ("2.21.0", ["2.20.0"], []),
        ("2.21.0", ["2.22.0"], ["2.22.0"]),
    ],
)
def test_newer_than_returns_newest_of_each_minor(known, releases, new):
    index = Index(*releases)
    assert newer_than(known, newest_of(releases), index.below) == new
    assert len(index.asked) <= len(new)


def new(matrix, tensorflow=(), keras=(), newest_keras="2.3.1"):
    made = new_environments(
        matrix, tensorflow=tensorflow, keras=keras, keras_of=lambda _: newest_keras, as_of=TODAY
    )
    return {env.name: (env.tensorflow, env.keras, env.python, env.as_of) for env in made}


def test_new_environments_tensorflow_gets_newest_keras(matrix):
    assert new(matrix, tensorflow=["2.3.1"], newest_keras="2.4.0") == {
        "tf2.3": ("2.3.1", "2.4.0", "3.8", TODAY)
    }


def test_new_environments_keras_gets_newest_tensorflow(matrix):
    assert new(matrix, keras=["2.4.0"]) == {"tf2.2-keras2.4": ("2.2.0", "2.4.0", "3.8", TODAY)}


def test_new_environments_taken_name_is_written_out(matrix):
    assert set(new(matrix, tensorflow=["2.2.4", "2.3.0rc1"], keras=["2.4.0rc0"])) == {
        "tf2.2.4", "tf2.3.0rc1", "tf2.2-keras2.4.0rc0",
    }  # fmt: skip


def test_nightly_environments_have_the_day_of_the_build(matrix):
    made = nightly_environments(
        matrix,
        tensorflow={"tf-nightly-cpu": "2.4.0.dev20250101", "tf-nightly": "2.5.0.dev20260101"},
        keras="3.16.0.dev2026010203",
        keras_of={"tf-nightly==2.5.0.dev20260101": "3.15.0.dev2025123103"}.get,
        as_of=TODAY,
    )
    assert {env.name: env.requirements for env in made} == {
        "tf2.5-nightly20260101": (
            "tf-nightly==2.5.0.dev20260101", "keras-nightly==3.15.0.dev2025123103"
        ),
        "tf2.2-keras3.16-nightly20260102": (
            "tensorflow-cpu==2.2.0", "keras-nightly==3.16.0.dev2026010203"
        ),
    }  # fmt: skip


def test_nightly_environments_without_builds_are_none(matrix):
    assert not nightly_environments(matrix, tensorflow={}, keras=None, keras_of=str, as_of=TODAY)


@pytest.fixture
def answer(monkeypatch):
    """Has uv give an answer, and keeps what it was asked."""
    asked = []

    def give(code, out="", err=""):
        def run(command, **options):
            asked.append((command, options))
            return subprocess.CompletedProcess(command, code, out, err)

        monkeypatch.setattr("kerasmatrix.environments.index.subprocess.run", run)
        return asked

    return give


def ask(matrix, requirement="keras<3.16", *, pre=False):
    return ask_index(requirement, matrix=matrix, python="3.13", as_of=TODAY, pre=pre)


@pytest.mark.parametrize(("pre", "allowed"), [(True, "allow"), (False, "disallow")])
def test_ask_index_passes_the_day(matrix, answer, pre, allowed):
    asked = answer(0, "keras==3.15.1\n")
    assert ask(matrix, pre=pre) == "3.15.1"
    ((command, options),) = asked
    assert options["input"] == "keras<3.16"
    assert command[command.index("--exclude-newer") + 1] == "2026-01-02"
    assert command[command.index("--prerelease") + 1] == allowed
    assert not any("://" in part for part in command)


def test_ask_index_no_release_is_none(matrix, answer):
    answer(1, err="error: No solution found when resolving dependencies\n")
    assert ask(matrix) is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (2, "error: Failed to fetch: `…`"),
        (1, "error: No solution found …\nhint: … the network was disabled."),
    ],
)
def test_ask_index_unreachable_is_infrastructure(matrix, answer, code, said):
    answer(code, err=said)
    with pytest.raises(InfrastructureError, match="does not answer for keras<3") as caught:
        ask(matrix)
    assert caught.value.exit_code == 3
    assert caught.value.hint


def test_keras_with_returns_what_a_tensorflow_depends_on(matrix, answer):
    asked = answer(0, "numpy==2.1.0\nkeras-nightly==3.16.0.dev2026010203\n")
    found = keras_with("tensorflow-cpu==2.22.0rc0", matrix=matrix, python="3.13", as_of=TODAY)
    assert found == "3.16.0.dev2026010203"
    assert "--no-deps" not in asked[0][0]
