"""Tests of saving a loaded model again: which models stand for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kerasmatrix.harness.saving_again import SavingAgain

FACTS: dict[str, Any] = {
    "weights": [{"name": "kernel:0", "shape": [4, 3], "dtype": "float32", "sha256": "0" * 64}],
    "compiled": {
        "loss": "mse",
        "optimizer": {"name": "Adam", "slots": ["1" * 64], "iterations": 1},
    },
    "layers": "packed",
    "structure": None,
}
OTHER_VALUES: dict[str, Any] = {
    **FACTS,
    "weights": [{"name": "dense/kernel", "shape": [4, 3], "dtype": "float32", "sha256": "2" * 64}],
    "compiled": {
        "loss": "mse",
        "optimizer": {"name": "Adam", "slots": ["3" * 64], "iterations": 7},
    },
}


class Layer:
    """A layer of a library."""


class Model:
    """A model that notes where it is saved."""

    def __init__(self, *layers: object, error: Exception | None = None) -> None:
        self.submodules = layers
        self.saved: list[str] = []
        self._error = error

    def save(self, path: str, **_: object) -> None:
        if self._error:
            raise self._error
        self.saved.append(path)


def _number_of_saves(first: Model, second: Model, form: str, facts: dict[str, Any]) -> int:
    """Save two models again in one child, the first with `FACTS`; return how often."""
    saving = SavingAgain()
    assert saving.error(first, form, FACTS, "one") is None
    assert saving.error(second, form, facts, "two") is None
    return len(first.saved + second.saved)


@pytest.mark.parametrize("facts", [FACTS, OTHER_VALUES])
def test_saving_again_with_models_alike_saves_one(facts: dict[str, Any]) -> None:
    assert _number_of_saves(Model(Layer()), Model(Layer()), "savedmodel", facts) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"layers": "other"},
        {"structure": [None]},
        {"compiled": None},
        {"weights": [{**FACTS["weights"][0], "shape": [4, 5]}]},
        {"weights": [{**FACTS["weights"][0], "dtype": "float16"}]},
        {"compiled": {**FACTS["compiled"], "loss": "mae"}},
        {"compiled": {"loss": "mse", "optimizer": {**FACTS["compiled"]["optimizer"], "slots": []}}},
    ],
)
def test_saving_again_with_another_fact_saves_both(change: dict[str, Any]) -> None:
    models = Model(Layer()), Model(Layer())
    assert _number_of_saves(*models, "savedmodel", {**FACTS, **change}) == 2


def test_saving_again_with_another_class_saves_both() -> None:
    assert _number_of_saves(Model(Layer()), Model(Model()), "savedmodel", FACTS) == 2


def test_saving_again_with_another_input_saves_both() -> None:
    traced = Layer()
    traced._saved_model_inputs_spec = "TensorSpec(shape=(None, 4))"  # type: ignore[attr-defined]
    assert _number_of_saves(Model(Layer()), Model(traced), "savedmodel", FACTS) == 2


def test_saving_again_with_a_revived_layer_saves_both() -> None:
    name = "tensorflow.python.keras.saving.saved_model.load"
    revived = type("Custom", (), {"__module__": name})
    assert _number_of_saves(Model(revived()), Model(revived()), "savedmodel", FACTS) == 2


def test_saving_again_with_unknown_settings_saves_both() -> None:
    saving, unknown = SavingAgain(), {**FACTS, "layers": None}
    models = [Model(Layer()), Model(Layer())]
    assert [saving.error(model, "savedmodel", unknown, "folder") for model in models] == [None] * 2
    assert all(model.saved for model in models)


def test_saving_again_in_another_format_saves_both() -> None:
    assert _number_of_saves(Model(Layer()), Model(Layer()), "h5", FACTS) == 2


def test_saving_again_with_an_error_is_tried_again() -> None:
    saving = SavingAgain()
    first = Model(Layer(), error=ValueError("first"))
    second = Model(Layer(), error=ValueError("second"))
    errors = [saving.error(model, "savedmodel", FACTS, str(Path("x"))) for model in (first, second)]
    assert [error and error["message"] for error in errors] == ["first", "second"]
    assert saving.error(Model(Layer()), "savedmodel", FACTS, "x") is None
