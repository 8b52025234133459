import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.errors import UsageError
from tests.unit.fakes import make_project


@pytest.fixture
def path(tmp_path):
    return make_project(tmp_path, "tf2.1", "tf2.2", scenarios=("first", "second"))


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_environments_are_sorted_by_version(tmp_path):
    path = make_project(tmp_path, *[f"tf2.{minor}" for minor in range(1, 13)])
    names = [env.name for env in load_matrix(path).sorted_environments()]
    assert names == [f"tf2.{minor}" for minor in range(1, 13)]


def test_environments_sort_legacy_keras_first(path):
    change(
        path,
        "groups:",
        '  tf2.2-legacy: {tensorflow: 2.2.0, python: "3.8", as_of: 2021-01-01,'
        ' variables: {TF_USE_LEGACY_KERAS: "1"}}\ngroups:',
    )
    names = [env.name for env in load_matrix(path).sorted_environments()]
    assert names == ["tf2.1", "tf2.2-legacy", "tf2.2"]


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("schema_version: 1", "schema_version: 1\ncandidate: tf2.22",
         "matrix.yaml:2: candidate: unknown environment 'tf2.22'", "did you mean 'tf2.2'?"),
        ("schema_version: 1", "schema_version: 1\nscenarioes: []",
         "matrix.yaml:2: scenarioes: unknown key", "did you mean 'scenarios'?"),
        ("python:", "pyton:", "matrix.yaml:3: environments.tf2.1.python: is missing", None),
        ("as_of: 2021-01-01}", "as_of: 2021-01-01, kears: 2.3.1}",
         "matrix.yaml:3: environments.tf2.1.kears: unknown key", "did you mean 'keras'?"),
        ("tensorflow: 2.1.0", "tensorflow: newest",
         "environments.tf2.1.tensorflow: String should match", None),
        ("scenarios: [first,", "scenarios: [frist,",
         "scenarios.0: unknown scenario 'frist'", "did you mean 'first'?"),
        ("formats: [h5]", "formats: [h6]",
         "formats.0: unknown format 'h6'", "did you mean 'h5'?"),
        ('environments: "*"}', "environments: [tf2.11]}",
         "groups.default.environments.0: unknown environment 'tf2.11'", "did you mean 'tf2.1'?"),
        ("  default:", "  other:", "the group 'default' is missing", None),
        ("schema_version: 1", "schema_version: 2", "schema_version: Input should be 1 (got 2)",
         None),
        ("schema_version: 1", "schema_version: 1\nbase_image: python",
         "base_image must contain {python}", None),
        ("formats: [h5]", "formats: [h5]\nformats: [keras]", "formats: is repeated", None),
        ("formats: [h5]", "formats: [h5", "not valid YAML", None),
        ("formats: [h5]", "formats: [h5]\nlimits: {task_seconds: -1}",
         "limits.task_seconds: Input should be greater than 0 (got -1)", None),
    ],
)  # fmt: skip
def test_load_matrix_mistake_names_line_and_hint(path, old, new, message, hint):
    change(path, old, new)
    with pytest.raises(UsageError) as caught:
        load_matrix(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    if hint:
        assert caught.value.hint == hint


def test_load_matrix_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"matrix\.yaml: no such file"):
        load_matrix(tmp_path / "matrix.yaml")


def test_select_keeps_order_within_the_group(path):
    selection = load_matrix(path).select(environments=["tf2.2", "tf2.1"], scenarios=["second"])
    assert [env.name for env in selection.environments] == ["tf2.1", "tf2.2"]
    assert selection.scenarios == ("second",)
    assert selection.formats == ("h5",)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"group": "defualt"}, "unknown group 'defualt'"),
        ({"environments": ["tf9"]}, "unknown environment 'tf9'"),
        ({"scenarios": ["frist"]}, "unknown scenario 'frist'"),
        ({"formats": ["hdf5"]}, "unknown format 'hdf5'"),
    ],
)
def test_select_unknown_name_is_an_error(path, choice, message):
    with pytest.raises(UsageError, match=message):
        load_matrix(path).select(**choice)


def test_select_scenario_that_is_not_listed_says_where_to(path):
    with pytest.raises(UsageError) as raised:
        load_matrix(path).select(scenarios=["churn"])
    assert raised.value.hint.startswith("list a new one under `scenarios:` of matrix.yaml")


def test_matrix_of_the_project_is_valid(pytestconfig):
    matrix = load_matrix(pytestconfig.rootpath / "matrix.yaml")
    assert len(matrix.select(group="quick").environments) == 3
    assert len(matrix.select(group="default").environments) == 10
    minors = {env.tensorflow.rsplit(".", 1)[0] for env in matrix.releases}
    assert {"1.15", *(f"2.{minor}" for minor in range(22))} == minors


def test_select_keeps_upgrade_versions_it_has(path):
    change(path, "schema_version: 1", "schema_version: 1\ncurrent: tf2.1\ncandidate: tf2.2")
    matrix = load_matrix(path)
    whole = matrix.select()
    assert (whole.current, whole.candidate) == ("tf2.1", "tf2.2")
    part = matrix.select(environments=["tf2.2"])
    assert (part.current, part.candidate) == (None, "tf2.2")


def test_exporting_environments_have_packages_of_both(path):
    change(
        path,
        "groups:",
        "exports:\n  tf2.2-onnx: {environment: tf2.2, format: onnx, also: [tf2onnx]}\ngroups:",
    )
    matrix = load_matrix(path)
    (exporting,) = matrix.exporting
    base = matrix.environments["tf2.2"]
    assert exporting.requirements == (*base.requirements, "tf2onnx")
    assert (exporting.name, exporting.export) == ("tf2.2-onnx", "onnx")
    assert exporting.python == base.python
    assert "tf2.2-onnx" not in matrix.environments


@pytest.mark.parametrize(
    "packages",
    ["tensorflow: 2.23.0.dev20261026", "tensorflow: 2.2.0, distribution: tf-nightly"],
)
def test_nightly_build_needs_its_own_distribution(path, packages):
    change(path, "tensorflow: 2.2.0", packages)
    with pytest.raises(UsageError, match=r"nightly build .* is in tf-nightly"):
        load_matrix(path)


def test_nightly_builds_are_required_by_their_distributions(path):
    change(
        path,
        "tensorflow: 2.2.0",
        "tensorflow: 2.23.0.dev20261026, distribution: tf-nightly, keras: 3.16.0.dev2026102704",
    )
    assert load_matrix(path).environments["tf2.2"].requirements == (
        "tf-nightly==2.23.0.dev20261026", "keras-nightly==3.16.0.dev2026102704",
    )  # fmt: skip
