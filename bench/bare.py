"""The floor: one import of TensorFlow, then every task in this very process, without a fork.

Run by the interpreter of an environment. Reads ``[harness parent, scenarios, artifacts, scratch,
[request, ...]]`` as JSON; prints ``[import seconds, [task seconds, ...]]``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time


def main() -> None:
    """Do the tasks one after the other."""
    parent, scenarios, artifacts, scratch, requests = json.load(sys.stdin)
    answer = os.dup(1)
    os.dup2(2, 1)
    sys.path.insert(0, parent)
    from harness import tasks

    sys.path.pop(0)
    started = time.time()
    import tensorflow as tf

    assert callable(tf.keras.models.load_model)
    imported = time.time() - started
    seconds = []
    for request in requests:
        started = time.time()
        # A load that fails costs its time too.
        with contextlib.suppress(Exception):
            tasks.Work(request, scenarios, artifacts, scratch)()
        seconds.append(time.time() - started)
    os.write(answer, json.dumps([imported, seconds]).encode())


main()
