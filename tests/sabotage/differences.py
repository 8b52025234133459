"""Differences that matter, and how each is planted in a model that was loaded.

Each is a name, the model, words of which one must be in the verdict, and what it does to the loaded
model: it changes it, or returns another. ``formats`` are those that hold what is changed, where that
is not every one.
"""

import numpy as np
from models import KERAS_3, K, L, optimizer

WHOLE = ("h5", "keras", "savedmodel")  # hold settings, and what `compile` was given
STATE = ("h5", "keras")  # hold the optimizer's moments in some release
ALL = (*WHOLE, "weights")


def layer(model, name):
    return model.get_layer(name)


def put(name, attribute, value):
    """Return a plant that sets an attribute of a layer."""

    def plant(model):
        setattr(layer(model, name), attribute, value() if callable(value) else value)

    return plant


def weight(name, place, change):
    """Return a plant that changes one array of a layer."""

    def plant(model):
        arrays = [np.array(array) for array in layer(model, name).get_weights()]
        arrays[place] = change(arrays[place]).astype(arrays[place].dtype)
        layer(model, name).set_weights(arrays)

    return plant


def one(amount):
    """Return a change of one element of an array."""

    def change(array):
        array = array.copy()
        array.flat[array.size // 2] += amount
        return array

    return change


def parts(model):
    """Return what the model was compiled with, as arguments of `compile`."""
    if KERAS_3:
        loss, metrics = model._compile_loss, model._compile_metrics
    else:
        loss, metrics = model.compiled_loss, model.compiled_metrics
    return dict(
        optimizer=model.optimizer,
        loss=model.loss,
        loss_weights=getattr(loss, "_user_loss_weights", None),
        metrics=getattr(metrics, "_user_metrics", None),
        weighted_metrics=getattr(metrics, "_user_weighted_metrics", None),
    )


def compiled(**changes):
    """Return a plant that compiles again with other arguments; the optimizer stays itself."""

    def plant(model):
        arguments = parts(model)
        arguments.update(
            {key: value() if callable(value) else value for key, value in changes.items()}
        )
        model.compile(**arguments)

    return plant


def tuned(name, value):
    """Return a plant that sets a hyperparameter of the optimizer."""

    def plant(model):
        owner = model.optimizer
        found = value() if callable(value) else value
        hyper = getattr(owner, "_hyper", None)
        if isinstance(hyper, dict) and name in hyper:
            owner._set_hyper(name, found)
        elif name == "learning_rate" and not isinstance(found, float):
            owner._learning_rate = found
        else:
            setattr(owner, name, found)

    return plant


def slots(change):
    """Return a plant that changes the optimizer's arrays."""

    def plant(model):
        owner = model.optimizer
        if hasattr(owner, "get_weights"):
            owner.set_weights(change([np.array(each) for each in owner.get_weights()]))
            return
        kept = owner.variables() if callable(owner.variables) else owner.variables
        for variable, array in zip(kept, change([np.array(each) for each in kept])):
            variable.assign(array)

    return plant


def first_moment(arrays):
    """Return the index of the first array that is not a scalar."""
    found = [place for place, array in enumerate(arrays) if array.ndim > 1]
    if not found:
        raise NotHeld("this release does not read moments from the format")
    return found[0]


class NotHeld(Exception):
    """The part to change was not restored at all, which the control reports."""


def zeroed(arrays):
    """Forget the moments of the first weight that has some."""
    place = first_moment(arrays)
    return [np.zeros_like(array) if n == place else array for n, array in enumerate(arrays)]


def one_moment(arrays):
    place = first_moment(arrays)
    return [one(0.5)(array) if n == place else array for n, array in enumerate(arrays)]


def swapped(arrays):
    """Let two moments of one shape change places."""
    places = [n for n, array in enumerate(arrays) if array.ndim > 1]
    shape = arrays[first_moment(arrays)].shape
    first, other = [n for n in places if arrays[n].shape == shape][:2]
    arrays = list(arrays)
    arrays[first], arrays[other] = arrays[other], arrays[first]
    return arrays


def counted(arrays):
    first_moment(arrays)
    return [array + 7 if array.ndim == 0 and array.dtype.kind == "i" else array for array in arrays]


def rewired(make):
    """Return a plant that returns another model made of the loaded one's layers."""
    return make


def call_it(found, new):
    """Give a layer another name: a property in Keras 2, an attribute in Keras 3."""
    found._name = found.__dict__["name"] = new


def rename(name, new):
    def plant(model):
        call_it(layer(model, name), new)
        if hasattr(model, "output_names"):
            try:
                model.output_names = [new if each == name else each for each in model.output_names]
            except AttributeError:
                pass

    return plant


def cell(name, attribute, value):
    """Return a plant in the cell of a recurrent layer."""

    def plant(model):
        found = layer(model, name)
        # Bidirectional keeps the layer that it was made with, and one for each direction.
        parts = [
            getattr(found, part, None) for part in ("layer", "forward_layer", "backward_layer")
        ]
        for inner in [part for part in parts if part is not None] or [found]:
            inner.cell.__dict__[attribute] = value() if callable(value) else value

    return plant


def policy_of(name, new):
    def plant(model):
        found = layer(model, name)
        if KERAS_3:
            found.dtype_policy = K.dtype_policies.get(new)
        else:
            found._set_dtype_policy(K.mixed_precision.Policy(new))

    return plant


def schedule(**changes):
    def make():
        arguments = dict(
            initial_learning_rate=0.05, decay_steps=20, decay_rate=0.9, staircase=False
        )
        arguments.update(changes)
        return K.optimizers.schedules.ExponentialDecay(**arguments)

    return make


def vocabulary(model):
    layer(model, "lookup").set_vocabulary([3, 5, 8])


def frozen(model):
    model.trainable = False


def uncompiled(model):
    twin = model.__class__.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    return twin


def pooled(model):
    """Return the model with another kind of pooling, which has no weights."""
    config = model.get_config()
    for each in config["layers"]:
        if each["class_name"] == "MaxPooling2D":
            each["class_name"] = "AveragePooling2D"
            each.pop("registered_name", None)
            each.pop("build_config", None)
    return with_config(model, config)


def with_config(model, config):
    twin = model.__class__.from_config(config)
    twin.set_weights(model.get_weights())
    return twin


def edited(name, key, value):
    """Return a plant that makes the model again with one other setting in its config."""

    def plant(model):
        config = model.get_config()
        for each in config["layers"]:
            inner = each["config"]
            if inner.get("name") == name:
                if key not in inner:
                    raise KeyError(key)
                inner[key] = value
        return with_config(model, config)

    return plant


def rescaled(model):
    scale = layer(model, "small").kernel_scale
    scale.assign(scale * 1.05)


def requantized(model):
    kernel = layer(model, "small")._kernel
    kernel.assign(np.array(kernel) ^ 1)


H = K.losses.Huber
CCE = K.losses.CategoricalCrossentropy
NUMBERS = "outputs differ|weights"

# name, model, words, plant, formats
MATTERS = [
    ("one weight of a kernel", "dense", NUMBERS, weight("first", 0, one(0.01)), ALL),
    ("one weight of the last kernel", "dense", NUMBERS, weight("right", 0, one(1e-4)), ALL),
    ("one bias", "dense", NUMBERS, weight("square", 1, one(0.01)), ALL),
    ("a kernel transposed", "dense", NUMBERS, weight("square", 0, np.transpose), ALL),
    ("rows of a kernel in reverse", "dense", NUMBERS, weight("square", 0, np.flipud), ALL),
    ("one gamma", "dense", NUMBERS, weight("norm", 0, one(0.01)), ALL),
    ("one beta", "dense", NUMBERS, weight("norm", 1, one(0.01)), ALL),
    ("one moving mean", "dense", NUMBERS, weight("norm", 2, one(0.01)), ALL),
    ("one moving variance", "dense", NUMBERS, weight("norm", 3, one(0.01)), ALL),
    ("mean and variance exchanged", "dense", NUMBERS,
     lambda m: layer(m, "norm").set_weights([abs(layer(m, "norm").get_weights()[n]) for n in (0, 1, 3, 2)]), ALL),
    ("an activation", "dense", "activation of layer first",
     put("first", "activation", lambda: K.activations.tanh), WHOLE),
    ("an activation nearly the same", "dense", "activation of layer first",
     put("first", "activation", lambda: K.activations.elu), WHOLE),
    ("alpha of ELU", "dense", "alpha of layer elu|outputs differ", put("elu", "alpha", 0.6), WHOLE),
    ("epsilon of BatchNormalization", "dense", "epsilon of layer norm", put("norm", "epsilon", 0.001), WHOLE),
    ("momentum of BatchNormalization", "dense", "momentum of layer norm", put("norm", "momentum", 0.99), WHOLE),
    ("the rate of Dropout", "dense", "rate of layer drop", put("drop", "rate", 0.3), WHOLE),
    ("the seed of Dropout", "dense", "seed of layer drop", put("drop", "seed", 4), WHOLE),
    ("a regularizer's factor", "dense", "kernel_regularizer",
     put("first", "kernel_regularizer", lambda: K.regularizers.l2(0.1)), WHOLE),
    ("a regularizer of another kind", "dense", "kernel_regularizer",
     put("first", "kernel_regularizer", lambda: K.regularizers.l1(0.01)), WHOLE),
    ("no regularizer", "dense", "kernel_regularizer", put("first", "kernel_regularizer", None), WHOLE),
    ("no activity regularizer", "dense", "activity_regularizer",
     put("first", "activity_regularizer" if KERAS_3 else "_activity_regularizer", None), WHOLE),
    ("a constraint's limit", "dense", "bias_constraint",
     put("first", "bias_constraint", lambda: K.constraints.MaxNorm(1.0)), WHOLE),
    ("no constraint", "dense", "bias_constraint", put("first", "bias_constraint", None), WHOLE),
    ("an initializer", "dense", "kernel_initializer",
     put("square", "kernel_initializer", lambda: K.initializers.GlorotUniform()), WHOLE),
    ("a layer frozen", "dense", "trainable of layer square", put("square", "trainable", False), WHOLE),
    ("the model frozen", "dense", "trainable of", frozen, WHOLE),
    ("an argument that get_config forgets", "dense", "slope of layer scaled", put("scaled", "slope", 0.1), WHOLE),
    ("an argument of a custom layer", "dense", "factor of layer scaled", put("scaled", "factor", 2.5), WHOLE),
    ("another name of an output", "dense", "name of layer left", rename("left", "middle"), WHOLE),
    ("another name of a layer", "dense", "name of layer square", rename("square", "round"), WHOLE),
    ("outputs in another order", "dense", "shapes|outputs",
     rewired(lambda m: K.Model(m.inputs, m.outputs[::-1])), WHOLE),
    ("an output less", "dense", "shapes|outputs", rewired(lambda m: K.Model(m.inputs, m.outputs[0])), WHOLE),
    ("outputs by name", "dense", "arranged",
     rewired(lambda m: K.Model(m.inputs, dict(zip(("left", "right"), m.outputs)))), WHOLE),
    # the optimizer
    ("the learning rate", "dense", "learning_rate", tuned("learning_rate", 0.02), WHOLE),
    ("a small change of the rate", "dense", "learning_rate", tuned("learning_rate", 0.0101), WHOLE),
    ("beta_1", "dense", "beta_1", tuned("beta_1", 0.9), WHOLE),
    ("beta_2", "dense", "beta_2", tuned("beta_2", 0.999), WHOLE),
    ("epsilon of Adam", "dense", "optimizer's epsilon", tuned("epsilon", 1e-7), WHOLE),
    ("amsgrad", "dense", "amsgrad", tuned("amsgrad", True), WHOLE),
    ("gradients clipped by norm", "dense", "clipnorm", tuned("clipnorm", 0.5), WHOLE),
    ("gradients clipped by value", "dense", "clipvalue", tuned("clipvalue", 0.5), WHOLE),
    ("the count of steps", "dense", "optimizer state", slots(counted), STATE),
    ("moments of one weight lost", "dense", "optimizer state", slots(zeroed), STATE),
    ("one number of a moment", "dense", "optimizer state", slots(one_moment), STATE),
    ("two moments exchanged", "dense", "goes on training|optimizer state", slots(swapped), STATE),
    ("another optimizer", "dense", "the optimizer .Adam became SGD",
     compiled(optimizer=lambda: optimizer("SGD", 0.01)), WHOLE),
    ("a new optimizer with the same settings", "dense", "optimizer state",
     compiled(optimizer=lambda: optimizer("Adam", 0.01, beta_1=0.8, beta_2=0.95, epsilon=1e-6)), STATE),
    # what compile was given
    ("delta of Huber", "dense", "the loss's delta", compiled(loss=lambda: [H(delta=1.0), CCE(label_smoothing=0.1)]), WHOLE),
    ("label smoothing", "dense", "label_smoothing", compiled(loss=lambda: [H(delta=0.5), CCE(label_smoothing=0.0)]), WHOLE),
    ("from_logits", "dense", "from_logits",
     compiled(loss=lambda: [H(delta=0.5), CCE(label_smoothing=0.1, from_logits=True)]), WHOLE),
    ("the reduction of a loss", "dense", "reduction",
     compiled(loss=lambda: [H(delta=0.5, reduction="sum"), CCE(label_smoothing=0.1)]), WHOLE),
    ("another loss", "dense", "the loss", compiled(loss=lambda: ["mse", CCE(label_smoothing=0.1)]), WHOLE),
    ("a loss weight", "dense", "loss weights", compiled(loss_weights=lambda: [1.0, 0.25]), WHOLE),
    ("no loss weights", "dense", "loss weights", compiled(loss_weights=None), WHOLE),
    ("no metrics", "dense", "metric", compiled(metrics=None), WHOLE),
    ("a metric less", "dense", "metric", compiled(metrics=lambda: [[K.metrics.RootMeanSquaredError(name="rmse")], []]), WHOLE),
    ("an argument of a metric", "dense", "TopKCategoricalAccuracy's k",
     compiled(metrics=lambda: [[K.metrics.RootMeanSquaredError(name="rmse")],
                               [K.metrics.TopKCategoricalAccuracy(k=3, name="top")]]), WHOLE),
    ("another name of a metric", "dense", "name",
     compiled(metrics=lambda: [[K.metrics.RootMeanSquaredError(name="error")],
                               [K.metrics.TopKCategoricalAccuracy(k=2, name="top")]]), WHOLE),
    ("no weighted metrics", "dense", "weighted metric", compiled(weighted_metrics=None), WHOLE),
    ("not compiled", "plain", "the compile state", uncompiled, WHOLE),
    ("rho of RMSprop", "plain", "rho", tuned("rho", 0.9), WHOLE),
    ("momentum of RMSprop", "plain", "momentum", tuned("momentum", 0.0), WHOLE),
    ("centered RMSprop", "plain", "centered", tuned("centered", True), WHOLE),
    ("a metric of another kind", "plain", "metric", compiled(metrics=lambda: ["mse"]), WHOLE),
    ("another loss by name", "plain", "the loss", compiled(loss="mean_absolute_error"), WHOLE),
    ("a layer more", "plain", "layer", lambda m: K.Sequential([*m.layers, L.Activation("linear", name="more")]), WHOLE),
    ("the limit of a ReLU", "plain", "max_value", put("relu", "max_value", 30.0), WHOLE),
    # sequences
    ("a row of an embedding", "sequence", NUMBERS, weight("words", 0, one(0.1)), ALL),
    ("gates of an LSTM exchanged", "sequence", NUMBERS,
     weight("both", 1, lambda a: a[:, list(range(3, 6)) + list(range(3)) + list(range(6, 12))]), ALL),
    ("directions exchanged", "sequence", NUMBERS,
     lambda m: layer(m, "both").set_weights([layer(m, "both").get_weights()[n] for n in (3, 4, 5, 0, 1, 2)]), ALL),
    ("bias halves of a GRU exchanged", "sequence", NUMBERS, weight("gru", 2, lambda a: a[::-1]), ALL),
    ("masks are not made", "sequence", "mask_zero", put("words", "mask_zero", False), WHOLE),
    ("the dropout of an LSTM", "sequence", "dropout", cell("both", "dropout", 0.5), WHOLE),
    ("the recurrent dropout of a GRU", "sequence", "recurrent_dropout", cell("gru", "recurrent_dropout", 0.4), WHOLE),
    ("a regularizer of an embedding", "sequence", "embeddings_regularizer", put("words", "embeddings_regularizer", None), WHOLE),
    ("a stateful layer", "plain", "stateful of layer relu", put("relu", "stateful", True), WHOLE),
    ("the activation of a gate", "sequence", "recurrent_activation",
     cell("gru", "recurrent_activation", lambda: K.activations.tanh), WHOLE),
    ("the rate of a schedule", "sequence", "decay_rate", tuned("learning_rate", schedule(decay_rate=0.5)), WHOLE),
    ("the steps of a schedule", "sequence", "decay_steps", tuned("learning_rate", schedule(decay_steps=10)), WHOLE),
    ("the kind of a schedule", "sequence", "staircase", tuned("learning_rate", schedule(staircase=True)), WHOLE),
    ("a number for a schedule", "sequence", "learning_rate",
     compiled(optimizer=lambda: optimizer("SGD", 0.05, momentum=0.8, nesterov=True)), WHOLE),
    ("momentum of SGD", "sequence", "momentum", tuned("momentum", 0.5), WHOLE),
    ("nesterov", "sequence", "nesterov", tuned("nesterov", False), WHOLE),
    ("velocities lost", "sequence", "optimizer state",
     slots(lambda arrays: [a * 0 if a.ndim else a for a in arrays]), STATE),
    ("the threshold of a metric", "sequence", "threshold",
     compiled(metrics=lambda: [K.metrics.BinaryAccuracy(threshold=0.5), K.metrics.AUC(num_thresholds=50)]), WHOLE),
    ("the thresholds of an AUC", "sequence", "num_thresholds",
     compiled(metrics=lambda: [K.metrics.BinaryAccuracy(threshold=0.6), K.metrics.AUC(num_thresholds=80)]), WHOLE),
    # pictures
    ("a kernel's axes permuted", "image", NUMBERS, weight("conv", 0, lambda a: a.transpose(1, 0, 2, 3)), ALL),
    ("colours in another order", "image", NUMBERS, weight("conv", 0, lambda a: a[:, :, ::-1]), ALL),
    ("a depthwise kernel", "image", NUMBERS, weight("depthwise", 0, one(0.01)), ALL),
    ("a slope of PReLU", "image", NUMBERS, weight("prelu", 0, one(0.01)), ALL),
    ("epsilon of LayerNormalization", "image", "epsilon of layer norm", put("norm", "epsilon", 0.004), WHOLE),
    ("the deviation of noise", "image", "stddev of layer noise", put("noise", "stddev", 0.1), WHOLE),
    ("the rate of SpatialDropout2D", "image", "rate of layer spatial", put("spatial", "rate", 0.1), WHOLE),
    ("another kind of pooling", "image", "layer pool|outputs differ", pooled, ("h5", "keras")),
    ("how pictures grow", "image", "interpolation", edited("up", "interpolation", "bilinear"), ("h5", "keras")),
    ("dilation", "image", "dilation_rate", edited("conv", "dilation_rate", [2, 2]), ("h5", "keras")),
    ("padding", "image", "shapes|padding", edited("depthwise", "padding", "valid"), ("h5", "keras")),
    ("frozen statistics", "numbers", NUMBERS, weight("norm", 0, one(0.5)), WHOLE),
    ("a factor of Rescaling", "numbers", "scale of layer rescaling", put("rescaling", "scale", 0.6), WHOLE),
    ("an offset of Rescaling", "numbers", "offset of layer rescaling", put("rescaling", "offset", 0.2), WHOLE),
    ("how pictures are flipped", "pictures", "mode of layer flip", put("flip", "mode", "vertical"), WHOLE),
    ("the seed of RandomFlip", "pictures", "seed of layer flip", put("flip", "seed", 8), WHOLE),
    ("the factor of RandomContrast", "pictures", "factor of layer contrast", put("contrast", "factor", 0.5), WHOLE),
    ("a word of a vocabulary", "codes", "vocabulary of layer lookup", vocabulary, WHOLE),
    ("the bins of Hashing", "codes", "num_bins of layer hashing", put("hashing", "num_bins", 5), WHOLE),
    ("the precision of a layer", "policy", "dtype of layer half", policy_of("half", "float32"), WHOLE),
    ("the scale of a quantized kernel", "quantized", NUMBERS, rescaled, ("keras",)),
    ("a quantized number", "quantized", NUMBERS, requantized, ("keras",)),
]  # fmt: skip
