"""The features of a file's architecture that rules test. Pure.

Each is a function; its docstring is its definition. `ARCHITECTURE_FEATURES` has their names in
``rules.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kerasmatrix.diagnosis.spans import within
from kerasmatrix.inspection.architecture import FUNCTIONAL, MODELS, inside, layers_of
from kerasmatrix.inspection.lambdas import names_in
from kerasmatrix.prediction.file_features import Features
from kerasmatrix.prediction.target import Target

__all__ = ["ARCHITECTURE_FEATURES"]

# LOADING_APIS in Keras 3.11 to 3.14 keras/src/saving/serialization_lib.py; 3.15 has more.
LOADING_FUNCTIONS = {
    "keras.config.enable_unsafe_deserialization", "keras.models.load_model",
    "keras.preprocessing.image.load_img", "keras.saving.load_model", "keras.saving.load_weights",
    "keras.utils.get_file", "keras.utils.load_img",
}  # fmt: skip

CUDNN = {"CuDNNLSTM", "CuDNNGRU"}
# The releases in which the bytecode of a Lambda finds these modules among the globals of the module
# that defines Lambda (keras/layers/core.py, later core/lambda_layer.py; K was not looked up in 2.6
# to 2.8).
GLOBALS = {"tf": "2.6 to 2.16", "np": "to 2.16", "K": "to 2.8"}
# The names of modules in code that imports them itself.
IMPORTED = {"tensorflow", "numpy", "keras"}
# Layers with a table, which HDF5 of Keras 2 cannot hold (IndexLookup and TextVectorization in
# Keras 2.15: their handlers of weights are not variables).
LOOKUPS = {"TextVectorization"}
LIBRARIES = {"keras", "tensorflow", "tf_keras"}
DEEPEST_NODE = 8  # a node is a list of lists of places
PLACE = 3  # layer, call and tensor
FUNCTION = 3  # code, defaults and closure
# Layers that take a list of two inputs or more, or two arguments.
SEVERAL_INPUTS = {
    "Add", "AdditiveAttention", "Attention", "Average", "Concatenate", "Dot", "Maximum", "Minimum",
    "Multiply", "MultiHeadAttention", "Subtract",
}  # fmt: skip
# Layers that take inputs with any number of axes (Keras 3.4 to 3.15).
ANY_RANK = {
    "Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense",
    "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "LayerNormalization", "LeakyReLU",
    "Masking", "ReLU", "Softmax",
}  # fmt: skip


def _no_input_layer(features: Features, target: Target) -> bool:
    """A Sequential's first layer stores the input shape."""
    return any(
        layer.get("class_name") == "Sequential"
        and (first := next(iter(inside(layer.get("config"))), None)) is not None
        and first.get("class_name") not in MODELS | {"InputLayer"}
        and (layer is features.config or "batch_input_shape" in _config(first))
        for layer in features.layers
    )


def _any_rank(features: Features, target: Target) -> bool:
    """Each of its layers takes inputs with any number of axes: none refuses a wrong input shape."""
    return bool(features.classes) and features.classes <= ANY_RANK | {"Sequential"}


def _later_call(features: Features, target: Target) -> bool:
    """A layer takes the output of a call that a nested model does not have in this model.

    Keras 2 counts the calls of a nested model from the one that made it, Keras 3 does not.
    """
    return any(
        _is_beyond(calls, name, index)
        for layers, calls, _ in _graphs(features)
        for layer in layers
        for name, index in _references(layer.get("inbound_nodes"))
    )


def _output_of_later_call(features: Features, target: Target) -> bool:
    """An output of the model is that of a call that a nested Sequential does not have in it.

    For a nested functional model Keras 3 subtracts the call that made it (``get_tensor`` in
    ``functional_from_config``, Keras 3.4 to 3.15), for other layers it does not.
    """
    return any(
        _is_beyond(calls, name, index)
        for layers, calls, outputs in _graphs(features)
        for name, index in _references(outputs)
        if not any(
            layer.get("name") == name and layer.get("class_name") in FUNCTIONAL for layer in layers
        )
    )


def _graphs(
    features: Features,
) -> Iterator[tuple[list[Mapping[str, Any]], dict[str, int], object]]:
    """Yield the layers of each functional model, their numbers of calls, and its outputs."""
    for model in features.layers:
        if model.get("class_name") in FUNCTIONAL:
            layers = list(inside(model.get("config")))
            calls = {
                str(layer.get("name")): len(nodes)
                for layer in layers
                if isinstance(nodes := layer.get("inbound_nodes"), list) and nodes
            }
            yield layers, calls, _config(model).get("output_layers")


def _is_beyond(calls: Mapping[str, int], name: str, index: object) -> bool:
    return isinstance(index, int) and index >= calls.get(name, index + 1)


def _references(nodes: object, depth: int = 0) -> Iterator[tuple[str, object]]:
    """Yield the layer and the call of each input, as Keras 2 writes them."""
    if not isinstance(nodes, list) or depth > DEEPEST_NODE:
        return
    if len(nodes) >= PLACE and isinstance(nodes[0], str):
        yield nodes[0], nodes[1]
        return
    for node in nodes:
        yield from _references(node, depth + 1)


def _listed_output(features: Features, target: Target) -> bool:
    """A functional model in a Sequential stores its output in a list, and a layer comes after it.

    The outermost Sequential of an archive is built otherwise.
    """
    is_archive = features.kind == "keras-archive"
    return any(
        _passes_list_on(layer)
        for layer in features.layers
        if not (is_archive and layer is features.config)
    )


def _listed_output_at_root(features: Features, target: Target) -> bool:
    """The same in the outermost Sequential of an archive."""
    return features.kind == "keras-archive" and _passes_list_on(features.config)


def _passes_list_on(model: Mapping[str, Any]) -> bool:
    layers = list(inside(model.get("config")))
    return model.get("class_name") == "Sequential" and any(map(_is_listed, layers[:-1]))


def _is_listed(layer: Mapping[str, Any]) -> bool:
    """Return whether a functional model has its only output in a list of lists."""
    outputs = _config(layer).get("output_layers")
    is_functional = layer.get("class_name") in FUNCTIONAL
    return is_functional and isinstance(outputs, list) and len(outputs) == 1


def _unshaped_attention(features: Features, target: Target) -> bool:
    """An attention layer lacks the shapes of its inputs, as before TensorFlow 2.5."""
    return any(
        layer.get("class_name") == "MultiHeadAttention"
        and isinstance(config := layer.get("config"), Mapping)
        and "query_shape" not in config
        for layer in features.layers
    )


def _hard_sigmoid(features: Features, target: Target) -> bool:
    """A layer uses ``hard_sigmoid``."""
    return any(
        value == "hard_sigmoid"
        for layer in features.layers
        if isinstance(layer.get("config"), Mapping)
        for key, value in layer["config"].items()
        if key.endswith("activation")
    )


def _cudnn(features: Features, target: Target) -> bool:
    """It has a recurrent layer that only a GPU computes."""
    return bool(features.classes & CUDNN)


def _lookup(features: Features, target: Target) -> bool:
    """It has a layer with a table, such as TextVectorization, whose config lacks the vocabulary."""
    return any(
        str(layer.get("class_name")).rpartition(">")[2] in LOOKUPS
        and not _config(layer).get("vocabulary")
        for layer in features.layers
    )


def _function_of_library(features: Features, target: Target) -> bool:
    """A Lambda holds the bytecode of a function of Keras or TensorFlow, which is a wrapper.

    Its closure has the wrapped function, of which only the name is stored.
    """
    return any(
        isinstance(function := _config(layer).get("function"), list)
        and len(function) == FUNCTION
        and isinstance(function[2], list)
        and any(isinstance(held, str) for held in function[2])
        and str(_config(layer).get("module")).partition(".")[0] in LIBRARIES
        for layer in features.layers
        if layer.get("class_name") == "Lambda"
    )


def _missing_global(features: Features, target: Target) -> bool:
    """The bytecode of a Lambda uses a module by a name that the loader's globals lack."""
    return any(
        name in used and not within(span, target.release)
        for layer in features.layers
        if layer.get("class_name") == "Lambda"
        and (used := names_in(_config(layer).get("function"))).isdisjoint(IMPORTED)
        for name, span in GLOBALS.items()
    )


def _operation_on_constant(features: Features, target: Target) -> bool:
    """An operation of Keras 3 has a number among its positional inputs."""
    return any(
        isinstance(argument, int | float)
        for layer in features.layers
        if isinstance(nodes := layer.get("inbound_nodes"), list)
        for node in nodes
        if isinstance(node, Mapping) and isinstance(node.get("args"), list)
        for argument in node["args"]
    )


def _wrapped_lambda(features: Features, target: Target) -> bool:
    """A wrapper, such as TimeDistributed, has a Lambda in it, at whatever depth."""
    return any(
        wrapped.get("class_name") == "Lambda"
        for layer in features.layers
        if layer.get("class_name") not in MODELS
        for inner in inside(layer.get("config"))
        for _, wrapped in layers_of(inner)
    )


def _wrapped_functional(features: Features, target: Target) -> bool:
    """A wrapper, such as TimeDistributed, has a functional model in it, also in a Sequential."""
    return any(
        _has_functional(inner)
        for layer in features.layers
        if layer.get("class_name") not in MODELS
        for inner in inside(layer.get("config"))
    )


def _has_functional(model: Mapping[str, Any], depth: int = 0) -> bool:
    """Return whether a model is functional, or a Sequential with such a model in it."""
    if model.get("class_name") in FUNCTIONAL:
        return True
    return (
        model.get("class_name") == "Sequential"
        and depth < DEEPEST_NODE
        and any(_has_functional(inner, depth + 1) for inner in inside(model.get("config")))
    )


def _savedmodel_layer(features: Features, target: Target) -> bool:
    """It has a layer that calls a SavedModel."""
    return "TFSMLayer" in features.classes


def _path_outside(features: Features, target: Target) -> bool:
    """A layer reads a path outside the file when it is made."""
    return any(hazard.kind == "file" for hazard in features.hazards)


def _loading_function(features: Features, target: Target) -> bool:
    """Its config names a function of Keras that loads or fetches something."""
    return any(hazard.names in LOADING_FUNCTIONS for hazard in features.hazards)


def _torch_module(features: Features, target: Target) -> bool:
    """A layer wraps a module of PyTorch."""
    return "TorchModuleWrapper" in features.classes


def _merge_in_sequence(features: Features, target: Target) -> bool:
    """A Sequential has a layer that takes several inputs."""
    return any(
        layer.get("class_name") == "Sequential"
        and any(
            inner.get("class_name") in SEVERAL_INPUTS
            for inner in list(inside(layer.get("config")))[1:]
        )
        for layer in features.layers
    )


def _config(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    config = layer.get("config")
    return config if isinstance(config, Mapping) else {}


ARCHITECTURE_FEATURES: Mapping[str, Callable[[Features, Any], bool]] = {
    "no-input-layer": _no_input_layer,
    "any-rank": _any_rank,
    "later-call": _later_call,
    "output-of-later-call": _output_of_later_call,
    "listed-output": _listed_output,
    "listed-output-at-root": _listed_output_at_root,
    "unshaped-attention": _unshaped_attention,
    "hard-sigmoid": _hard_sigmoid,
    "cudnn": _cudnn,
    "lookup": _lookup,
    "function-of-library": _function_of_library,
    "missing-global": _missing_global,
    "operation-on-constant": _operation_on_constant,
    "merge-in-sequence": _merge_in_sequence,
    "path-outside": _path_outside,
    "loading-function": _loading_function,
    "savedmodel-layer": _savedmodel_layer,
    "torch-module": _torch_module,
    "wrapped-functional": _wrapped_functional,
    "wrapped-lambda": _wrapped_lambda,
}
