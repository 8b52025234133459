"""For each rule a file that it decides, and the release of Keras (or environment) that reads it."""

from tests.unit.prediction.made import (
    LAMBDA_3_8,
    LAMBDA_WITH_TF,
    along,
    architecture,
    archive,
    h5,
    layer,
    linked,
    model,
    other_weights,
    saved_model,
    target,
    twofold,
    weights,
    wired,
)

DENSE = layer(units=2)
PLAIN = model(DENSE)
INPUT = layer("InputLayer", batch_input_shape=[None, 3])
FUNCTIONAL = model(INPUT, DENSE, class_name="Functional")
MODULED = FUNCTIONAL | {"module": "keras.src.engine.functional"}
NESTED = wired(PLAIN, 1)
KERAS_2_ARCHIVED = "keras.src.engine.functional"
CODE = layer("Lambda", function=[LAMBDA_3_8, None, None])
CODE_3 = layer("Lambda", module="keras.layers", function=[LAMBDA_3_8, None, None])
LAMBDA = model(INPUT, CODE)
HARD = model(INPUT, layer(units=2, activation="hard_sigmoid"))
ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.1}}
SGD = {"class_name": "SGD", "config": {"learning_rate": 0.1}}
NEW_ADAM = {"class_name": "Custom>Adam", "config": {"learning_rate": 0.1}}
SCHEDULED = {"class_name": "SGD", "config": {"learning_rate": {"class_name": "ExponentialDecay"}}}
MSE = {"class_name": "MeanSquaredError", "config": {}}
MODEL = model(INPUT, DENSE)
LISTED = {"class_name": "Sequential", "config": [DENSE]}
CALLING = {"class_name": "BinaryCrossentropy", "config": {"fn": "binary_crossentropy"}}
LEGACY = {"optimizer": {"module": "keras.optimizers.legacy", "class_name": "Adam", "config": {}}}
SUBCLASSED = model(class_name="Mine", module="mine", registered_name="Mine")
WRAPPED = model(
    layer("InputLayer", batch_shape=[None, 3]),
    layer("TimeDistributed", layer=FUNCTIONAL | {"module": "keras.src.models.functional"}),
)
POLICY_3 = {"class_name": "DTypePolicy", "config": {"name": "float32"}}
BATCH_SHAPED = layer("InputLayer", batch_shape=[None, 3])
NORMALIZED = layer("BatchNormalization", module="keras.layers", axis=[1])
VOCABULARY = layer("StringLookup", module="keras.layers", vocabulary="/srv/words.txt")
READER = layer(
    "Lambda",
    module="keras.layers",
    function={"module": "keras.utils", "class_name": "function", "config": "load_img"},
)
TORCH = layer("TorchModuleWrapper", module="keras.layers")
PLAIN_3 = model(BATCH_SHAPED, layer(units=2))
ATTENTION = layer("Attention", score_mode="dot")
LISTING = {
    "class_name": "Functional",
    "module": "keras.src.models.functional",
    "config": {"name": "inner", "layers": [BATCH_SHAPED], "output_layers": [["dense", 0, 0]]},
}
LISTING_FIRST = model(LISTING, layer(module="keras.layers", units=2))
DOUBLED = model(
    BATCH_SHAPED,
    layer("Multiply") | {"inbound_nodes": [{"args": [{}, 2.0], "kwargs": {}}]},
    class_name="Functional",
)
JITTED = {"module": "keras.optimizers", "class_name": "Adam", "config": {"jit_compile": False}}
PSNR = {"class_name": "MeanMetricWrapper", "config": {"name": "psnr", "fn": "psnr"}}
# The program brings the class that the file is about.
OWN_2_15 = (target("2.15"), {"Mine"})
NEW = "layers/dense/vars/0"
DEPENDENCIES = "_layer_checkpoint_dependencies/"


def trained(optimizer=ADAM, loss=MSE):
    return {"optimizer_config": optimizer, "loss": loss}


EXAMPLES = {
    "two-formats": (twofold(h5(PLAIN, called="model.keras"), held=archive(PLAIN)), "2.12"),
    "two-formats-folder": (twofold(saved_model(PLAIN), "keras-folder"), "3.4"),
    "archive-unknown": (archive(PLAIN), "2.11"),
    "no-weights": (architecture(PLAIN), "2.9"),
    "architecture-as-list": (architecture(LISTED, weights="model.h5"), "3.4"),
    "architecture-of-keras-2": (architecture(PLAIN, weights="model.h5"), "3.4"),
    "misnamed": (h5(PLAIN, called="model.keras"), "3.4"),
    "module-path": (archive(FUNCTIONAL | {"module": KERAS_2_ARCHIVED}), "3.4"),
    "module-path-hdf5": (h5(model(layer("TimeDistributed", layer=MODULED))), "3.4"),
    "wrapped-functional-old": (h5(WRAPPED, keras="3.10.0"), "3.4"),
    "wrapped-functional": (h5(WRAPPED, keras="3.10.0"), "3.12"),
    "functional-class": (h5(FUNCTIONAL), "2.2"),
    "operation": (h5(model(INPUT, layer("TFOpLambda", function="math.add"))), "3.4"),
    "unpacked": (archive(PLAIN, holder="folder"), "2.15"),
    "unpacked-named-archive": (archive(PLAIN, holder="folder"), "3.12"),
    "keras-1": (h5(MODEL, keras="1.2.2"), "2.4"),
    "raw-bytecode": (
        h5(model(INPUT, layer("Lambda", function=["c\x01\x00\x00", None, None]))),
        "2.4",
    ),
    "listed-output": (archive(model(BATCH_SHAPED, LISTING_FIRST), keras="3.4.1"), "3.14"),
    "listed-output-3-4": (archive(model(BATCH_SHAPED, LISTING_FIRST), keras="3.4.1"), "3.4"),
    "missing-global": (
        h5(model(INPUT, layer("Lambda", function=[LAMBDA_WITH_TF, None, None]))),
        target("2.4", python="3.8"),
    ),
    "function-of-library": (
        h5(
            model(
                INPUT,
                {
                    "class_name": "Lambda",
                    "config": {
                        "function": [LAMBDA_3_8, None, ["handler"]],
                        "module": "keras.activations",
                    },
                },
            )
        ),
        target("2.4", python="3.8"),
    ),
    "operation-of-keras-3": (h5(model(INPUT, layer("NotEqual")), keras="3.4.1"), "3.4"),
    "class-gone": (h5(model(INPUT, layer("ThresholdedReLU"))), "3.4"),
    "merge-in-sequence": (h5(model(INPUT, DENSE, layer("Concatenate"))), "2.9"),
    "cudnn": (h5(model(INPUT, layer("CuDNNLSTM", units=2))), "2.9"),
    "table-in-hdf5": (h5(model(INPUT, layer("TextVectorization", max_tokens=2))), "2.9"),
    "listed-axis": (archive(model(BATCH_SHAPED, NORMALIZED)), "3.4"),
    "dot-score": (h5(model(INPUT, ATTENTION, class_name="Functional"), keras="3.4.1"), "3.14"),
    "operation-on-constant": (h5(DOUBLED, keras="3.14.1"), "3.14"),
    "loss-function-key-archived": (archive(PLAIN_3, training={"loss": CALLING}), "3.4"),
    "optimizer-key": (archive(PLAIN_3, training={"optimizer": JITTED}), "3.4"),
    "added-axis": (archive(LISTING_FIRST, keras="3.4.1"), "3.14"),
    "added-axis-3-4": (archive(LISTING_FIRST, keras="3.4.1"), "3.4"),
    "axis-forgotten": (h5(along(1, "Softmax"), keras="3.15.1"), "3.4"),
    "axis-of-weights-forgotten": (h5(along(1, "BatchNormalization"), keras="3.4.1"), "3.4"),
    "compiled-without-optimizer": (
        archive(
            PLAIN_3, training={"optimizer": None, "loss": "mean_squared_error"}, keras="3.15.1"
        ),
        "3.15",
    ),
    "saved-model-without-variables": (saved_model(PLAIN, whole=False), "2.9"),
    "saved-model-without-variables-in-keras-3": (saved_model(PLAIN, whole=False), "3.4"),
    "saved-model-table": (
        saved_model(model(layer("TextVectorization")), tensorflow="2.4.4"),
        "2.9",
    ),
    "saved-model-metric": (saved_model(PLAIN, training={"metrics": [PSNR]}), "2.9"),
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
    "safe-mode": (archive(LAMBDA), target("2.15", python="3.9")),
    "safe-mode-hdf5": (h5(LAMBDA), "3.12"),
    "safe-mode-wrapped": (
        h5(model(BATCH_SHAPED, layer("TimeDistributed", layer=CODE_3)), keras="3.4.1"),
        "3.10",
    ),
    "savedmodel-layer-in-hdf5": (
        h5(model(BATCH_SHAPED, layer("TFSMLayer", filepath="/srv/model")), keras="3.4.1"),
        "3.10",
    ),
    "path-refused": (archive(model(BATCH_SHAPED, VOCABULARY)), "3.12"),
    "function-refused": (archive(model(BATCH_SHAPED, READER)), "3.11"),
    "path-outside": (archive(model(BATCH_SHAPED, VOCABULARY)), "3.4"),
    "arrays-elsewhere-3-12": (linked(h5(PLAIN_3, keras="3.4.1")), "3.12"),
    "arrays-elsewhere": (linked(h5(PLAIN_3, keras="3.4.1")), "3.14"),
    "torch-module": (archive(model(BATCH_SHAPED, TORCH)), "3.4"),
    "bytecode": (h5(LAMBDA), target("2.15", python="3.11")),
    "attention-shapes": (
        h5(
            model(INPUT, layer("MultiHeadAttention", num_heads=2), class_name="Functional"),
            keras="2.4",
        ),
        "3.4",
    ),
    "input-twice": (
        h5(model(layer(units=2, batch_input_shape=[None, 3]), layer("Flatten"))),
        "3.4",
    ),
    "input-twice-called": (h5(model(layer(units=2, batch_input_shape=[None, 3]))), "3.4"),
    "nested-graph": (h5(NESTED), "3.12"),
    "load-never-ends": (h5(NESTED), "3.4"),
    "nested-output": (h5(wired(PLAIN, 0, output=["inner", 1, 0])), "3.4"),
    "archive-of-windows": (archive(PLAIN, paths=[NEW], windows_paths=True), "2.15"),
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
    "subclassed-in-hdf5": (h5(model(class_name="Mine"), keras="3.4.1"), OWN_2_15),
    "subclassed-archive-back": (archive(SUBCLASSED, keras="3.4.1"), OWN_2_15),
    "own-policy": (h5(model(layer("Mine", dtype=POLICY_3)), keras="3.4.1"), OWN_2_15),
    "own-policy-archived": (archive(model(layer("Mine", dtype=POLICY_3))), OWN_2_15),
    "list-config": (h5(LISTED, keras="2.2.2"), "3.4"),
    "list-config-2-2": (h5(LISTED, keras="2.2.2"), "2.2"),
    "loss-function-key": (h5(MODEL, keras="2.15", training=trained(loss=CALLING)), "3.4"),
    "loss-function-key-new": (h5(MODEL, keras="2.15", training=trained(loss=CALLING)), "2.12"),
    "rate-called-lr": (
        h5(MODEL, training=trained({"class_name": "Adam", "config": {"lr": 0.1}})),
        "3.4",
    ),
    "auto-reduction": (
        h5(MODEL, training=trained(loss={"class_name": "Huber", "config": {"reduction": "auto"}})),
        "3.4",
    ),
    "legacy-optimizer": (archive(PLAIN, training=LEGACY), "2.15"),
    "checkpoint-in-keras-3": (other_weights("checkpoint"), "3.4"),
    "checkpoint-without-numbers": (other_weights("checkpoint", whole=False), "2.9"),
    "checkpoint": (other_weights("checkpoint"), "2.9"),
    "shards-in-keras-2": (other_weights("sharded-weights"), "2.15"),
    "shards-old-keras-3": (other_weights("sharded-weights"), "3.9"),
    "shards": (other_weights("sharded-weights"), "3.10"),
    "weights-newer": (weights(paths=[NEW]), "2.9"),
    "weights-misnamed": (weights(paths=[NEW]), "2.15"),
    "weights-under-new-name": (weights(called="a.weights.h5"), "2.15"),
    "weights-of-windows": (
        weights(paths=[NEW], called="a.weights.h5", windows_paths=True),
        "2.15",
    ),
    "weights-layout-back": (weights(paths=[NEW], called="a.weights.h5"), "2.13"),
    "weights-layout-forward": (
        weights(paths=[DEPENDENCIES + "dense/vars/0"], called="a.weights.h5"),
        "2.15",
    ),
    "weights-count": (
        weights(paths=[DEPENDENCIES + "dense_2/vars/0"], called="a.weights.h5"),
        "3.4",
    ),
    "weights-fit": (weights(), "2.9"),
    "weights-of-new-layout": (weights(paths=[NEW], called="a.weights.h5"), "3.4"),
    "weights-writer-unknown": (weights(keras=None), "2.9"),
    "writer-unknown": (h5(PLAIN, keras=None), "2.9"),
    "saved-model-optimizer": (saved_model(PLAIN, slots=4), "3.4"),
    "saved-model-export-op": (saved_model(tensorflow="2.16.1"), "2.9"),
    "saved-model-export": (saved_model(tensorflow="2.16.1"), "2.15"),
    "saved-model-metadata": (saved_model(PLAIN), "2.4"),
    "saved-model-metadata-2-4": (saved_model(PLAIN, tensorflow="2.12.1"), "2.4"),
    "saved-model-op": (saved_model(PLAIN, tensorflow="2.12.1"), "2.9"),
    "saved-model-notes": (saved_model(PLAIN, tensorflow="2.4.4", training=trained()), "2.2"),
    "saved-model-no-model": (saved_model(PLAIN, tensorflow="2.3.4"), "1.15"),
    "saved-model-state": (saved_model(PLAIN, slots=4), "2.9"),
    "loss-names": (h5(model(INPUT, DENSE), training=trained(loss="mse")), "3.4"),
    "custom-loss-in-list": (h5(MODEL, training=trained(loss=["mine"])), "3.4"),
    "custom-loss": (h5(PLAIN, training=trained(loss="mine")), "2.9"),
    "new-optimizer": (h5(PLAIN, keras="2.12.0", training=trained(NEW_ADAM)), "2.10"),
    "sample-weight-mode": (h5(PLAIN, keras="2.3", training=trained()), "2.2"),
    "hard-sigmoid": (h5(HARD), "3.4"),
    "hard-sigmoid-back": (h5(HARD, keras="3.4.1"), "2.9"),
    "schedule": (h5(model(INPUT, DENSE), training=trained(SCHEDULED)), "3.4"),
    "rate-reset": (h5(model(INPUT, DENSE), keras="2.12.0", training=trained(NEW_ADAM)), "3.4"),
    "state-lost": (h5(model(INPUT, DENSE), training=trained(), optimizer_arrays=5), "3.4"),
    "cannot-be-trained": (h5(MODEL, training=trained(SGD), optimizer_arrays=1), "3.4"),
    "saved-model-in-keras-3": (saved_model(PLAIN), "3.4"),
    "nothing-against": (h5(PLAIN), "2.9"),
}
