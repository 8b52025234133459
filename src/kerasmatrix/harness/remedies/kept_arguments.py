"""Keeps the arguments of losses and metrics that Keras leaves out when it saves a model.

Keras 3 saves Huber without its delta, and CosineSimilarity and SparseCategoricalCrossentropy
without their axis, although a file that has them loads with them. (measured: ``get_config`` of all
losses and metrics of Keras 3.4 and 3.15)
"""

from __future__ import annotations

import os
from typing import Any

from . import architecture
from .writer import bare_name

__all__ = ["completed", "keep_arguments"]

FUNCTIONS = ("loss", "metrics", "weighted_metrics")


def keep_arguments(path: str, wanted: dict | None) -> None:
    """Complete the training configuration of the file at ``path``; a folder has none.

    Args:
        path: a file that Keras has just saved.
        wanted: the training configuration that the model was compiled with.
    """
    if wanted is None or os.path.isdir(path):
        return
    stored = architecture.read(path)
    functions = {key: value for key, value in wanted.items() if key in FUNCTIONS}
    training = completed(stored.training, functions)
    if training != stored.training:
        copy = f"{path}.completed"
        architecture.write_copy(path, copy, stored.config, training)
        os.replace(copy, path)


def completed(saved: Any, wanted: Any) -> Any:
    """Return ``saved`` with the arguments that objects of the same class have in ``wanted``."""
    if isinstance(saved, list) and isinstance(wanted, list) and len(saved) == len(wanted):
        return [completed(*pair) for pair in zip(saved, wanted)]
    if not isinstance(saved, dict) or not isinstance(wanted, dict):
        return saved
    if "class_name" not in saved:
        return {key: completed(value, wanted.get(key)) for key, value in saved.items()}
    if bare_name(saved["class_name"]) != bare_name(wanted.get("class_name")):
        return saved
    config, more = saved.get("config"), wanted.get("config")
    if not isinstance(config, dict) or not isinstance(more, dict):
        return saved
    left_out = {key: value for key, value in more.items() if key not in config}
    return dict(saved, config=dict(left_out, **config))
