"""Environments that no matrix has: what is asked of the index is asked once."""

import datetime

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments import ad_hoc
from kerasmatrix.environments.ad_hoc import lock_of_made, releases_before
from kerasmatrix.environments.index import newest_of
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.versions import version_key
from tests.unit.fakes import make_project

DAY = datetime.date(2024, 1, 2)


@pytest.fixture
def matrix(tmp_path):
    return load_matrix(make_project(tmp_path, "tf2.1"))


class Index:
    def __init__(self, *releases):
        self.releases = releases
        self.asked = []

    def __call__(self, requirement, *, matrix, python, as_of, pre):
        assert (python, as_of, pre) == ("3.8", DAY, False)
        self.asked.append(requirement)
        _, _, bounds = requirement.partition("<")
        below, _, least = bounds.partition(",>=")
        fit = [
            each for each in self.releases
            if version_key(least) <= version_key(each) < version_key(below)
        ]  # fmt: skip
        return newest_of(fit) if fit else None


def ask(matrix, cache, index, below="2.3.4"):
    return releases_before(
        "tensorflow-cpu", below, "2.2.3", matrix=matrix, python="3.8", as_of=DAY, cache=cache,
        ask=index,
    )  # fmt: skip


def test_releases_are_listed_and_not_asked_for_again(matrix, tmp_path):
    index = Index("2.2.2", "2.2.3", "2.3.0", "2.3.3", "2.3.4", "2.4.0")
    assert ask(matrix, tmp_path / "cache", index) == ["2.3.3", "2.3.0", "2.2.3"]
    asked = len(index.asked)
    assert ask(matrix, tmp_path / "cache", index) == ["2.3.3", "2.3.0", "2.2.3"]
    assert len(index.asked) == asked
    assert ask(matrix, tmp_path / "cache", index, "2.3.3") == ["2.3.0", "2.2.3"]
    assert len(index.asked) > asked


def test_an_index_that_answers_nonsense_does_not_hang_it(matrix, tmp_path):
    assert ask(matrix, tmp_path, lambda *_, **__: "2.3.4") == []


def test_an_index_that_cannot_be_asked_is_not_remembered(matrix, tmp_path):
    def away(*_, **__):
        raise InfrastructureError("no network")

    with pytest.raises(InfrastructureError):
        ask(matrix, tmp_path, away)
    assert ask(matrix, tmp_path, Index("2.3.0")) == ["2.3.0"]


@pytest.fixture
def resolved(monkeypatch):
    done = []

    def resolve(matrix, environment, folder):
        done.append(environment.name)
        if environment.tensorflow == "2.9.9":
            raise UsageError("cannot be locked")
        path = folder / f"{environment.name}.txt"
        path.write_text(f"tensorflow-cpu=={environment.tensorflow} \\\n    --hash=sha256:00\n")
        return path

    monkeypatch.setattr(ad_hoc, "resolve", resolve)
    return done


def of(matrix, **told):
    return matrix.environments["tf2.1"].model_copy(update={"name": "tf2.1.1", **told})


def test_a_lock_is_resolved_once(matrix, tmp_path, resolved):
    wanted = of(matrix, tensorflow="2.1.1")
    lock = lock_of_made(wanted, matrix, tmp_path)
    assert lock.packages == {"tensorflow-cpu": "2.1.1"}
    assert lock_of_made(wanted, matrix, tmp_path) == lock
    assert resolved == ["tf2.1.1"]
    # Another day's index, or another platform, is another environment.
    lock_of_made(of(matrix, tensorflow="2.1.1", as_of=DAY), matrix, tmp_path)
    lock_of_made(wanted, matrix.model_copy(update={"platform": "other"}), tmp_path)
    assert len(resolved) == 3


def test_what_cannot_be_resolved_leaves_nothing(matrix, tmp_path, resolved):
    for _ in range(2):
        with pytest.raises(UsageError, match="cannot be locked"):
            lock_of_made(of(matrix, tensorflow="2.9.9"), matrix, tmp_path)
    assert len(resolved) == 2


def test_a_cache_that_cannot_be_written_is_the_machines_fault(matrix, tmp_path, resolved):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        lock_of_made(of(matrix), matrix, tmp_path / "cache")
