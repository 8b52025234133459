from dataclasses import replace

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.prediction.cache import PredictionCache
from kerasmatrix.prediction.predict import predict_by_rules, predict_file
from kerasmatrix.prediction.predictor import predict_contents
from kerasmatrix.prediction.similar_cells import SimilarCell
from tests.unit.inspection import files
from tests.unit.prediction.made import (
    LAMBDA_3_8,
    architecture,
    archive,
    h5,
    layer,
    model,
    saved_model,
    target,
    weights,
)


def test_predict_file_environments_in_order(tmp_path):
    path = files.hdf5_model(tmp_path / "a.h5")
    targets = [target("2.2", environment="old"), target("2.9", environment="new")]
    told = predict_file(path, targets)
    assert [each.environment for each in told] == ["old", "new"]
    assert [each.status for each in told] == ["fail", "pass"]


def test_predict_contents_reason_names_part():
    (told,) = predict_contents(h5(model(layer("LSTM", units=1, time_major=False))), [target("3.4")])
    assert told.because.endswith("(layer 'lstm': 'time_major' of LSTM)")


def test_predict_contents_custom_class_with_code_passes():
    contents = h5(model(layer("Mine")))
    (without,) = predict_contents(contents, [target("2.9")])
    (having,) = predict_contents(contents, [target("2.9")], {"Mine"})
    assert (without.cause, without.remedy) == ("custom-class-missing", "custom-objects")
    assert having.status == "pass"


def test_predict_contents_weights_with_architecture_are_rebuilt():
    """Weights with an architecture next to them are loaded as that is, with them."""
    held = replace(weights(), config=model(layer("Mine")), companion="model.json")
    for contents in (held, architecture(model(layer("Mine")), weights="w.h5")):
        old, new = predict_contents(contents, [target("2.9"), target("3.4")])
        assert (old.status, old.cause) == ("fail", "custom-class-missing")
        assert new.status == "fail"


def test_predict_contents_saved_model_restored_class_is_needed():
    """Keras 2 revives layers of a SavedModel, except those that it must make from their configs."""
    contents = saved_model(model(layer("Custom>Cast"), layer("Mine")), must_restore=["Custom>Cast"])
    old, new, newest = predict_contents(contents, [target("2.4"), target("2.15"), target("3.4")])
    assert (new.status, new.cause) == ("fail", "custom-class-missing")
    assert old.cause == "savedmodel-metadata-newer"
    assert newest.cause == "savedmodel"
    (having,) = predict_contents(contents, [target("2.15")], {"Cast"})
    assert having.status == "pass"
    (revived,) = predict_contents(saved_model(model(layer("Mine"))), [target("2.15")])
    assert revived.status == "pass"


def test_predict_contents_unsurveyed_is_less_confident():
    contents = h5(model(layer(units=1)))
    known, unknown = predict_contents(contents, [target("3.15"), target("3.99")])
    assert 0 < unknown.confidence < known.confidence


def test_predict_contents_endless_nesting_is_usage_error():
    deep = "mine"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(UsageError, match="nested too deeply"):
        predict_contents(h5(model(), training={"loss": deep}), [target("2.9")])


def test_predict_file_not_a_model_is_usage_error(tmp_path):
    (tmp_path / "a.h5").write_text("nothing")
    with pytest.raises(UsageError, match="is a text file"):
        predict_file(tmp_path / "a.h5", [target("2.9")])


def test_predict_contents_two_fixes_are_combined():
    own = layer("Mine")
    lstm = layer("LSTM", units=1, time_major=False)
    (told,) = predict_contents(h5(model(own, lstm)), [target("3.4")])
    assert (told.rule, told.remedy) == ("custom-class", "custom-objects + rewrite-config")
    misnamed = h5(model(lstm), called="model.keras")
    (told,) = predict_contents(misnamed, [target("3.4")])
    assert (told.rule, told.remedy) == ("misnamed", "true-name + rewrite-config")


def test_predict_contents_final_fix_stands_alone():
    told = model(layer("LSTM", units=1, time_major=False), layer("TFOpLambda", function="x"))
    (found,) = predict_contents(h5(told), [target("3.4")])
    assert (found.rule, found.remedy) == ("key-removed", "rebuild-and-load-weights")


def test_predict_contents_rewrite_includes_no_compile():
    training = {"optimizer_config": {"class_name": "Custom>Adam", "config": {}}, "loss": "mse"}
    config = model(layer(units=1), class_name="Functional")
    (found,) = predict_contents(h5(config, keras="2.12.0", training=training), [target("2.2")])
    assert (found.rule, found.remedy) == ("functional-class", "rewrite-config")


def test_predict_file_measured_cells_decide(tmp_path):
    path = files.hdf5_model(tmp_path / "a.h5")
    notes = PredictionCache(tmp_path)
    read = predict_by_rules(path, [target("2.9")])
    cell = SimilarCell("first", "h5", "old", "new", "fail", "op-layer", None)
    notes.keep_cells([(read.similarity_key, read.readers["k2.9"], cell)])
    (told,) = predict_file(path, [target("2.9")], (), notes)
    assert (told.status, told.rule) == ("fail", "measured:first/h5/old/new")
    (other,) = predict_file(path, [target("2.10")], (), notes)
    assert other.status == "pass"


def test_predict_contents_applied_fix_is_not_needed():
    code = {"class_name": "__lambda__", "config": {"code": LAMBDA_3_8}}
    contents = archive(model(layer("Lambda", function=code)), keras="2.15.0")
    reader = target("2.15", python="3.9")
    (safe,) = predict_contents(contents, [reader])
    (unsafe,) = predict_contents(contents, [reader], applied=["trust-the-lambda"])
    assert (safe.rule, unsafe.status) == ("safe-mode", "pass")
