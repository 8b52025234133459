"""Model files of a small classifier as three layouts of Keras write it, for comparisons."""

import copy
import io
import json
import zipfile

import h5py
import numpy as np

# A functional model: series → conv → norm → (hidden, skip) → sum → out.
KERAS_2 = {
    "class_name": "Functional",
    "config": {
        "name": "m",
        "layers": [
            {
                "class_name": "InputLayer",
                "name": "series",
                "config": {"name": "series", "batch_input_shape": [None, 4], "dtype": "float32"},
                "inbound_nodes": [],
            },
            *(
                {
                    "class_name": kind,
                    "name": name,
                    "config": {"name": name, "trainable": True, "dtype": "float32", **more},
                    "inbound_nodes": [[[source, 0, 0, {}] for source in sources]],
                }
                for kind, name, sources, more in (
                    ("Dense", "hidden", ["series"], {"units": 3, "activation": "relu"}),
                    ("BatchNormalization", "norm", ["hidden"], {"axis": [1], "momentum": 0.9}),
                    ("Dense", "skip", ["norm"], {"units": 3, "activation": "relu"}),
                    ("Add", "sum", ["hidden", "skip"], {}),
                    ("Dropout", "drop", ["sum"], {"rate": 0.5, "noise_shape": None, "seed": None}),
                    ("Dense", "out", ["drop"], {"units": 1, "activation": "linear"}),
                )
            ),
        ],
        "input_layers": [["series", 0, 0]],
        "output_layers": [["out", 0, 0]],
    },
}
TRAINING = {
    "loss": "mse",
    "metrics": ["mae"],
    "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.001, "decay": 0.0}},
}
SHAPES = {
    "hidden": {"kernel": (4, 3), "bias": (3,)},
    "norm": {"gamma": (3,), "beta": (3,), "moving_mean": (3,), "moving_variance": (3,)},
    "skip": {"kernel": (3, 3), "bias": (3,)},
    "out": {"kernel": (3, 1), "bias": (1,)},
}


def weights(seed=0):
    """Return numbers for each array of each layer."""
    random = np.random.default_rng(seed)
    return {
        layer: {name: random.random(shape).astype("f4") for name, shape in shapes.items()}
        for layer, shapes in SHAPES.items()
    }


def config():
    return copy.deepcopy(KERAS_2)


def layer_of(architecture, name):
    """Return the config of a layer, to change it."""
    layers = architecture["config"]["layers"]
    return next(layer for layer in layers if layer["config"]["name"] == name)


def keras_3(architecture):
    """Return an architecture of Keras 2 as Keras 3 spells it."""
    found = copy.deepcopy(architecture)
    for layer in found["config"]["layers"]:
        settings = layer["config"]
        settings["dtype"] = {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "float32"},
            "registered_name": None,
        }
        layer |= {"module": "keras.layers", "registered_name": None}
        if "batch_input_shape" in settings:
            settings["batch_shape"] = settings.pop("batch_input_shape")
        if "axis" in settings:
            settings |= {"axis": -1, "synchronized": False}
        layer["inbound_nodes"] = [
            {"args": _arguments(layer, [_tensor(place) for place in node]), "kwargs": {}}
            for node in layer["inbound_nodes"]
        ]
    found |= {"module": "keras", "registered_name": "Functional"}
    return found


def _tensor(place):
    history = {"shape": [None, 3], "dtype": "float32", "keras_history": place[:3]}
    return {"class_name": "__keras_tensor__", "config": history}


def _arguments(layer, tensors):
    return [tensors] if layer["class_name"] == "Add" else tensors


def hdf5(path, held=None, architecture=None, *, training=TRAINING, steps=3, keras="2.4.0"):
    """Write a model as HDF5 of Keras 2."""
    held = weights() if held is None else held
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = keras.encode()
        file.attrs["model_config"] = json.dumps(architecture or KERAS_2).encode()
        if training:
            file.attrs["training_config"] = json.dumps(training).encode()
            file["optimizer_weights/Adam/iterations:0"] = steps
            file["optimizer_weights/Adam/hidden/kernel/m:0"] = np.full((4, 3), 0.5, "f4")
        _named_weights(file.create_group("model_weights"), held)
    return path


def hdf5_weights(path, held=None):
    """Write the weights alone as Keras 2 does."""
    with h5py.File(path, "w") as file:
        _named_weights(file, weights() if held is None else held)
    return path


def _named_weights(group, held):
    group.attrs["layer_names"] = [name.encode() for name in [*held, "drop"]]
    group.attrs["keras_version"] = b"2.4.0"
    for layer, arrays in held.items():
        inner = group.create_group(layer)
        inner.attrs["weight_names"] = [f"{layer}/{name}:0".encode() for name in arrays]
        for name, array in arrays.items():
            inner[f"{layer}/{name}:0"] = array
    group.create_group("drop").attrs["weight_names"] = []


def archive(path, held=None, architecture=None, *, keras="3.4.1", compiled=None, assets=()):
    """Write a model as an archive of Keras 3, whose groups have the names of classes."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", json.dumps({"keras_version": keras}))
        config = keras_3(architecture or KERAS_2) | {"compile_config": compiled}
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", keras_3_weights(io.BytesIO(), held).getvalue())
        for name, text in assets:
            file.writestr(f"assets/{name}", text)
    return path


def keras_3_weights(target, held=None):
    """Write the weights alone as Keras 3 does."""
    held = weights() if held is None else held
    groups = {"hidden": "dense", "norm": "batch_normalization", "skip": "dense_1", "out": "dense_2"}
    with h5py.File(target, "w") as file:
        file.create_group("layers/dropout/seed_generator/vars")["0"] = np.arange(2)
        for layer, arrays in held.items():
            for number, array in enumerate(arrays.values()):
                file[f"layers/{groups[layer]}/vars/{number}"] = array
    return target
