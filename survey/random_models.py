"""Saves random models, trained for two steps, with the Keras that this interpreter has.

    PYTHON-OF-AN-ENVIRONMENT survey/random_models.py FOLDER [COUNT] [SEED]

Layers of three generations (`random_layers.py`) are put together at random: in a row, as a graph
with branches, nested, wrapped, with several inputs and outputs. `kerasmatrix check FOLDER` then
shows the failing cells without a fix; `unfixed.py` counts them. A layer that this release lacks is
left out.
"""

from __future__ import annotations

import os
import shutil
import sys

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from random_layers import DRAW, KERAS_3, KINDS, SHAPES, applied, drawn, make, pick, recurrent

import tensorflow as tf

keras = tf.keras
L = keras.layers
VERSION = ".".join(tf.__version__.split(".")[:2])
WORDS = ["red", "green", "blue", "some", "words", "of", "a", "text"]


class SkippedError(Exception):
    """A draw of layers that do not fit together."""


def operation(tensor):
    """Return a vector after an operation that is not a layer."""
    if KERAS_3:
        from keras import ops

        return pick(
            lambda x: ops.relu(x) * 2.0 + 1.0,
            lambda x: ops.concatenate([x, ops.tanh(x)], axis=-1),
            lambda x: x / (1.0 + ops.abs(x)),
            lambda x: ops.clip(x, -1.0, 1.0),
            lambda x: x[:, ::-1],
            lambda x: ops.expand_dims(ops.mean(x, axis=-1), -1),
            lambda x: ops.softmax(x, axis=-1),
            lambda x: ops.reshape(ops.stack([x, -x], axis=1), (-1, 2 * x.shape[-1])),
        )(tensor)
    return pick(
        lambda x: tf.nn.relu(x) * 2.0 + 1.0,
        lambda x: tf.concat([x, tf.tanh(x)], axis=-1),
        lambda x: x / (1.0 + tf.abs(x)),
        lambda x: tf.clip_by_value(x, -1.0, 1.0),
        lambda x: x[:, ::-1],
        lambda x: tf.expand_dims(tf.reduce_mean(x, axis=-1), -1),
        lambda x: tf.nn.softmax(x, axis=-1),
        lambda x: tf.reshape(tf.stack([x, -x], axis=1), (-1, 2 * x.shape[-1])),
    )(tensor)


def merged(tensors):
    """Return one vector of several."""
    if len(tensors) == 1:
        return tensors[0]
    name = pick("Concatenate", "Add", "Multiply", "Average", "Maximum", "Subtract", "Dot")
    if name == "Concatenate":
        return L.Concatenate()(tensors)
    first, second = (L.Dense(4)(tensor) for tensor in tensors[:2])
    return L.Dot(axes=1)([first, second]) if name == "Dot" else make(name)([first, second])


def attention(sequence):
    """Return a vector by way of attention."""
    name = pick("MultiHeadAttention", "Attention", "AdditiveAttention")
    if name == "MultiHeadAttention":
        tensor = make(name, 2, 3)(sequence, sequence)
    else:
        tensor = make(name, use_scale=pick(True, False))([sequence, sequence])
    return L.GlobalAveragePooling1D()(tensor)


def in_a_row():
    """Return a Sequential."""
    kind = DRAW.choice(sorted(KINDS))
    model = keras.Sequential([keras.Input(SHAPES[kind])] if pick(True, False) else [])
    inputs = keras.Input(SHAPES[kind])
    tensor, kept = inputs, []
    for layer in [*drawn(kind, pick(2, 3, 4)), L.Dense(2)]:
        try:
            tensor = layer(tensor)
        except (ValueError, TypeError):
            continue
        kept.append(layer)
    if len(tensor.shape) != 2:
        raise SkippedError
    clones = [type(layer).from_config(layer.get_config()) for layer in kept]
    for layer in clones:
        model.add(layer)
    model.build((None, *SHAPES[kind]))
    return model


def as_a_graph(parts=1):
    """Return a functional model with as many inputs as parts."""
    inputs, ends = [], []
    for _ in range(parts):
        kind = DRAW.choice(sorted(KINDS))
        inputs.append(keras.Input(SHAPES[kind]))
        tensor = applied(drawn(kind, pick(1, 2, 3)), inputs[-1])
        if kind == "sequence" and pick(True, False):
            tensor = L.Concatenate()([tensor, attention(inputs[-1])])
        ends.append(operation(tensor) if pick(True, False, False) else tensor)
    tensor = merged(ends)
    outputs = [L.Dense(2, name="first")(tensor)]
    if pick(True, False):
        outputs.append(L.Dense(3, activation="softmax", name="second")(L.Dropout(0.1)(tensor)))
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


def nested():
    """Return a model with another one in it, which is called once or twice."""
    kind = DRAW.choice(["vector", "sequence", "image"])
    outer, again = keras.Input(SHAPES[kind]), keras.Input(SHAPES[kind])
    inner = keras.Input(SHAPES[kind])
    inside = keras.Model(inner, applied(drawn(kind, 2), inner), name="inside")
    if pick(True, False):
        inside = keras.Sequential([keras.Input(SHAPES[kind]), inside, L.Dense(3)], name="outside")
    if pick(True, False):
        return keras.Model([outer, again], L.Dense(2)(merged([inside(outer), inside(again)])))
    return keras.Model(outer, L.Dense(2)(inside(outer)))


def of_steps():
    """Return a model that applies another one to each step."""
    inner = keras.Input((6, 4))
    inside = keras.Model(inner, applied(drawn("sequence", 1), inner))
    outer = keras.Input((3, 6, 4))
    return keras.Model(outer, L.Dense(2)(recurrent()(L.TimeDistributed(inside)(outer))))


def of_tokens():
    """Return a model of words' numbers."""
    inputs = keras.Input((5,), dtype=pick("int32", "float32"))
    tensor = L.Embedding(12, 4, mask_zero=pick(True, False))(inputs)
    if pick(True, False):
        tensor = L.SpatialDropout1D(0.1)(tensor)
    tensor = pick(L.Bidirectional(L.LSTM(3)), L.GRU(3), L.GlobalAveragePooling1D())(tensor)
    return keras.Model(inputs, L.Dense(1, activation="sigmoid")(tensor))


def of_texts():
    """Return a model of texts or categories, with a vocabulary."""
    name = pick(
        "TextVectorization",
        "StringLookup",
        "Discretization",
        "IntegerLookup",
        "Hashing",
        "CategoryEncoding",
    )
    if name == "TextVectorization":
        layer = make(name, output_sequence_length=5)
        layer.adapt(np.array(["red green blue", "some words of a text"]))
        inputs = keras.Input((1,) if VERSION == "2.4" else pick((1,), ()), dtype="string")
        tensor = L.GlobalAveragePooling1D()(L.Embedding(15, 3)(layer(inputs)))
    elif name in ("StringLookup", "IntegerLookup"):
        is_text = name == "StringLookup"
        inputs = keras.Input((1,), dtype="string" if is_text else "int64")
        words = ["red", "green", "blue"] if is_text else [3, 5, 9]
        layer = make(name, vocabulary=words)
        tensor = L.Flatten()(L.Embedding(8, 3)(layer(inputs)))
    elif name == "Discretization":
        inputs = keras.Input((1,))
        try:
            layer = make(name, bin_boundaries=[0.0, 1.0, 2.0])
        except (TypeError, ValueError):
            layer = make(name, [0.0, 1.0, 2.0])
        tensor = L.Flatten()(L.Embedding(8, 3)(layer(inputs)))
    elif name == "Hashing":
        inputs = keras.Input((1,), dtype="string")
        tensor = L.Flatten()(L.Embedding(8, 3)(make(name, num_bins=8)(inputs)))
    else:
        inputs = keras.Input((1,), dtype="int64")
        try:
            tensor = make(name, num_tokens=4, output_mode="multi_hot")(inputs)
        except (TypeError, ValueError):
            tensor = make(name, max_tokens=4, output_mode="binary")(inputs)
    return keras.Model(inputs, L.Dense(1)(tensor))


def adapted():
    """Return a model of numbers whose statistics were learned."""
    layer = make("Normalization")
    layer.adapt(np.random.RandomState(1).uniform(1, 3, (20, 6)).astype("float32"))
    inputs = keras.Input((6,))
    return keras.Model(inputs, L.Dense(1)(applied(drawn("vector", 2), layer(inputs))))


FORMS = [
    ("row", in_a_row),
    ("graph", as_a_graph),
    ("two", lambda: as_a_graph(2)),
    ("nested", nested),
    ("steps", of_steps),
    ("tokens", of_tokens),
    ("row", in_a_row),
    ("graph", as_a_graph),
    ("two", lambda: as_a_graph(2)),
    ("nested", nested),
    ("texts", of_texts),
    ("adapted", adapted),
]


def optimizer():
    """Return an optimizer."""
    schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)
    return pick(
        lambda: "adam",
        lambda: "rmsprop",
        lambda: keras.optimizers.Adam(schedule),
        lambda: keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
        lambda: keras.optimizers.SGD(0.01),
        lambda: keras.optimizers.Nadam(0.002),
        lambda: keras.optimizers.Adagrad(0.05),
        lambda: keras.optimizers.Adamax(0.01),
        lambda: keras.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        lambda: keras.optimizers.Adam(1e-3, amsgrad=True, clipnorm=1.0),
        lambda: keras.optimizers.AdamW(1e-3),
        lambda: keras.optimizers.Adadelta(0.5),
        lambda: keras.optimizers.Ftrl(0.1),
    )()


def trained(model):
    """Compile a model and train it for two steps; sometimes leave it as it is."""
    if pick(False, False, False, False, True):
        return model
    loss = pick(
        "mse", "mae", keras.losses.Huber(0.5), "mean_squared_error", keras.losses.MeanSquaredError()
    )
    count = len(model.outputs)
    metrics = pick(["mae"], [keras.metrics.RootMeanSquaredError()]) if count == 1 else None
    try:
        chosen = optimizer()
    except AttributeError:
        chosen = "adam"
    model.compile(chosen, loss if count == 1 else [loss, "mse"], metrics=metrics)
    numbers = np.random.RandomState(3)
    inputs = [sample(tensor, numbers) for tensor in model.inputs]
    targets = [
        numbers.uniform(0, 1, (4, int(t.shape[-1]))).astype("float32") for t in model.outputs
    ]
    for _ in range(2):
        model.train_on_batch(
            inputs if len(inputs) > 1 else inputs[0], targets if count > 1 else targets[0]
        )
    return model


def sample(tensor, numbers):
    """Return a batch for an input."""
    shape = (4, *tensor.shape[1:])
    kind = tensor.dtype if isinstance(tensor.dtype, str) else tensor.dtype.name
    if kind == "string":
        return tf.constant(numbers.choice(WORDS, shape))
    if kind.startswith("int") or shape == (4, 5):
        return numbers.randint(0, 4, shape).astype(kind)
    return numbers.uniform(-1, 1, shape).astype(kind)


def endings():
    """Return the endings of the formats that this release saves, the usual ones more often."""
    if KERAS_3:
        return [".keras", ".keras", ".keras", ".h5"]
    has_archives = VERSION in ("2.12", "2.13", "2.14", "2.15")
    return [".h5", ".h5", ".keras" if has_archives else ".h5", ""]


def save(model, path):
    """Save a model; TensorFlow 2.12 writes an archive only on request."""
    if path.endswith(".keras") and VERSION == "2.12":
        model.save(path, save_format="keras_v3")
    else:
        model.save(path)


def remove(path):
    """Remove what a save that failed has left."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def main(folder, count, seed):
    """Save as many models as wanted, one after the other."""
    os.makedirs(folder, exist_ok=True)
    made = number = 0
    while made < count:
        number += 1
        DRAW.seed(seed * 1000 + number)
        np.random.seed(seed)
        tf.random.set_seed(seed)
        keras.backend.clear_session()
        name, form = FORMS[made % len(FORMS)]
        path = os.path.join(folder, "%s-%02d-%s%s" % (VERSION, made, name, pick(*endings())))
        try:
            save(trained(form()), path)
        except Exception as error:
            text = str(error)[:150].replace("\n", " ")
            print("not saved:", path, type(error).__name__, text, file=sys.stderr)
            remove(path)
            continue
        made += 1
    print(made, "models in", folder)


if __name__ == "__main__":
    main(sys.argv[1], int((sys.argv[2:] or [30])[0]), int((sys.argv[3:] or [1])[0]))
