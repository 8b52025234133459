"""What `explain` says of a message, in the forms in which people pass it on."""

from pathlib import Path

import pytest
import yaml

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.explain import explain_message, explain_symptom
from kerasmatrix.errors import UsageError
from tests.unit.diagnosis.reported_messages import REPORTED

CASES = [(slug, text) for slug, texts in REPORTED.items() for text in texts]
REPORTS = yaml.safe_load(Path(__file__).with_name("reports.yaml").read_text(encoding="utf-8"))
FUNCTIONAL = "ValueError: Unknown layer: Functional"


@pytest.mark.parametrize(("slug", "text"), CASES)
def test_explain_reported_message_has_its_cause(slug, text):
    assert explain_message(text).cause.slug == slug


@pytest.mark.parametrize(("slug", "text"), CASES)
def test_explain_message_in_a_log_or_indented_has_its_cause(slug, text):
    logged = explain_message(f"2026-03-02 11:59:07,120 ERROR app.models: {text}")
    indented = explain_message("\n".join(f"      {line}" for line in text.splitlines()))
    assert logged.cause.slug == indented.cause.slug == slug


@pytest.mark.parametrize("report", REPORTS, ids=[one["url"] for one in REPORTS])
def test_explain_report_has_its_cause(report):
    if "symptom" in report:
        found = explain_symptom(report["symptom"])
    else:
        found = explain_message(report["error"])
    assert found.cause.slug == report["slug"]


def test_explain_message_has_the_cause_of_its_place():
    found = explain_message(
        "FileNotFoundError: `config.json` is missing from the preset directory `/presets/own`."
    )
    assert (found.cause.slug, found.confidence) == ("preset-not-found", "medium")
    assert "keras_hub" in {origin.package for origin in found.raised_by}


def test_explain_traceback_among_frames_has_its_cause():
    text = (
        "Traceback (most recent call last):\n"
        '  File "app.py", line 3, in <module>\n'
        "    model = load_model(path)\n"
        f"{FUNCTIONAL}\n"
    )
    assert explain_message(text).matched == "Unknown layer: Functional"


def test_explain_name_of_a_frame_is_not_evidence():
    text = (
        "Traceback (most recent call last):\n"
        '  File "hdf5_format.py", line 3, in load_model_from_hdf5\n'
        '    raise ValueError("Unknown layer: Functional")\n'
    )
    assert explain_message(text).cause is None


def test_explain_condition_on_unknown_format_is_not_met():
    text = "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    unknown = explain_message(text)
    assert unknown.cause is None
    assert unknown.near[0].lacks == ("format",)
    assert any("--format" in need for need in unknown.needs)
    assert explain_message(text, file_format="savedmodel").cause.slug == "savedmodel-metadata-newer"


def test_explain_text_with_two_meanings_advises_nothing():
    found = explain_message("ValueError: Unrecognized keyword arguments passed to Own: {'new': 1}")
    assert (found.cause, found.advice) == (None, ())
    assert {near.slug for near in found.near} >= {"config-key-too-new", "config-key-removed"}
    assert any("--loaded-with" in need for need in found.needs)


def test_explain_advice_that_the_version_lacks_is_left_out():
    text = "AttributeError: '_UserObject' object has no attribute 'predict'"
    old = {advice.id for advice in explain_message(text, loaded_with="tf2.5").advice}
    new = {advice.id for advice in explain_message(text, loaded_with="keras3.4.1").advice}
    assert "tfsm-layer" not in old
    assert "keras-loader" in old
    assert "tfsm-layer" in new
    assert "keras-loader" not in new


def test_explain_message_of_one_keras_has_advice_for_it():
    text = (
        "ValueError: Unable to create a Keras model from SavedModel at out. This SavedModel was "
        "exported with `tf.saved_model.save`, and lacks the Keras metadata file. Please save your "
        "Keras model by calling `model.save` or `tf.keras.models.save_model`."
    )
    ids = {advice.id for advice in explain_message(text).advice}
    assert "keras-loader" in ids
    assert "tfsm-layer" not in ids


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ValueError: numpy.dtype size changed, may indicate binary incompatibility", "pin-numpy"),
        ("TypeError: fit() got an unexpected keyword argument 'workers'", "leave-out"),
        ("AttributeError: 'Adam' object has no attribute 'lr'", "new-names"),
    ],
)
def test_explain_text_decides_which_advice_is_first(text, first):
    assert explain_message(text).advice[0].id == first


def test_explain_special_advice_is_for_its_text_only():
    text = "AttributeError: 'Sequential' object has no attribute 'predict_classes'"
    ids = {advice.id for advice in explain_message(text).advice}
    assert "predict-classes" in ids
    assert "to-categorical" not in ids


def test_explain_message_says_where_it_is_raised():
    text = "ValueError: Layer 'd' expected 2 variables, but received 0 variables during loading."
    found = explain_message(text)
    assert found.raised_by[0].package == "keras"
    assert any("load_own_variables" in origin.place for origin in found.raised_by)


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("predictions differ after loading", "silent-drift"),
        ("the model gives a different accuracy when I reload it", "silent-drift"),
        ("optimizer state is lost, training starts again", "optimizer-state-lost"),
        ("the learning rate was reset", "learning-rate-reset"),
        ("vocabulary empty after load_model", "lookup-state"),
        ("load_model hangs forever", "load-never-ends"),
    ],
)
def test_explain_symptom_has_its_cause(text, slug):
    assert explain_symptom(text).cause.slug == explain_message(text).cause.slug == slug


def test_explain_unknown_symptom_asks_for_the_file():
    assert explain_symptom("it is blue").needs
    with pytest.raises(UsageError, match="no symptom"):
        explain_symptom(" ")


FOREIGN = [
    "KeyError: 'price'",
    "IndexError: list index out of range",
    "TypeError: 'NoneType' object is not subscriptable",
    "ValueError: invalid literal for int() with base 10: 'abc'",
    "ValueError: steps must be a positive integer",
    "TypeError: build() missing 1 required positional argument: 'target'",
    "AttributeError: 'Connection' object has no attribute '_lock'",
    "AssertionError: assert response.status_code == 200",
    "RuntimeError: super().__init__() must be called before the widget is shown",
    "ValueError: Input X contains NaN. LogisticRegression does not accept missing values.",
    "RuntimeError: size mismatch for fc.weight: copying a param with shape torch.Size([10, 512])",
    "RuntimeError: Expected all tensors to be on the same device, but found cuda:0 and cpu!",
    "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: users",
    "django.core.exceptions.ImproperlyConfigured: Requested setting INSTALLED_APPS",
    "TypeError: Cannot read properties of undefined (reading 'map')\n    at App (App.jsx:12:20)",
    'NullPointerException: "s" is null\n\tat Main.main(Main.java:5)',
    "npm ERR! ERESOLVE unable to resolve dependency tree",
    "ERROR: Could not find a version that satisfies the requirement foobar==9",
    "cv2.error: OpenCV(4.5.5) color.cpp:182: error: (-215:Assertion failed) !_src.empty()",
    "CONFLICT (content): Merge conflict in setup.py",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_explain_error_of_other_software_has_no_cause(text):
    assert explain_message(text).cause is None


def test_causes_within_name_a_cause():
    slugs = {cause.slug for cause in the_catalogue().causes}
    assert {cause.within for cause in the_catalogue().causes} - {None} <= slugs
