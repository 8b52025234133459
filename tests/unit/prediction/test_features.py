import pytest

from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.inspection.hdf5 import Stored
from kerasmatrix.prediction.features import FEATURES, features_of
from kerasmatrix.prediction.rules import the_rules
from tests.unit.prediction.made import (
    LAMBDA_3_8,
    LAMBDA_WITH_TF,
    archive,
    h5,
    layer,
    model,
    saved_model,
    target,
    twofold,
    weights,
    wired,
)

DENSE = layer(units=2)
INPUT = layer("InputLayer", batch_input_shape=[None, 3])
INNER = model(INPUT, DENSE, class_name="Functional")
SCHEDULE = {"class_name": "SGD", "config": {"learning_rate": {"class_name": "Cosine"}}}
DEPENDENCIES = "_layer_checkpoint_dependencies/"
LAMBDA = model(INPUT, layer("Lambda", function=[LAMBDA_3_8, None, None]))
TRAINED = {"loss": "mae", "optimizer_config": {"class_name": "Adam", "config": {}}}


def compiled_with(_class, **config):
    return {"optimizer_config": {"class_name": _class, "config": config}}


def features(contents, reader=None):
    features = features_of(contents)
    return {
        name for name, feature in FEATURES.items() if feature(features, reader or target("2.9"))
    }


@pytest.mark.parametrize(
    ("feature", "having", "lacking"),
    [
        ("misnamed", h5(model(DENSE), called="a.keras"), archive(model(DENSE))),
        ("two-formats", twofold(h5(model(), called="a.keras")), twofold(h5(model()))),
        ("two-formats", twofold(saved_model(), "keras-folder"), saved_model()),
        ("compiled", h5(model(DENSE), training=TRAINED), h5(model(DENSE), training={})),
        ("optimizer-state", h5(model(), optimizer_arrays=3), h5(model(), optimizer_arrays=2)),
        ("optimizer-arrays", h5(model(), optimizer_arrays=1), h5(model())),
        (
            "own-hyperparameters",
            h5(model(), training=compiled_with("Custom>SGD", learning_rate=0.01, momentum=0.9)),
            h5(model(), training=compiled_with("Custom>SGD", learning_rate=0.01, name="SGD")),
        ),
        ("own-hyperparameters", h5(model(), training=compiled_with("Adam", lr=0.1)), h5(model())),
        ("optimizer-slots", saved_model(slots=4), saved_model()),
        ("optimizer-slots", saved_model(slots=1), h5(model(), optimizer_arrays=9)),
        ("writer-unknown", h5(model(), keras=None), h5(model())),
        ("list-config", h5({"class_name": "Sequential", "config": [DENSE]}), h5(model(DENSE))),
        (
            "loss-with-function",
            h5(model(), training={"loss": [{"class_name": "Huber", "config": {"fn": "huber"}}]}),
            h5(
                model(),
                training={"loss": {"class_name": "LossFunctionWrapper", "config": {"fn": "f"}}},
            ),
        ),
        (
            "rate-called-lr",
            h5(model(), training={"optimizer_config": {"class_name": "SGD", "config": {"lr": 1}}}),
            h5(model(), training=TRAINED),
        ),
        (
            "auto-reduction",
            h5(model(), training={"loss": {"class_name": "A", "config": {"reduction": "auto"}}}),
            h5(model(), training={"loss": {"class_name": "A", "config": {"reduction": "sum"}}}),
        ),
        (
            "legacy-optimizer",
            archive(
                model(),
                training={"optimizer": {"module": "keras.optimizers.legacy", "class_name": "A"}},
            ),
            archive(model(), training={"optimizer": {"module": "keras.optimizers"}}),
        ),
        (
            "new-optimizer",
            h5(model(), training={"optimizer": {"class_name": "Custom>Adam"}}),
            h5(model(), training=TRAINED),
        ),
        (
            "new-optimizer",
            h5(
                model(),
                training={"optimizer": {"class_name": "Adam", "config": {"jit_compile": 0}}},
            ),
            h5(model(), training={"optimizer": "adam"}),
        ),
        ("short-names", h5(model(), training=TRAINED), h5(model(), training={"loss": "mean"})),
        (
            "short-names",
            h5(model(), training={"loss": {"a": "logcosh", "b": "hinge"}}),
            h5(
                model(),
                training={"loss": {"class_name": "Huber", "config": {"name": "huber_loss"}}},
            ),
        ),
        ("lambda", h5(LAMBDA), h5(model(layer("Lambda", function="relu")))),
        ("no-input-layer", h5(model(DENSE)), h5(model(INPUT, DENSE))),
        ("any-rank", h5(model(DENSE)), h5(model(DENSE, layer("Flatten")))),
        ("later-call", h5(wired(INNER, 1)), h5(wired(INNER, 0))),
        ("later-call", h5(model(wired(INNER, 1))), h5(model(wired(INNER, 0)))),
        (
            "output-of-later-call",
            h5(wired(model(INPUT), 0, output=["inner", 1, 0])),
            h5(wired(INNER, 0, output=["inner", 1, 0])),
        ),
        (
            "unshaped-attention",
            h5(model(layer("MultiHeadAttention"))),
            h5(model(layer("MultiHeadAttention", query_shape=[]))),
        ),
        (
            "hard-sigmoid",
            h5(model(layer("LSTM", recurrent_activation="hard_sigmoid"))),
            h5(model(layer("LSTM", recurrent_activation="sigmoid"))),
        ),
        ("subclassed", archive(model(class_name="Mine")), archive(model())),
        ("schedule", h5(model(), training={"optimizer": SCHEDULE}), h5(model(), training=TRAINED)),
        (
            "dependencies-layout",
            archive(model(), paths=[DEPENDENCIES + "dense/vars/0"]),
            archive(model(), paths=["layers/dense/vars/0"]),
        ),
        (
            "counted-by-twos",
            archive(
                model(), paths=[DEPENDENCIES + "dense/vars/0", DEPENDENCIES + "dense_2/vars/0"]
            ),
            archive(model(), paths=[DEPENDENCIES + "dense_1/vars/0"]),
        ),
        (
            "counted-by-ones",
            archive(model(), paths=["layers/dense_1/vars/0"]),
            archive(model(), paths=["layers/dense/vars/0"]),
        ),
        (
            "windows-paths",
            archive(model(), paths=["layers/dense/vars/0"], windows_paths=True),
            archive(model(), paths=["layers/dense/vars/0"]),
        ),
        ("named-archive", archive(model()), h5(model())),
        ("metadata", saved_model(model(DENSE)), saved_model()),
        ("without-keras", saved_model(), saved_model(model(DENSE))),
        (
            "losses-only",
            h5(model(DENSE), training={"loss": {"a": "mine"}, "metrics": None}),
            h5(model(DENSE), training={"loss": ["mine"], "metrics": ["mine"]}),
        ),
    ],
)
def test_features_true_and_false_example(feature, having, lacking):
    assert feature in features(having)
    assert feature not in features(lacking)


@pytest.mark.parametrize(
    ("python", "other"), [("3.7", True), ("3.8", False), ("3.10", False), ("3.11", True)]
)
def test_features_other_python(python, other):
    assert ("other-python" in features(h5(LAMBDA), target("2.9", python=python))) == other


def test_features_empty_file_has_none():
    assert features(weights()) == set()
    assert features(saved_model()) == {"without-keras"}


@pytest.mark.parametrize(
    ("writer", "release"),
    [
        (Writer(keras="2.9.0", keras_major=2, tensorflow="2.9"), "2.9"),
        (Writer(keras="2.4.0", keras_major=2, tensorflow="2.3 to 2.4"), "2.3"),
        (Writer(keras="2.2.4", keras_major=2), "1.15"),
        (Writer(keras="3.4.1", keras_major=3), "3.4"),
        (Writer(keras="3", keras_major=3), "3.0"),
        (Writer(keras_major=3), "3.0"),
        (Writer(tensorflow="2.15.1"), "2.15"),
        (Writer(tensorflow="unknown"), None),
        (Writer(tensorflow="9" * 5000), None),
        (Writer(), None),
    ],
)
def test_features_of_writer(writer, release):
    contents = Contents(weights().path, "hdf5-weights", writer=writer, stored=Stored())
    assert features_of(contents).writer == release


def test_features_are_all_used_and_tested():
    asked = {name for rule in the_rules() for name in (*rule.features, *rule.without)}
    assert asked == set(FEATURES)


@pytest.mark.parametrize(
    ("release", "misses"), [("2.4", True), ("2.9", False), ("2.16", False), ("3.4", True)]
)
def test_missing_global_depends_on_release(release, misses):
    contents = h5(model(INPUT, layer("Lambda", function=[LAMBDA_WITH_TF, None, None])))
    assert ("missing-global" in features(contents, target(release))) == misses
    assert "missing-global" not in features(h5(LAMBDA), target(release))


def test_lookup_has_no_vocabulary_in_its_config():
    known = layer("TextVectorization", vocabulary=["some", "words"])
    assert "lookup" not in features(h5(model(known)), target("2.9"))
    assert "lookup" in features(h5(model(layer("TextVectorization"))), target("2.9"))


@pytest.mark.parametrize("held", [None, [3.0], []])
def test_function_of_library_has_functions_in_its_closure(held):
    function = {"class_name": "Lambda", "config": {"function": ["", None, held], "module": "keras"}}
    assert "function-of-library" not in features(h5(model(function)), target("2.9"))


def test_listed_output_is_followed_by_a_layer():
    inner = {"class_name": "Functional", "config": {"output_layers": [["dense", 0, 0]]}}
    flat = {"class_name": "Functional", "config": {"output_layers": ["dense", 0, 0]}}
    assert "listed-output" in features(h5(model(inner, DENSE)), target("3.4"))
    assert "listed-output" not in features(h5(model(flat, DENSE)), target("3.4"))
    assert "listed-output" not in features(h5(model(DENSE, inner)), target("3.4"))
    assert "listed-output" not in features(archive(model(inner, DENSE)), target("3.4"))
    nested = model(model(inner, DENSE), class_name="Functional")
    assert "listed-output" in features(archive(nested), target("3.4"))
