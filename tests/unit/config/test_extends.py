"""A matrix that extends another: what is inherited, what wins, and where errors point."""

import pytest

from kerasmatrix.config.bundled import bundled_folder
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.errors import UsageError
from tests.unit.fakes import make_project, make_scenario

OWN = """\
schema_version: 1
extends: ../base/matrix.yaml
environments:
  tf2.9: {tensorflow: 2.9.0, python: "3.8", as_of: 2023-01-01}
groups:
  mine: {environments: [tf2.1, tf2.9], scenarios: [own]}
scenarios: [own]
"""


@pytest.fixture
def path(tmp_path):
    """A project of its own scenario and environment, on a base with two of each."""
    make_project(tmp_path / "base", "tf2.1", "tf2.2", scenarios=("first", "second"))
    own = tmp_path / "own"
    make_scenario(own / "scenarios" / "own")
    (own / "matrix.yaml").write_text(OWN)
    return own / "matrix.yaml"


def write(path, text):
    path.write_text(f"schema_version: 1\nextends: ../base/matrix.yaml\n{text}")
    return path


def test_what_is_not_said_is_inherited_and_what_is_said_is_added(path):
    matrix = load_matrix(path)
    assert list(matrix.environments) == ["tf2.1", "tf2.2", "tf2.9"]
    assert matrix.scenarios == ("own", "first", "second")
    assert matrix.formats == ("h5",)
    assert set(matrix.groups) == {"default", "mine"}


def test_an_environment_of_ones_own_replaces_the_inherited_one_as_a_whole(path):
    write(path, 'environments:\n  tf2.1: {tensorflow: 2.1.7, python: "3.7", as_of: 2022-02-02}\n')
    found = load_matrix(path).environments["tf2.1"]
    assert (found.tensorflow, found.python) == ("2.1.7", "3.7")


def test_formats_replace_and_limits_are_merged(path):
    base = path.parent.parent / "base" / "matrix.yaml"
    base.write_text(base.read_text() + "limits: {task_seconds: 7, memory_mb: 999}\n")
    write(path, "formats: [keras, weights]\nlimits: {memory_mb: 1234}\n")
    matrix = load_matrix(path)
    assert matrix.formats == ("keras", "weights")
    assert (matrix.limits.task_seconds, matrix.limits.memory_mb) == (7, 1234)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("environments: {tf2.9: {tensorflow: 2.9.0}}", "own/matrix.yaml:3: environments.tf2.9"),
        ("scenarios: [first, nowhere]", "own/matrix.yaml:3: scenarios.1: unknown scenario"),
        ("groups: {default: {environments: [tf9]}}", "own/matrix.yaml:3: groups.default"),
        ("formats: [h6]", "own/matrix.yaml:3: formats.0: unknown format"),
        ("environmnets: {}", "own/matrix.yaml:3: environmnets: unknown key"),
        ("environments: 3", "own/matrix.yaml:3: environments"),
    ],
)
def test_a_mistake_of_ones_own_is_found_in_ones_own_file(path, text, message):
    with pytest.raises(UsageError) as caught:
        load_matrix(write(path, text))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("tensorflow: 2.2.0", "tensorflow: newest", "base/matrix.yaml:4: environments.tf2.2"),
        ("scenarios: [first", "scenarios: [frist", "base/matrix.yaml:7: scenarios.0: unknown"),
        ('environments: "*"}', "environments: [tf9]}", "base/matrix.yaml:6: groups.default"),
    ],
)
def test_a_mistake_of_the_base_is_found_there(path, old, new, message):
    base = path.parent.parent / "base" / "matrix.yaml"
    assert old in base.read_text()
    base.write_text(base.read_text().replace(old, new))
    with pytest.raises(UsageError) as caught:
        load_matrix(path)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("extends", "message"),
    [
        ("matrix.yaml", "matrix.yaml:2: extends: .*extends itself"),
        ("keras-matrix", "matrix.yaml:2: extends: .*keras-matrix: no such file"),
        ("[a, b]", r"matrix.yaml:2: extends: must be the name of a matrix \(got \['a', 'b'\]\)"),
        ("..", "matrix.yaml:2: extends: .*cannot be read"),
    ],
)
def test_a_base_that_cannot_be_read_is_said_where_it_is_named(path, extends, message):
    path.write_text(f"schema_version: 1\nextends: {extends}\n")
    with pytest.raises(UsageError, match=message):
        load_matrix(path)


def test_two_that_extend_each_other_are_an_error(path):
    base = path.parent.parent / "base" / "matrix.yaml"
    base.write_text(f"extends: ../own/matrix.yaml\n{base.read_text()}")
    with pytest.raises(UsageError, match=r"base/matrix.yaml:1: extends: .*extends itself"):
        load_matrix(path)


@pytest.mark.parametrize("text", ["", "- 1\n", "just a word\n"])
def test_what_is_no_mapping_is_an_error(path, text):
    path.write_text(text)
    with pytest.raises(UsageError, match=r"matrix.yaml:1: must be a mapping"):
        load_matrix(path)


def test_files_are_found_in_ones_own_folder_first_then_in_the_bases(path):
    project = Project(path)
    base = path.parent.parent / "base"
    assert project.scenario("own") == path.parent / "scenarios" / "own"
    assert project.scenario("first") == base / "scenarios" / "first"
    make_scenario(path.parent / "scenarios" / "first")
    assert project.scenario("first") == path.parent / "scenarios" / "first"
    assert project.locks_with("tf2.1") == base / "images" / "locks"
    assert project.locks_with("tf2.9") == path.parent / "images" / "locks"


def test_without_a_dockerfile_of_its_own_a_project_has_the_packages(path):
    assert Project(path).build_root == bundled_folder()
    (path.parent / "images").mkdir()
    (path.parent / "images" / "Dockerfile").write_text("FROM scratch\n")
    assert Project(path).build_root == path.parent


def test_the_matrix_of_the_package_can_be_extended_by_its_name(tmp_path, pytestconfig):
    path = tmp_path / "matrix.yaml"
    path.write_text("schema_version: 1\nextends: kerasmatrix\n")
    stock = load_matrix(pytestconfig.rootpath / "matrix.yaml")
    assert load_matrix(path) == stock.model_copy(update={"extends": "kerasmatrix"})
    assert Project(path).scenario("lstm") == pytestconfig.rootpath / "scenarios" / "lstm"


def test_what_a_project_describes_itself_is_told_from_what_it_inherits(path):
    assert Project(path).own_environments == ("tf2.9",)
    assert Project(write(path, "")).own_environments == ()
