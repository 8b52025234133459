"""The worker: imports TensorFlow once, then runs each task in a child forked from itself.

Run as ``python HARNESS_FOLDER --scenarios DIR --artifacts DIR --scratch DIR``. Nothing here may
start TensorFlow's runtime (no op, no eager context), or forked children hang.
"""

import argparse
import os
import platform
import shutil
import signal
import sys
import time

# The folder above, so that `harness` is a package; gone again before a scenario runs.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from harness import child, failure, tasks, wire  # noqa: E402

sys.path.pop(0)


def main():
    # type: () -> int
    """Say hello, then answer tasks until the input ends."""
    parser = argparse.ArgumentParser(prog="kerasmatrix-harness")
    for name in ("--scenarios", "--artifacts", "--scratch"):
        parser.add_argument(name, required=True)
    places = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when a worker stops
    out = os.dup(1)
    os.dup2(2, 1)  # whatever prints, the answers stay clean
    started = time.time()
    try:
        hello = _import_tensorflow()
    except BaseException as error:
        _send(out, dict(kind="unavailable", protocol=wire.PROTOCOL, error=failure.describe(error)))
        return 1
    hello.update(
        kind="hello",
        protocol=wire.PROTOCOL,
        python=platform.python_version(),
        import_seconds=time.time() - started,
    )
    _send(out, hello)
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
            result = child.run(work, request["deadline"], request["memory_mb"], requests)
        except child.Abandoned:
            shutil.rmtree(work.folder, ignore_errors=True)
            return 0
        result.update(kind="result", protocol=wire.PROTOCOL, id=request["id"])
        _send(out, result)


def _import_tensorflow():
    # type: () -> dict
    """Import TensorFlow and its Keras; return their versions."""
    import tensorflow as tf

    return dict(
        tensorflow=tf.__version__,
        # Reaching into `keras` makes lazy loaders load, here and not in every child.
        keras=getattr(tf.keras, "__version__", None) or tf.keras.version(),
        loader=tf.keras.models.load_model.__module__,
    )


def _send(descriptor, message):
    # type: (int, dict) -> None
    data = wire.encode(message)
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    sys.exit(main())
