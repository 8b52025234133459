"""Result files that earlier kerasmatrix wrote, one of each generation, kept as they were written.

To keep one of a new generation:
``python -m tests.unit.results.test_migrations > tests/unit/results/old/NN-WHAT-CAME.json``.
"""

import json
from pathlib import Path

import jsonschema
import pytest

from kerasmatrix.analysis.compare import compare
from kerasmatrix.errors import UsageError
from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.html import render_html
from kerasmatrix.results.results_json import read_results, results_schema, to_json
from tests.unit.report.factory import make_results

OLD = sorted(Path(__file__).with_name("old").glob("*.json"))
# Since then a file is right by today's schema as it stands.
STABLE = "05-remedies-tried"


def keys(value, path=""):
    """Return the paths of all keys, those of lists' members together."""
    if isinstance(value, dict):
        inner = (keys(each, f"{path}.{key}") for key, each in value.items())
        return {f"{path}.{key}" for key in value}.union(*inner)
    if isinstance(value, list):
        return set().union(*(keys(each, path) for each in value))
    return set()


@pytest.fixture(scope="module")
def validator():
    schema = results_schema()
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_migrate_any_generation_is_read(path, validator):
    old = json.loads(path.read_text(encoding="utf-8"))
    results = read_results(path.read_text(encoding="utf-8"), path.name)
    assert [cell.status.value for cell in results.cells] == [c["status"] for c in old["cells"]]
    assert [cause.advice[0].do for cause in results.causes] == ["Load it"] * len(results.causes)
    assert {environment.keras_major for environment in results.environments} == {2}
    new = json.loads(to_json(results))
    validator.validate(new)
    missing = keys(old) - keys(new) - {".causes.remedies", *MOVED}
    assert missing == set()


MOVED = {f".causes.remedies.{key}" for key in ("id", "do", "code", "loses")}


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_migrate_result_is_rendered_compared_and_counted(path):
    results = read_results(path.read_text(encoding="utf-8"), path.name)
    page = render_html(results)
    assert 'id="panel"' in page
    assert len(cell_frame(results)) == len(results.cells) == 8
    assert compare(results, make_results(environments=2)).compared == 8


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_schema_accepts_stable_and_names_older_fields(path, validator):
    document = json.loads(path.read_text(encoding="utf-8"))
    if path.stem >= STABLE:
        validator.validate(document)
        return
    with pytest.raises(
        jsonschema.ValidationError, match=r"'keras_major' is a|'remedies' was unexp"
    ):
        validator.validate(document)


def test_migrate_newest_generation_has_an_example():
    """A field that is added, taken away or moved begins a generation: keep a file of it."""
    newest = json.loads(OLD[-1].read_text(encoding="utf-8"))
    now = json.loads(to_json(make_results(environments=2)))
    assert keys(now) - keys(newest) == set(), __doc__


def test_migrate_derives_keras_major_from_packages():
    document = json.loads(OLD[0].read_text(encoding="utf-8"))
    first, second = document["environments"]
    first["packages"]["keras"] = "3.4.1"
    second |= {"packages": {"keras": "3.4.1"}, "variables": {"TF_USE_LEGACY_KERAS": "1"}}
    results = read_results(json.dumps(document), "results.json")
    assert [environment.keras_major for environment in results.environments] == [3, 2]


def test_read_results_other_document_is_an_error():
    document = json.loads(OLD[0].read_text(encoding="utf-8"))
    for spoiled, said in (
        ({**document, "environments": [3]}, "environments.0: Input should be"),
        ({**document, "environments": "none"}, "environments: Input should be"),
        ({**document, "schema_version": 2}, "has schema version 2, this kerasmatrix reads 1"),
        ({**document, "of_tomorrow": 1}, "of_tomorrow: unknown field"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            read_results(json.dumps(spoiled), "results.json")
        assert caught.value.hint


if __name__ == "__main__":
    print(to_json(make_results(environments=2)), end="")
