"""A program: a batch whose second work leaves a process behind and fails, in a secluded process.

Run as ``python closed_off.py HARNESS_PARENT``. It prints `GOES_ON` if the child that waits for its
failure to be confirmed is spared, and what was left behind is not.
"""

import json
import subprocess
import sys

CLOSED_OFF = __file__
GOES_ON = {"same child": True, "beside it": 0, "left": 0}


class Work:
    stage, group, deadline = None, "all", 20

    def __init__(self, function):
        self.function = function

    def __call__(self):
        return self.function()


class Clean:
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

    from harness import child, sandbox

    def others():
        found = sandbox._processes() if sandbox.alone() else sandbox._children()
        return [pid for pid in found if sandbox._lives(pid)]

    sandbox.close_off()
    works = [Work(os.getpid), Work(leave_a_process), Work(os.getpid)]
    told = [(result, others()) for result in child.run(works, 512, baseline=Clean())]
    (before, _), (failed, meanwhile), (after, at_last) = told
    assert failed["ended"] == "raised"
    own = {os.getpid()}
    print(
        json.dumps(
            {
                "same child": before["value"] == after["value"],
                "beside it": len(set(meanwhile) - own - {before["value"]}),
                "left": len(set(at_last) - own),
            }
        )
    )


if __name__ == "__main__":
    main()
