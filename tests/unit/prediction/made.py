"""Contents of model files, made without files; and environments to load them in."""

from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

from kerasmatrix.inspection.contents import Contents, SecondContents
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.inspection.hdf5 import Stored
from kerasmatrix.prediction.target import Target

LAMBDA_3_8 = "4wEAAAAAAAAAAAAAAAEAAAABAAAAQwAAAHMEAAAAfABTAA=="
LAMBDA_WITH_TF = b64encode(b64decode(LAMBDA_3_8) + b"\xda\x02tf").decode()


def target(release, *, tensorflow=None, python="3.11", environment=None):
    """Return an environment whose ``tf.keras`` is ``release``."""
    if tensorflow is None:
        tensorflow = "2.19.1" if release.startswith("3.") else f"{release}.0"
    name = environment or f"k{release}"
    return Target(name, release, tensorflow, python, frozenset({"keras"}))


def layer(class_name="Dense", *, module=None, registered_name=None, **config):
    """Return a layer's config; ``module`` as Keras 2.13 and later write it."""
    told = {"class_name": class_name, "config": {"name": class_name.lower(), **config}}
    if module:
        told |= {"module": module, "registered_name": registered_name}
    return told


def wired(inner, call, output=("dense", 0, 0)):
    """Return a functional model in which a Dense takes the output of a ``call`` of ``inner``."""
    layers = [
        layer("InputLayer", batch_input_shape=[None, 3]) | {"name": "input", "inbound_nodes": []},
        {**inner, "name": "inner", "inbound_nodes": [[["input", 0, 0, {}]]]},
        layer(units=2) | {"name": "dense", "inbound_nodes": [[["inner", call, 0, {}]]]},
    ]
    outer = model(*layers, class_name="Functional")
    outer["config"]["output_layers"] = [list(output)]
    return outer


def along(axis, class_name, shape=(None, 6, 4)):
    """Return a functional model of Keras 3 with a layer that works along an ``axis``."""
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": list(shape)}}
    told = layer(class_name, axis=axis) | {"name": "told", "inbound_nodes": [{"args": [[tensor]]}]}
    return model(told, class_name="Functional")


def model(*layers, class_name="Sequential", name="model", **more):
    """Return a model's config."""
    return {"class_name": class_name, "config": {"name": name, "layers": list(layers)}, **more}


def writer(keras):
    """Return who wrote a file that names this Keras: TensorFlow's minor, or Keras 3's."""
    if keras is None:
        return Writer()
    if keras.startswith("1."):
        return Writer(keras=keras, keras_major=1, recorded=("keras",))
    if keras.startswith("3."):
        return Writer(keras=keras, keras_major=3, recorded=("keras",))
    return Writer(keras=keras, keras_major=2, tensorflow=keras, recorded=("keras",))


def h5(config, *, keras="2.9.0", training=None, called="model.h5", optimizer_arrays=0):
    """Return the content of a whole model as HDF5."""
    return Contents(
        Path(called),
        "hdf5-model",
        writer=writer(keras),
        config=config,
        training=training,
        stored=Stored(optimizer_arrays=optimizer_arrays),
    )


def archive(config, *, keras="2.15.0", training=None, paths=(), holder=None, windows_paths=False):
    """Return the content of a Keras v3 archive."""
    stored = Stored(paths=tuple(paths), windows_paths=windows_paths)
    return Contents(
        Path("model.keras"),
        "keras-archive",
        writer=writer(keras),
        config=config,
        training=training,
        stored=stored,
        holder=holder,
    )


def saved_model(
    config=None, *, tensorflow="2.9.3", training=None, slots=0, whole=True, must_restore=()
):
    """Return the content of a SavedModel; without a config as Keras 3 exports it."""
    return Contents(
        Path("model"),
        "saved-model",
        writer=Writer(tensorflow=tensorflow, recorded=("tensorflow",)),
        config=config,
        training=training,
        stored=Stored(
            optimizer_arrays=slots, lacks_numbers=not whole, must_restore=tuple(must_restore)
        ),
    )


def twofold(contents, second="keras-archive", held=None):
    """Return ``contents`` of a file that is also a ``second`` format, with the content ``held``."""
    return replace(contents, second=SecondContents(second, held))


def linked(contents):
    """Return ``contents`` of a file in which an array is a link."""
    return replace(contents, stored=replace(contents.stored, indirect=("layers/dense/vars/0",)))


def weights(*, keras="2.9.0", paths=(), called="weights.h5", windows_paths=False):
    """Return the content of a file of weights; ``paths`` are those of the layout of Keras 3."""
    stored = Stored(keras_3_layout=bool(paths), paths=tuple(paths), windows_paths=windows_paths)
    by = Writer() if paths else writer(keras)
    return Contents(Path(called), "hdf5-weights", writer=by, stored=stored)


def other_weights(kind, *, whole=True):
    """Return the content of weights of another ``kind``: a checkpoint, or shards."""
    return Contents(Path("weights"), kind, stored=Stored(lacks_numbers=not whole))


def architecture(config, *, weights=None):
    """Return the content of a file of an architecture as JSON, with the name of its weights."""
    by = writer("2.9.0")
    return Contents(
        Path("model.json"), "architecture-json", writer=by, config=config, companion=weights
    )
