"""Model files, made without TensorFlow as the releases of Keras write them."""

import io
import json
import zipfile

import h5py
import numpy as np

DENSE = {
    "class_name": "Dense",
    "config": {"name": "dense", "units": 2, "dtype": "float32", "batch_input_shape": [None, 3]},
}
SEQUENTIAL = {"class_name": "Sequential", "config": {"name": "sequential", "layers": [DENSE]}}
TRAINING = {
    "loss": "mse",
    "metrics": ["accuracy"],
    "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.1}},
}


def hdf5_model(path, config=SEQUENTIAL, *, keras="2.4.0", training=TRAINING, state=True):
    """Write a whole model as Keras 2 does."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = np.bytes_(keras)
        file.attrs["backend"] = "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        if training:
            file.attrs["training_config"] = json.dumps(training).encode()
        layer = file.create_group("model_weights/dense/dense")
        layer["kernel:0"] = np.arange(6, dtype="float32").reshape(3, 2)
        layer["bias:0"] = np.zeros(2, dtype="float32")
        if state:
            file["optimizer_weights/Adam/iterations:0"] = 3
            file["optimizer_weights/Adam/dense/kernel/m:0"] = np.zeros((3, 2), dtype="float32")
    return path


def hdf5_weights(path):
    """Write weights as Keras 2 does."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        file.attrs["keras_version"] = "2.15.0"
        file["dense/dense/kernel:0"] = np.zeros((3, 2), dtype="float32")
    return path


def keras_3_weights(path):
    """Write weights as Keras 3 does."""
    with h5py.File(path, "w") as file:
        _keras_3_groups(file)
    return path


def _keras_3_groups(file):
    file["layers/dense/vars/0"] = np.zeros((3, 2), dtype="float32")
    file["layers/dense/vars/1"] = np.zeros(2, dtype="float32")
    file["optimizer/vars/0"] = 7
    file["metrics/mean/vars/0"] = 1.0


def archive(path, config=None, *, compression=zipfile.ZIP_STORED, weights=True, keras="3.4.1"):
    """Write an archive as Keras 3 does."""
    config = config or {
        "module": "keras",
        "registered_name": "Sequential",
        "compile_config": {"optimizer": "rmsprop", "loss": "mae"},
        **SEQUENTIAL,
    }
    with zipfile.ZipFile(path, "w", compression) as file:
        told = {"keras_version": keras, "date_saved": "2024-07-01@10:00:00"}
        file.writestr("metadata.json", json.dumps(told))
        file.writestr("config.json", json.dumps(config))
        if weights:
            held = io.BytesIO()
            with h5py.File(held, "w") as inner:
                _keras_3_groups(inner)
            file.writestr("model.weights.h5", held.getvalue())
    return path


# ---- protobuf's wire format, to write what TensorFlow writes ----


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def variable(*shape, dtype=1):
    dims = b"".join(message(2, number(1, size)) for size in shape)
    return message(7, number(1, dtype) + message(2, dims))


def child(node, name):
    return message(1, number(1, node) + message(2, name.encode()))


def saved_model(folder, *, metadata=None, separate=True, tensorflow="2.9.3"):
    """Write a SavedModel of two variables, Keras's metadata apart or in the graph."""
    folder.mkdir(exist_ok=True)
    user = b"" if metadata is None else json.dumps(metadata).encode()
    inside = message(4, message(1, b"_tf_keras_sequential") + message(3, user))
    root = child(1, "variables") + child(4, "optimizer") + (b"" if separate else inside)
    nodes = [
        root, child(2, "0") + child(3, "1"), variable(3, 2), variable(2), variable(999),
    ]  # fmt: skip
    graph = message(1, message(5, tensorflow.encode()))
    graph += message(7, b"".join(message(1, node) for node in nodes))
    (folder / "saved_model.pb").write_bytes(number(1, 1) + message(2, graph))
    if metadata is not None and separate:
        node = number(2, 0) + message(4, b"_tf_keras_sequential") + message(5, user)
        (folder / "keras_metadata.pb").write_bytes(message(1, node))
    return folder
