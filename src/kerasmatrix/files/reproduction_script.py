"""The script of a reproduction, of at most 30 lines, and the text of an issue about it. Pure."""

from __future__ import annotations

import pprint
import re
from collections.abc import Mapping
from typing import Any

from kerasmatrix.engines.base import Handshake
from kerasmatrix.files.failure import Failure
from kerasmatrix.files.small_model import SmallModel, group_paths
from kerasmatrix.text.lines import first_line

__all__ = ["MOST_LINES", "failure_text", "issue_text", "script_of"]

MOST_LINES = 30
WIDTHS = (96, 140, 200)
LONGEST_LINE = 160
LAST_LINES = 12  # of a traceback
# The folder of the model file, in a message.
FOLDER = re.compile(r"/(?:[^\s/'\"]{1,255}/){1,64}(?=[^\s/'\"]{1,255}\.(?:keras|hdf5|h5)\b)")
INSTALLED = re.compile(r'File "[^"\n]*/(?=site-packages/)')
HDF5 = """with h5py.File("small{ending}", "w") as file:
    file.attrs["keras_version"] = b"{keras}"
    file.attrs["backend"] = b"tensorflow"
    file.attrs["model_config"] = json.dumps(CONFIG).encode()
{training}    weights = file.create_group("model_weights")
    weights.attrs["layer_names"] = [name.encode() for name in WEIGHTS]
    for layer, arrays in WEIGHTS.items():
        group = weights.create_group(layer)
        group.attrs["weight_names"] = [name.encode() for name in arrays]
        for name, shape in arrays.items():
            group[name] = np.random.rand(*shape).astype("float32")
"""
HDF5_ALONE = """with h5py.File("small{ending}", "w") as file:
    file.attrs["keras_version"] = b"{keras}"
    file.attrs["backend"] = b"tensorflow"
    file.attrs["model_config"] = json.dumps(CONFIG).encode()
{training}    file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
"""
TRAINING = '    file.attrs["training_config"] = json.dumps(TRAINING).encode()\n'
ARCHIVE = """with zipfile.ZipFile("small.keras", "w") as archive:
    archive.writestr("metadata.json", json.dumps({{"keras_version": "{keras}"}}))
    archive.writestr("config.json", json.dumps(CONFIG))
"""
ARCHIVED_WEIGHTS = """with h5py.File("model.weights.h5", "w") as file:
    for name, shape in WEIGHTS.items():
        file[name] = np.random.rand(*shape).astype("float32")
with zipfile.ZipFile("small.keras", "a") as archive:
    archive.write("model.weights.h5")
"""


def script_of(
    model: SmallModel, failure: Failure, versions: Handshake, code: str | None = None
) -> str:
    """Return a script that writes the small file and loads it.

    Args:
        model: the small model.
        failure: how it fails.
        versions: those of the environment in which it fails.
        code: the module with the custom objects that the program needs, if it needs one.
    """
    head = (
        f"# {first_line(failure_text(failure))[:LONGEST_LINE]}\n"
        f"# TensorFlow {versions.tensorflow}, Keras {versions.keras}, Python {versions.python}\n"
    )
    lines = _body(model, code)
    spare = MOST_LINES - len((head + lines.format(CONFIG="", WEIGHTS="")).splitlines())
    config = _literal("CONFIG", model.config, spare)
    spare -= len(config.splitlines()) - 1
    weights = _literal("WEIGHTS", _weights(model), spare) if model.arrays else ""
    return head + lines.format(CONFIG=config, WEIGHTS=weights)


def failure_text(failure: Failure) -> str:
    """Return the exception at the root with its message, or how else the load ended."""
    text = f"{failure.root}: {failure.reason}" if failure.root else failure.ended
    return FOLDER.sub("", text)


def _body(model: SmallModel, code: str | None) -> str:
    imports = ["json"] + (["zipfile"] if model.format == "keras" else [])
    needs_h5py = model.format == "h5" or model.arrays
    third = (["h5py"] if needs_h5py else []) + ["tensorflow as tf"]
    if needs_h5py:
        third.insert(1, "numpy as np")
    text = "\n".join(f"import {name}" for name in imports) + "\n\n"
    text += "\n".join(f"import {name}" for name in third) + "\n\n"
    text += f"import {code}\n\n" if code else ""
    text += "{CONFIG}\n"
    keras = model.keras or "2.4.0"
    if model.format == "h5":
        training = TRAINING if model.training is not None else ""
        given = _escaped(f"TRAINING = {model.training!r}\n") if training else ""
        body = HDF5 if model.arrays else HDF5_ALONE
        text += given + ("{WEIGHTS}\n" if model.arrays else "")
        text += _escaped(body.format(keras=keras, training=training, ending=model.ending))
    else:
        text += "{WEIGHTS}\n" if model.arrays else ""
        text += _escaped(ARCHIVE.format(keras=keras))
        text += _escaped(ARCHIVED_WEIGHTS) if model.arrays else ""
    objects = f", custom_objects=vars({code})" if code else ""
    return text + f'tf.keras.models.load_model("small{model.ending}"{objects})\n'


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _weights(model: SmallModel) -> dict[str, Any]:
    if model.format == "keras":
        return {path: array.shape for path, array in group_paths(model)}
    held: dict[str, dict[str, tuple[int, ...]]] = {}
    for array in model.arrays:
        held.setdefault(array.layer, {})[array.path] = array.shape
    return held


def _literal(name: str, value: Mapping[str, Any], spare: int) -> str:
    """Return an assignment on as many lines as there are, else on one."""
    for width in WIDTHS:
        text = pprint.pformat(value, width=width, compact=True, sort_dicts=False)
        if len(text.splitlines()) <= max(1, spare + 1):
            return f"{name} = {text}"
    return f"{name} = {value!r}"


def issue_text(script: str, failure: Failure, versions: Handshake, written_by: str) -> str:
    """Return a text for an issue of Keras or TensorFlow, in Markdown."""
    title = first_line(failure_text(failure))[:LONGEST_LINE]
    traceback = INSTALLED.sub('File "', failure.traceback)
    last = "\n".join(traceback.strip().splitlines()[-LAST_LINES:]) or title
    modules = ", ".join(f"{name} {version}" for name, version in sorted(versions.modules.items()))
    return (
        f"# `load_model` fails: {title}\n\n"
        f"**Versions:** TensorFlow {versions.tensorflow}, Keras {versions.keras}, "
        f"Python {versions.python}{f' ({modules})' if modules else ''}. The file was written by "
        f"{written_by}.\n\n"
        "**Steps:** run this script. It writes a small model file and loads it; the weights are "
        "random.\n\n"
        f"```python\n{script}```\n\n"
        "**Expected:** the model loads, or the message says which version it needs.\n\n"
        f"**Actual:**\n\n```text\n{last}\n```\n\n"
        "The model was reduced from a larger file with kerasmatrix.\n"
    )
