"""How a fake environment behaves: what it answers to tasks, as small values that tests combine.

A behaviour says where an environment differs from one in which all goes well (`GOOD`). `STANDARD`
gives the common ones their names; a test module has its own in ``BEHAVIOURS``, by environment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from kerasmatrix.engines.base import Task, WorkerDied

if TYPE_CHECKING:
    from tests.unit.fakes import FakeWorker

Answer = dict[str, Any]

WEIGHT = {"name": "kernel", "shape": [1], "dtype": "float32", "sha256": "aa"}


def error_of(kind: str, message: str, **more: str) -> Answer:
    link = {"type": kind, "message": message}
    return {**link, "chain": [link], **more}


ERROR = error_of("ValueError", "Unknown layer: Functional", traceback="Traceback …")
REFUSAL = error_of("InvalidArgumentError", "only supports NHWC", traceback="Traceback …")
DISK_FULL = error_of("OSError", "[Errno 28] No space left on device")
SAVE_FACTS = {"model": "Functional", "weights": [WEIGHT], "compiled": None, "timings": {}}
LOAD_FACTS = {
    **SAVE_FACTS,
    "shapes_equal": True,
    "finite": True,
    "max_abs_diff": 0.0,
    "max_abs_reference": 1.0,
    "resave_error": None,
}
DRIFTED = {"max_abs_diff": 0.5}
CULPRIT = {"layer": "dense", "class_name": "Dense", "keys": ["groups"], "error": "E: x"}


def raised(error: Answer = ERROR, stage: str = "load") -> Answer:
    return {"ended": "raised", "error": error, "stage": stage, "seconds": 0.1}


def returned(value: Answer) -> Answer:
    return {"ended": "returned", "value": value, "seconds": 0.1}


# Ends a task that reads a file, or returns None: then it goes on as the rest of a behaviour says.
Ending = Callable[["FakeWorker", Task], Answer | None]


@dataclass(frozen=True)
class Behaviour:
    """How an environment answers tasks.

    Args:
        available: whether it can be prepared.
        cannot: the kinds of tasks, ``save`` and ``convert``, that raise an exception.
        ends: ends tasks that read a file.
        loads: whether a file can be loaded without a fix.
        fixed_by: the fix with which it can be loaded.
        differs: the facts of a load that are not those of `LOAD_FACTS`.
        fixed_differs: those of a load with the fix.
        error: what a load without it raises.
        refuses: whether a loaded model refuses an artifact's inputs, given its worker and task.
        asks_in_vain: whether it finds no inputs that a model accepts.
        loads_own: whether it loads the files that it converted itself.
        equal_files: whether it writes the same file as the others that do, but for a version stamp.
    """

    available: bool = True
    cannot: frozenset[str] = frozenset()
    ends: Ending | None = None
    loads: bool = True
    fixed_by: str | None = None
    differs: Mapping[str, Any] = field(default_factory=dict)
    fixed_differs: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] = field(default_factory=lambda: ERROR)
    refuses: Callable[[FakeWorker, Task], bool] = lambda worker, task: False
    asks_in_vain: bool = False
    loads_own: bool = True
    equal_files: bool = False

    def but(self, **changes: Any) -> Behaviour:
        return replace(self, **changes)


def always(answer: Answer) -> Ending:
    return lambda worker, task: answer


def dying(message: str, **how: bool) -> Ending:
    def die(worker: FakeWorker, task: Task) -> Answer:
        raise WorkerDied(message, **how)

    return die


def hang(worker: FakeWorker, task: Task) -> Answer:
    return {"ended": "timed-out", "seconds": task.deadline}


def crash_once(worker: FakeWorker, task: Task) -> Answer | None:
    return CRASHED if worker.engine.first_time(task.scenario) else None


def damage_once(worker: FakeWorker, task: Task) -> Answer | None:
    if not worker.engine.first_time(task.scenario):
        return None
    (worker.place.artifacts / str(task.artifact) / "model.h5").write_text("damaged")
    return raised()


def die_once(worker: FakeWorker, task: Task) -> None:
    # At its own file: which task is a worker's first depends on which saves are ready.
    if worker.content(task).get("by") == worker.name and worker.engine.first_time(worker.name):
        raise WorkerDied(KILLED)


def refused_elsewhere(worker: FakeWorker, task: Task) -> bool:
    """Whether the artifact has inputs that another environment accepted."""
    probe = worker.place.artifacts / str(task.artifact) / "probe.npz"
    return probe.exists() and REFUSED not in probe.read_text(encoding="utf-8")


def only_from(writer: str) -> Behaviour:
    """Return a behaviour that loads only the files of one environment, and its own."""

    def end(worker: FakeWorker, task: Task) -> Answer | None:
        return None if worker.content(task).get("by") in {worker.name, writer} else raised()

    return Behaviour(ends=end)


CRASHED = {"ended": "crashed", "signal": 11, "seconds": 0.1}
KILLED = "killed by signal 9"
REFUSED = "refused"  # in inputs that no model accepted

GOOD = Behaviour()
ABSENT = Behaviour(available=False)
FAILS = Behaviour(loads=False)
DRIFTS = Behaviour(differs=DRIFTED)
CRASHES = Behaviour(ends=always(CRASHED))
HANGS = Behaviour(ends=hang)
CANNOT_SAVE = Behaviour(cannot=frozenset({"save", "convert"}))
CANNOT_CALL = Behaviour(refuses=lambda worker, task: True)
REFUSES = Behaviour(refuses=refused_elsewhere, asks_in_vain=True)
EATS_MEMORY = Behaviour(ends=dying("killed, for memory", memory=True))
KILLS_WORKERS = Behaviour(ends=dying(KILLED))
LOSES_MACHINES = Behaviour(ends=dying("three machines in a row were lost", machine=True))
NO_SPACE = Behaviour(ends=always({"ended": "raised", "error": DISK_FULL, "stage": "load"}))
TWIN = Behaviour(equal_files=True)

STANDARD: Mapping[str, Behaviour] = {
    "absent": ABSENT,
    "answers-garbage": Behaviour(ends=always({"ended": "purple", "value": 3})),
    "cannot-save": CANNOT_SAVE,
    "crashes": CRASHES,
    "crashes-once": Behaviour(ends=crash_once),
    "damages-artifacts": Behaviour(ends=damage_once),
    "dies-once": Behaviour(ends=die_once),
    "disk-full": NO_SPACE,
    "drifts": DRIFTS,
    "eats-memory": EATS_MEMORY,
    "fails": FAILS,
    "fails-rewrite-config": FAILS.but(fixed_by="rewrite-config"),
    "fails-unless-rewrite-config": FAILS.but(fixed_by="rewrite-config"),
    "hangs": HANGS,
    "kills-workers": KILLS_WORKERS,
    "loses-machines": LOSES_MACHINES,
    "picky-good": only_from("good"),
}
