"""The remedies: loads of an artifact that a plain load did not bring back, made differently.

Several can work together: one changes what happens before the scenario's script runs, one which
Keras is used, one the file, one the arguments of ``load_model``; and two make the model in
another way altogether. What each is for, and what it gives up, says ``diagnosis/remedies.yaml``.
"""

from __future__ import annotations

import inspect
import os
import zipfile
from typing import Any

from .. import formats, script

__all__ = ["Case", "NotApplicable", "culprits", "load"]


class NotApplicable(Exception):
    """There is nothing for this remedy to do here."""


class Case:
    """An artifact to be loaded, and what remedies have changed about how.

    ``did`` tells what was done, in order, in short sentences.
    """

    def __init__(self, form: str, artifact: str, scenario: str, scratch: str) -> None:
        self.form = form
        self.artifact = artifact
        self.scenario = scenario
        self.scratch = scratch
        self.path = formats.find(form, artifact)
        self.did: list = []
        self.arguments: dict = {}
        self.apart = False
        self._loader: dict | None = None
        self._saver: dict | None = None

    @property
    def loader(self) -> dict:
        """The names of the scenario's ``load.py``; it runs at the first use."""
        if self._loader is None:
            self._loader = script.run_script(os.path.join(self.scenario, "load.py"))
        return self._loader

    @loader.setter
    def loader(self, names: dict) -> None:
        self._loader = names

    @property
    def saver(self) -> dict:
        """The names of the scenario's ``save.py``; it runs at the first use."""
        if self._saver is None:
            self._saver = script.run_script(os.path.join(self.scenario, "save.py"))
        return self._saver

    @property
    def keras(self) -> Any:
        """The Keras to load with: the one that ``load.py`` calls ``keras``, or TensorFlow's."""
        if "keras" in self.loader:
            return self.loader["keras"]
        import tensorflow as tf

        return tf.keras

    def build(self) -> Any:
        """Return the untrained model, built by the scenario's own code.

        Raises:
            NotApplicable: the model was saved elsewhere, and its code is not here.
        """
        names = self.loader if "build" in self.loader else self.saver
        if "build" not in names:
            raise NotApplicable("the code that built the model is not known")
        return names["build"]()

    def custom_objects(self) -> dict:
        """Return the classes and functions of ``save.py``, by each name a file may call them.

        Where ``load.py`` loads a file that was saved elsewhere, they are those it was given.
        """
        found = dict(self.loader.get("given_objects", {}))
        for name, value in self.saver.items():
            if getattr(value, "__module__", None) != "__main__" or name == "build":
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                found[name] = value
                registered = self._registered_name(value)
                if registered:
                    found[registered] = value
        return found

    def load_model(self, path: str) -> Any:
        """Load ``path`` the way ``load.py`` does, with `arguments` added to its ``load_model``."""
        models = self.keras.models
        original = models.load_model
        arguments = _accepted(original, self.arguments)

        def changed(*args: Any, **kwargs: Any) -> Any:
            merged = dict(kwargs, **arguments)
            if "custom_objects" in arguments:
                merged["custom_objects"] = dict(
                    kwargs.get("custom_objects") or {}, **arguments["custom_objects"]
                )
            return original(*args, **merged)

        if not arguments:
            return self.loader["load"](path)
        # The script may call it by its module, or by a name of its own.
        names = [name for name, value in self.loader.items() if value is original]
        self.loader.update((name, changed) for name in names)
        models.load_model = changed
        try:
            return self.loader["load"](path)
        finally:
            models.load_model = original

    def _registered_name(self, value: Any) -> str | None:
        for holder in ("saving", "utils"):
            found = getattr(getattr(self.keras, holder, None), "get_registered_name", None)
            if found is not None:
                return str(found(value))
        return None


def load(case: Case, names: list) -> Any:
    """Return the model that comes of the remedies ``names`` together, in this order.

    Raises:
        NotApplicable: one of them has nothing to do here.
        Exception: whatever the load raises.
    """
    for name in names:
        made = REMEDIES[name](case)
        if made is not None:
            return made
    return _load_apart(case) if case.apart else _load_plainly(case)


def culprits(case: Case) -> list:
    """Return what of the stored architecture this Keras cannot make, taken by itself."""
    from . import architecture, classes, layers

    try:
        objects = case.custom_objects() if _shares_classes(case) else {}
    except Exception:
        objects = {}
    return layers.probe(architecture.read(case.path), classes.Reader(case.keras), objects)


def _shares_classes(case: Case) -> bool:
    """Whether the scenario's loading program knows the classes of the saving one."""
    return "custom_objects" in case.loader or "given_objects" in case.loader


def _load_plainly(case: Case) -> Any:
    if case.form == "weights":
        # They do not go through a scenario's load function.
        folder = os.path.dirname(case.path)
        return formats.load(case.form, folder, case.loader, case.build)
    return case.load_model(case.path)


def _one_keras(case: Case) -> None:
    import tensorflow as tf

    def load_with_tensorflow(path: str) -> Any:
        return tf.keras.models.load_model(path)

    case.loader = {"keras": tf.keras, "load": load_with_tensorflow}
    case.did.append("used tensorflow.keras instead of what load.py imports")


def _no_v1_mode(case: Case) -> None:
    import tensorflow as tf

    names = ("disable_v2_behavior", "disable_eager_execution")
    asked = []

    def stay(*_: Any, **__: Any) -> None:
        asked.append(True)

    for name in names:
        setattr(tf.compat.v1, name, stay)
    if not (case.loader and asked):
        raise NotApplicable("load.py does not switch to the behaviour of TensorFlow 1")
    case.did.append("left the behaviour of TensorFlow 2 switched on")


def _no_compile(case: Case) -> None:
    case.arguments["compile"] = False
    case.did.append("loaded without compiling")


def _custom_objects(case: Case) -> None:
    if "given_objects" in case.loader:
        raise NotApplicable("all that was given is handed over already")
    objects = case.custom_objects()
    if not objects:
        raise NotApplicable("the model has no classes or functions of its own")
    case.arguments.setdefault("custom_objects", {}).update(objects)
    case.did.append("handed over " + ", ".join(sorted(objects)))


def _trust_the_lambda(case: Case) -> None:
    if not _accepted(case.keras.models.load_model, {"safe_mode": False}):
        raise NotApplicable("this load_model has no safe_mode")
    case.arguments["safe_mode"] = False
    case.did.append("allowed the code in Lambda layers")


def _true_name(case: Case) -> None:
    """Call the file what its content is: newer loaders go by the ending."""
    if os.path.isdir(case.path):
        raise NotApplicable("a folder has no ending that matters")
    ending = ".keras" if zipfile.is_zipfile(case.path) else ".h5"
    before = os.path.splitext(case.path)[1]
    if before in (ending, ".hdf5" if ending == ".h5" else ending):
        raise NotApplicable("the file is what its name says")
    renamed = os.path.join(case.scratch, "model" + ending)
    os.symlink(case.path, renamed)
    case.path = renamed
    case.did.append(f"called it {ending}, which it is, instead of {before or 'nothing'}")


def _same_function(case: Case) -> None:
    """Hand over what a function's name meant to the Keras that wrote the file."""
    from . import architecture, functions, rewrite

    written_by = 3 if rewrite.is_newer(architecture.read(case.path)) else 2
    if written_by == formats.major(case.keras):
        raise NotApplicable("the file's Keras and this one mean the same by every name")
    objects = functions.MEANT[written_by]
    handed = case.arguments.setdefault("custom_objects", {})
    handed.update((name, make) for name, make in objects.items() if name not in handed)
    case.did.append(f"handed over Keras {written_by}'s own {', '.join(sorted(objects))}")


def _rewrite_config(case: Case) -> None:
    from . import architecture, classes, rewrite

    stored = architecture.read(case.path)
    handed = set(case.arguments.get("custom_objects", ()))
    rewritten = rewrite.rewrite(stored, classes.Reader(case.keras), handed)
    if not rewritten.changes:
        raise NotApplicable("there is nothing in the architecture to rewrite")
    copy = os.path.join(case.scratch, "rewritten" + os.path.splitext(case.path)[1])
    architecture.write_copy(case.path, copy, rewritten.config, rewritten.training)
    case.path = copy
    case.did.extend(rewritten.changes)


def _weights_apart(case: Case) -> None:
    case.apart = True


def _load_apart(case: Case) -> Any:
    """Make the model from the stored architecture, and load its weights by another way."""
    from . import architecture, classes, weights

    stored = architecture.read(case.path)
    objects = case.arguments.get("custom_objects", {})
    model = classes.Reader(case.keras).deserialize(stored.config, objects)
    how = weights.load_into(model, case.form, case.artifact)
    case.did.append("built the model from its stored architecture; weights " + how)
    return model


def _rebuild_and_load_weights(case: Case) -> Any:
    from . import weights

    model = case.build()
    how = weights.load_into(model, case.form, case.artifact)
    case.did.append("built the model with its own code; weights " + how)
    return model


def _tfsm_layer(case: Case) -> Any:
    layer = getattr(case.keras.layers, "TFSMLayer", None)
    if layer is None:
        raise NotApplicable("this Keras has no TFSMLayer")
    case.did.append("loaded it as a layer, TFSMLayer, that calls serving_default")
    return layer(case.path, call_endpoint="serving_default")


def _saved_model_load(case: Case) -> Any:
    from . import signature

    made = signature.Signature(case.path)
    case.did.extend([*made.changes, "called its signature serving_default"])
    return made


REMEDIES = {
    "one-keras": _one_keras,
    "no-v1-mode": _no_v1_mode,
    "true-name": _true_name,
    "no-compile": _no_compile,
    "custom-objects": _custom_objects,
    "trust-the-lambda": _trust_the_lambda,
    "tfsm-layer": _tfsm_layer,
    "saved-model-load": _saved_model_load,
    "same-function": _same_function,
    "rewrite-config": _rewrite_config,
    "weights-apart": _weights_apart,
    "rebuild-and-load-weights": _rebuild_and_load_weights,
}


def _accepted(function: Any, arguments: dict) -> dict:
    """Return those of ``arguments`` that ``function`` takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return dict(arguments)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(arguments)
    named = {parameter.name for parameter in parameters}
    return {name: value for name, value in arguments.items() if name in named}
