import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.files.version_distance import by_version_distance
from kerasmatrix.inspection.facts import Writer
from tests.real import ROOT


@pytest.mark.parametrize(
    ("writer", "closest"),
    [
        ({"keras": "2.13.1", "keras_major": 2, "tensorflow": "2.13"}, ["tf2.13", "tf2.14"]),
        ({"keras": "2.4.0", "keras_major": 2, "tensorflow": "2.3 to 2.4"}, ["tf2.3", "tf2.4"]),
        ({"keras": "2.2.4", "keras_major": 2}, ["tf1.15", "tf2.0"]),
        ({"keras": "3.13.0", "keras_major": 3}, ["tf2.20", "tf2.19-keras3.13"]),
        ({}, ["tf2.15"]),
        ({"tensorflow": "2.21.0"}, ["tf2.21"]),
        ({"tensorflow": "2.9.3", "keras_major": 2}, ["tf2.9"]),
        ({"keras": "3.15.1", "keras_major": 3}, ["tf2.21", "tf2.19-keras3.15"]),
    ],
)
def test_by_version_distance_writer_is_first(writer, closest):
    matrix, project = load_matrix(ROOT / "matrix.yaml"), Project(ROOT / "matrix.yaml")
    environments = matrix.sorted_environments()
    locks = {env.name: read_lock(project.locks_with(env.name), env) for env in environments}
    found = by_version_distance(Writer(**writer), environments, locks)
    assert set(found[: len(closest)]) == set(closest)
    assert found[0] == closest[0] or len(closest) > 1
    assert len(found) == len(environments)
