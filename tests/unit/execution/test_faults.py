"""A fault of the machine, and a task that got too little time, are never kept as answers."""

import threading

import pytest

from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.runner import Run
from kerasmatrix.store.store import Store
from tests.unit.behaviours import only_from
from tests.unit.fakes import LOAD_FACTS, FakeWorker
from tests.unit.plans import make_plan

BEHAVIOURS = {
    "picky-good2": only_from("good2"),
    "picky-good3": only_from("good3"),
}

FULL = "[Errno 28] No space left on device"
ERROR = {"type": "OSError", "message": FULL, "chain": [{"type": "OSError", "message": FULL}]}
RAISED = {"ended": "raised", "error": ERROR, "stage": "load"}
CULPRIT = {"layer": "dense", "class_name": "Dense", "error": f"OSError: {FULL}"}
# Fails for what `good` wrote and nothing repairs it, but what `good2` writes can be loaded.
NAMES = ("good", "good2", "picky-good2")


def is_crossing(worker, task):
    return task.kind == "load" and bool(worker.content(task).get("converted"))


def of_kind(kind):
    return lambda worker, task: task.kind == kind and not task.remedies


# Which task meets the fault, and how that shows in its answer.
MEETINGS = {
    "save": (of_kind("save"), RAISED),
    "load": (of_kind("load"), RAISED),
    "resave": (
        lambda worker, task: task.kind == "load" and worker.name == "good",
        {"ended": "returned", "value": {**LOAD_FACTS, "resave_error": ERROR}},
    ),
    "probe": (of_kind("probe"), RAISED),
    "culprit": (of_kind("probe"), {"ended": "returned", "value": {"culprits": [CULPRIT]}}),
    "remedy": (lambda worker, task: bool(task.remedies), RAISED),
    "conversion": (of_kind("convert"), RAISED),
    "crossing": (is_crossing, RAISED),
    "log": (of_kind("convert"), {"ended": "crashed", "exit_code": 1, "log": f"write: {FULL}"}),
}
TIMED = {name: MEETINGS[name][0] for name in ("load", "probe", "remedy", "conversion", "crossing")}


@pytest.fixture
def meet(monkeypatch):
    """Make tasks meet something: returns what sets (or, without arguments, ends) that."""
    real = FakeWorker._do
    now = []

    def do(worker, task):
        for applies, answer in now:
            if applies(worker, task):
                worker.engine.tasks.append((worker.name, task))
                return dict(answer) if isinstance(answer, dict) else answer(task)
        return real(worker, task)

    monkeypatch.setattr(FakeWorker, "_do", do)

    def set_to(*meeting):
        now[:] = [meeting] if meeting else []

    return set_to


def table_of(results):
    """Return the cells of results, without times."""
    return [
        (cell["saved_with"], cell["loaded_with"], cell["status"], cell["lost"],
         [(each["id"], each["status"], each["hops"]) for each in cell["remedies"]],
         cell["culprits"])
        for cell in results["cells"]
    ]  # fmt: skip


@pytest.mark.parametrize("name", MEETINGS)
def test_fault_is_not_kept_as_an_answer(command, meet, name):
    command.project(*NAMES)
    _, right, _ = command("--store", "right")
    meet(*MEETINGS[name])
    code, after, said = command()
    assert (code, FULL in said) == (3, True)
    faulted = [cell["untried"] or cell["summary"] for cell in after["cells"]]
    assert any(FULL in words for words in faulted)
    meet()
    code, after, _ = command()
    assert table_of(after) == table_of(right)
    assert code == 0


def test_damaged_artifact_in_a_conversion_is_a_fault(command, engine):
    command.project(*NAMES)
    _, right, _ = command("--store", "right")
    damaged = []

    def damage(task):
        if task.kind == "convert" and not damaged:
            damaged.append(task.artifact)
            place = engine.here.place.artifacts / task.artifact / "model.h5"
            place.write_text("{}")

    engine.before_task = damage
    code, _, said = command()
    assert (code, "damaged or removed" in said) == (3, True)
    _, after, _ = command()
    assert table_of(after) == table_of(right)


def test_fault_in_one_bridge_leaves_the_others(command, meet):
    command.project(*NAMES, scenarios=("first", "second"))
    meet(lambda _, task: (task.kind, task.scenario) == ("convert", "first"), RAISED)
    _, results, _ = command()
    cells = {cell["scenario"]: cell for cell in results["cells"]
             if (cell["saved_with"], cell["loaded_with"]) == ("good", "picky-good2")}  # fmt: skip
    bridged = {
        name: [each["status"] for each in cell["remedies"] if each["id"] == "bridge"]
        for name, cell in cells.items()
    }
    assert bridged == {"first": [], "second": ["verified"]}


def test_environment_lost_in_a_chain_leaves_other_bridges(command, engine):
    engine.idle_workers = 0  # a worker is opened for every batch
    command.project("good", "good2", "good3", "picky-good2", "picky-good3")
    prepare = engine.prepare

    def lose(environment, lock):
        if environment.name == "good2" and any(task.kind == "probe" for _, task in engine.tasks):
            raise InfrastructureError("good2: its image was removed")
        prepare(environment, lock)

    engine.prepare = lose
    code, lost, _ = command()
    assert code == 3
    engine.prepare = prepare
    _, after, _ = command()

    def bridges(results):
        return {
            cell["loaded_with"]: [each["status"] for each in cell["remedies"] if each["hops"]]
            for cell in results["cells"]
            if cell["saved_with"] == "good" and cell["loaded_with"].startswith("picky")
        }

    assert bridges(lost) == {"picky-good2": [], "picky-good3": ["verified"]}
    assert bridges(after) == {"picky-good2": ["verified"], "picky-good3": ["verified"]}


@pytest.mark.parametrize("name", TIMED)
def test_time_out_is_tried_again_with_more_time(command, engine, meet, name):
    matrix = command.project(*NAMES)
    applies = TIMED[name]
    meet(applies, lambda task: {"ended": "timed-out", "seconds": task.deadline})
    command()
    engine.tasks.clear()
    command()
    assert engine.tasks == []  # it is known that it takes longer than that
    meet()
    matrix.write_text(f"{matrix.read_text()}limits: {{task_seconds: 600}}\n")
    _, after, _ = command()
    assert engine.tasks
    _, right, _ = command("--store", "right")
    assert table_of(after) == table_of(right)


class Guarded:
    """A work queue that notes calls by threads that do not hold the lock of the run."""

    def __init__(self, queue, lock, without):
        self._queue, self._lock, self._without = queue, lock, without

    def __getattr__(self, name):
        if threading.current_thread().name.startswith("job-") and not self._lock._is_owned():
            self._without.add(name)
        return getattr(self._queue, name)


def test_work_queue_is_called_with_the_lock_held(tmp_path, engine):
    plan = make_plan(tmp_path, *NAMES, "fails-rewrite-config")
    with Store(tmp_path / "store") as store:
        run = Run(plan, engine, store, id="r1")
        without = set()
        guarded = Guarded(run._work.queue, run._changed, without)
        run._work.queue = run._work._steps._queue = guarded
        run.execute()
    assert run.state.attempts
    assert without == set()
