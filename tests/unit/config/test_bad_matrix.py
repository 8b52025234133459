"""Configuration files with values that cannot be used: one line with file, line and value."""

import os

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.errors import UsageError
from tests.unit.fakes import make_project, make_scenario

BASE = """\
schema_version: 1
environments:
  a: {tensorflow: 2.4.0, python: "3.8", as_of: 2021-01-01%(environment)s}
  b: {tensorflow: 2.5.0, python: "3.8", as_of: 2021-09-01}
groups:
  default: %(group)s
scenarios: %(scenarios)s
formats: %(formats)s
%(more)s
"""
PLAIN = {
    "environment": "",
    "group": '{environments: "*"}',
    "scenarios": "[first]",
    "formats": "[h5]",
    "more": "",
}
DIGITS = "9" * 5000
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "m0: &m0 {k: v}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}\n" for n in range(1, 12)
)

# The change, the line in the message, and a part of the message.
BAD = {
    # YAML that expands endlessly, or has values that Python cannot represent
    "bomb": ({"more": BOMB}, None, "more than 200,000 values"),
    "merge bomb": ({"more": MERGES}, None, "more than 200,000 values"),
    "alias of itself": ({"more": "limits: &a {x: *a}"}, 9, "contains itself"),
    "list of itself": ({"formats": "&a [*a]"}, 8, "contains itself"),
    "deep": ({"more": "x: " + "[" * 200 + "]" * 200}, 9, "nested too deeply"),
    "deeper": ({"more": "x: " + "[" * 9000}, 9, "not valid YAML"),
    "long number": ({"more": f"limits: {{memory_mb: {DIGITS}}}"}, 9, "999… is not a valid int"),
    "hexadecimal": ({"more": f"limits: {{memory_mb: 0x{DIGITS}}}"}, 9, "too large a number"),
    "no day": ({"more": "current: 2022-13-45"}, 9, "'2022-13-45' is not a valid timestamp"),
    "no time": ({"more": "current: !!timestamp x"}, 9, "'x' is not a valid timestamp"),
    "no float": ({"more": "current: !!float x"}, 9, "'x' is not a valid float"),
    "tag": ({"more": "current: !!python/object:os.system x"}, 9, "not valid YAML"),
    "NUL": ({"more": 'extends: "a\\0b"'}, 9, "contains a NUL character"),
    "NUL in a key": ({"more": '"a\\0b": 1'}, 9, "contains a NUL character"),
    "key": ({"more": "? [a]\n: b"}, 9, "cannot be a key"),
    # numbers and days that make no sense
    "open_seconds": ({"more": "limits: {open_seconds: .inf}"}, 9, "limits.open_seconds: "),
    "task_seconds": ({"more": "limits: {task_seconds: .inf}"}, 9, "limits.task_seconds: "),
    "1e308": ({"more": "limits: {task_seconds: 1e+308}"}, 9, "limits.task_seconds: "),
    "nan": ({"more": "limits: {task_seconds: .nan}"}, 9, "limits.task_seconds: "),
    "no second": ({"more": "limits: {task_seconds: 0}"}, 9, "limits.task_seconds: "),
    "memory": ({"more": "limits: {memory_mb: 99999999999}"}, 9, "limits.memory_mb: "),
    "processes": ({"more": "limits: {processes: 99999999999}"}, 9, "limits.processes: "),
    "tolerance": ({"more": "tolerance: {relative: .inf}"}, 9, "tolerance.relative: "),
    "key twice": ({"environment": ", as_of: 0001-01-01"}, 3, "is repeated"),
    # names
    "scenario twice": ({"scenarios": "[first, first]"}, 7, "'first' is listed twice"),
    "format twice": ({"formats": "[h5, h5]"}, 8, "'h5' is listed twice"),
    "no format": ({"formats": "[]"}, 8, "formats: "),
    "empty group": ({"group": "{environments: []}"}, 6, "groups.default.environments: names none"),
    "group twice": ({"group": "{environments: [a, a]}"}, 6, "'a' is listed twice"),
    "renamed": ({"environment": ", name: other"}, 3, "environments.a.name: "),
    "variable": ({"environment": ', variables: {"a=b": c}'}, 3, "environments.a.variables"),
    "long name": ({"more": f"current: {'n' * 300}"}, 9, "current: "),
    "long key": ({"more": f"{'k' * 900}: 1"}, 9, "kkk…: unknown key"),
    # exports
    "export of": ({"more": "exports: {a-onnx: {environment: c, format: onnx}}"}, 9, "unknown env"),
    "export to": (
        {"more": "exports: {x: {environment: a, format: coreml}}"},
        9,
        "exports.x.format",
    ),
    "export twice": ({"more": "exports: {a: {environment: b, format: onnx}}"}, 9, "is the name of"),
    "export here": ({"environment": ", export: onnx"}, 3, "belongs below `exports`"),
    # images
    "index": ({"more": 'base_image: "x{0}:{python}"'}, 9, "only placeholder"),
    "field": ({"more": 'base_image: "{registry}/p:{python}"'}, 9, "only placeholder"),
    "attribute": ({"more": 'base_image: "{python}{python.real}"'}, 9, "only placeholder"),
    "width": ({"more": 'base_image: "{python}{python:>99999}"'}, 9, "only placeholder"),
    "brace": ({"more": 'base_image: "{python}{"'}, 9, "only placeholder"),
    "other brace": ({"more": 'base_image: "{python}}"'}, 9, "only placeholder"),
    "space": ({"more": 'base_image: "a {python}"'}, 9, "only placeholder"),
}


@pytest.fixture
def matrix(tmp_path):
    make_scenario(tmp_path / "scenarios" / "first")
    return tmp_path / "matrix.yaml"


@pytest.mark.parametrize(("changes", "line", "message"), BAD.values(), ids=BAD.keys())
def test_load_matrix_bad_value_is_one_line(matrix, changes, line, message):
    # The bombs' own keys are unknown; what is wrong with them is found first.
    matrix.write_text(BASE % {**PLAIN, **changes})
    with pytest.raises(UsageError) as caught:
        load_matrix(matrix)
    said = caught.value.message
    assert said.startswith(f"{matrix}:{line}: " if line else f"{matrix}:")
    assert message in said
    assert "\n" not in said
    assert len(said) < 500


DAYS = ["0001-01-01", "2014-12-31", "2100-01-01", "9999-12-31", "20220101", "1e12", "true"]


@pytest.mark.parametrize("day", DAYS)
def test_load_matrix_as_of_out_of_range_is_refused(matrix, day):
    text = (BASE % PLAIN).replace("as_of: 2021-01-01", f"as_of: {day}")
    matrix.write_text(text)
    with pytest.raises(UsageError, match=r"matrix.yaml:3: environments.a.as_of: "):
        load_matrix(matrix)


VERSIONS = {
    "tensorflow": f"{DIGITS}.0",
    "keras": f"3.{DIGITS}",
    "python": '"3.123"',
    "distribution": "torch",
}


@pytest.mark.parametrize("key", VERSIONS)
def test_load_matrix_version_too_long_is_refused(matrix, key):
    text = BASE % {**PLAIN, "environment": ""}
    line = '  a: {tensorflow: 2.4.0, python: "3.8", as_of: 2021-01-01, keras: 3.1.0}'
    old = {"tensorflow": "2.4.0", "keras": "3.1.0", "python": '"3.8"', "distribution": "2021-01-01"}
    new = VERSIONS[key] if key != "distribution" else "2021-01-01, distribution: torch"
    lines = text.splitlines()
    lines[2] = line.replace(old[key], new, 1)
    matrix.write_text("\n".join(lines))
    with pytest.raises(UsageError, match=rf"matrix.yaml:3: environments.a.{key}: "):
        load_matrix(matrix)


@pytest.mark.parametrize("key", ["timeout_seconds: .inf", "timeout_seconds: 1e+308"])
def test_load_scenario_endless_timeout_is_refused(tmp_path, key):
    make_scenario(tmp_path / "first", claims=f"{key}\n")
    with pytest.raises(UsageError, match=r"scenario.yaml:3: timeout_seconds: "):
        load_scenario(tmp_path / "first")


@pytest.mark.parametrize("pattern", ["(a", "(" * 20000])
def test_load_scenario_pattern_too_large_is_refused(tmp_path, pattern):
    claims = f"claims:\n  - {{says: x, status: [fail], error: '{pattern}'}}\n"
    make_scenario(tmp_path / "first", claims=claims)
    with pytest.raises(UsageError, match="not a regular expression"):
        load_scenario(tmp_path / "first")


def test_load_matrix_unreadable_base_names_the_line(matrix):
    os.mkfifo(matrix.parent / "pipe")
    for base, reason in (("pipe", "is a pipe"), ("n" * 300, "File name too long"), (".", "folder")):
        matrix.write_text(BASE % {**PLAIN, "more": f"extends: {base}"})
        with pytest.raises(UsageError, match=rf"matrix.yaml:9: extends: .*{reason}"):
            load_matrix(matrix)


def test_load_matrix_plain_is_read(matrix):
    matrix.write_text(BASE % PLAIN)
    assert tuple(load_matrix(matrix).environments) == ("a", "b")


def test_load_matrix_aliases_within_reason_are_read(tmp_path):
    path = make_project(tmp_path, "good")
    path.write_text(path.read_text() + "limits: &l {task_seconds: 5}\n")
    assert load_matrix(path).limits.task_seconds == 5
