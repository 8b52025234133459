"""Prints the description of a model file, and its architecture as a tree."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from kerasmatrix.inspection.facts import Part
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.inspection.sentences import describe_facts, describe_kind, describe_part
from kerasmatrix.prediction.required_objects import RequiredObject, names_besides
from kerasmatrix.text.escape import escape_control_characters

__all__ = ["show_model"]


def show_model(
    console: Console, model_file: ModelFile, required: Sequence[RequiredObject] = ()
) -> None:
    """Print the description of a file; ``required`` is what a program must bring to load it."""
    head = f"{model_file.path}: {describe_kind(model_file)}, {model_file.bytes:,} bytes"
    lines = [head, *describe_facts(model_file, *names_besides(model_file, required))]
    for line in lines:
        console.print(Text(escape_control_characters(line)), soft_wrap=True)
    if model_file.architecture:
        console.print(_tree(model_file.architecture))
    if model_file.second and model_file.second.model:
        console.print()
        console.print(Text("and, in the same file:", style="bold"))
        show_model(console, model_file.second.model)


def _tree(root: Part) -> Tree:
    tree = Tree(_label(root))
    for part in root.parts:
        tree.add(_tree(part))
    return tree


def _label(part: Part) -> Text:
    label = Text(
        escape_control_characters(part.class_name), style="bold red" if part.custom else "bold"
    )
    if part.name:
        label.append(f" {escape_control_characters(part.name)}", style="default not bold")
    facts = describe_part(part)
    if facts:
        label.append(f" ({escape_control_characters(facts)})", style="dim not bold")
    return label
