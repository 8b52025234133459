"""An artifact that fixes are to load: its file, the scenario's programs, and the changes so far."""

from __future__ import annotations

import inspect
import os
from typing import Any

from .. import backend, formats, script

__all__ = ["Case", "NotApplicable", "accepted"]


class NotApplicable(Exception):
    """The fix does not apply to this artifact or this Keras."""


class Case:
    """An artifact to load, and the changes that fixes have made.

    ``did`` lists the changes in short sentences, in order.
    """

    def __init__(self, form: str, artifact: str, scenario: str, scratch: str) -> None:
        self.form = form
        self.artifact = artifact
        self.scenario = scenario
        self.scratch = scratch
        self.given = self.path = formats.find(form, artifact)
        self.did: list = []
        self.arguments: dict = {}
        self.weights_apart = False
        self.recompile = False
        self.is_rewritten = False
        # Modules that a program imports before it loads what this model is saved as.
        self.modules: list = []
        # The training configuration with which the model was compiled, if a fix has written it.
        self.training: dict | None = None
        # Called with the model, once it is loaded.
        self.afterwards: list = []
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
        """The Keras to load with: the one that ``load.py`` calls ``keras``, or the usual one."""
        if "keras" in self.loader:
            return self.loader["keras"]
        return backend.current().keras

    @property
    def written_by(self) -> int:
        """The major version of the Keras that wrote the given file; 2 also for Keras 1."""
        from . import architecture

        return 3 if architecture.is_from_keras_3(architecture.read(self.given)) else 2

    def build(self) -> Any:
        """Return the untrained model, built by the scenario's own code.

        Raises:
            NotApplicable: the model was saved elsewhere, and its code is not known.
        """
        names = self.loader if "build" in self.loader else self.saver
        if "build" not in names:
            raise NotApplicable("the code that built the model is not known")
        return names["build"]()

    def custom_objects(self) -> dict:
        """Return the classes and functions of ``save.py``, by each name that a file may use.

        For a file that was saved elsewhere, return those that the user has given.
        """
        objects = dict(self.loader.get("given_objects", {}))
        for name, value in self.saver.items():
            if getattr(value, "__module__", None) != "__main__" or name == "build":
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                objects[name] = value
                registered = self._registered_name(value)
                if registered:
                    objects[registered] = value
        return objects

    def load_model(self, path: str) -> Any:
        """Load ``path`` the way ``load.py`` does, with `arguments` added to its ``load_model``."""
        models = self.keras.models
        original = models.load_model
        arguments = accepted(original, self.arguments)

        def changed(*args: Any, **kwargs: Any) -> Any:
            merged = dict(kwargs, **arguments)
            if "custom_objects" in arguments:
                merged["custom_objects"] = dict(
                    kwargs.get("custom_objects") or {}, **arguments["custom_objects"]
                )
            return original(*args, **merged)

        if not arguments:
            return self.loader["load"](path)
        # The script may call it through its module, or by a name that it has imported.
        names = [name for name, value in self.loader.items() if value is original]
        self.loader.update((name, changed) for name in names)
        models.load_model = changed
        try:
            return self.loader["load"](path)
        finally:
            models.load_model = original

    def _registered_name(self, value: Any) -> str | None:
        for holder in ("saving", "utils"):
            get_name = getattr(getattr(self.keras, holder, None), "get_registered_name", None)
            if get_name is not None:
                return str(get_name(value))
        return None


def accepted(function: Any, arguments: dict) -> dict:
    """Return those of ``arguments`` that ``function`` accepts."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return dict(arguments)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(arguments)
    named = {parameter.name for parameter in parameters}
    return {name: value for name, value in arguments.items() if name in named}
