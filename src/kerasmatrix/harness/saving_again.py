"""Whether a loaded model can be saved again in its own format."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from . import exception_data, formats

__all__ = ["SavingAgain"]

# Classes that Keras 2 makes while it loads a SavedModel, for layers whose class it does not know:
# they compute with the functions of the file (keras/saving/legacy/saved_model/load.py, up to
# TensorFlow 2.12 in other packages under the same last names).
REVIVED = "saved_model.load"


class SavingAgain:
    """Saves the loaded models of a child again, one of those that are saved alike.

    To save a SavedModel, Keras traces the functions of every layer, which takes longer than the
    load. The releases that wrote it hardly matter: once loaded, their models are mostly equal.
    """

    def __init__(self) -> None:
        self._saved: set = set()

    def error(self, model: Any, form: str, facts: dict, folder: str) -> dict | None:
        """Save ``model`` into ``folder``, unless a model like it was saved; return the error.

        An error is never shared, since its message may speak of this model.

        Args:
            model: as it was loaded, and called.
            form: the format to save in.
            facts: of the model, as `tasks` collects them.
            folder: empty.
        """
        key = _key(model, facts) if form == "savedmodel" else None
        if key in self._saved:
            return None
        try:
            formats.save(model, form, folder)
        except Exception as error:
            return exception_data.describe(error)
        if key is not None:
            self._saved.add(key)
        return None


def _key(model: Any, facts: dict) -> str | None:
    """Return a digest of all that is traced to save a model; None if some of it is unknown.

    Neither the values nor the names of variables become part of a function.
    """
    modules = [model, *getattr(model, "submodules", ())]
    kinds = [type(module) for module in modules]
    is_revived = any(kind.__module__.endswith(REVIVED) for kind in kinds)
    if is_revived or facts["layers"] is None:
        return None
    parts = [
        [f"{kind.__module__}.{kind.__qualname__}" for kind in kinds],
        [_input_specs(module) for module in modules],
        [(array["shape"], array["dtype"]) for array in facts["weights"]],
        _without_values(facts["compiled"]),
        facts["layers"],
        facts["structure"],
    ]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _input_specs(module: Any) -> list:
    """Return the shapes, types and names of inputs that Keras 2 traces a layer for."""
    names = ("_saved_model_inputs_spec", "_saved_model_arg_spec")
    return [str(getattr(module, name, None)) for name in names]


def _without_values(compiled: dict | None) -> dict | None:
    """Return a compile state with the number of the optimizer's slots for their digests."""
    if compiled is None:
        return None
    optimizer = compiled["optimizer"]
    return dict(compiled, optimizer=dict(optimizer, slots=len(optimizer["slots"]), iterations=None))
