from kerasmatrix.prediction.features import features_of
from kerasmatrix.prediction.parts import parts_of
from tests.unit.prediction.made import h5, layer, model


def parts(config, training=None, own=()):
    found = parts_of(features_of(h5(config, training=training)), own)
    return [(part.place, part.name, part.where, part.wirings) for part in found]


def test_parts_of_wrapped_layer_and_its_values():
    inner = layer("LSTM", activation="tanh", bias_initializer={"class_name": "Ones", "config": {}})
    assert parts(model(layer("Bidirectional", layer=inner))) == [
        ("layers", "Sequential", "model", ()),
        ("layers", "Bidirectional", "bidirectional", ("in-Sequential",)),
        ("layers", "LSTM", "lstm", ("in-Bidirectional",)),
        ("activations", "tanh", "lstm", ()),
        ("initializers", "Ones", "lstm", ()),
    ]


def test_parts_of_functional_model_leave_out_own_classes():
    own = layer("Mine", module="mine", registered_name="mine>Mine")
    functional = model(layer("Dense"), own, layer("Norm"), class_name="Functional")
    assert parts(functional, own={"Norm"}) == [("layers", "Dense", "dense", ())]


def test_parts_of_compile_config():
    rate = {"class_name": "ExponentialDecay", "config": {"decay_steps": 3}}
    training = {
        "optimizer_config": {"class_name": "Custom>Adam", "config": {"learning_rate": rate}},
        "loss": {"out": "mse", "other": {"class_name": "Huber", "config": {"delta": 2.0}}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"fn": "cosine_similarity"}}]],
    }
    assert parts({}, training) == [
        ("optimizers", "Adam", "optimizer", ()),
        ("optimizers.schedules", "ExponentialDecay", "optimizer", ()),
        ("losses", "mse", "loss", ()),
        ("losses", "Huber", "loss", ()),
        ("metrics", "cosine_similarity", "metrics", ()),
    ]


def test_parts_of_legacy_optimizer_have_its_place():
    optimizer = {"class_name": "SGD", "module": "keras.optimizers.legacy", "config": {"decay": 0.1}}
    assert parts({}, {"optimizer": optimizer}) == [("optimizers.legacy", "SGD", "optimizer", ())]
