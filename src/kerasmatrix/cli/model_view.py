"""A model file in words, and its architecture as a tree, for a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kerasmatrix.inspection.model_info import ModelFile, Part
from kerasmatrix.text.escape import visible

__all__ = ["show_model"]

KINDS = {
    "hdf5-model": "a whole model as HDF5",
    "hdf5-weights": "weights as HDF5, without an architecture",
    "keras-archive": "a Keras v3 archive",
    "saved-model": "a SavedModel",
    "architecture-json": "an architecture as JSON, without weights",
    "architecture-yaml": "an architecture as YAML, without weights",
}


def show_model(console: Console, found: ModelFile) -> None:
    """Print what is known of a file."""
    lines = [f"{found.path}: {KINDS[found.kind]}, {found.bytes:,} bytes", *_facts(found)]
    for line in lines:
        console.print(Text(visible(line)), soft_wrap=True)
    if found.architecture:
        console.print(_tree(found.architecture))
    if found.second and found.second.model:
        console.print()
        console.print(Text("and, in the same file:", style="bold"))
        show_model(console, found.second.model)


def _facts(found: ModelFile) -> list[str]:
    writer = found.writer
    told = [f"Keras {writer.keras}"] if writer.keras else []
    if not writer.keras and writer.keras_major:
        told.append(f"Keras {writer.keras_major}")
    if writer.tensorflow:
        deduced = "" if "tensorflow" in writer.recorded else " (deduced)"
        told.append(f"TensorFlow {writer.tensorflow}{deduced}")
    told += [f"on {writer.date}"] if writer.date else []
    facts = [f"written by: {', '.join(told) or 'the file does not say'}"]
    if writer.because:
        facts.append(f"  deduced from {writer.because}")
    if found.weights:
        weights = found.weights
        facts.append(
            f"weights: {weights.parameters:,} numbers in {weights.arrays} arrays, "
            f"{weights.bytes:,} bytes"
        )
        facts += [f"  sha256 {weights.digest}"] if weights.digest else []
    facts += _training(found)
    if found.custom_objects:
        facts.append(f"custom classes, which a program must bring: {_list(found.custom_objects)}")
    facts += [
        f"Lambda layer {each.layer!r} holds Python bytecode"
        + (f" that Python {each.python} can read" if each.python else "")
        for each in found.lambdas
    ]
    if found.dtype_policies:
        facts.append(f"dtype policies: {_list(found.dtype_policies)}")
    return [*facts, *(f"note: {note}" for note in found.notes)]


def _training(found: ModelFile) -> list[str]:
    training = found.training
    if training is None:
        return []
    steps = f" of {training.optimizer_steps:,} steps" if training.optimizer_steps else ""
    state = {True: f" with its state{steps}", False: " without its state", None: ""}
    metrics = f", metrics {_list(training.metrics)}" if training.metrics else ""
    optimizer = f"{training.optimizer}{state[training.optimizer_state]}"
    return [f"compiled with: {optimizer}, loss {training.loss}{metrics}"]


def _tree(root: Part) -> Tree:
    made = Tree(_label(root))
    for part in root.parts:
        made.add(_tree(part))
    return made


def _label(part: Part) -> Text:
    label = Text(visible(part.class_name), style="bold red" if part.custom else "bold")
    if part.name:
        label.append(f" {visible(part.name)}", style="default not bold")
    facts = [str(part.shape)] if part.shape else []
    facts += [f"{part.parameters:,} parameters"] if part.parameters else []
    facts += [part.dtype] if part.dtype not in {None, "float32"} else []
    facts += ["custom"] if part.custom else []
    if facts:
        label.append(f" ({visible(', '.join(map(str, facts)))})", style="dim not bold")
    return label


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names)
