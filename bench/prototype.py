"""What one would write first: import TensorFlow once, fork for every task, `predict` the outputs.

Run by the interpreter of an environment. Reads ``[harness parent, scenarios, artifacts, scratch,
[request, ...]]`` as JSON; prints ``[import seconds, [task seconds, ...]]``. It runs the scenarios'
scripts and computes outputs, and that is all: it compares no weights and no optimizers, does not
save again what it loaded, and has no deadline.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Do the tasks, each in a child of its own."""
    parent, *places, requests = json.load(sys.stdin)
    scenarios, artifacts, scratch = map(Path, places)
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, parent)
    started = time.time()
    import tensorflow as tf

    assert callable(tf.keras.models.load_model)
    imported = time.time() - started
    seconds = []
    for request in requests:
        started = time.time()
        if os.fork() == 0:
            try:
                scenario = scenarios / request["scenario"]
                if request["kind"] == "save":
                    _save(scenario, request["format"], scratch / request["id"])
                else:
                    _load(scenario, request["format"], artifacts / request["artifact"])
            finally:
                os._exit(0)  # a load that fails costs its time too
        os.wait()
        seconds.append(time.time() - started)
    os.write(answer, json.dumps([imported, seconds]).encode())


def _save(scenario: Path, form: str, folder: Path) -> None:
    from harness import probe, script, storage

    names = script.run_script(str(scenario / "save.py"))
    model = names["build"]()
    _predict(model, probe.make(model, names))
    folder.mkdir(parents=True)
    storage.save(model, form, str(folder))


def _load(scenario: Path, form: str, artifact: Path) -> None:
    import numpy as np
    from harness import probe, script, storage

    names = script.run_script(str(scenario / "load.py"))

    def build() -> Any:
        own = names if "build" in names else script.run_script(str(scenario / "save.py"))
        return own["build"]()

    model = storage.load(form, str(artifact), names, build)
    inputs, reference = probe.load(str(artifact / "probe.npz"))
    np.allclose(_predict(model, inputs), reference[0])


def _predict(model: Any, inputs: list) -> Any:
    batch = inputs[0] if len(inputs) == 1 else inputs
    # What an exported model becomes in Keras 3 is a layer, and has no `predict`.
    return model.predict(batch) if hasattr(model, "predict") else model(batch)


main()
