"""An engine without TensorFlow that answers at once: what a run itself costs is all that is left.

Its answers are as large as a harness's for a small model: six weights, the state of an optimizer,
and, for a third of the pairs of versions, an exception with its traceback.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Handshake, Task, WorkDirs
from kerasmatrix.environments.locks import Lock

__all__ = ["SyntheticEngine"]

WEIGHTS = 6
MESSAGE = "Unknown layer: {name}. Please ensure you are using a `keras.utils.custom_object_scope`."
TRACEBACK = '  File "site-packages/keras/saving/{name}.py", line 1, in deserialize\n' * 20
EVERY = 3  # of the pairs of versions, that many fail


class SyntheticWorker:
    """Answers for one environment."""

    def __init__(self, environment: Environment, place: WorkDirs) -> None:
        self.hello = Handshake(environment.tensorflow or "", "2.0", environment.python, 0.0)
        self._name = environment.name
        self._place = place

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Answer each task."""
        for task in tasks:
            yield self._save(task) if task.kind == "save" else self._load(task)

    def close(self) -> None:
        """There is nothing to end."""

    def _save(self, task: Task) -> dict[str, Any]:
        folder = self._place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        content = {"by": self._name, "scenario": task.scenario, "format": task.format}
        (folder / "model.h5").write_text(json.dumps(content), encoding="utf-8")
        return {"ended": "returned", "value": _facts(task.scenario), "seconds": 0.1}

    def _load(self, task: Task) -> dict[str, Any]:
        if zlib.crc32(f"{task.artifact} {self._name}".encode()) % EVERY == 0:
            message = MESSAGE.format(name=self._name)
            error = {"type": "ValueError", "message": message}
            told = {
                **error,
                "chain": [error],
                "traceback": TRACEBACK.format(name=self._name) + message,
            }
            return {"ended": "raised", "stage": "load", "error": told, "seconds": 0.1}
        facts = {
            **_facts(task.scenario),
            "shapes_equal": True,
            "finite": True,
            "max_abs_diff": 0.0,
            "max_abs_reference": 1.0,
            "resave_error": None,
        }
        return {"ended": "returned", "value": facts, "seconds": 0.1}


class SyntheticEngine:
    """Opens workers that answer at once."""

    name = "synthetic"
    sandbox = True
    in_place = True
    batch = None
    recipe = ""
    slots = None
    idle_workers = 0

    def downloaded(self, environment: str) -> None:
        """Return nothing: nothing is installed."""

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """There is nothing to make."""

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> SyntheticWorker:
        """Return a worker, at once."""
        del lock, limits
        return SyntheticWorker(environment, work_dirs)

    def close(self) -> None:
        """There is nothing to end."""


def _facts(scenario: str) -> dict[str, Any]:
    weights = [
        {
            "name": f"dense_{number}/kernel:0",
            "shape": [8, 8],
            "dtype": "float32",
            "sha256": hashlib.sha256(f"{scenario} {number}".encode()).hexdigest(),
        }
        for number in range(WEIGHTS)
    ]
    slots = sorted(str(weight["sha256"]) for weight in weights)
    rates = {"name": "Adam", "learning_rate": 0.007, "beta_1": 0.9, "beta_2": 0.999}
    optimizer = {"name": "Adam", "hyperparameters": rates, "iterations": 1, "slots": slots}
    return {
        "model": "Functional",
        "weights": weights,
        "compiled": {"loss": "mse", "optimizer": optimizer},
        "timings": dict.fromkeys(("script", "load", "call", "inspect", "resave"), 0.01),
    }
