"""Which spellings of a setting mean the same: data, with its source.

The sources are the releases' own signatures and ``get_config``, read in the environments tf1.15 to
tf2.21, unless a comment names another. `kerasmatrix.results.equal_settings` uses these tables, and
``tests/sabotage`` checks them with real models.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ADDED", "ALIASES", "CLASS_DEFAULTS", "DEFAULTS", "DERIVED", "FUNCTIONS", "MEANINGLESS",
    "MEANINGLESS_IN", "NOTHING", "REDUCED", "RENAMED", "RENAMED_IN", "REPEATED", "RESOLVED",
    "WRAPPERS",
]  # fmt: skip

# Names by which one object goes, folded (see `fold`).
# Source: the aliases at the end of keras/losses.py, metrics.py, activations.py and initializers.py;
# the `V1`/`V2` and CuDNN spellings are TensorFlow 1's classes of the same layer.
ALIASES = {
    "mse": "meansquarederror",
    "mae": "meanabsoluteerror",
    "mape": "meanabsolutepercentageerror",
    "msle": "meansquaredlogarithmicerror",
    "kld": "kldivergence",
    "kullbackleiblerdivergence": "kldivergence",
    "huberloss": "huber",
    "bce": "binarycrossentropy",
    "logcoshloss": "logcosh",
    "cosineproximity": "cosinesimilarity",
    "cosine": "cosinesimilarity",
    "acc": "accuracy",
    "ce": "crossentropy",
    "zero": "zeros",
    "one": "ones",
    "uniform": "randomuniform",
    "normal": "randomnormal",
    "batchnormalizationv1": "batchnormalization",
    "batchnormalizationv2": "batchnormalization",
    "syncbatchnormalization": "batchnormalization",
    "densefeaturesv2": "densefeatures",
    "lstmv1": "lstm",
    "lstmv2": "lstm",
    "gruv1": "gru",
    "gruv2": "gru",
    "dropoutv1": "dropout",
    "experimentalpreprocessinglayer": "preprocessinglayer",
    "stringlookupv1": "stringlookup",
    "randomuniformv2": "randomuniform",
    "randomnormalv2": "randomnormal",
    "glorotuniformv2": "glorotuniform",
    "policy": "dtypepolicy",
    "policyv1": "dtypepolicy",
    "floatdtypepolicy": "dtypepolicy",
    "swish": "silu",
    "orthogonalinitializer": "orthogonal",
    "identityinitializer": "identity",
    "lossscaleoptimizerv1": "lossscaleoptimizer",
    "lossscaleoptimizerv3": "lossscaleoptimizer",
}
# Keras 2 saves the metric that the words below were resolved to, for the outputs at hand
# (keras/engine/compile_utils.py, `_get_metric_object`).
RESOLVED = {
    "accuracy": ("binaryaccuracy", "categoricalaccuracy", "sparsecategoricalaccuracy"),
    "crossentropy": (
        "binarycrossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy",
    ),
}  # fmt: skip
# Classes that wrap a function and say so: they are what the function is.
WRAPPERS = {"lossfunctionwrapper", "meanmetricwrapper", "sumovermetricswrapper"}
# How functions are written down (keras/saving: `serialize_keras_object` of Keras 2 and 3).
FUNCTIONS = {"function", "builtinfunction", "_builtinfunction"}

# Keys that say nothing about what an object does.
MEANINGLESS = {
    # Where it comes from, and how its parts are numbered.
    "module", "registered_name", "build_config", "shared_object_id", "is_legacy_optimizer",
    "compile_config", "function_type", "module_objects",
    # The shape that a layer was built with: the weights and outputs have it.
    "batch_input_shape", "batch_shape", "input_shape", "build_input_shape", "input_dim",
    "input_length", "sparse", "ragged", "input_spec", "query_shape", "key_shape", "value_shape",
    # How, and not what, is computed. Source: the layers' documentation.
    "implementation", "unroll", "jit_compile", "autocast", "_allow_non_tensor_positional_args",
    "ema_overwrite_frequency", "flash_attention", "experimental_autocast", "use_cudnn",
    "steps_per_execution", "auto_scale_loss", "fused", "virtual_batch_size",
    "adjustment", "renorm", "renorm_clipping", "renorm_momentum",
    # Keras 2's bookkeeping of cells and of Bidirectional's second layer.
    "num_constants", "time_major", "zero_output_for_mask", "dynamic",
    # Python bytecode differs from one Python to the next; the outputs say whether it does the same.
    "output_shape_module", "output_shape_type", "code", "defaults", "closure",
    "filename", "lineno",
    # How many words a vocabulary has; the vocabulary itself is compared.
    "vocabulary_size",
}  # fmt: skip
# What a class of the user's own has of these are Keras's additions; the rest are its arguments.
ADDED = {
    "module", "registered_name", "build_config", "shared_object_id", "batch_input_shape",
    "batch_shape", "build_input_shape", "compile_config", "autocast", "dynamic",
}  # fmt: skip
# ... and of these classes. Text and index layers compute in types of their own, whatever their
# policy says; a metric that counts does so exactly in each type.
MEANINGLESS_IN = {
    ("stringlookup", "dtype"), ("integerlookup", "dtype"), ("textvectorization", "dtype"),
    ("discretization", "dtype"), ("hashing", "dtype"), ("categoryencoding", "dtype"),
    ("hashedcrossing", "dtype"), ("meaniou", "dtype"), ("iou", "dtype"), ("binaryiou", "dtype"),
    ("onehotiou", "dtype"), ("onehotmeaniou", "dtype"),
}  # fmt: skip
# Derived from other settings where they are absent: these are compared where both sides have them.
# Source: Keras 3 writes the mirrored layer of Bidirectional, TensorFlow 1 and 2.2 the thresholds.
DERIVED = {("bidirectional", "backwardlayer"), ("auc", "thresholds")}

# A setting that is absent, or None, means this. Source: the signatures of the releases that have
# it, the same in all of them; where the release without it behaves so by construction, too.
DEFAULTS: dict[str, Any] = {
    # losses and metrics
    "reduction": "sum_over_batch_size",
    "from_logits": False,
    "label_smoothing": 0.0,
    "axis": -1,
    "delta": 1.0,
    "alpha": 0.25,
    "gamma": 2.0,
    "apply_class_balancing": False,
    "thresholds": None,
    "threshold": 0.5,
    "k": 5,
    # optimizers
    "learning_rate": 0.001,
    "momentum": 0.0,
    "nesterov": False,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-7,
    "amsgrad": False,
    "rho": 0.9,
    "centered": False,
    "decay": 0.0,
    "weight_decay": None,
    "use_ema": False,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "ema_momentum": 0.99,
    "initial_accumulator_value": 0.1,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "staircase": False,
    # layers
    "activation": "linear",
    "recurrent_activation": "sigmoid",
    "use_bias": True,
    "trainable": True,
    "stateful": False,
    "go_backwards": False,
    "return_sequences": False,
    "return_state": False,
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "data_format": "channels_last",
    "groups": 1,
    "dilation_rate": 1,
    "strides": 1,
    "padding": "valid",
    "mask_zero": False,
    "mask_value": 0.0,
    "keepdims": False,
    "interpolation": "nearest",
    "score_mode": "dot",
    "use_scale": False,
    "center": True,
    "scale": True,
    "gated": False,
    "kernel_initializer": "glorot_uniform",
    "bias_initializer": "zeros",
    "recurrent_initializer": "orthogonal",
    "dtype": "float32",
    "synchronized": False,
    "rms_scaling": False,
    "antialias": False,
    "crop_to_aspect_ratio": False,
    "pad_to_aspect_ratio": False,
    "count_weights": True,
    "gain": 1.0,
    "mean": 0.0,
    "oov_method": "floormod",
    "encoding": "utf-8",
    "fill_value": 0.0,
    "value_range": [0, 255],
    "sparse_y_true": True,
    "sparse_y_pred": True,
    "beta": 0.0,
}
# ... and of these classes, where the row above is not theirs. Keys are (class, setting), folded.
CLASS_DEFAULTS: dict[tuple[str, str], Any] = {
    ("cosinesimilarity", "axis"): -1,
    ("sgd", "learningrate"): 0.01,
    ("ftrl", "learningrate"): 0.001,
    ("adadelta", "rho"): 0.95,
    ("lstm", "activation"): "tanh",
    ("gru", "activation"): "tanh",
    ("simplernn", "activation"): "tanh",
    ("convlstm1d", "activation"): "tanh",
    ("convlstm2d", "activation"): "tanh",
    ("convlstm3d", "activation"): "tanh",
    ("convlstm2d", "recurrentactivation"): "hard_sigmoid",
    ("batchnormalization", "momentum"): 0.99,
    ("batchnormalization", "epsilon"): 1e-3,
    ("layernormalization", "epsilon"): 1e-3,
    ("groupnormalization", "epsilon"): 1e-3,
    ("unitnormalization", "axis"): -1,
    ("normalization", "mean"): None,
    ("elu", "alpha"): 1.0,
    ("leakyrelu", "negativeslope"): 0.3,
    ("resizing", "fillmode"): "constant",
    ("nadam", "decay"): 0.004,
    ("onehotiou", "sparseypred"): False,
    ("onehotmeaniou", "sparseypred"): False,
    ("precision", "thresholds"): 0.5,
    ("recall", "thresholds"): 0.5,
    ("embedding", "embeddingsinitializer"): "uniform",
    ("randombrightness", "valuerange"): [0, 255],
    ("randomcontrast", "valuerange"): [0, 255],
}
NOTHING: tuple[Any, ...] = (None, False, 0, 0.0, "", [], {})
# Numbers that a release writes once for all dimensions and another for each.
REPEATED = {"strides", "dilation_rate", "kernel_size", "pool_size", "size", "axis", "padding"}
# Source: keras/utils/losses_utils.py: outside of a custom training loop `auto` is the other.
REDUCED = ("auto", "sum_over_batch_size")
# Source: `lr` became `learning_rate` with TensorFlow 2.0's optimizers; Keras 3.0 renamed the rest.
RENAMED = {"lr": "learning_rate", "dtype_policy": "dtype"}
# tf.keras's Nadam takes the `schedule_decay` of Keras 2.3 and before as its `decay`
# (tensorflow/python/keras/optimizer_v2/nadam.py, TensorFlow 1.15 to tf_keras).
RENAMED_IN = {
    ("leakyrelu", "alpha"): "negative_slope",
    ("nadam", "schedule_decay"): "decay",
}
