"""Rules about models: their layers, the wiring between these, and their inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import nodes, op_lambda, operations

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["MODELS", "sequential_as_mapping", "write_model"]

# A functional model is `Model` up to TensorFlow 2.2 and in standalone Keras, `Functional` later;
# every release from 2.3 on, and Keras 3, also takes the old name (measured: h5, tf2.4 to tf2.2;
# keras, tf2.15 to tf2.21).
FUNCTIONAL = {"Functional", "Model"}
MODELS = {*FUNCTIONAL, "Sequential"}
# Layers whose initial states Keras 2 writes among the inputs of a call (`RNN.__call__` in
# keras/layers/rnn of 2.15), Keras 3 as the argument `initial_state`.
RECURRENT = {
    "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "CuDNNGRU", "CuDNNLSTM", "GRU",
    "LSTM", "RNN", "SimpleRNN",
}  # fmt: skip


def write_model(writer: Writer, entry: dict, name: str, config: dict) -> dict:
    """Return a model: its layers, and how they are wired."""
    written = dict(config)
    stored_layers = config["layers"]
    shifts = {} if writer.from_keras_3 else _shifts(stored_layers)
    names = {_name(layer) for layer in stored_layers}
    layers = [_write_layer(writer, layer, shifts, names) for layer in stored_layers]
    written["layers"] = layers
    if name == "Sequential":
        written["layers"] = _with_input(writer, layers, stored_layers)
    new_shifts = {} if writer.to_keras_3 else _shifts(layers)
    for layer in layers:
        _wire(writer, layer, new_shifts)
    # Keras 3 counts the node of its own in the ends of a model, and not in the wiring.
    before = _functional_shifts(stored_layers) if writer.from_keras_3 else shifts
    after = _functional_shifts(layers) if writer.to_keras_3 else new_shifts
    for ends in ("input_layers", "output_layers"):
        if ends in config:
            tensors = nodes.read_ends(config[ends], before)
            written[ends] = nodes.write_ends(tensors, writer.reader.major, after)
    if "dtype" in written:
        written["dtype"] = writer.write_value(written["dtype"])
    if name not in MODELS:
        return writer.write_own(entry, written)
    if name == "Functional":
        writer.note("renamed class Functional to Model")
    return writer.write_keras(entry, "Model" if name in FUNCTIONAL else name, written, "keras")


def sequential_as_mapping(value: Any) -> Any:
    """Return a config in which every Sequential is a mapping with its layers.

    Keras 2.2 and before write it as the bare list of its layers, which Keras 3 and TensorFlow 2.2
    do not accept (measured: files of Keras 2.2.0 and 2.2.2 as h5, in tf2.2 and tf2.21).
    """
    if isinstance(value, list):
        return [sequential_as_mapping(member) for member in value]
    if not isinstance(value, dict):
        return value
    mapping = {key: sequential_as_mapping(member) for key, member in value.items()}
    if mapping.get("class_name") == "Sequential" and isinstance(mapping.get("config"), list):
        # The list has no name. One that is a layer of another model has it outside the config.
        name = mapping.get("name") or "sequential"
        mapping["config"] = dict(name=name, layers=mapping["config"])
    return mapping


def _write_layer(writer: Writer, entry: dict, shifts: dict, names: set) -> dict:
    """Return a layer of a model, with its calls under a key of their own."""
    layer: dict = writer.write(entry)
    if "inbound_nodes" in entry:
        calls = nodes.read_calls(entry["inbound_nodes"], shifts, names)
        if writer.from_keras_3 and not writer.to_keras_3:
            # Keras 3 records the default and overrides it, Keras 2 takes it for a constant
            # (measured: RandomFlip as keras, tf2.21 to tf2.15).
            for call in calls:
                if call.kwargs.get("training") is True:
                    del call.kwargs["training"]
        if entry["class_name"] in RECURRENT and not entry["config"].get("num_constants"):
            _place_states(writer, calls)
        layer, layer["calls"] = _translate_operation(writer, entry, layer, calls)
    layer["name"] = _name(entry)
    return layer


def _place_states(writer: Writer, calls: list) -> None:
    """Put the initial states of a recurrent layer's calls where the reader expects them."""
    for call in calls:
        if writer.to_keras_3 and not writer.from_keras_3:
            inputs = call.args[0] if call.args else None
            if isinstance(inputs, list) and len(inputs) > 1:
                call.args[0], *states = inputs
                call.kwargs["initial_state"] = states
                writer.note("gave a recurrent layer its initial state by name")
        elif writer.from_keras_3 and not writer.to_keras_3:
            states = call.kwargs.get("initial_state")
            states = states if isinstance(states, list) else [states]
            if call.args and all(nodes.is_tensor(state) for state in states):
                del call.kwargs["initial_state"]
                call.args[0] = [call.args[0], *states]
                writer.note("gave a recurrent layer its initial state among its inputs")


def _wire(writer: Writer, layer: dict, shifts: dict) -> None:
    """Replace a layer's calls by the wiring that the reader expects."""
    calls = layer.pop("calls", None)
    if calls is None:
        return
    match = writer.reader.find(layer["class_name"])
    call_names = writer.reader.call_names(match[0]) if match else None
    layer["inbound_nodes"] = nodes.write_calls(calls, writer.reader.major, shifts, call_names)


def _translate_operation(writer: Writer, entry: dict, layer: dict, calls: list) -> tuple:
    """Return a layer and its calls; an operation of the other Keras as one of the reader's."""
    translated = None
    if writer.to_keras_3 and not writer.from_keras_3:
        translated = operations.to_keras_3(entry, calls)
    elif not writer.to_keras_3 and operations.is_keras_3_operation(entry):
        translated = operations.to_keras_2(entry, calls)
        found = op_lambda.of_keras_3(entry, calls) if translated is None else None
        if found is not None:
            writer.note(f"wrote operation {entry['class_name']} as a Lambda that computes it")
            return writer.write_lambda({}, found[0]), found[1]
    if translated is not None:
        name, module, config, new_calls = translated
        written = dict(class_name=name, config=config)
        if module is not None:
            written.update(module=module, registered_name=name)
        writer.note(f"wrote operation {entry['class_name']} as {name}")
    else:
        written, new_calls = entry, calls
    # Versions from before the newer layers of operations have the older one.
    is_readable = writer.reader.has_operations or (
        not writer.to_keras_3 and written["class_name"] == "TensorFlowOpLayer"
    )
    if not is_readable:
        found = op_lambda.as_lambda(written, new_calls)
        if found is not None:
            writer.note(f"wrote operation {entry['class_name']} as a Lambda layer that calls it")
            return writer.write_lambda({}, found[0]), found[1]
    return (layer, calls) if translated is None else (written, new_calls)


def _with_input(writer: Writer, layers: list, stored_layers: list) -> list:
    """Return a Sequential's layers; in Keras 3 the first is an InputLayer with the shape."""
    if not writer.to_keras_3 or not stored_layers or layers[0]["class_name"] == "InputLayer":
        return layers
    shape = stored_layers[0].get("config", {}).get("batch_input_shape")
    if shape is None:
        return layers
    writer.note("wrote the input's shape as a layer")
    name = f"{_name(stored_layers[0])}_input"
    dtype = layers[0]["config"].get("dtype", "float32")
    config = dict(batch_shape=shape, dtype=dtype, name=name)
    return [writer.write_keras({}, "InputLayer", config, "keras.layers"), *layers]


def _shifts(layers: list) -> dict:
    """Return how many nodes of its own each layer has in Keras 2: one, if it is a wired model."""
    return {_name(layer): 1 for layer in layers if _is_wired(layer)}


def _functional_shifts(layers: list) -> dict:
    """Return the same for the ends of a model of Keras 3, where a Sequential has none.

    (keras/src/models/functional.py of 3.4 and 3.15, ``get_tensor``)
    """
    configs = ((layer, layer.get("config")) for layer in layers)
    return {
        _name(layer): 1
        for layer, config in configs
        if isinstance(config, dict) and "input_layers" in config
    }


def _is_wired(layer: dict) -> bool:
    """Whether a layer is a model with inputs of its own."""
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
