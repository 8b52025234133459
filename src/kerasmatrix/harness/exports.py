"""Exports a loaded model as ONNX or TFLite, and runs the export without Keras.

An environment has at most one way out, named by the variable ``KERASMATRIX_EXPORT``.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any, Iterator

import numpy as np

from . import difference as deviation
from . import feeding, formats

__all__ = ["Exported", "Unsupported", "export", "outputs", "wanted"]

VARIABLE = "KERASMATRIX_EXPORT"
# The messages of the converter of TFLite about operations that only TensorFlow itself has
# (tensorflow/lite/python/convert.py and compiler/mlir/lite of 2.15 and 2.21).
NEEDS_TENSORFLOW = re.compile(r"TF Select|flex op|SELECT_TF_OPS|_lower_tensor_list_ops")
# The messages of converters about operations that they do not have, and of onnxruntime about those
# that tf2onnx leaves as they are.
LACKING = re.compile(
    r"[Tt]ensorflow op \[?[\w/: .-]{0,300}\]? is not supported"
    r"|[Uu]nsupported ops?: [^\n]{0,300}"
    r"|'tf\.\w+' op is neither a custom op nor a flex op"
    r"|No Op registered for \w{1,300}"
)
SELECTED = "operations of TensorFlow, which a plain TFLite runtime lacks (SELECT_TF_OPS)"
KERAS_3 = 3  # which exports to ONNX itself
NUMBER = re.compile(r"(\d+)")


class Unsupported(Exception):
    """The converter or the runtime does not have an operation of the model."""


class Exported:
    """An export in memory. ``needs`` names what it needs beyond a plain runtime, if anything."""

    def __init__(self, content: bytes, converter: str, needs: str | None = None) -> None:
        self.content = content
        self.converter = converter
        self.needs = needs

    @property
    def facts(self) -> dict:
        """The facts about it that a load reports."""
        return dict(
            format=wanted(), converter=self.converter, bytes=len(self.content), needs=self.needs
        )


def wanted() -> str | None:
    """Return the format to which this environment exports; None if it does not."""
    return os.environ.get(VARIABLE)


def export(model: Any, folder: str) -> Exported:
    """Return the export of a model that has been called.

    Args:
        model: the model.
        folder: an empty folder for files of the converter.

    Raises:
        Unsupported: the converter lacks an operation.
        Exception: any other error of the converter.
    """
    feeding.forget_states(model)
    with _telling_lacks():
        return EXPORTERS[str(wanted())](model, folder)


def outputs(exported: Exported, model: Any, inputs: list, keys: list | None) -> list:
    """Return the outputs of an export on ``inputs``, in the order of the model's own.

    Args:
        exported: the export.
        model: the model that was exported.
        inputs: arrays, in the order of the model's inputs.
        keys: the names of the inputs, if the model takes a dict.

    Raises:
        Unsupported: the runtime lacks an operation.
        Exception: any other error of the runtime.
    """
    run = {"onnx": _run_onnx, "tflite": _run_tflite}[str(wanted())]
    with _telling_lacks():
        answer = run(exported.content, inputs, keys or _names(model, "input"))
    order = _order(list(answer), _names(model, "output"))
    return [deviation.storable(np.asarray(answer[name])) for name in order]


@contextlib.contextmanager
def _telling_lacks() -> Iterator[None]:
    """Raise `Unsupported` for an error about an operation that is not there."""
    try:
        yield
    except Exception as error:
        found = LACKING.search(str(error))
        if found is None:
            raise
        raise Unsupported(found.group()) from error


def _export_onnx(model: Any, folder: str) -> Exported:
    import tf2onnx

    import tensorflow as tf

    converter = "tf2onnx " + tf2onnx.__version__
    path = os.path.join(folder, "model.onnx")
    if formats.major(tf.keras) == KERAS_3:
        model.export(path, format="onnx", verbose=False)
    else:
        tf2onnx.convert.from_keras(model, output_path=path)
    with open(path, "rb") as file:
        return Exported(file.read(), converter)


def _export_tflite(model: Any, folder: str) -> Exported:
    del folder  # it converts in memory
    import tensorflow as tf

    name = "TFLiteConverter of TensorFlow " + tf.__version__
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    try:
        return Exported(converter.convert(), name)
    except Exception as error:
        if not NEEDS_TENSORFLOW.search(str(error)):
            raise
    # As the message advises.
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter._experimental_lower_tensor_list_ops = False  # noqa: SLF001 - it has no other name
    return Exported(converter.convert(), name, SELECTED)


EXPORTERS = {"onnx": _export_onnx, "tflite": _export_tflite}


def _run_onnx(content: bytes, inputs: list, names: list) -> dict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    declared = [spec.name for spec in session.get_inputs()]
    types = {spec.name: spec.type for spec in session.get_inputs()}
    given = {
        name: _as(array, ONNX_TYPES.get(types[name]))
        for name, array in _paired(declared, names, inputs)
    }
    told = [spec.name for spec in session.get_outputs()]
    return dict(zip(told, session.run(told, given)))


def _run_tflite(content: bytes, inputs: list, names: list) -> dict:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(model_content=content, num_threads=1)
    runner = interpreter.get_signature_runner()
    details = runner.get_input_details()
    given = {
        name: _as(array, details[name]["dtype"])
        for name, array in _paired(list(details), names, inputs)
    }
    return dict(runner(**given))


# The types of ONNX's tensors that models of Keras take.
ONNX_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


def _as(array: Any, dtype: Any) -> Any:
    return array if dtype is None else np.asarray(array).astype(dtype)


def _paired(declared: list, names: list, inputs: list) -> list:
    """Return pairs of an export's input and the array for it."""
    return list(zip(_order(declared, names), inputs))


def _order(declared: list, names: list) -> list:
    """Return the names that an export declares in the order of the model's ``names``.

    Converters keep the names, or add a number or the scope of a call, or count: ``output_10``.
    """
    plain = [re.sub(r":\d+$", "", name) for name in declared]
    for spell in (str, lambda name: "serving_default_" + name):
        known = [declared[plain.index(spell(name))] for name in names if spell(name) in plain]
        if names and len(known) == len(names):
            # A faulty export may have further inputs, of which the runtime complains.
            return known
    return sorted(declared, key=_natural)


def _natural(name: str) -> list:
    return [int(part) if part.isdigit() else part for part in NUMBER.split(name)]


def _names(model: Any, side: str) -> list:
    """Return the names of a model's inputs or outputs in the order of the sample inputs."""
    told = getattr(model, side + "_names", None)
    if told:
        return list(told)
    tensors = getattr(model, side + "s", None) or []
    tensors = tensors if isinstance(tensors, (list, tuple)) else [tensors]
    return [str(getattr(tensor, "name", "")) for tensor in tensors]
