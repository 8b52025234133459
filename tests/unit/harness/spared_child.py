"""A program: a batch whose second task leaves a process behind and fails.

Run as ``python spared_child.py HARNESS_PARENT``. It prints `EXPECTED` if the child that waits for
the failure to be confirmed is spared, and the process that was left behind is killed.
"""

import json
import subprocess
import sys

SCRIPT = __file__
EXPECTED = {"same child": True, "left meanwhile": 0, "left in the end": 0}


class Task:
    stage, folder, group, deadline = None, None, "all", 20

    def __init__(self, function):
        self.function = function

    def __call__(self):
        return self.function()


class FakeState:
    def restore(self):
        return None


def leave_a_process():
    subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    raise ValueError("no layer X")


def main():
    sys.path.insert(0, sys.argv[1])
    import os

    from harness import batch, child_process, sandbox

    def running():
        pids = sandbox._processes() if sandbox.is_container_init() else sandbox._children()
        return {pid for pid in pids if sandbox._is_alive(pid)} - {os.getpid()}

    sandbox.restrict_ptrace()
    sandbox.adopt_orphans()
    tasks = [Task(os.getpid), Task(leave_a_process), Task(os.getpid)]
    settings = child_process.Settings(512, state=FakeState())
    results = [(result, running()) for result in batch.run(tasks, settings)]
    (before, _), (failed, meanwhile), (after, at_last) = results
    assert failed["ended"] == "raised"
    print(
        json.dumps(
            {
                "same child": before["value"] == after["value"],
                "left meanwhile": len(meanwhile - {before["value"]}),
                "left in the end": len(at_last),
            }
        )
    )


if __name__ == "__main__":
    main()
