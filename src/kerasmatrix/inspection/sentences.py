"""Says in English what `inspect` found in a model file. Pure."""

from __future__ import annotations

from kerasmatrix.inspection.facts import Lambda, Part, Writer
from kerasmatrix.inspection.model_info import ModelFile

__all__ = ["describe_facts", "describe_kind", "describe_part"]

KINDS = {
    "hdf5-model": "a whole model as HDF5",
    "hdf5-weights": "weights as HDF5, without an architecture",
    "keras-archive": "a Keras v3 archive",
    "saved-model": "a SavedModel",
    "architecture-json": "an architecture as JSON",
    "architecture-yaml": "an architecture as YAML",
    "sharded-weights": "weights in several files, without an architecture",
    "checkpoint": "weights as a TensorFlow checkpoint, without an architecture",
}
HOLDERS = {
    "folder": ", unpacked into a folder",
    "pickle": " in a Python pickle",
    "mlflow": " in a folder of MLflow",
}


def describe_kind(model_file: ModelFile) -> str:
    """Return the kind of a file, such as "a whole model as HDF5", with its companion's name."""
    kind = KINDS[model_file.kind] + HOLDERS.get(model_file.holder or "", "")
    if model_file.companion:
        kind = f"{kind.removesuffix(', without an architecture')}, with {model_file.companion}"
    return kind


def describe_facts(
    model_file: ModelFile, to_load: tuple[str, ...] = (), to_compile: tuple[str, ...] = ()
) -> list[str]:
    """Return a line for each fact: the writer, weights, compile state, unsafe parts, notes.

    Args:
        model_file: what is in the file.
        to_load: names of other objects than layers that a program must bring to load it.
        to_compile: ... and to compile it.
    """
    facts = _writer(model_file.writer)
    if model_file.weights:
        weights = model_file.weights
        facts.append(
            f"weights: {weights.parameters:,} numbers in {weights.arrays} arrays, "
            f"{weights.bytes:,} bytes"
        )
        facts += [f"  sha256 {weights.digest}"] if weights.digest else []
    facts += _training(model_file)
    if model_file.custom_objects:
        facts.append(f"custom classes needed to load it: {_list(model_file.custom_objects)}")
    facts += [f"custom objects needed to load it: {_list(to_load)}"] if to_load else []
    facts += [f"custom objects needed to compile it: {_list(to_compile)}"] if to_compile else []
    facts += [f"Lambda layer {layer.layer!r} {_held(layer)}" for layer in model_file.lambdas]
    facts += [f"unsafe: {hazard.sentence}" for hazard in model_file.hazards]
    if model_file.quantized:
        modes = (f"{count} layers as {mode}" for mode, count in model_file.quantized.items())
        facts.append(f"quantized: {', '.join(modes)}")
    if model_file.dtype_policies:
        facts.append(f"dtype policies: {_list(model_file.dtype_policies)}")
    return [*facts, *(f"note: {note}" for note in model_file.notes)]


def describe_part(part: Part) -> str:
    """Return the facts about a layer, separated by commas; empty if there are none."""
    facts = [str(part.shape)] if part.shape else []
    facts += [f"{part.parameters:,} parameters"] if part.parameters else []
    facts += [part.dtype] if part.dtype not in {None, "float32"} else []
    facts += ["custom"] if part.custom else []
    return ", ".join(map(str, facts))


def _held(layer: Lambda) -> str:
    """Return what a Lambda layer holds, after its name."""
    if layer.function:
        return f"holds the name of a function, which a program must pass: {layer.function}"
    if layer.raw:
        return "holds Python bytecode as Keras 2.0 wrote it, which no later version reads"
    return "holds Python bytecode" + (f" for Python {layer.python}" if layer.python else "")


def _writer(writer: Writer) -> list[str]:
    parts = [f"Keras {writer.keras}"] if writer.keras else []
    if not writer.keras and writer.keras_major:
        parts.append(f"Keras {writer.keras_major}")
    if writer.tensorflow:
        deduced = "" if "tensorflow" in writer.recorded else " (deduced)"
        parts.append(f"TensorFlow {writer.tensorflow}{deduced}")
    parts += [f"on {writer.date}"] if writer.date else []
    lines = [f"written by: {', '.join(parts) or 'unknown'}"]
    return [*lines, f"  deduced from {writer.because}"] if writer.because else lines


def _training(model_file: ModelFile) -> list[str]:
    training = model_file.training
    if training is None:
        return []
    count = training.optimizer_steps
    steps = f" ({count:,} {'step' if count == 1 else 'steps'})" if count else ""
    state = {True: f", state saved{steps}", False: ", without its state", None: ""}
    metrics = f", metrics {_list(training.metrics)}" if training.metrics else ""
    optimizer = (
        f"{training.optimizer or 'an optimizer without a name'}{state[training.optimizer_state]}"
    )
    loss = f"loss {training.loss}" if training.loss else "no loss"
    return [f"compiled with: {optimizer}; {loss}{metrics}"]


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
