import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.prediction.cache import Notes
from kerasmatrix.prediction.predict import foretell, foretell_file, predict
from kerasmatrix.prediction.similar_cells import Precedent
from tests.unit.inspection import files
from tests.unit.prediction.made import h5, layer, model, target


def test_a_file_is_foretold_for_each_environment_in_order(tmp_path):
    path = files.hdf5_model(tmp_path / "a.h5")
    targets = [target("2.2", environment="old"), target("2.9", environment="new")]
    told = predict(path, targets)
    assert [each.environment for each in told] == ["old", "new"]
    assert [each.status for each in told] == ["fail", "pass"]


def test_what_was_found_in_the_file_is_said():
    (told,) = foretell(h5(model(layer("LSTM", units=1, time_major=False))), [target("3.4")])
    assert told.because.endswith("(layer 'lstm': 'time_major' of LSTM)")


def test_a_class_that_is_brought_is_no_obstacle():
    contents = h5(model(layer("Mine")))
    (without,) = foretell(contents, [target("2.9")])
    (having,) = foretell(contents, [target("2.9")], {"Mine"})
    assert (without.cause, without.remedy) == ("custom-class-missing", "custom-objects")
    assert having.status == "pass"


def test_of_a_release_that_was_not_surveyed_less_is_sure():
    contents = h5(model(layer(units=1)))
    known, unknown = foretell(contents, [target("3.15"), target("3.99")])
    assert 0 < unknown.confidence < known.confidence


def test_a_config_that_is_nested_without_end_is_an_error():
    deep = "mine"
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(UsageError, match="nested too deeply"):
        foretell(h5(model(), training={"loss": deep}), [target("2.9")])


def test_what_is_no_model_is_an_error(tmp_path):
    (tmp_path / "a.h5").write_text("nothing")
    with pytest.raises(UsageError, match="is a text file"):
        predict(tmp_path / "a.h5", [target("2.9")])


def test_what_is_in_the_way_behind_the_first_thing_needs_its_remedy_too():
    own = layer("Mine")
    lstm = layer("LSTM", units=1, time_major=False)
    (told,) = foretell(h5(model(own, lstm)), [target("3.4")])
    assert (told.rule, told.remedy) == ("custom-class", "custom-objects + rewrite-config")
    misnamed = h5(model(lstm), called="model.keras")
    (told,) = foretell(misnamed, [target("3.4")])
    assert (told.rule, told.remedy) == ("misnamed", "true-name + rewrite-config")


def test_a_remedy_that_takes_the_place_of_the_load_stands_alone():
    told = model(layer("LSTM", units=1, time_major=False), layer("TFOpLambda", function="x"))
    (found,) = foretell(h5(told), [target("3.4")])
    assert (found.rule, found.remedy) == ("key-removed", "rebuild-and-load-weights")


def test_rewriting_takes_care_of_what_the_model_was_compiled_with():
    training = {"optimizer_config": {"class_name": "Custom>Adam", "config": {}}, "loss": "mse"}
    config = model(layer(units=1), class_name="Functional")
    (found,) = foretell(h5(config, keras="2.12.0", training=training), [target("2.2")])
    assert (found.rule, found.remedy) == ("functional-class", "rewrite-config")


def test_notes_of_what_was_measured_count(tmp_path):
    path = files.hdf5_model(tmp_path / "a.h5")
    notes = Notes(tmp_path)
    read = foretell_file(path, [target("2.9")])
    cell = Precedent("first", "h5", "old", "new", "fail", "op-layer", None)
    notes.keep_cells([(read.likeness, read.readers["k2.9"], cell)])
    (told,) = predict(path, [target("2.9")], (), notes)
    assert (told.status, told.rule) == ("fail", "measured:first/h5/old/new")
    (other,) = predict(path, [target("2.10")], (), notes)
    assert other.status == "pass"
