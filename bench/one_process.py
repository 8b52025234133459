"""One import of TensorFlow, then every task in a plain way, to compare kerasmatrix with.

Run by the interpreter of an environment as ``one_process.py WAY``. Reads ``[harness parent,
scenarios, artifacts, scratch, [request, ...]]`` as JSON; prints ``[import seconds, [task seconds,
...]]``. The ways:

- ``bare``, the floor: the harness's own tasks in this very process, without a fork.
- ``forked``, the prototype that one would write first: a fork for every task, and `predict` for the
  outputs. It runs the scenarios' scripts and computes outputs, and that is all: it compares no
  weights and no optimizers, does not save again what it loaded, and has no deadline.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main() -> None:
    """Do the tasks one after the other."""
    parent, *places, requests = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, parent)
    # Imported here, so that it is not timed with a task.
    from harness import formats, sample_inputs, script, tasks  # noqa: F401

    sys.path.pop(0)  # a scenario must not find the harness's neighbours by mistake
    started = time.time()
    import tensorflow as tf

    assert callable(tf.keras.models.load_model)
    imported = time.time() - started
    do = {"bare": _bare, "forked": _forked}[sys.argv[1]]
    seconds = []
    for request in requests:
        started = time.time()
        do(request, *places)
        seconds.append(time.time() - started)
    os.write(answer, json.dumps([imported, seconds]).encode())


def _bare(request: dict[str, Any], scenarios: str, artifacts: str, scratch: str) -> None:
    from harness import tasks

    # A load that fails costs its time too.
    with contextlib.suppress(Exception):
        tasks.Task(request, scenarios, artifacts, scratch)()


def _forked(request: dict[str, Any], scenarios: str, artifacts: str, scratch: str) -> None:
    if os.fork() == 0:
        try:
            scenario = Path(scenarios, request["scenario"])
            if request["kind"] == "save":
                _save(scenario, request["format"], Path(scratch, request["id"]))
            else:
                _load(scenario, request["format"], Path(artifacts, request["artifact"]))
        finally:
            os._exit(0)  # likewise
    os.wait()


def _save(scenario: Path, form: str, folder: Path) -> None:
    from harness import formats, sample_inputs, script

    names = script.run_script(str(scenario / "save.py"))
    model = names["build"]()
    # Whatever they are made of, the model is called once, by this program.
    _predict(model, sample_inputs.find(model, names, call=lambda *_: []).inputs)
    folder.mkdir(parents=True)
    formats.save(model, form, str(folder))


def _load(scenario: Path, form: str, artifact: Path) -> None:
    import numpy as np
    from harness import formats, sample_inputs, script

    names = script.run_script(str(scenario / "load.py"))

    def build() -> Any:
        own = names if "build" in names else script.run_script(str(scenario / "save.py"))
        return own["build"]()

    model = formats.load(form, str(artifact), names, build)
    sample = sample_inputs.load(str(artifact / "probe.npz"))
    np.allclose(_predict(model, sample.inputs), sample.outputs[0])


def _predict(model: Any, inputs: list[Any]) -> Any:
    batch = inputs[0] if len(inputs) == 1 else inputs
    # Keras 3 loads an exported model as a layer, which has no `predict`.
    return model.predict(batch) if hasattr(model, "predict") else model(batch)


main()
