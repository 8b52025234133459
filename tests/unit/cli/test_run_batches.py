"""Tasks given to a worker many at a time: each outcome stays its own, and is kept as it comes."""

from collections import Counter

import kerasmatrix.execution.worker_pool
from kerasmatrix.engines.base import WorkerDied, WorkerStartFailed
from tests.unit.behaviours import FAILS

BEHAVIOURS = {
    "fails-anyhow": FAILS,
}


def loads(engine):
    return [
        [task.scenario for task in tasks]
        for _, tasks in engine.batches
        if tasks[0].kind == "load" and not tasks[0].remedies
    ]


def statuses(table):
    return Counter(cell["status"] for cell in table["cells"])


def test_tasks_of_an_environment_are_given_in_one_go(command, engine):
    command.project("good", scenarios=("first", "second", "third"))
    _, table, _ = command()
    assert [[task.kind for task in tasks] for _, tasks in engine.batches] == [
        ["save"] * 3,
        ["load"] * 3,
    ]
    assert table["run"]["isolated"] is False
    assert table["run"]["measured"] == 6


def test_batch_size_is_limited(command, engine, monkeypatch):
    monkeypatch.setattr(kerasmatrix.execution.worker_pool, "BATCH", 2)
    command.project("good", scenarios=("first", "second", "third"))
    command()
    assert loads(engine) == [["first", "second"], ["third"]]


def test_isolated_tasks_are_given_one_at_a_time(command, engine):
    command.project("good", "fails", scenarios=("first", "second"))
    _, table, _ = command("--isolate")
    assert {len(tasks) for _, tasks in engine.batches} == {1}
    assert table["run"]["isolated"] is True


def test_isolation_is_not_part_of_keys(command, engine):
    command.project("good", "fails")
    _, one, _ = command()
    engine.tasks.clear()
    _, other, _ = command("--isolate")
    assert engine.tasks == []
    assert one["cells"] == other["cells"]


def test_equal_artifacts_in_one_batch_are_loaded_once(command, engine):
    def save_the_same(task):
        engine.workers[-1].name = "good"

    command.project("good", "good2")
    engine.before_task = save_the_same
    _, table, _ = command("--jobs", "1")
    assert statuses(table) == {"pass": 4}
    assert len({cell["artifact"] for cell in table["cells"]}) == 1
    assert Counter(task.kind for _, task in engine.tasks) == {"save": 2, "load": 2}
    assert table["run"]["measured"] == 4


def test_worker_lost_costs_only_its_current_task(command, engine):
    command.project("good", scenarios=("first", "second", "third"))
    died = []

    def die(task):
        if (task.kind, task.scenario) == ("load", "second") and not died:
            died.append(task)
            raise WorkerDied("killed by signal 9")

    engine.before_task = die
    _, table, _ = command()
    assert statuses(table) == {"pass": 3}
    assert loads(engine) == [["first", "second", "third"], ["third"], ["second"]]
    assert len(engine.workers) == 2


def test_worker_dying_at_start_is_opened_again_once(command, engine):
    command.project("good")
    open_worker, dying = engine.open, [1]

    def open_or_die(*of):
        if dying[0]:
            dying[0] -= 1
            raise WorkerStartFailed("good: the worker did not start: killed by signal 9")
        return open_worker(*of)

    engine.open = open_or_die
    code, table, printed = command()
    assert (code, statuses(table)) == (0, {"pass": 1})
    assert "did not start: killed by signal 9" in printed
    dying[0] = 2
    code, table, _ = command("--fresh")
    assert (code, statuses(table)) == (3, {"infra": 1})


def test_fixes_of_a_killed_load_are_not_tried_again(command, engine):
    command.project("good", "fails")

    def die(task):
        if task.kind == "load" and not task.remedies:
            raise WorkerDied("killed by signal 9")

    engine.before_task = die
    command()
    assert "probe" in {task.kind for _, task in engine.tasks}
    engine.before_task = None
    engine.tasks.clear()
    _, table, _ = command()
    assert statuses(table) == {"pass": 2, "fail": 2}
    assert "probe" not in {task.kind for _, task in engine.tasks}


def test_task_killing_three_workers_is_a_crash(command, engine):
    command.project("good", scenarios=("first", "second", "third"))

    def die(task):
        if (task.kind, task.scenario) == ("load", "second"):
            raise WorkerDied("killed by signal 9")

    engine.before_task = die
    _, table, _ = command()
    assert {cell["scenario"]: cell["status"] for cell in table["cells"]} == {
        "first": "pass",
        "second": "crash",
        "third": "pass",
    }
    assert loads(engine)[1:] == [["third"], ["second"], ["second"]]
    # Somebody may have killed all three: it is not known to the next run.
    engine.before_task = None
    _, table, _ = command()
    assert statuses(table) == {"pass": 3}
    assert loads(engine)[-1] == ["second"]


def test_tasks_killing_one_worker_each_are_both_repeated(command, engine):
    command.project("good", scenarios=("first", "second"))
    died = []

    def die(task):
        if task.kind == "load" and task.scenario not in died:
            died.append(task.scenario)
            raise WorkerDied("killed by signal 9")

    engine.before_task = die
    _, table, _ = command()
    assert statuses(table) == {"pass": 2}
    assert len(engine.workers) == 3


def test_worker_with_too_few_answers_is_lost(command, engine, monkeypatch):
    """An engine that breaks its promise is a defect of the program, not an outcome of a cell."""
    command.project("good", scenarios=("first", "second"))
    monkeypatch.setattr("tests.unit.fakes.FakeWorker.run", lambda self, tasks: iter(()))
    code, table, printed = command()
    assert code == 70
    assert "internal error, please report it: ValueError: zip" in printed
    assert {cell["status"] for cell in table["cells"]} == {"not-run"}


def test_fault_of_the_machine_affects_one_task(command, engine):
    command.project("disk-full", "good", scenarios=("first", "second"))
    _, table, _ = command()
    assert {cell["loaded_with"] for cell in table["cells"] if cell["status"] == "infra"} == {
        "disk-full"
    }
    assert statuses(table) == {"infra": 4, "pass": 4}


def test_fix_attempts_run_first_of_each_then_second(command, engine):
    command.project("good", "fails-anyhow", scenarios=("first", "second"))
    command()
    given = [
        (tasks[0].kind, Counter(task.remedies for task in tasks))
        for name, tasks in engine.batches
        if name == "fails-anyhow" and (tasks[0].kind == "probe" or tasks[0].remedies)
    ]
    assert [kind for kind, _ in given[:2]] == ["probe", "load"]
    assert given[0][1] == {(): 4}
    for _, remedies in given[1:]:
        assert set(remedies.values()) <= {2, 4}  # all that are alike are at the same attempt


def test_listener_job_starts_after_the_one_before_ended(command, engine, monkeypatch):
    told = []
    monkeypatch.setattr(
        "kerasmatrix.report.progress.TerminalProgress.started",
        lambda self, environment, job: told.append(("begins", job.scenario)),
    )
    monkeypatch.setattr(
        "kerasmatrix.report.progress.TerminalProgress.ended",
        lambda self, environment, job: told.append(("ends", job.scenario)),
    )
    command.project("good", scenarios=("first", "second"))
    command()
    once = [("begins", "first"), ("ends", "first"), ("begins", "second"), ("ends", "second")]
    assert told == once * 2


def test_listener_is_called_after_the_commit(command, engine, monkeypatch):
    import sqlite3

    counts = []

    def count(self, environment, job):
        with sqlite3.connect(".kerasmatrix/store.sqlite") as database:
            counts.append(database.execute("SELECT count(*) FROM observations").fetchone()[0])

    monkeypatch.setattr("kerasmatrix.report.progress.TerminalProgress.ended", count)
    command.project("good", scenarios=("first", "second"))
    command()
    assert counts == [1, 2, 3, 4]
