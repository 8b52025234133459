"""Builds the model of an exhibit, and records what it does. Runs in any release."""

import base64
import inspect

import exhibits
import numpy as np
import values

__all__ = ["NotThereError", "build", "compare", "inputs_for", "observe", "readable", "shape_of"]

BATCH, EXAMPLES = 2, 20
WORDS = np.array(["some", "text", "other", "words"], dtype=object)
MOST_VALUES, MOST_SHOWN = 256, 12
TOLERANCE, HALF_TOLERANCE = 1e-4, 2e-2
HALF_BYTES = 2
# A name that every release finds when it loads what another saved: Keras 3 does not know `mse`.
LOSS = "mean_squared_error"


class NotThereError(Exception):
    """This release lacks the class or the argument."""


def build(keras, name):
    """Return the model of an exhibit.

    Raises:
        NotThereError: this release lacks the class or the argument.
        Exception: it refuses to build the model.
    """
    place, kind_name, argument, label, wiring = parse(name)
    kind = exhibits.find(keras, place, kind_name)
    if kind is None:
        raise NotThereError("no %s in %s" % (kind_name, place))
    accepted = exhibits.arguments(kind)
    if argument is not None and argument not in accepted and argument not in ("dtype", "trainable"):
        raise NotThereError("%s has no argument %s" % (kind_name, argument))
    given = exhibits.arguments_of(kind_name, argument, label, accepted)
    settings = {key: exhibits.value_of(keras, text) for key, text in given.items()}
    if place == "layers":
        made = _made(kind, settings)
        inputs = exhibits.inputs_of(kind_name, {argument: 1} if argument else {})
        adapts = kind_name in values.ADAPTED and "mean" not in settings
        if adapts:
            shape = (EXAMPLES, *inputs[0][0])
            made.adapt(np.random.RandomState(5).uniform(0, 1, shape).astype("float32"))
        model = WIRED[wiring](
            keras, _wrapped(keras, kind_name, made), _inputs(keras, inputs, settings)
        )
        if not adapts:
            fill(model)
        return model
    made = _made(kind, settings) if inspect.isclass(kind) else kind
    model = _around(keras, place, made)
    fill(model)
    return model


def _made(kind, settings):
    try:
        return kind(**settings)
    except TypeError as error:
        # The class passes the argument to its base itself.
        if "multiple values for" in str(error):
            raise NotThereError("%s takes no such argument" % kind.__name__) from None
        raise


def parse(name):
    """Return place, class, argument, its text, and the wiring of an exhibit."""
    place, _, rest = name.partition("/")
    kind, _, setting = rest.partition("/")
    argument, equals, label = setting.partition("=")
    if not equals:
        return place, kind, None, None, setting or None
    return place, kind, argument, label, None


def _wrapped(keras, name, made):
    return keras.layers.RNN(made) if name in exhibits.CELLS else made


def _inputs(keras, inputs, settings):
    batch = BATCH if settings.get("stateful") is True else None
    return [
        keras.Input(shape=shape, batch_size=batch, dtype=dtype, name="in%d" % number)
        for number, (shape, dtype) in enumerate(inputs)
    ]


def _alone(keras, layer, inputs):
    outputs = layer(inputs if len(inputs) > 1 else inputs[0])
    return keras.Model(inputs, outputs)


def _attending(keras, layer, inputs):
    if type(layer).__name__ in (
        "MultiHeadAttention",
        "GroupQueryAttention",
        "GroupedQueryAttention",
    ):
        return keras.Model(inputs, layer(*inputs))
    return _alone(keras, layer, inputs)


def _sequential(keras, layer, inputs):
    model = keras.Sequential()
    model.add(keras.Input(shape=tuple(inputs[0].shape[1:]), dtype=inputs[0].dtype, name="in0"))
    model.add(layer)
    return model


def _nested(keras, layer, inputs):
    inner = _attending(keras, layer, inputs)
    outer = [
        keras.Input(shape=tuple(each.shape[1:]), dtype=each.dtype, name="out%d" % number)
        for number, each in enumerate(inputs)
    ]
    return keras.Model(outer, inner(outer if len(outer) > 1 else outer[0]))


def _time_distributed(keras, layer, inputs):
    more = keras.Input(shape=(3, *inputs[0].shape[1:]), dtype=inputs[0].dtype, name="in0")
    return _alone(keras, keras.layers.TimeDistributed(layer), [more])


def _bidirectional(keras, layer, inputs):
    return _alone(keras, keras.layers.Bidirectional(layer), inputs)


WIRED = {
    None: _attending,
    "in-Sequential": _sequential,
    "in-nested": _nested,
    "in-TimeDistributed": _time_distributed,
    "in-Bidirectional": _bidirectional,
}


def _around(keras, place, made):
    """Return a model of one Dense layer with what is exhibited."""
    of_layer = {
        "activations": "activation", "initializers": "kernel_initializer",
        "regularizers": "kernel_regularizer", "constraints": "kernel_constraint",
    }  # fmt: skip
    settings = {of_layer[place]: made} if place in of_layer else {"activation": "softmax"}
    entry = keras.Input(shape=(4,), name="in0")
    model = keras.Model(entry, keras.layers.Dense(4, name="out", **settings)(entry))
    if place == "optimizers.schedules":
        model.compile(optimizer=keras.optimizers.SGD(learning_rate=made), loss=LOSS)
    elif place.startswith("optimizers"):
        model.compile(optimizer=made, loss=LOSS)
    elif place == "losses":
        model.compile(optimizer="sgd", loss=made)
    elif place == "metrics":
        model.compile(optimizer="sgd", loss=LOSS, metrics=[made])
    return model


def inputs_for(model):
    """Return made-up inputs for a model: always the same for the same shapes."""
    random = np.random.RandomState(7)
    made = []
    for entry in model.inputs:
        shape = (BATCH, *(int(size) for size in tuple(entry.shape)[1:]))
        dtype = entry.dtype if isinstance(entry.dtype, str) else entry.dtype.name
        if dtype == "string":
            made.append(WORDS[random.randint(0, len(WORDS), shape)])
        elif dtype.startswith(("int", "uint")):
            made.append(random.randint(0, 3, shape).astype(dtype))
        else:
            made.append(random.uniform(0.1, 1, shape).astype(dtype))
    return made


def targets_for(name):
    """Return the targets on which a compiled exhibit is evaluated."""
    if "sparse" in name.lower() or name in ("Circle", "CategoricalGeneralizedCrossEntropy"):
        return np.array([[1], [2]])
    return np.eye(4)[[1, 2]]


def fill(model):
    """Give each weight of floating point a value that an initializer would not give."""
    random = np.random.RandomState(11)
    filled = []
    for value in model.get_weights():
        is_float = np.asarray(value).dtype.kind == "f"
        filled.append(
            random.uniform(0.5, 1.5, value.shape).astype(value.dtype) if is_float else value
        )
    if filled:
        model.set_weights(filled)


def called(model):
    """Return the outputs of a call as `numbers`; None if the model cannot be called."""
    import tensorflow  # noqa: PLC0415

    inputs = [tensorflow.constant(each) for each in inputs_for(model)]
    try:
        return numbers(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    except Exception:
        return None


def numbers(outputs):
    """Return arrays as JSON: shapes, the first values, whether they have half precision."""
    flat = _flat(outputs)
    arrays = [each.to_dense() if hasattr(each, "to_dense") else each for each in flat]
    arrays = [np.asarray(each) for each in arrays]
    half = any(each.dtype.itemsize == HALF_BYTES for each in arrays)
    values = [
        np.frombuffer("|".join(map(str, each.ravel())).encode(), "uint8")
        if each.dtype == object
        else each.ravel()[:MOST_VALUES]
        for each in arrays
    ]
    whole = np.concatenate([each.astype("float32") for each in values]) if values else np.zeros(0)
    text = base64.b64encode(whole.astype("<f4").tobytes()).decode()
    return {"shapes": [list(each.shape) for each in arrays], "values": text, "half": half}


def readable(found):
    """Return a record of `observe` with its first numbers as numbers."""
    shown = dict(found)
    for key in ("outputs", "evaluated"):
        if shown.get(key) and "values" in shown[key]:
            values = np.frombuffer(base64.b64decode(shown[key]["values"]), "<f4")
            shown[key] = {"shapes": shown[key]["shapes"], "values": values[:MOST_SHOWN].tolist()}
    return shown


def _flat(outputs):
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    if isinstance(outputs, (list, tuple)):
        return [leaf for each in outputs for leaf in _flat(each)]
    if type(outputs).__name__ == "RaggedTensor":
        return [outputs.to_tensor()]
    if type(outputs).__name__ == "SparseTensor":
        return [outputs.values]
    return [outputs]


def equal(one, other):
    """Return whether two records of `numbers` agree."""
    if one is None or other is None:
        return one is other
    if one["shapes"] != other["shapes"]:
        return False
    tolerance = HALF_TOLERANCE if one["half"] or other["half"] else TOLERANCE
    pair = [np.frombuffer(base64.b64decode(each["values"]), "<f4") for each in (one, other)]
    return pair[0].shape == pair[1].shape and bool(
        np.allclose(pair[0], pair[1], rtol=tolerance, atol=tolerance * 0.1, equal_nan=True)
    )


def observe(model, name):
    """Return what a model computes and how it is compiled; the model is trained by that."""
    found = {"outputs": called(model), "weights": _weights(model)}
    place, kind, argument, _, _ = parse(name)
    if place.split(".")[0] not in ("optimizers", "losses", "metrics"):
        return found
    optimizer = getattr(model, "optimizer", None)
    found["compiled"] = optimizer is not None
    if optimizer is None:
        return found
    model.run_eagerly = True
    x, y = inputs_for(model)[0], targets_for(kind)
    if place.startswith("optimizers"):
        found["optimizer"] = type(optimizer).__name__
        found["setting"] = _setting(optimizer, place, argument)
        found["evaluated"] = _tried(lambda: _trained(model, x, y))
    else:
        found["evaluated"] = _tried(lambda: numbers(model.test_on_batch(x, y)))
    return found


def _weights(model):
    try:
        return [list(np.shape(value)) for value in model.get_weights()]
    except Exception:
        return None


def _setting(optimizer, place, argument):
    if argument is None:
        return None
    config = optimizer.get_config()
    if place == "optimizers.schedules":
        rate = config.get("learning_rate")
        config = rate.get("config", {}) if isinstance(rate, dict) else {}
    # Before 2.3 the rate was called `lr` in some configs.
    value = config.get(argument)
    return round(value, 6) if isinstance(value, float) else repr(value)[:60]


def _trained(model, x, y):
    model.train_on_batch(x, y)
    return numbers(model.get_weights())


def _tried(compute):
    try:
        return compute()
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, str(error)[:200])}


def compare(before, after):
    """Return what a loaded model lost or does otherwise; nothing if it is equal."""
    lost = []
    if before["outputs"] is None and before["weights"] != after["weights"]:
        lost.append("weights")
    if before["outputs"] is not None and after["outputs"] is None:
        lost.append("call")
    elif before["outputs"] is not None and not equal(before["outputs"], after["outputs"]):
        lost.append("outputs")
    if before.get("compiled") and not after.get("compiled"):
        return [*lost, "compile state"]
    lost += [key for key in ("optimizer", "setting") if before.get(key) != after.get(key)]
    one, other = before.get("evaluated"), after.get("evaluated")
    failed = other is None or "error" in other
    if one is not None and "error" not in one and (failed or not equal(one, other)):
        lost.append("training" if "optimizer" in before else "evaluation")
    return lost


def shape_of(path, form):
    """Return what decides how a file loads: configs, and names and shapes of its arrays."""
    import hashlib  # noqa: PLC0415
    import io  # noqa: PLC0415
    import zipfile  # noqa: PLC0415

    import h5py  # noqa: PLC0415

    parts = []

    def visit(name, item):
        if hasattr(item, "shape"):
            parts.append("%s %s %s" % (name, item.shape, item.dtype))

    if form == "h5":
        with h5py.File(path, "r") as file:
            stored = [file.attrs.get(key) for key in ("model_config", "training_config")]
            # h5py 2 reads them as bytes, h5py 3 as text.
            parts += [each.decode() if isinstance(each, bytes) else str(each) for each in stored]
            file.visititems(visit)
    else:
        with zipfile.ZipFile(path) as archive:
            parts.append(archive.read("config.json").decode())
            parts += sorted(archive.namelist())
            with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as file:
                file.visititems(visit)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
