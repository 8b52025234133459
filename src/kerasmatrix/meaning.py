"""Tells whether two settings mean the same, whichever releases wrote them down.

Settings are what `harness/configuration.py` reports: JSON, with objects as ``class_name`` and
``config``. Each table below says where its rows come from: the releases' own signatures and
``get_config`` (read in the environments tf1.15 to tf2.21), which the saboteurs of
``tests/sabotage`` hold it against.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["Difference", "differences", "fold", "same", "shown"]

# Stored as float32 on one side and as double on the other.
RELATIVE = 1e-6
LONGEST_SHOWN = 40

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
    ("sgd", "learning_rate"): 0.01,
    ("ftrl", "learning_rate"): 0.001,
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


class Difference(NamedTuple):
    """A setting that is not what it was: the path to it, and both values."""

    path: tuple[str, ...]
    before: Any
    after: Any


class _Named(NamedTuple):
    """An object, by its folded name."""

    name: str
    config: Mapping[str, Any]
    custom: bool = False


# Before the name of a class of the user's own: no default of Keras's is a default of its.
CUSTOM = "custom:"
ABSENT = object()
PAIR = 2
# Source: keras/utils/losses_utils.py: outside of a custom training loop `auto` is the other.
REDUCED = ("auto", "sum_over_batch_size")


def differences(before: Any, after: Any, path: tuple[str, ...] = ()) -> Iterator[Difference]:  # noqa: ANN401 - JSON
    """Yield every setting in which two values differ in meaning.

    The name of the outermost object is compared; what is inside of it is named by its key.
    """
    yield from _compare(before, after, path, "")


def same(before: Any, after: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether two values mean the same."""
    return next(differences(before, after), None) is None


def fold(name: str) -> str:
    """Return a name of a class or function without its spelling, by its usual alias."""
    word = re.sub("[^a-z0-9]", "", name.rpartition(">")[2].lower())
    return ALIASES.get(word, word)


def shown(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a setting in a few characters."""
    if value is ABSENT:
        return "unset"
    if isinstance(value, float):
        return f"{value:.6g}" if not value.is_integer() else f"{value:.1f}"
    named = _named(value)
    if named is not None and isinstance(value, Mapping):
        name = value.get("class_name")
        text = str(value.get("config") if fold(str(name)) in FUNCTIONS else name)
    else:
        text = str(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def _compare(  # noqa: PLR0911 - one case for each pair of kinds
    before: Any, after: Any, path: tuple[str, ...], owner: str
) -> Iterator[Difference]:
    before, after = _unwrapped(before), _unwrapped(after)
    key = path[-1] if path else ""
    if key == "seed" and before is None:
        return  # Keras 3 draws a seed where none is given
    if owner == "lambda" and key == "function" and not _are_words(before, after):
        return  # bytecode differs from one Python to the next; the outputs tell
    if key == "axis" and _may_be_one_axis(before, after):
        return  # counted from either end; another axis has other weights or outputs
    if key == "reduction" and all(side in REDUCED for side in (before, after)):
        return
    if key == "factor" and _factor(before) == _factor(after):
        return
    if key == "dtype" or key.endswith("dtype_policy"):
        if _policy(before) != _policy(after):
            yield Difference(path, before, after)
        return
    ours, theirs = _named(before), _named(after)
    if ours and theirs and (isinstance(before, Mapping) or isinstance(after, Mapping)):
        yield from _compare_objects(ours, theirs, before, after, path)
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare_settings(before, after, path, owner)
        return
    if _is_list(before) and _is_list(after):
        yield from _compare_lists(before, after, path, owner)
        return
    if _is_list(before) != _is_list(after) and key in REPEATED:
        many, one = (before, after) if _is_list(before) else (after, before)
        if many and all(_equal(each, one) for each in many):
            return
    if not _equal(before, after):
        yield Difference(path, before, after)


def _compare_objects(
    ours: _Named, theirs: _Named, before: Any, after: Any, path: tuple[str, ...]
) -> Iterator[Difference]:
    if ours.name != theirs.name and not _is_resolved(ours.name, theirs.name):
        yield Difference(path, before, after)
        return
    owner = CUSTOM + ours.name if ours.custom or theirs.custom else ours.name
    yield from _compare_settings(ours.config, theirs.config, path, owner)


def _compare_settings(
    before: Mapping[str, Any], after: Mapping[str, Any], path: tuple[str, ...], owner: str
) -> Iterator[Difference]:
    before, after = _renamed(before, owner), _renamed(after, owner)
    for key in [*before, *(key for key in after if key not in before)]:
        if _is_meaningless(owner, key):
            continue
        if key == "name":
            made_up = owner.removeprefix(CUSTOM)
            if not path and not _is_same_name(before.get(key), after.get(key), made_up):
                yield Difference((*path, key), before.get(key), after.get(key))
            continue
        ours, theirs = before.get(key, ABSENT), after.get(key, ABSENT)
        if not (_is_unset(ours) or _is_unset(theirs)):
            yield from _compare(ours, theirs, (*path, key), owner)
            continue
        if _means_default(owner, key, ours) and _means_default(owner, key, theirs):
            continue
        if (owner, fold(key)) in DERIVED and (ours is ABSENT or theirs is ABSENT):
            continue
        # The older release could not say what the newer one does of its own.
        if ours is ABSENT and not _has_default(owner, key):
            continue
        if ours is ABSENT or theirs is ABSENT:
            yield Difference((*path, key), ours, theirs)
            continue
        yield from _compare(ours, theirs, (*path, key), owner)


def _compare_lists(
    before: Sequence[Any], after: Sequence[Any], path: tuple[str, ...], owner: str
) -> Iterator[Difference]:
    if len(before) != len(after):
        if path and path[-1] in REPEATED and before and after:
            values = [*before, *after]
            if all(_equal(values[0], each) for each in values):
                return
        yield Difference(path, before, after)
        return
    for number, (ours, theirs) in enumerate(zip(before, after, strict=True)):
        if isinstance(ours, Mapping | list) or isinstance(theirs, Mapping | list):
            yield from _compare(ours, theirs, (*path, str(number)), owner)
        elif not _equal(ours, theirs):
            yield Difference(path, before, after)
            return


# Source: `lr` became `learning_rate` with TensorFlow 2.0's optimizers; Keras 3.0 renamed the rest.
RENAMED = {"lr": "learning_rate", "dtype_policy": "dtype"}
RENAMED_IN = {("leakyrelu", "alpha"): "negative_slope"}


def _renamed(settings: Mapping[str, Any], owner: str) -> dict[str, Any]:
    return {
        RENAMED_IN.get((owner, key)) or RENAMED.get(key, key): value
        for key, value in settings.items()
    }


def _is_unset(value: Any) -> bool:  # noqa: ANN401 - JSON
    return value is ABSENT or value is None


def _is_meaningless(owner: str, key: str) -> bool:
    if owner.startswith(CUSTOM):
        return key in ADDED
    return key in MEANINGLESS or (owner, key) in MEANINGLESS_IN


def _means_default(owner: str, key: str, value: Any) -> bool:  # noqa: ANN401 - JSON
    if _is_unset(value):
        return True
    default = _default(owner, key)
    if default is ABSENT:
        if owner.startswith(CUSTOM):
            return False
        return any(type(value) is type(nothing) and value == nothing for nothing in NOTHING)
    return next(_compare(value, default, (key,), owner), None) is None


def _has_default(owner: str, key: str) -> bool:
    return _default(owner, key) is not ABSENT


def _default(owner: str, key: str) -> Any:  # noqa: ANN401 - JSON
    if owner.startswith(CUSTOM):
        return DEFAULTS[key] if key in {"dtype", "trainable"} else ABSENT
    own = CLASS_DEFAULTS.get((owner, fold(key)), ABSENT)
    return DEFAULTS.get(key, ABSENT) if own is ABSENT else own


def _named(value: Any) -> _Named | None:  # noqa: ANN401 - JSON
    """Return what an object is: written as a word, as a function, or as class and config."""
    if isinstance(value, str):
        return _Named(fold(value), {})
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        return None
    name, config = fold(value["class_name"]), value.get("config")
    if name in FUNCTIONS:
        return _Named(fold(str(config)), {})
    config = config if isinstance(config, Mapping) else {"config": config}
    if "fn" in config:
        # What is wrapped says what it does; the wrapper of a class of its own is that class.
        function = _named(_unwrapped(config["fn"]))
        config = {key: inner for key, inner in config.items() if key != "fn"}
        if name in WRAPPERS and function is not None:
            name = function.name
    return _Named(name, config, bool(value.get("custom")))


def _unwrapped(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the list or value that Keras 3's serialization has wrapped."""
    if isinstance(value, Mapping):
        kind = value.get("class_name")
        if kind in {"__tuple__", "TensorShape"} and "items" in value:
            return value["items"]
        if kind in {"__tensor__", "__numpy__"} and isinstance(value.get("config"), Mapping):
            return value["config"].get("value")
    return value


def _policy(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return a dtype policy's name."""
    while isinstance(value, Mapping):
        config = value.get("config")
        value = config.get("name") or config.get("mode") if isinstance(config, Mapping) else config
    return str(value).rpartition(".")[2] if value not in {None, "_infer", "infer"} else "float32"


def _is_resolved(one: str, other: str) -> bool:
    return other in RESOLVED.get(one, ()) or one in RESOLVED.get(other, ())


def _is_same_name(before: Any, after: Any, owner: str) -> bool:  # noqa: ANN401 - JSON
    """Whether a name is the same, or one that the release made up from the class."""
    if before == after or before is None or after is None:
        return True
    ours, theirs = _without_number(str(before)), _without_number(str(after))
    if fold(ours) == fold(theirs):
        # A number that Keras counts: only a name it made up itself has one without meaning.
        return fold(ours) == owner or ours == before == theirs
    return {fold(ours), fold(theirs)} <= {owner, *_made_up(owner)}


def _made_up(owner: str) -> set[str]:
    return {owner, owner + "loss", owner.removesuffix("loss")}


def _without_number(name: str) -> str:
    return re.sub(r"_\d+$", "", name)


def _equal(before: Any, after: Any) -> bool:  # noqa: ANN401 - JSON
    if isinstance(before, bool) or isinstance(after, bool):
        return before == after
    if isinstance(before, int | float) and isinstance(after, int | float):
        return math.isclose(before, after, rel_tol=RELATIVE, abs_tol=0.0)
    if isinstance(before, str) and isinstance(after, str):
        return before == after or fold(before) == fold(after) != ""
    return bool(before == after)


def _are_words(before: Any, after: Any) -> bool:
    return isinstance(before, str) and isinstance(after, str)


def _may_be_one_axis(before: Any, after: Any) -> bool:
    sides = [side if _is_list(side) else [side] for side in (before, after)]
    numbers = [all(type(axis) is int for axis in side) for side in sides]
    if not all(numbers) or len(sides[0]) != len(sides[1]):
        return False
    return all((one < 0) != (other < 0) or one == other for one, other in zip(*sides, strict=True))


def _factor(value: Any) -> Any:
    """Return the factor of a random layer: Keras 3 writes a range where one number was given."""
    if _is_list(value) and len(value) == PAIR and value[0] in {0, -value[1]}:
        return value[1]
    return value


def _is_list(value: Any) -> bool:  # noqa: ANN401 - JSON
    return isinstance(value, list | tuple)
