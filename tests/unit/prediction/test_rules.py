import json
from pathlib import Path

import pytest

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.spans import within
from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.prediction import rules as module
from kerasmatrix.prediction.predictor import predict_contents
from kerasmatrix.prediction.rules import CALIBRATION, COMPILED, confidence_of, the_rules
from kerasmatrix.prediction.rules_file import compile_rules, load_rules
from tests.unit.prediction.examples import EXAMPLES
from tests.unit.prediction.made import target

FORMS = {
    "architecture-json": "weights",
    "hdf5-model": "h5",
    "hdf5-weights": "weights",
    "keras-archive": "keras",
    "saved-model": "savedmodel",
    "checkpoint": "weights",
    "sharded-weights": "weights",
}


def example(rule):
    """Return the file that a rule decides, the environment and what the program brings."""
    contents, reader = EXAMPLES[rule.id]
    if isinstance(reader, str):
        return contents, target(reader), ()
    return (contents, *reader) if type(reader) is tuple else (contents, reader, ())


@pytest.mark.parametrize("rule", the_rules(), ids=lambda rule: rule.id)
def test_rules_each_decides_its_example(rule):
    assert rule.id in EXAMPLES, f"write a file that {rule.id} decides"
    contents, reader, custom_names = example(rule)
    assert isinstance(contents, Contents)
    (told,) = predict_contents(contents, [reader], custom_names)
    assert told.rule == rule.id
    assert (told.status, told.cause) == (rule.status, rule.cause)
    # What is in the way behind it may ask for more.
    assert rule.remedy is None or told.remedy == rule.remedy or told.remedy.count(" + ")


def test_examples_have_existing_rules():
    assert set(EXAMPLES) == {rule.id for rule in the_rules()}


@pytest.mark.parametrize("rule", the_rules(), ids=lambda rule: rule.id)
def test_rules_remedy_fits_file(rule):
    if rule.remedy is None:
        return
    remedy = the_catalogue().remedy(rule.remedy)
    contents, reader, _ = example(rule)
    assert FORMS[contents.kind] in remedy.formats
    if remedy.reader_keras:
        assert remedy.reader_keras == reader.keras_major


@pytest.mark.parametrize("rule", the_rules(), ids=lambda rule: rule.id)
def test_rules_have_source(rule):
    assert len(rule.source) > len("measured: ")


def test_compiled_rules_are_those_of_yaml():
    folder = Path(module.__file__).parent
    rules = load_rules(folder / "rules.yaml", the_catalogue())
    compiled = (folder / COMPILED).read_text()
    assert compiled == compile_rules(rules, the_catalogue()), "run `python survey/compile_rules.py`"
    assert the_rules() == rules


RULE = """
rules:
  - id: one
    says: It is so
    status: fail
    cause: unknown-functional
    remedy: rewrite-config
    source: "measured: h5"
"""


@pytest.fixture
def rules(tmp_path):
    def load(old="", new=""):
        path = tmp_path / "rules.yaml"
        assert old in RULE
        path.write_text(RULE.replace(old, new))
        return load_rules(path, the_catalogue())

    return load


def test_load_rules_valid_file(rules):
    (rule,) = rules()
    assert (rule.id, rule.cause) == ("one", "unknown-functional")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("unknown-functional", "unknown-functionals", r"rules.yaml:6: .*unknown cause"),
        ("rewrite-config", "rewrite-confid", r"rules.yaml:7: .*unknown remedy 'rewrite-confid'"),
        ("status: fail", "status: pass", "pass and a cause do not go together"),
        ("    cause: unknown-functional\n", "", "fail needs a cause"),
        ("status: fail", "status: purple", r"rules.yaml:5: .*purple"),
        ("It is so", "It is so\n    features: [odd]", "unknown feature 'odd'"),
        ("It is so", "It is so\n    reader: since 2.3", "reader"),
        (
            "It is so",
            "It is so\n    incompatibility: {kind: key, name: '('}",
            "not names separated by",
        ),
        ("It is so", "It is so\n    unheard_of: 1", "unknown key"),
        ('source: "measured: h5"', 'source: ""', "source"),
    ],
)
def test_load_rules_invalid_rule_has_line(rules, old, new, said):
    with pytest.raises(UsageError, match=said):
        rules(old, new)


def test_load_rules_duplicate_id_is_usage_error(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(RULE + RULE.partition("rules:\n")[2])
    with pytest.raises(UsageError, match="'one' stands twice"):
        load_rules(path, the_catalogue())


@pytest.mark.parametrize(
    ("span", "inside", "outside"),
    [
        ("2.3 to 2.16", ["2.3", "2.9", "2.16"], ["2.2", "3.0"]),
        ("from 3.4", ["3.4", "3.15"], ["2.16", "3.3"]),
        ("to 2.11", ["1.15", "2.11"], ["2.12", "3.4"]),
        ("3.5", ["3.5"], ["3.4", "3.6"]),
    ],
)
def test_within_span(span, inside, outside):
    assert all(within(span, each) for each in inside)
    assert not any(within(span, each) for each in outside)


def test_within_unknown_release_is_false():
    assert not within("from 3.4", None)
    assert within(None, None)


def test_confidence_of_is_laplace_share():
    stored = json.loads(Path(module.__file__).with_name(CALIBRATION).read_text())
    rules = {rule.id for rule in the_rules()}
    assert set(stored["rules"]) <= rules, "run `nox -s calibrate -- … --write`"
    assert set(stored["zoo"]) <= rules | {"zoo"}, "run `nox -s zoo -- --calibrate`"
    for rule in {*stored["rules"], *stored["zoo"]}:
        counts = [stored[part].get(rule, [0, 0]) for part in ("rules", "zoo")]
        right, decided = (sum(column) for column in zip(*counts, strict=True))
        assert 0 <= right <= decided
        assert confidence_of(rule) == (right + 1) / (decided + 2)
    assert confidence_of("never measured") == 0.5
