"""A fake Keras with the parts that its weights files depend on."""

from types import SimpleNamespace

import numpy as np

UNSET = -1  # what a variable holds before something is read into it


class Variable:
    def __init__(self, name, *shape, path=None, fill=UNSET):
        self.name = name
        self.path = path
        self.value = np.full(shape, fill, "float32")

    @property
    def shape(self):
        return self.value.shape

    def assign(self, value):
        self.value = np.asarray(value)

    def __array__(self, *_, **__):
        return self.value


class Vocabulary:
    """A vocabulary, which Keras 2.9 to 2.15 counts as a weight, without name and shape."""

    value = np.array(["cat", "dog"])


class Layer:
    def __init__(self, name, *variables, built=True, frozen=(), **parts):
        self.name = name
        self.built = built
        self._trainable_weights = list(variables)
        self._non_trainable_weights = list(frozen)
        self.parts = parts
        vars(self).update(parts)

    @property
    def trainable_weights(self):
        within = [each for part in self._layers() for each in part.trainable_weights]
        return self._trainable_weights + within

    @property
    def non_trainable_weights(self):
        within = [each for part in self._layers() for each in part.non_trainable_weights]
        return self._non_trainable_weights + within

    @property
    def weights(self):
        return self.trainable_weights + self.non_trainable_weights

    def _layers(self):
        return [part for part in self.parts.values() if isinstance(part, Layer)]


class Dense(Layer):
    def __init__(self, name, *shape, **kwargs):
        super().__init__(
            name,
            Variable(f"{name}/kernel:0", *shape),
            Variable(f"{name}/bias:0", shape[-1]),
            **kwargs,
        )


class BatchNormalization(Layer):
    pass


class Bidirectional(Layer):
    pass


class GRU(Layer):
    pass


class Model(Layer):
    def __init__(self, *layers, name="model", **attributes):
        super().__init__(name)
        self.layers = list(layers)
        vars(self).update(attributes)

    def _layers(self):
        return self.layers

    def get_weights(self):
        return [variable.value for variable in self.weights]

    def set_weights(self, values):
        for variable, value in zip(self.weights, values, strict=True):
            variable.value = value.astype(variable.value.dtype)


Functional = type("Functional", (Model,), {})


def values(model):
    """Return the first number of each weight, by name."""
    return {
        variable.name: float(variable.value.flat[0])
        for variable in model.weights
        if isinstance(variable, Variable)
    }


def node(op, name, *inputs, **attr):
    """Return an operation of a stored graph."""
    return SimpleNamespace(op=op, name=name, input=list(inputs), attr=attr)


def tfsm_layer(*names, serve=None):
    """Return a TFSMLayer of a SavedModel whose signature has these inputs.

    Args:
        names: of the inputs.
        serve: the arguments of its function ``serve``, if it has one.
    """
    traced = SimpleNamespace(structured_input_signature=(serve, {}))
    served = {} if serve is None else {"serve": SimpleNamespace(concrete_functions=[traced])}

    class TFSMLayer:
        def __init__(self, path, call_endpoint):
            self.path, self.call_endpoint = path, call_endpoint
            takes = dict.fromkeys(names)
            self.call_endpoint_fn = SimpleNamespace(structured_input_signature=((), takes))
            self._reloaded_obj = SimpleNamespace(**served)

    return TFSMLayer
