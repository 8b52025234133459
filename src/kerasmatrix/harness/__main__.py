"""The worker: imports TensorFlow once, then runs each task in a child forked from itself.

Run as ``python HARNESS_FOLDER --scenarios DIR --artifacts DIR --scratch DIR``. Nothing here may
start TensorFlow's runtime (no op, no eager context), or forked children hang.
"""

from __future__ import annotations

import argparse
import os
import platform
import runpy
import shutil
import signal
import sys
import time
from typing import Any


def main() -> int:
    """Say hello, then answer tasks until the input ends."""
    from . import child, failure, tasks, wire

    parser = argparse.ArgumentParser(prog="kerasmatrix-harness")
    for name in ("--scenarios", "--artifacts", "--scratch"):
        parser.add_argument(name, required=True)
    places = parser.parse_args()
    sys.path.pop(0)  # a scenario must not find this folder's neighbours by mistake
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when a worker stops
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints, the answers stay clean
    started = time.time()
    try:
        hello = _import_tensorflow()
    except BaseException as error:
        message = dict(kind="unavailable", error=failure.describe(error))
        _send(out, wire.encode(dict(message, protocol=wire.PROTOCOL)))
        return 1
    hello.update(
        kind="hello",
        protocol=wire.PROTOCOL,
        python=platform.python_version(),
        import_seconds=time.time() - started,
    )
    _send(out, wire.encode(hello))
    requests = wire.Line(0)
    while True:
        line = requests.take()
        if line is None:
            if requests.closed:
                return 0
            requests.fill()
            continue
        request = wire.decode(line)
        work = tasks.Work(request, places.scenarios, places.artifacts, places.scratch)
        try:
            result = child.run(work, request["deadline"], request["memory_mb"], requests, (out,))
        except child.Abandoned:
            shutil.rmtree(work.folder, ignore_errors=True)
            return 0
        if result["ended"] != "returned" or request["kind"] in ("load", "probe"):
            shutil.rmtree(work.folder, ignore_errors=True)  # however it ended, it leaves nothing
        result.update(kind="result", protocol=wire.PROTOCOL, id=request["id"])
        _send(out, wire.encode(result))


def _import_tensorflow() -> dict[str, Any]:
    """Import TensorFlow and its Keras; return their versions."""
    import tensorflow as tf

    from . import storage

    # Reaching into `tf.keras` makes lazy loaders load, here and not in every child.
    assert callable(tf.keras.models.load_model)
    return dict(tensorflow=tf.__version__, keras=storage.keras_version(tf.keras))


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
