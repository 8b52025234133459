import pytest

from kerasmatrix.config.environment import Environment
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.variables import lasting_variables
from kerasmatrix.errors import UsageError
from tests.unit.fakes import make_project

JAX = "  keras3.15-jax: {backend: jax, keras: 3.15.1, python: '3.13', as_of: 2026-08-15}\n"


def matrix_with(folder, line):
    path = make_project(folder, "tf2.1", "tf2.2")
    path.write_text(path.read_text().replace("groups:", f"{line}groups:", 1))
    return load_matrix(path)


def environment(**values):
    return Environment.model_validate(
        {"name": "e", "python": "3.13", "keras": "3.15.1", "as_of": "2026-08-15", **values}
    )


@pytest.mark.parametrize(
    ("values", "requirements"),
    [
        ({"backend": "jax"}, ["keras==3.15.1", "jax"]),
        ({"backend": "numpy"}, ["keras==3.15.1", "jax", "scipy"]),
        ({"backend": "openvino"}, ["keras==3.15.1", "openvino", "scipy"]),
        ({"backend": "jax", "also": ["jax[cpu]==0.7.2"]}, ["keras==3.15.1", "jax[cpu]==0.7.2"]),
        (
            {"backend": "jax", "tensorflow": "2.21.0"},
            ["tensorflow-cpu==2.21.0", "keras==3.15.1", "jax"],
        ),
        ({"tensorflow": "2.21.0"}, ["tensorflow-cpu==2.21.0", "keras==3.15.1"]),
    ],
)
def test_requirements_hold_what_the_backend_needs(values, requirements):
    assert list(environment(**values).requirements) == requirements


def test_variables_choose_the_backend():
    assert lasting_variables(environment(backend="jax"))["KERAS_BACKEND"] == "jax"
    assert "KERAS_BACKEND" not in lasting_variables(environment(tensorflow="2.21.0"))


def test_other_backends_are_sorted_after_all_releases(tmp_path):
    matrix = matrix_with(tmp_path, JAX)
    names = [env.name for env in matrix.sorted_environments()]
    assert names == ["tf2.1", "tf2.2", "keras3.15-jax"]
    assert [env.name for env in matrix.releases] == ["tf2.1", "tf2.2"]


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        (
            "  e: {python: '3.8', as_of: 2021-01-01}\n",
            "environments.e.tensorflow: is missing",
            None,
        ),
        (
            JAX.replace("jax,", "jacks,"),
            "environments.keras3.15-jax.backend: Input should be",
            None,
        ),
        (
            JAX.replace("3.15.1", "2.15.0"),
            "environments.keras3.15-jax.backend: the backend jax needs Keras 3",
            "keras: 3.15.1",
        ),
        (
            JAX.replace("backend: jax", "tensorflow: 2.21.0, variables: {KERAS_BACKEND: j}"),
            "environments.keras3.15-jax.variables.KERAS_BACKEND: is set by the key `backend`",
            "write `backend: j` instead",
        ),
    ],
)
def test_wrong_backend_is_refused_with_the_line(tmp_path, line, message, hint):
    with pytest.raises(UsageError) as caught:
        matrix_with(tmp_path, line)
    assert message in caught.value.message
    assert "matrix.yaml:5: " in caught.value.message
    assert hint is None or hint in (caught.value.hint or "")
