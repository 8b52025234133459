"""Model files, made without TensorFlow as the releases of Keras write them."""

import io
import itertools
import json
import pickle
import struct
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


# ---- the shapes that models come in besides a single file ----


def unpacked(folder, **settings):
    """Write an archive unpacked into a folder, as on the hub."""
    folder.mkdir()
    held = archive(folder / "held.zip", **settings)
    with zipfile.ZipFile(held) as file:
        file.extractall(folder)
    held.unlink()
    return folder


def pickled(path, content, protocol=4):
    """Write a pickle of Keras 2.13 or later: a function, and the bytes of an archive."""
    path.write_bytes(pickle.dumps({"model": content, "names": ["a", "b"]}, protocol))
    return path


def entry(dtype, *shape, offset=0, size=0):
    dims = b"".join(message(2, number(1, each)) for each in shape)
    return number(1, dtype) + message(2, dims) + number(4, offset) + number(5, size)


def checkpoint(prefix, *, steps=3, data=True):
    """Write a checkpoint of Keras 2: two weights, the optimizer's steps and a slot."""
    prefix.parent.mkdir(exist_ok=True, parents=True)
    value = "/.ATTRIBUTES/VARIABLE_VALUE"
    layer = "layer_with_weights-0/kernel"
    entries = {
        "": number(1, 1),
        "_CHECKPOINTABLE_OBJECT_GRAPH": entry(7),
        f"layer_with_weights-0/bias{value}": entry(1, 2),
        f"{layer}/.OPTIMIZER_SLOT/optimizer/m{value}": entry(1, 3, 2),
        f"{layer}{value}": entry(1, 3, 2),
        f"optimizer/iter{value}": entry(9, offset=8, size=8),
    }
    return _checkpoint(prefix, entries, steps if data else None)


def named_checkpoint(prefix):
    """Write a checkpoint of tf.train.Saver: two weights, slots of Adam, and its steps."""
    entries = {
        "": number(1, 1),
        "dense/bias": entry(1, 2),
        "dense/kernel": entry(1, 3, 2),
        "dense/kernel/Adam": entry(1, 3, 2),
        "dense/kernel/Adam_1": entry(1, 3, 2),
        "global_step": entry(9, offset=8, size=8),
        "train/beta1_power": entry(1),
    }
    return _checkpoint(prefix, entries, steps=5)


def _checkpoint(prefix, entries, steps):
    """Write an index with these entries, and the numbers unless ``steps`` is None."""
    pairs = [(name.encode(), content) for name, content in entries.items()]
    first = _block(pairs)
    handle = varint(0) + varint(len(first) - 5)
    index = _block([(b"p", handle)])
    footer = varint(0) + varint(0) + varint(len(first)) + varint(len(index) - 5)
    footer = footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    prefix.with_name(f"{prefix.name}.index").write_bytes(first + index + footer)
    if steps is not None:
        numbers = bytes(8) + struct.pack("<q", steps)
        prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(numbers)
    return prefix


def _block(pairs):
    """Return a block of LevelDB whose keys share prefixes, with its trailer."""
    content, last = b"", b""
    for name, value in pairs:
        pairs_of_bytes = zip(last, name, strict=False)
        shared = sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], pairs_of_bytes))
        own = name[shared:]
        content += varint(shared) + varint(len(own)) + varint(len(value)) + own + value
        last = name
    return content + struct.pack("<II", 0, 1) + bytes(5)


def shards(path):
    """Write weights of Keras 3 in two shards, and return their list."""
    names = [f"{path.name.removesuffix('.weights.json')}_0000{n}.weights.h5" for n in (0, 1)]
    groups = {"/layers/dense/vars": names[0], "/layers/dense_1/vars": [names[1]]}
    path.write_text(json.dumps({"metadata": {"total_size": 1.0}, "weight_map": groups}))
    for name, group in zip(names, groups, strict=True):
        with h5py.File(path.with_name(name), "w") as file:
            file[f"{group[1:]}/0"] = np.zeros((3, 2), dtype="float32")
    return path


def mlflow(folder, *, model=archive, name="model.keras"):
    """Write a folder of MLflow with a model of the flavor ``tensorflow``."""
    (folder / "data").mkdir(parents=True)
    model(folder / "data" / name)
    (folder / "MLmodel").write_text(
        "flavors:\n"
        "  python_function: {data: data, loader_module: mlflow.tensorflow}\n"
        "  tensorflow: {data: data, keras_version: 3.4.1, model_type: keras}\n"
        "mlflow_version: 2.14.0\n"
        "signature:\n"
        '  inputs: \'[{"type": "tensor", "tensor-spec": '
        '{"dtype": "float32", "shape": [-1, 3]}}]\'\n'
    )
    return folder
