import pytest

from kerasmatrix.diagnosis.catalogue import load_catalogue, the_catalogue
from kerasmatrix.diagnosis.name_lists import with_names
from kerasmatrix.diagnosis.recognize_cause import Evidence, recognize_cause
from kerasmatrix.errors import UsageError
from kerasmatrix.results.cells import Status
from tests.tensorflow.test_environment_faults import FAULTS
from tests.tensorflow.test_exports import EXPORTED
from tests.tensorflow.test_misbehaviour import CAUSES
from tests.tensorflow.test_rarer_causes import NEVER_ENDS, RARER
from tests.tensorflow.test_remedies import SEEN
from tests.unit.diagnosis.messages import MESSAGES
from tests.unit.diagnosis.reported_messages import REPORTED

STORED = [(slug, evidence) for slug, found in MESSAGES.items() for evidence in found]

GOOD = """\
causes:
  - slug: one
    story: a story
    what: what happened
    signatures: [{error: "Unknown layer"}]
    advice: [{id: newer-loader, do: something}]
    sources: ["measured: here"]
"""

REMEDIES = """\
remedies:
  - id: no-compile
    title: a title
    by: load
    formats: [h5]
    code: some code
    source: "measured: here"
"""


@pytest.fixture
def load(tmp_path):
    def load(text, more=REMEDIES):
        causes, remedies = tmp_path / "causes.yaml", tmp_path / "remedies.yaml"
        causes.write_text(text)
        remedies.write_text(more)
        return load_catalogue([causes], remedies)

    return load


def test_catalogue_is_valid_and_has_a_message_for_each_cause():
    assert {cause.slug for cause in the_catalogue().causes} == {*MESSAGES, *REPORTED}


def test_catalogue_causes_occur_in_tests_with_tensorflow():
    shown = {case[4] for case in (*SEEN, *RARER)} | {NEVER_ENDS}
    shown |= {cause for _, cause in CAUSES} | {cause for _, _, cause in FAULTS}
    shown |= {cause for *_, cause in EXPORTED if cause}
    shown |= {cause.within for cause in the_catalogue().causes if cause.slug in shown}
    assert {cause.slug for cause in the_catalogue().causes} - shown - set(REPORTED) == set()


def test_load_catalogue_valid_is_read(load):
    assert load(GOOD)["one"].advice[0].id == "newer-loader"


def test_catalogue_unknown_slug_is_a_key_error(load):
    with pytest.raises(KeyError):
        load(GOOD)["two"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["measured: here"]', "[]", r"causes\.yaml:7: causes\.0\.sources"),
        ("[{id: newer-loader, do: something}]", "[]", r"causes\.0\.advice"),
        ('[{error: "Unknown layer"}]', "[]", r"causes\.0\.signatures"),
        ('[{error: "Unknown layer"}]', '[{error: "("}]', "not a regular expression"),
        ('[{error: "Unknown layer"}]', "[{rank: 5}]", "needs an error"),
        ('[{error: "Unknown layer"}]', "[{error: x, format: [hdf]}]", "unknown format"),
        ('[{error: "Unknown layer"}]', "[{error: x, rank: 12}]", "less than or equal to 9"),
        ("{id: newer-loader, ", "{id: x, special: true, ", "no signature names the advice x first"),
        ('[{error: "Unknown layer"}]', "[{error: x, first: nothing}]", "no advice has the id"),
        ("slug: one", "slug: One Cause", r"causes\.0\.slug"),
        ("story: a story", 'story: ""', r"causes\.0\.story"),
        ("    story: a story\n", "", r"causes\.0\.story: is missing"),
        ("story:", "storry:", r"causes\.0\.story"),
    ],
)
def test_load_catalogue_invalid_cause_error_has_its_line(load, old, new, message):
    assert old in GOOD
    with pytest.raises(UsageError, match=message):
        load(GOOD.replace(old, new))


def test_load_catalogue_repeated_slug_is_an_error(load):
    with pytest.raises(UsageError, match="'one' is there twice"):
        load(GOOD + GOOD.removeprefix("causes:\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '    source: "measured: here"\n',
            "",
            r"remedies\.yaml:\d+: remedies\.0\.source: is missing",
        ),
        ("    code: some code\n", "", r"remedies\.0\.code: is missing"),
        ("formats: [h5]", "formats: []", r"remedies\.0\.formats"),
        ("formats: [h5]", "formats: [hdf]", "unknown format"),
        ("by: load", "by: magic", r"remedies\.0\.by"),
    ],
)
def test_load_catalogue_invalid_fix_error_has_its_line(load, old, new, message):
    assert old in REMEDIES
    with pytest.raises(UsageError, match=message):
        load(GOOD, REMEDIES.replace(old, new))


def test_load_catalogue_repeated_id_is_an_error(load):
    with pytest.raises(UsageError, match="'no-compile' is there twice"):
        load(GOOD, REMEDIES + REMEDIES.removeprefix("remedies:\n"))


def test_catalogue_remedy_by_id_or_none(load):
    catalogue = load(GOOD)
    assert catalogue.remedy("no-compile").title == "a title"
    assert catalogue.remedy("newer-loader") is None


def test_with_names_list_becomes_alternatives():
    names = with_names("<<layers-of-all-releases>>").split("|")
    assert {"Dense", "LSTM", "Conv2D"} <= set(names)
    assert with_names("no list") == "no list"


def test_with_names_unknown_list_names_the_known_ones():
    with pytest.raises(ValueError, match=r"<<removed-nmaes>>.*removed-names"):
        with_names("<<removed-nmaes>>")


@pytest.mark.parametrize(("slug", "evidence"), STORED)
def test_recognize_cause_stored_message_has_its_cause(slug, evidence):
    assert recognize_cause(the_catalogue(), evidence).slug == slug


def test_recognize_cause_unknown_error_is_none():
    chain = [("ValueError", "the moon is in the seventh house")]
    assert recognize_cause(the_catalogue(), Evidence(chain=chain, status=Status.FAIL)) is None
    assert recognize_cause(the_catalogue(), Evidence()) is None


def test_recognize_cause_anywhere_in_the_chain():
    chain = [("RuntimeError", "could not load"), ("ValueError", "Unknown layer: Functional")]
    assert recognize_cause(the_catalogue(), Evidence(chain=chain)).slug == "unknown-functional"


def test_recognize_cause_path_of_keras_2_is_the_files():
    """The chain of a load has the import that failed, too."""
    refused = "Could not deserialize class 'Functional' because its parent module "
    chain = [
        ("TypeError", f"{refused}keras.engine.functional cannot be imported."),
        ("ModuleNotFoundError", "No module named 'keras.engine'"),
    ]
    evidence = Evidence(
        chain=chain, status=Status.FAIL, format="keras", writer_keras=2, reader_keras=2
    )
    assert recognize_cause(the_catalogue(), evidence).slug == "functional-module-path"
