"""For each rule a file that it decides, and the release of Keras (or environment) that reads it."""

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

DENSE = layer(units=2)
PLAIN = model(DENSE)
INPUT = layer("InputLayer", batch_input_shape=[None, 3])
FUNCTIONAL = model(INPUT, DENSE, class_name="Functional")
NESTED = model(INPUT, FUNCTIONAL, class_name="Functional")
KERAS_2_ARCHIVED = "keras.src.engine.functional"
LAMBDA = model(INPUT, layer("Lambda", function=[LAMBDA_3_8, None, None]))
HARD = model(INPUT, layer(units=2, activation="hard_sigmoid"))
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.1}}
NEW_ADAM = {"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}}
SCHEDULED = {"class_name": "SGD", "config": {"learning_rate": {"class_name": "ExponentialDecay"}}}
MSE = {"class_name": "MeanSquaredError", "config": {}}
DEPENDENCIES = "_layer_checkpoint_dependencies/"


def trained(optimizer=ADAM, loss=MSE):
    return {"optimizer_config": optimizer, "loss": loss}


EXAMPLES = {
    "archive-unknown": (archive(PLAIN), "2.11"),
    "no-weights": (architecture(PLAIN), "2.9"),
    "misnamed": (h5(PLAIN, called="model.keras"), "3.4"),
    "module-path": (archive(FUNCTIONAL | {"module": KERAS_2_ARCHIVED}), "3.4"),
    "functional-class": (h5(FUNCTIONAL), "2.2"),
    "operation": (h5(model(INPUT, layer("TFOpLambda", function="math.add"))), "3.4"),
    "class-unknown": (h5(model(layer("MultiHeadAttention"))), "2.3"),
    "custom-class": (h5(model(layer("Mine"))), "2.9"),
    "bare-wrapped": (h5(model(INPUT, layer("Bidirectional", layer=layer("LSTM")))), "3.4"),
    "input-shape": (h5(model(layer("InputLayer", batch_shape=[None, 3])), keras="3.4.1"), "2.15"),
    "policy": (
        h5(model(layer(units=2, dtype={"class_name": "Policy", "config": {"name": "x"}}))),
        "3.4",
    ),
    "key-removed": (h5(model(INPUT, layer("LSTM", units=2, time_major=False))), "3.4"),
    "key-too-new": (h5(model(INPUT, layer("Conv2D", filters=2, groups=1)), keras="2.9"), "2.2"),
    "key-absent": (h5(model(layer("MultiHeadAttention", num_heads=2)), keras="2.4"), "2.9"),
    "function-unknown": (h5(model(layer(units=2, activation="gelu"))), "2.3"),
    "safe-mode": (archive(LAMBDA), "2.15"),
    "safe-mode-hdf5": (h5(LAMBDA), "3.12"),
    "bytecode": (h5(LAMBDA), target("2.15", python="3.11")),
    "attention-shapes": (
        h5(model(INPUT, layer("MultiHeadAttention", num_heads=2)), keras="2.4"),
        "3.4",
    ),
    "input-twice": (h5(model(layer(units=2, batch_input_shape=[None, 3]))), "3.4"),
    "nested-graph": (h5(NESTED), "3.6"),
    "load-never-ends": (h5(NESTED), "3.4"),
    "archive-layout": (
        archive(PLAIN, keras="2.12.0", paths=[DEPENDENCIES + "dense/vars/0"]),
        "2.15",
    ),
    "archive-layout-back": (archive(PLAIN, paths=["layers/dense/vars/0"]), "2.13"),
    "archive-count": (
        archive(PLAIN, keras="2.12.0", paths=[DEPENDENCIES + "dense_2/vars/0"]),
        "2.14",
    ),
    "archive-count-back": (
        archive(PLAIN, keras="2.14.0", paths=[DEPENDENCIES + "dense_1/vars/0"]),
        "2.13",
    ),
    "weights-newer": (weights(keras_3_layout=True), "2.9"),
    "loss-names": (h5(model(INPUT, DENSE), training=trained(loss="mse")), "3.4"),
    "custom-loss": (h5(PLAIN, training=trained(loss="mine")), "2.9"),
    "new-optimizer": (h5(PLAIN, keras="2.12.0", training=trained(NEW_ADAM)), "2.10"),
    "sample-weight-mode": (h5(PLAIN, keras="2.3", training=trained()), "2.2"),
    "hard-sigmoid": (h5(HARD), "3.4"),
    "hard-sigmoid-back": (h5(HARD, keras="3.4.1"), "2.9"),
    "schedule": (h5(model(INPUT, DENSE), training=trained(SCHEDULED)), "3.4"),
    "rate-reset": (h5(model(INPUT, DENSE), keras="2.12.0", training=trained(NEW_ADAM)), "3.4"),
    "state-lost": (h5(model(INPUT, DENSE), training=trained(), optimizer_arrays=5), "3.4"),
    "saved-model-in-keras-3": (saved_model(PLAIN), "3.4"),
    "weights-alone": (weights(), "2.9"),
    "nothing-against": (h5(PLAIN), "2.9"),
}
