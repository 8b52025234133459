"""The worker: imports Keras and its backend once, then runs tasks in children forked from itself.

Run as ``python HARNESS_FOLDER --scenarios DIR --artifacts DIR --scratch DIR``. Nothing here may
start the backend's runtime (no operation, no eager context), or forked children hang.
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
    """Send a hello, then answer batches of tasks until the input ends."""
    from . import batch, child, child_process, condition, process_state, protocol, sandbox

    parser = argparse.ArgumentParser(prog="kerasmatrix-harness")
    for name in ("--scenarios", "--artifacts", "--scratch"):
        parser.add_argument(name, required=True)
    folders = parser.parse_args()
    sys.path.pop(0)  # a scenario must not import a file next to this folder by mistake
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner decides when a worker stops
    child_process.die_with_parent()  # a stopped worker does not see its input end
    answers = os.dup(1)
    os.dup2(2, 1)  # output of TensorFlow must not get among the answers
    hello = _hello()
    if hello["kind"] != "hello":
        protocol.send(answers, hello)
        return 1
    # TensorFlow's objects stay: the garbage collector need not look through them again.
    gc.collect()
    gc.freeze()
    state = process_state.ProcessState((folders.scenarios, folders.artifacts, folders.scratch))
    sandbox.restrict_ptrace()  # only now: the process state has read this process's /proc
    sandbox.adopt_orphans()
    # TensorFlow's import leaves files in /tmp, which the tasks after the first would not see.
    sandbox.clean_tmp(folders.scratch, os.listdir(folders.scratch))
    initial = condition.Condition() if sandbox.is_container_init() else None
    protocol.send(answers, hello)
    requests = protocol.Line(0)
    settings = child_process.Settings(0, private=(answers,), state=state)
    run = functools.partial(batch.run, watch=requests, confirmed=set())
    while True:
        line = requests.take()
        if line is None:
            if requests.closed:
                return 0
            requests.fill()
            continue
        try:
            for result in _results(protocol.decode(line), folders, run, settings, initial):
                protocol.send(answers, result)
        except child.RunnerGone:
            return 0


def _hello() -> dict[str, Any]:
    """Import Keras; return the message that says whether that worked."""
    from . import exception_data, protocol

    started = time.monotonic()
    try:
        versions = _import_keras()
    except BaseException as error:
        return dict(
            kind="unavailable", error=exception_data.describe(error), protocol=protocol.PROTOCOL
        )
    return dict(
        versions,
        kind="hello",
        protocol=protocol.PROTOCOL,
        python=platform.python_version(),
        import_seconds=time.monotonic() - started,
    )


def _results(request: dict, folders: Any, run: Any, settings: Any, initial: Any) -> Any:
    """Run the tasks of a batch; yield each result as it arrives.

    Args:
        request: the message of the runner.
        folders: the command line.
        run: `batch.run`.
        settings: of children, without a limit of memory.
        initial: the `Condition` of the container at the start. After a file from elsewhere,
            ``spent`` says how the container differs from it, and must not get another file.
    """
    from . import child, protocol, sandbox, saving_again, tasks, trees

    saving = saving_again.SavingAgain()
    batch = [
        tasks.Task(task, folders.scenarios, folders.artifacts, folders.scratch, saving)
        for task in request["tasks"]
    ]
    names = {task.request["id"] for task in batch}
    settings = settings._replace(
        memory_mb=max(task["memory_mb"] for task in request["tasks"]),
        after_child=lambda: sandbox.clean_tmp(folders.scratch, names),
    )
    done = 0
    try:
        for result in run(batch, settings):
            task = batch[done]
            done += 1
            if result["ended"] != "returned" or task.request["kind"] in ("load", "probe"):
                # There is no artifact that the runner would fetch.
                trees.remove(task.folder)
            result["spent"] = initial.difference() if initial and task.files.is_given else None
            yield dict(result, kind="result", protocol=protocol.PROTOCOL, id=task.request["id"])
    except child.RunnerGone:
        for task in batch[done:]:
            trees.remove(task.folder)
        raise


def _import_keras() -> dict[str, Any]:
    """Import Keras with its backend; return the versions of imported and installed packages."""
    from . import backend, formats, imported

    used = backend.current()
    keras = used.keras
    # An access to `tf.keras` makes lazy loaders load: here once, not in every child.
    assert callable(keras.models.load_model)
    return dict(
        tensorflow=used.version(),
        keras=formats.keras_version(keras),
        backend=backend.name(),
        modules=imported.modules(),
        distributions=imported.distributions(),
    )


if __name__ == "__main__":
    if __package__:
        sys.exit(main())
    # Started by its folder: start again as a package.
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[0] = os.path.dirname(folder)
    runpy.run_module(os.path.basename(folder), run_name="__main__", alter_sys=True)
