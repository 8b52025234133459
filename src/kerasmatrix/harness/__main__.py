"""The worker: imports TensorFlow once, then runs tasks in children forked from itself.

Run as ``python HARNESS_FOLDER --scenarios DIR --artifacts DIR --scratch DIR``. Nothing here may
start TensorFlow's runtime (no op, no eager context), or forked children hang.
"""

from __future__ import annotations

import argparse
import functools
import gc
import os
import platform
import runpy
import signal
import sys
import time
from typing import Any


def main() -> int:
    """Say hello, then answer tasks until the input ends."""
    from . import child, condition, exception_data, process_state, protocol, sandbox

    parser = argparse.ArgumentParser(prog="kerasmatrix-harness")
    for name in ("--scenarios", "--artifacts", "--scratch"):
        parser.add_argument(name, required=True)
    places = parser.parse_args()
    sys.path.pop(0)  # a scenario must not find this folder's neighbours by mistake
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when a worker stops
    child.die_with_parent()  # also when it is stopped, and cannot see its input end
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints, the answers stay clean
    started = time.monotonic()
    try:
        hello = _import_tensorflow()
    except BaseException as error:
        message = dict(kind="unavailable", error=exception_data.describe(error))
        _send(out, protocol.encode(dict(message, protocol=protocol.PROTOCOL)))
        return 1
    hello.update(
        kind="hello",
        protocol=protocol.PROTOCOL,
        python=platform.python_version(),
        import_seconds=time.monotonic() - started,
    )
    # What TensorFlow consists of stays: no collection looks through it again.
    gc.collect()
    gc.freeze()
    baseline = process_state.Baseline((places.scenarios, places.artifacts, places.scratch))
    sandbox.close_off()  # now that the baseline has looked at this process
    # The first task finds what each later one finds: an import leaves files in /tmp.
    sandbox.sweep(places.scratch, os.listdir(places.scratch))
    initial = condition.Condition() if sandbox.alone() else None
    _send(out, protocol.encode(hello))
    requests = protocol.Line(0)
    run = functools.partial(
        child.run, watch=requests, private=(out,), baseline=baseline, confirmed=set()
    )
    while True:
        line = requests.take()
        if line is None:
            if requests.closed:
                return 0
            requests.fill()
            continue
        try:
            for result in _results(protocol.decode(line), places, run, initial):
                _send(out, protocol.encode(result))
        except child.Abandoned:
            return 0


def _results(request: dict, places: Any, run: Any, condition: Any) -> Any:
    """Do the tasks of a batch in children that ``run`` makes; yield each result as it is there.

    After a file of others, ``spent`` says why the container is not to be used for another one.
    """
    from . import child, protocol, sandbox, tasks, trees

    works = [
        tasks.Work(task, places.scenarios, places.artifacts, places.scratch)
        for task in request["tasks"]
    ]
    names = {work.request["id"] for work in works}
    memory = max(task["memory_mb"] for task in request["tasks"])
    done = 0
    try:
        for result in run(works, memory, after=lambda: sandbox.sweep(places.scratch, names)):
            work = works[done]
            done += 1
            if result["ended"] != "returned" or work.request["kind"] in ("load", "probe"):
                # However it ended, it leaves nothing.
                trees.remove(work.folder)
            result["spent"] = condition.difference() if condition and work.is_given else None
            yield dict(result, kind="result", protocol=protocol.PROTOCOL, id=work.request["id"])
    except child.Abandoned:
        for work in works[done:]:
            trees.remove(work.folder)
        raise


def _import_tensorflow() -> dict[str, Any]:
    """Import TensorFlow and its Keras; return their versions, and those of what came with them."""
    import tensorflow as tf

    from . import formats, imported

    # Reaching into `tf.keras` makes lazy loaders load, here and not in every child.
    assert callable(tf.keras.models.load_model)
    return dict(
        tensorflow=tf.__version__,
        keras=formats.keras_version(tf.keras),
        modules=imported.modules(),
        distributions=imported.distributions(),
    )


def _send(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    if __package__:
        sys.exit(main())
    # Started by its folder: begin again as a package.
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(folder)
    runpy.run_module(os.path.basename(folder), run_name="__main__", alter_sys=True)
