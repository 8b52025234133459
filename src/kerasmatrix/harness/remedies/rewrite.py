"""Rewrites a stored architecture as the Keras at hand would have written it.

A pure function of what is stored and of a reader (see `classes.Reader`). It changes how things are
written down and leaves out what the reader has no argument for; whether the model is still the same
is for the caller to measure.
"""

from __future__ import annotations

import copy
from typing import Any

from .. import formats
from . import lambdas, nodes, operations
from .architecture import Stored

__all__ = ["Rewritten", "is_newer", "rewrite"]

# A functional model is `Model` up to TensorFlow 2.2 and in standalone Keras, `Functional` later;
# every release from 2.3 on, and Keras 3, also takes the old name (measured: h5, tf2.4 to tf2.2;
# keras, tf2.15 to tf2.21).
FUNCTIONAL = {"Functional", "Model"}
MODELS = {*FUNCTIONAL, "Sequential"}
# The same class under an earlier name (TensorFlow 1.15's `tf.keras` has both).
RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    # Keras 3.0 to 3.4 write the first of its two public names (measured: lstm as h5, tf2.16 to
    # tf2.12).
    "OrthogonalInitializer": "Orthogonal",
    "IdentityInitializer": "Identity",
}
# Initializers that were functions up to TensorFlow 2.3, as the class that they returned
# (tensorflow/python/ops/init_ops_v2.py; measured: objects_as_arguments as h5, tf2.15 to tf2.2).
SCALED = {
    "HeNormal": (2.0, "truncated_normal"),
    "HeUniform": (2.0, "uniform"),
    "LecunNormal": (1.0, "truncated_normal"),
    "LecunUniform": (1.0, "uniform"),
}
# Short names of losses and metrics that Keras 3's loaders do not find, as functions that they do
# (measured: compiled_strings as h5, tf2.15 to tf2.21).
FULL_NAMES = {
    "mse": "mean_squared_error",
    "MSE": "mean_squared_error",
    "mae": "mean_absolute_error",
    "MAE": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "MAPE": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "MSLE": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
    "KLD": "kl_divergence",
}
# What an argument that is left out may have been without a model being another: it is written even
# where nobody gave it.
NEUTRAL: tuple = (
    None,
    False,
    0,
    0.0,
    1,
    True,
    "",
    [],
    {},
    "auto",
    "channels_last",
    "glorot_uniform",
)
# Layers that say `float32` of texts in Keras 3, and in Keras 2 refuse to (measured:
# preprocessing_text as h5, tf2.21 to tf2.15).
OF_TEXTS = {"TextVectorization"}
# Keys that every layer may have in each Keras, whatever its constructor says.
ALWAYS = {"name", "trainable", "dtype"}
LONGEST = 60  # of a value in a note
# TensorFlow 2.11 to 2.15 write the optimizers of their generation under this package, and take a
# bare name for one of the generation before (measured: compiled_strings as h5, tf2.21 to tf2.15).
PACKAGE = "Custom>"
NEWER_OPTIMIZER = "weight_decay"  # an argument that only they have
TRAINING_KEYS = ("loss", "metrics", "weighted_metrics", "loss_weights", "sample_weight_mode")


class Rewritten:
    """A new architecture, and in short sentences what was changed."""

    def __init__(self, config: dict, training: dict | None, changes: list) -> None:
        self.config = config
        self.training = training
        self.changes = changes


def rewrite(stored: Stored, reader: Any, functions: Any = ()) -> Rewritten:
    """Return ``stored`` as ``reader`` would have written it.

    ``functions`` are names that the caller hands over functions for, in place of Keras's own.
    """
    writer = _Writer(stored, reader, functions)
    listed = _listed(stored.config)
    if listed != stored.config:
        writer.note("wrote a Sequential as a mapping, not as the list of its layers")
    config = writer.thing(copy.deepcopy(listed))
    if stored.archive and reader.major < formats.KERAS_3:
        # An archive's outermost object says where its class is, in every Keras that has archives.
        own = _bare(config["class_name"]) not in MODELS
        registered = config["class_name"] if own else None
        config = dict(config, module=None if own else "keras", registered_name=registered)
    training = stored.training
    if training is not None:
        training = writer.training(copy.deepcopy(training), in_archive=stored.archive)
    if config != stored.config or training != stored.training:
        writer.note("wrote it down as this Keras does")
    return Rewritten(config, training, writer.changes)


class _Writer:
    """Rewrites the parts of one architecture, and keeps account."""

    def __init__(self, stored: Stored, reader: Any, functions: Any) -> None:
        self.changes: list = []
        self._functions = functions
        self._reader = reader
        self._newer = reader.major >= formats.KERAS_3
        # Keras 2 finds layers by their names; what a model in an archive was compiled with it does
        # not (measured: compiled_objects as keras, tf2.21 to tf2.15).
        self._says_modules = self._newer
        self._from_newer = is_newer(stored)
        self._in_archive = stored.archive

    def note(self, text: str) -> None:
        """Note a change, once."""
        if text not in self.changes:
            self.changes.append(text)

    def thing(self, told: dict) -> Any:
        """Return a serialized object: a layer, a model, an initializer, an optimizer."""
        name = _bare(told["class_name"])
        if name in RENAMED:
            self.note(f"renamed class {name} to {RENAMED[name]}")
            name = RENAMED[name]
        config = told.get("config")
        if isinstance(config, dict) and isinstance(config.get("layers"), list):
            return self._model(told, name, config)
        if not isinstance(config, dict):
            return self._function(told, config)
        if operations.is_newer_operation(told):
            return self._custom(dict(dict(module=operations.MODULE), **told), config)
        place = str(told.get("module")).partition("keras.")[2]
        # Only of these two are there several of one name that are both meant.
        found = self._reader.find(name, place if place in ("losses", "metrics") else "")
        if found is None and name in ("L1", "L2") and self._reader.find("L1L2"):
            self.note(f"wrote regularizer {name} as L1L2")
            name, found = "L1L2", self._reader.find("L1L2")
        if found is None and name in SCALED and self._reader.find("VarianceScaling"):
            self.note(f"wrote initializer {name} as VarianceScaling")
            scale, distribution = SCALED[name]
            config = dict(
                scale=scale, mode="fan_in", distribution=distribution, seed=config.get("seed")
            )
            name, found = "VarianceScaling", self._reader.find("VarianceScaling")
        if found is None:
            return self._custom(told, {key: self.value(each) for key, each in config.items()})
        if name == "Lambda":
            return self._lambda(told, config)
        kind, place = found
        return self._built_in(told, name, place, self._config(kind, name, place, config))

    def value(self, value: Any) -> Any:  # noqa: PLR0911 - one line a kind of value
        """Return any value of a config."""
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if not isinstance(value, dict):
            return value
        name = value.get("class_name")
        if name == "__keras_tensor__" or not isinstance(name, str):
            return {key: self.value(each) for key, each in value.items()}
        config = value.get("config")
        if name in ("DTypePolicy", "Policy", "PolicyV1") and isinstance(config, dict):
            return self._policy(config.get("name"))
        if not self._newer and name in ("__tuple__", "TensorShape") and "items" in value:
            return self.value(value["items"])
        if not self._newer and name == "__tuple__":
            return self.value(config)
        return self.thing(value) if "config" in value else value

    def _policy(self, name: Any) -> Any:
        """Return a dtype policy: by its name, but for mixed ones in Keras 2.

        Up to TensorFlow 2.4 a layer takes the name for that of a dtype (measured: mixed_precision
        as h5, tf2.15 to tf2.4).
        """
        if self._newer or not str(name).startswith("mixed_"):
            self.note("wrote dtype policies by their names")
            return name
        entry: dict = dict(class_name="Policy", config={"name": name})
        if self._in_archive:
            entry.update(module="keras.mixed_precision", registered_name=None)
        return entry

    def training(self, told: dict, *, in_archive: bool) -> dict:
        """Return what a model was compiled with."""
        self._says_modules = self._newer or in_archive
        optimizer = "optimizer_config" if "optimizer_config" in told else "optimizer"
        kept = {}
        if not self._newer and optimizer == "optimizer_config":
            # Loaders up to TensorFlow 2.2 fail where one is missing (measured: tf2.21 to tf2.2).
            told = dict(dict.fromkeys(TRAINING_KEYS), **told)
        for key, value in told.items():
            if key == optimizer and isinstance(value, dict):
                kept[key] = self._optimizer(value, in_archive=in_archive)
            elif key in ("loss", "metrics", "weighted_metrics"):
                place = "losses" if key == "loss" else "metrics"
                kept[key] = self._function_names(value, place)
            elif not self._newer or value or key in self._reader.compile_names():
                kept[key] = value
        return kept

    def _optimizer(self, told: dict, *, in_archive: bool) -> dict:
        """Return an optimizer under the name that this Keras finds its own generation by."""
        name = _bare(told["class_name"])
        written: dict = self.thing(dict(told, class_name=name))
        # To leave out what is None is to have the default; older optimizers take None for a value.
        written["config"] = {k: v for k, v in written["config"].items() if v is not None}
        found = self._reader.find(name)
        if self._newer or found is None:
            return written
        if in_archive:
            return written
        if NEWER_OPTIMIZER in (self._reader.accepted(found[0]) or ()):
            written["class_name"] = PACKAGE + name
        if written["class_name"] != told["class_name"]:
            self.note(f"renamed optimizer {told['class_name']} to {written['class_name']}")
        return written

    def _function_names(self, value: Any, place: str) -> Any:
        if isinstance(value, list):
            return [self._function_names(each, place) for each in value]
        if isinstance(value, dict):
            if value.get("class_name") in ("MeanMetricWrapper", "LossFunctionWrapper"):
                inner = value["config"].get("fn", value["config"].get("name"))
                return self._function_names(inner, place)
            if "class_name" in value:
                # Losses and metrics share names; HDF5 of Keras 2 does not say which it is.
                return self.thing(dict(dict(module=f"keras.{place}"), **value))
            return {key: self._function_names(each, place) for key, each in value.items()}
        if self._newer and value in FULL_NAMES:
            self.note(f"wrote {value} as {FULL_NAMES[value]}")
            return FULL_NAMES[value]
        return value

    def _model(self, told: dict, name: str, config: dict) -> dict:
        """Return a model: its layers, and how they are wired."""
        ours = dict(config)
        shifts = {} if self._from_newer else _shifts(config["layers"])
        names = {_name(layer) for layer in config["layers"]}
        layers = [self._layer(layer, shifts, names) for layer in config["layers"]]
        if name == "Sequential":
            ours["layers"] = self._with_input(layers, config["layers"])
        else:
            ours["layers"] = layers
        theirs = {} if self._newer else _shifts(layers)
        for layer in layers:
            calls = layer.pop("calls", None)
            if calls is not None:
                found = self._reader.find(layer["class_name"])
                call_names = self._reader.call_names(found[0]) if found else None
                layer["inbound_nodes"] = nodes.write_calls(
                    calls, self._reader.major, theirs, call_names
                )
        for ends in ("input_layers", "output_layers"):
            if ends in config:
                read = nodes.read_ends(config[ends], shifts)
                ours[ends] = nodes.write_ends(read, self._reader.major, theirs)
        if name in FUNCTIONAL:
            if name != "Model":
                self.note("renamed class Functional to Model")
            name = "Model"
        if "dtype" in ours:
            ours["dtype"] = self.value(ours["dtype"])
        if name not in MODELS:
            return self._custom(told, ours)
        return self._written(told, dict(class_name=name, config=ours), "keras")

    def _layer(self, told: dict, shifts: dict, names: set) -> dict:
        """Return a layer of a model, with its calls apart."""
        layer: dict = self.thing(told)
        if "inbound_nodes" in told:
            calls = nodes.read_calls(told["inbound_nodes"], shifts, names)
            layer, layer["calls"] = self._operation(told, layer, calls)
        layer["name"] = _name(told)
        return layer

    def _operation(self, told: dict, layer: dict, calls: list) -> tuple:
        """Return a layer and its calls; if it is another Keras's operation, as this one's."""
        made = None
        if self._newer and not self._from_newer:
            made = operations.to_newer(told, calls)
        elif not self._newer and operations.is_newer_operation(told):
            made = operations.to_older(told, calls)
        if made is None:
            return layer, calls
        name, module, config, calls = made
        self.note(f"wrote operation {told['class_name']} as {name}")
        entry = dict(class_name=name, config=config)
        if module is not None:
            entry.update(module=module, registered_name=name)
        return entry, calls

    def _lambda(self, told: dict, config: dict) -> dict:
        """Return a Lambda layer; what its function does is not looked at.

        HDF5's loader takes the older form in Keras 3 as well, and up to Keras 3.11 no other, since
        it cannot be told that the code is trusted (measured: lambda_closure as h5, tf2.15 to
        tf2.16).
        """
        ours = dict(config)
        if "dtype" in ours:
            ours["dtype"] = self.value(ours["dtype"])
        if self._newer and not self._from_newer and not self._in_archive:
            return dict(class_name="Lambda", config=ours)
        self.note("kept the bytecode of a Lambda, which no other release of Python can run")
        change = lambdas.to_newer if self._newer else lambdas.to_older
        return self._built_in(told, "Lambda", "layers", change(ours))

    def _with_input(self, layers: list, told: list) -> list:
        """Return a Sequential's layers, the first of which says its shape in Keras 3."""
        if not self._newer or not told or layers[0]["class_name"] == "InputLayer":
            return layers
        shape = told[0].get("config", {}).get("batch_input_shape")
        if shape is None:
            return layers
        self.note("wrote the input's shape as a layer")
        name = f"{_name(told[0])}_input"
        dtype = layers[0]["config"].get("dtype", "float32")
        entry = dict(
            class_name="InputLayer", config=dict(batch_shape=shape, dtype=dtype, name=name)
        )
        return [self._written({}, entry, "keras.layers"), *layers]

    def _config(self, kind: type, name: str, place: str, config: dict) -> dict:
        """Return the config of a class of Keras's own, with the arguments it has here."""
        ours = {key: self.value(value) for key, value in config.items()}
        self._rename(name, place, ours)
        self._refer_to_functions(ours)
        accepted = self._reader.accepted(kind)
        if accepted is not None:
            always = ALWAYS if place.startswith("layers") else set()
            for key in [key for key in ours if key not in accepted | always]:
                self._leave_out(name, ours, key)
        # Only layers of old have keys that must be there (measured: compiled_objects as h5, tf2.15
        # to tf2.2, where what metrics take is for their base class).
        demanded = self._reader.demanded(kind) if place.startswith("layers") else set()
        for key in demanded - set(ours):
            self.note(f"added {key} (None) to {name}")
            ours[key] = None
        return ours

    def _rename(self, name: str, place: str, ours: dict) -> None:
        """Give the arguments in ``ours`` the names and the kinds of value that they have here."""
        if name == "InputLayer":
            old, new = "batch_input_shape", "batch_shape"
            wanted, other = (new, old) if self._newer else (old, new)
            if other in ours:
                self.note(f"renamed {other} to {wanted}")
                ours[wanted] = ours.pop(other)
        if "lr" in ours and "learning_rate" not in ours:
            ours["learning_rate"] = ours.pop("lr")
        if name in OF_TEXTS and not self._newer:
            ours["dtype"] = "string"
        if self._newer and isinstance(ours.get("axis"), list) and len(ours["axis"]) == 1:
            self.note("wrote an axis as a number")
            ours["axis"] = ours["axis"][0]
        if self._newer and ours.get("reduction") == "auto":
            ours["reduction"] = "sum_over_batch_size"
        if place in ("losses", "metrics") and not name.endswith("Wrapper"):
            # What a wrapper wraps; a class with a name of its own knows (measured: compiled_objects
            # as h5, tf2.15 to tf2.2).
            ours.pop("fn", None)

    def _refer_to_functions(self, ours: dict) -> None:
        """Ask for a function that is handed over by more than a name, if Keras 3 is to find it.

        By its name alone it would take its own (measured: hard_sigmoid as keras, tf2.15 to tf2.21).
        """
        for key, value in ours.items():
            known = isinstance(value, str) and value in self._functions
            if self._newer and key.endswith("activation") and known:
                ours[key] = dict(
                    module=None, class_name="function", config=value, registered_name=value
                )

    def _leave_out(self, name: str, ours: dict, key: str) -> None:
        value = ours.pop(key)
        if key in ("batch_input_shape", "input_shape"):
            return
        what = f"left out {key} ({_short(value)}) of {name}"
        self.note(what if value in NEUTRAL else f"{what}, which was not a default")

    def _function(self, told: dict, config: Any) -> Any:
        """Return a reference to a function: by its name in Keras 2."""
        if not self._newer and told.get("class_name") == "function" and isinstance(config, str):
            # `function` is what Keras 2.13 and later register those under that nobody registered.
            registered = told.get("registered_name")
            return registered if registered not in (None, "function") else config
        return told

    def _custom(self, told: dict, config: dict) -> dict:
        """Return an object that is not Keras's own, under the name by which it is registered."""
        name = str(told["class_name"])
        registered = told.get("registered_name") or name
        if self._newer:
            entry = dict(class_name=_bare(name), config=config, registered_name=registered)
            if "build_config" in told:
                entry["build_config"] = told["build_config"]
            return dict(entry, module=told.get("module"))
        # TensorFlow 1.15 registers nothing: its programs hand over classes by their own names.
        ours = registered if self._reader.registers else _bare(registered)
        entry = dict(class_name=ours, config=config)
        if self._in_archive and "build_config" in told:
            # Nothing else says what its weights are for (measured: subclassed_with_config as keras,
            # tf2.21 to tf2.15, which else loads without any and says nothing).
            entry["build_config"] = told["build_config"]
        return entry

    def _built_in(self, told: dict, name: str, place: str, config: dict) -> dict:
        return self._written(told, dict(class_name=name, config=config), f"keras.{place}")

    def _written(self, told: dict, entry: dict, module: str) -> dict:
        """Return an object of Keras's own with what goes with it in the reader's form."""
        if self._says_modules:
            entry.update(module=module, registered_name=None)
        # Keras 2 says there what it would have to be built with, not Keras 3.
        if self._newer and self._from_newer and "build_config" in told:
            entry["build_config"] = told["build_config"]
        return entry


def _listed(value: Any) -> Any:
    """Return a config in which every Sequential says what its layers are by name.

    Keras 2.2 and before write it as the bare list of its layers, which Keras 3 and TensorFlow 2.2
    do not take (measured: files of Keras 2.2.0 and 2.2.2 as h5, in tf2.2 and tf2.21).
    """
    if isinstance(value, list):
        return [_listed(each) for each in value]
    if not isinstance(value, dict):
        return value
    told = {key: _listed(each) for key, each in value.items()}
    if told.get("class_name") == "Sequential" and isinstance(told.get("config"), list):
        # It has no name of its own there; one that is part of another model has it beside.
        name = told.get("name") or "sequential"
        told["config"] = dict(name=name, layers=told["config"])
    return told


def is_newer(stored: Stored) -> bool:
    """Whether a Keras 3 wrote this."""
    if "keras.src.models" in str(stored.config.get("module")):
        return True
    layers = stored.config.get("config", {})
    layers = layers.get("layers", []) if isinstance(layers, dict) else []
    for layer in layers:
        config = layer.get("config", {})
        if "batch_shape" in config:
            return True
        if any(isinstance(node, dict) for node in layer.get("inbound_nodes", [])):
            return True
    return False


def _shifts(layers: list) -> dict:
    """Return how many nodes of its own each layer has in Keras 2: one, if it is a wired model."""
    return {_name(layer): 1 for layer in layers if _is_wired(layer)}


def _is_wired(layer: dict) -> bool:
    config = layer.get("config")
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return False
    if "input_layers" in config:
        return True
    first = config["layers"][0] if config["layers"] else {}
    return (
        first.get("class_name") == "InputLayer"
        or "batch_input_shape" in (first.get("config") or {})
        or "batch_shape" in (first.get("config") or {})
    )


def _name(layer: dict) -> str:
    config = layer.get("config")
    inner = config.get("name") if isinstance(config, dict) else None
    return str(layer.get("name") or inner)


def _bare(name: Any) -> str:
    return str(name).rpartition(">")[2]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
