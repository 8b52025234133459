"""Compiles a model as its file says, and gives the optimizer the state that the file has.

For models that were created without their compile state.
"""

from __future__ import annotations

from typing import Any

from . import moments, rewrite

__all__ = ["compile_as_stored"]

ARGUMENTS = ("loss_weights", "run_eagerly", "jit_compile")


def compile_as_stored(model: Any, path: str, stored: Any, reader: Any, custom_objects: dict) -> str:
    """Compile ``model``; return in a few words what was done.

    Args:
        model: a model that is not compiled.
        path: the file that it is from.
        stored: the architecture in it, with a training configuration.
        reader: the Keras at hand (see `classes.Reader`).
        custom_objects: classes and functions of the loading program.
    """
    training = rewrite.rewrite(stored, reader).training or {}
    try:
        model.compile(**_arguments(model, training, reader, custom_objects))
    except Exception as error:
        return f"not compiled ({type(error).__name__}: {error})"
    try:
        restored = moments.restore(model, moments.read(path, stored))
    except Exception as error:
        return f"compiled as in the file, without the optimizer's state ({error})"
    return "compiled as in the file" + (", with the optimizer's state" if restored else "")


def _arguments(model: Any, training: dict, reader: Any, objects: dict) -> dict:
    """Return the arguments of ``compile``."""
    entry = training.get("optimizer_config") or training.get("optimizer")
    is_string = isinstance(entry, str)
    arguments: dict = {
        "optimizer": entry
        if is_string
        else reader.deserialize_training("optimizers", entry, objects),
        "loss": _made(training.get("loss"), "losses", reader, objects),
    }
    for key in ("metrics", "weighted_metrics"):
        made = _made(training.get(key), "metrics", reader, objects)
        arguments[key] = _flat(made) if len(model.outputs) == 1 else made
    arguments.update((key, training[key]) for key in ARGUMENTS if training.get(key))
    known = reader.compile_names()
    return {key: value for key, value in arguments.items() if value and key in known}


def _made(value: Any, place: str, reader: Any, objects: dict) -> Any:
    """Return losses or metrics as objects; names stay names, which ``compile`` looks up."""
    if isinstance(value, dict) and "class_name" in value:
        return reader.deserialize_training(place, value, objects)
    if isinstance(value, dict):
        return {key: _made(inner, place, reader, objects) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_made(inner, place, reader, objects) for inner in value]
    return objects.get(value, value) if isinstance(value, str) else value


def _flat(value: Any) -> Any:
    """Return the metrics of a model with one output as one list."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list):
        return value
    members = [_flat(member) if isinstance(member, (list, dict)) else member for member in value]
    flat: list = []
    for member in members:
        flat += member if isinstance(member, list) else [member]
    return [member for member in flat if member is not None]
