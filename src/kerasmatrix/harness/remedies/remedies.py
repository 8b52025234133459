"""The fixes: other ways to load an artifact that a plain load does not restore.

Several can be combined: some change the state before the scenario's script runs, others the Keras,
the file, or the arguments of ``load_model``; some create the model without ``load_model``.
``diagnosis/remedies.yaml`` describes the purpose and the trade-offs of each.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import zipfile
from typing import Any

from .. import formats
from .case import Case, NotApplicable, accepted

__all__ = ["Case", "NotApplicable", "failing_layers", "load"]


# The last release of Keras outside TensorFlow: 2.4 only passes its Keras on.
STANDALONE = ("2.3.0", "2.3.1")
TENSORFLOW = "tensorflow"


def load(case: Case, names: list) -> Any:
    """Return the model that the fixes ``names`` load together, applied in this order.

    Raises:
        NotApplicable: one of them does not apply.
        Exception: the error of the load.
    """
    for name in names:
        try:
            model = REMEDIES[name](case)
        except ModuleNotFoundError as error:
            # A fix that is written for TensorFlow has no place where there is none.
            if error.name == TENSORFLOW:
                raise NotApplicable("it needs TensorFlow, which is not installed") from None
            raise
        if model is not None:
            return model
    model = _load_apart(case) if case.weights_apart else _load_plainly(case)
    for change in case.afterwards:
        change(model)
    if case.recompile:
        _compile_as_stored(case, model)
    return model


def failing_layers(case: Case) -> list:
    """Return the parts of the stored architecture that this Keras cannot create."""
    from . import architecture, classes, layer_check

    try:
        objects = case.custom_objects() if _shares_classes(case) else {}
    except Exception:
        objects = {}
    stored = architecture.read(case.path)
    return layer_check.check_layers(stored, classes.Reader(case.keras), objects)


def _shares_classes(case: Case) -> bool:
    """Whether the scenario's ``load.py`` knows the classes of its ``save.py``."""
    return "custom_objects" in case.loader or "given_objects" in case.loader


def _load_plainly(case: Case) -> Any:
    if case.form == "weights":
        # `load.py` has no part in loading weights.
        folder = os.path.dirname(case.path)
        return formats.load(case.form, folder, case.loader, case.build)
    return case.load_model(case.path)


def _one_keras(case: Case) -> None:
    import tensorflow as tf

    def load_with_tensorflow(path: str) -> Any:
        return tf.keras.models.load_model(path)

    case.loader = {"keras": tf.keras, "load": load_with_tensorflow}
    case.did.append("used tensorflow.keras instead of the Keras that load.py imports")


def _standalone_keras(case: Case) -> None:
    """Use the Keras of before TensorFlow had one, which reads the files of Keras 1."""
    import keras

    if str(keras.__version__) not in STANDALONE:
        raise NotApplicable("the package keras is not a Keras of its own here")
    objects = case.loader.get("given_objects", {})

    def load_with_keras(path: str) -> Any:
        return keras.models.load_model(path, custom_objects=objects)

    case.loader = {"keras": keras, "load": load_with_keras}
    case.did.append(f"loaded with the package keras {keras.__version__}")


def _no_v1_mode(case: Case) -> None:
    import tensorflow as tf

    names = ("disable_v2_behavior", "disable_eager_execution")
    calls = []

    def do_nothing(*_: Any, **__: Any) -> None:
        calls.append(True)

    for name in names:
        setattr(tf.compat.v1, name, do_nothing)
    if not (case.loader and calls):  # the first access runs load.py
        raise NotApplicable("load.py does not switch to the behaviour of TensorFlow 1")
    case.did.append("left the behaviour of TensorFlow 2 switched on")


def _no_compile(case: Case) -> None:
    case.arguments["compile"] = False
    case.recompile = True
    case.did.append("loaded without compiling")


def _custom_objects(case: Case) -> None:
    if "given_objects" in case.loader:
        raise NotApplicable("load.py passes all given objects already")
    objects = case.custom_objects()
    if not objects:
        raise NotApplicable("the model has no classes or functions of its own")
    case.arguments.setdefault("custom_objects", {}).update(objects)
    case.did.append("passed " + ", ".join(sorted(objects)))


def _trust_the_lambda(case: Case) -> None:
    # The loaders of some releases do not pass the argument on to all layers (measured: a Lambda in
    # a nested model as h5, tf2.4 to tf2.16).
    allow = getattr(getattr(case.keras, "config", None), "enable_unsafe_deserialization", None)
    if allow is not None:
        allow()
    if not accepted(case.keras.models.load_model, {"safe_mode": False}) and allow is None:
        raise NotApplicable("this load_model has no safe_mode")
    case.arguments["safe_mode"] = False
    case.did.append("trusted the file")


def _plain_hdf5(case: Case) -> None:
    from . import plain_hdf5

    count = plain_hdf5.rewrite(case)
    case.did.append(f"copied the file with the arrays in the place of {count} links")


def _true_name(case: Case) -> None:
    """Give the file the ending of its content: newer loaders choose the format by the ending."""
    if os.path.isdir(case.path):
        raise NotApplicable("a folder has no ending that matters")
    ending = ".keras" if zipfile.is_zipfile(case.path) else ".h5"
    before = os.path.splitext(case.path)[1]
    if before in (ending, ".hdf5" if ending == ".h5" else ending):
        raise NotApplicable("the ending fits the content")
    renamed = os.path.join(case.scratch, "model" + ending)
    os.symlink(case.path, renamed)
    case.path = renamed
    case.did.append(f"gave it the ending {ending} of its content instead of {before or 'none'}")


def _same_function(case: Case) -> None:
    """Pass the functions that the names in the file meant to the Keras that wrote it."""
    from . import functions

    written_by = case.written_by
    if written_by == formats.major(case.keras):
        raise NotApplicable("the file's Keras and this one have the same functions")
    objects = functions.MEANT[written_by]
    handed = case.arguments.setdefault("custom_objects", {})
    handed.update((name, function) for name, function in objects.items() if name not in handed)
    # Wrapped layers are copied without a look at the argument of `load_model` (measured:
    # Bidirectional(LSTM) as h5, tf2.15 to tf2.21).
    functions.register(case.keras, {name: handed[name] for name in objects})
    case.did.append(f"registered Keras {written_by}'s own {', '.join(sorted(objects))}")


def _stand_ins(case: Case) -> None:
    """Pass layers of our own in place of those that this Keras lacks."""
    from . import architecture, classes, rewrite_models, writer

    reader = classes.Reader(case.keras)
    names = architecture.class_names(architecture.read(case.path).config)
    names -= rewrite_models.MODELS | writer.VALUES
    missing = {name for name in names if reader.find(name) is None}
    if not missing:
        raise NotApplicable("this Keras has all layers of the file")
    from . import keras_stand_in_wrappers, keras_stand_ins

    objects: dict = {}
    for module in (keras_stand_ins, keras_stand_in_wrappers):
        found = {name: module.LAYERS[name] for name in missing & set(module.LAYERS)}
        if found:
            objects.update(found)
            case.modules.append(module.__file__)
            name = os.path.basename(str(module.__file__))
            case.did.append(f"passed {', '.join(sorted(found))} from {name}")
    others = missing - set(objects)
    if not objects:
        raise NotApplicable(f"there is nothing in place of {', '.join(sorted(others))}")
    case.arguments.setdefault("custom_objects", {}).update(objects)
    case.keras.utils.get_custom_objects().update(objects)
    # The others may be classes that are written in another way, and so may the wiring.
    with contextlib.suppress(NotApplicable):
        _rewrite_config(case)


def _lambda_source(case: Case) -> None:
    """Compile the functions of Lambda layers for this Python, and change nothing else."""
    from . import architecture, lambdas

    stored = architecture.read(case.path)
    config, sources = lambdas.with_translated(stored.config)
    if not sources:
        raise NotApplicable("no function of a Lambda can be translated")
    copy = os.path.join(case.scratch, "compiled" + os.path.splitext(case.path)[1])
    architecture.write_copy(case.path, copy, config, stored.training)
    case.path = copy
    case.did += [f"compiled for this Python: {' '.join(source.split())}" for source in sources]


def _rewrite_config(case: Case) -> None:
    from . import architecture, classes, rewrite

    if case.is_rewritten:
        return
    stored = architecture.read(case.path)
    handed = set(case.arguments.get("custom_objects", ()))
    rewritten = rewrite.rewrite(stored, classes.Reader(case.keras), handed)
    if not rewritten.changes:
        raise NotApplicable("there is nothing in the architecture to rewrite")
    copy = os.path.join(case.scratch, "rewritten" + os.path.splitext(case.path)[1])
    architecture.write_copy(case.path, copy, rewritten.config, rewritten.training)
    case.path, case.is_rewritten, case.training = copy, True, rewritten.training
    case.did.extend(rewritten.changes)
    if rewritten.custom_objects:
        case.arguments.setdefault("custom_objects", {}).update(rewritten.custom_objects)
        case.did.append("passed " + ", ".join(sorted(rewritten.custom_objects)))


def _scale_gates(case: Case) -> None:
    """Move the difference between two functions called hard_sigmoid into the weights."""
    from . import gates

    written_by = case.written_by
    if written_by == formats.major(case.keras):
        raise NotApplicable("the file's Keras and this one have the same hard_sigmoid")

    def scale(model: Any) -> None:
        names = gates.scale(model, written_by)
        if not names:
            raise NotApplicable("no layer has a hard_sigmoid after weights")
        case.did.append("scaled the weights before the hard_sigmoid of " + ", ".join(names))

    case.afterwards.append(scale)


def _weights_apart(case: Case) -> None:
    case.weights_apart = True
    case.recompile = True


def _compile_as_stored(case: Case, model: Any) -> None:
    """Compile a model as the given file says."""
    from . import architecture, classes, recompile, rewrite

    if os.path.isdir(case.given) or getattr(model, "optimizer", None) is not None:
        return
    try:
        stored = architecture.read(case.given)
    except (OSError, ValueError):
        return
    if stored.training is None:
        return
    objects = dict(case.loader.get("given_objects", {}))
    objects.update(case.arguments.get("custom_objects", {}))
    reader = classes.Reader(case.keras)
    case.training = rewrite.rewrite(stored, reader).training
    done = recompile.compile_as_stored(model, case.given, stored, reader, objects)
    case.did.append(done)


def _load_apart(case: Case) -> Any:
    """Create the model from the stored architecture, and read its weights without Keras."""
    from . import architecture, classes, weights

    stored = architecture.read(case.path)
    objects = case.arguments.get("custom_objects", {})
    with _safe_mode(case):
        model = classes.Reader(case.keras).deserialize(stored.config, objects)
    how = weights.load_into(model, case.form, case.artifact)
    case.did.append("built the model from its stored architecture; weights " + how)
    return model


def _safe_mode(case: Case) -> Any:
    """Return the context in which Lambdas are decoded if ``load_model`` was to decode them.

    Keras 2.13 to 2.15 look for it (measured: lambda and attention as keras, tf2.16 to tf2.15);
    Keras 3 has a setting.
    """
    package = case.keras.models.load_model.__module__.split(".")[0]
    for name in ("src.saving", "saving") if case.arguments.get("safe_mode") is False else ():
        with contextlib.suppress(ImportError, AttributeError):
            library = importlib.import_module(f"{package}.{name}.serialization_lib")
            return library.SafeModeScope(safe_mode=False)
    return contextlib.nullcontext()


def _rebuild_and_load_weights(case: Case) -> Any:
    from . import weights

    model = case.build()
    how = weights.load_into(model, case.form, case.artifact)
    case.did.append("built the model with its own code; weights " + how)
    return model


def _tfsm_layer(case: Case) -> Any:
    if not hasattr(case.keras.layers, "TFSMLayer"):
        raise NotApplicable("this Keras has no TFSMLayer")
    layer = formats.inference_layer(case.keras, case.path)
    case.did.append(f"loaded it as a layer, TFSMLayer, that calls {layer.call_endpoint}")
    return layer


def _saved_function(case: Case) -> Any:
    """Make a model of the signature, whose graph and numbers its only layer holds."""
    from . import keras_saved_function, signature

    model = signature.as_model(case.path)
    case.modules.append(keras_saved_function.__file__)
    case.did.append("made a model of its signature serving_default, which can only predict")
    return model


def _saved_model_load(case: Case) -> Any:
    from . import signature

    model = signature.Signature(case.path)
    case.did.extend([*model.changes, "called its signature serving_default"])
    return model


REMEDIES = {
    "one-keras": _one_keras,
    "no-v1-mode": _no_v1_mode,
    "standalone-keras": _standalone_keras,
    "true-name": _true_name,
    "no-compile": _no_compile,
    "custom-objects": _custom_objects,
    "trust-the-lambda": _trust_the_lambda,
    "plain-hdf5": _plain_hdf5,
    "tfsm-layer": _tfsm_layer,
    "saved-model-load": _saved_model_load,
    "saved-function": _saved_function,
    "same-function": _same_function,
    "stand-ins": _stand_ins,
    "lambda-source": _lambda_source,
    "rewrite-config": _rewrite_config,
    "weights-apart": _weights_apart,
    "scale-gates": _scale_gates,
    "rebuild-and-load-weights": _rebuild_and_load_weights,
}
