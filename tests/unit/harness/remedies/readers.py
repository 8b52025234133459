"""Fake readers: a few classes of Keras with their arguments."""

from __future__ import annotations

ACCEPTED = {
    "Dense": {"units", "activation", "kernel_initializer", "kernel_regularizer"},
    "InputLayer": {"dtype", "sparse"},
    "LSTM": {"units", "activation"},
    "Add": set(),
    "Attention": {"heads"},
    "BatchNormalization": {"axis", "momentum"},
    "TextVectorization": {"max_tokens"},
    "Bidirectional": {"layer"},
    "L1L2": {"l1", "l2"},
    "GlorotUniform": {"seed"},
    "Adam": {"learning_rate", "beta_1"},
    "Huber": {"reduction", "delta"},
}
UNKNOWN = {"mse", "my_loss"}
PLACES = {
    "L1L2": "regularizers",
    "GlorotUniform": "initializers",
    "Adam": "optimizers",
    "Huber": "losses",
    "ExponentialDecay": "optimizers.schedules",
}
EXPERIMENTAL = "layers.experimental.preprocessing"


class FakeReader:
    """A Keras of one major version. ``more`` adds arguments, or classes.

    ``experimental`` are the classes that are in a place of their own.
    """

    registers = True
    has_operations = True

    def __init__(self, major, more=(), demanded=(), call_names=None, experimental=()):
        self.major = major
        self._accepted = {name: set(keys) for name, keys in ACCEPTED.items()}
        self._accepted["InputLayer"].add("batch_shape" if major == 3 else "batch_input_shape")
        for name, keys in dict(more).items():
            self._accepted.setdefault(name, set()).update(keys)
        self._demanded = dict(demanded)
        self._places = dict(PLACES, **dict.fromkeys(experimental, EXPERIMENTAL))
        self._call_names = dict(call_names or {})

    def find(self, name, where=""):
        if name not in self._accepted:
            return None
        methods = {} if name in PLACES else {"call": lambda self: None}
        return type(name, (), methods), self._places.get(name, "layers")

    def accepted(self, kind):
        return set(self._accepted[kind.__name__])

    def has_activation(self, name):
        return self.major == 3 or name != "silu"

    def demanded(self, kind):
        return set(self._demanded.get(kind.__name__, ()))

    def call_names(self, kind):
        return self._call_names.get(kind.__name__)

    def compile_names(self):
        return {"loss", "metrics", "optimizer", "steps_per_execution"}

    def deserialize(self, layer, custom_objects):
        name = layer["class_name"]
        if name not in self._accepted and name not in custom_objects:
            raise ValueError(f"Unknown layer: {name}")
        config = layer["config"]
        for key in self._demanded.get(name, ()):
            config[key]
        refused = set(config) - self._accepted.get(name, set(config)) - {"name", "trainable"}
        if refused:
            raise TypeError(f"not understood: {sorted(refused)}\nand more lines")

    def deserialize_training(self, place, entry, custom_objects):
        name = entry if isinstance(entry, str) else entry["class_name"]
        if name not in self._accepted and name not in custom_objects and name in UNKNOWN:
            raise ValueError(f"Could not locate function '{name}'")
        if place == "optimizers" and set(entry["config"]) - self._accepted["Adam"]:
            raise TypeError("not understood")
