"""A fault of each sort at one known moment; `python -m tests.chaos` injects many at random."""

import random

import pytest

from tests.chaos import processes, trial, verdict
from tests.chaos.faults import FAULTS
from tests.chaos.project import stand_in_project

MODELS = ("plain", "dies")
HELD = ("load", "plain", "2")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def reference(tmp_path_factory, cache):
    """The table of an undisturbed run."""
    project = stand_in_project(tmp_path_factory.mktemp("reference"), cache, models=MODELS,
                               formats=("h5",))  # fmt: skip
    table = trial.measure(project)
    assert verdict.statuses(table) == {"pass": 15, "crash": 3}
    assert not list(verdict.left_behind(project))
    return table


@pytest.fixture
def inject(tmp_path, cache, reference):
    """Inject a fault during a certain load, resume the run, and compare."""

    def inject(name):
        fault = FAULTS[name]
        reason = fault.needs()
        if reason:
            pytest.skip(reason)
        project = stand_in_project(tmp_path, cache, models=MODELS, formats=("h5",))
        gate = project.gates / "-".join(HELD)
        gate.touch()
        line = " ".join(HELD).encode()

        def moment(case):
            assert processes.wait(
                lambda: project.journal.exists() and line in project.journal.read_bytes(), 60
            )
            case.held.append(lambda: gate.unlink(missing_ok=True))
            case.afterwards.append(lambda: gate.unlink(missing_ok=True))

        return trial.attempt(project, [fault], random.Random(name), reference, moment)

    return inject


@pytest.mark.parametrize(
    "fault",
    [
        "kill-runner",
        "interrupt-twice",
        "kill-worker",
        "kill-child",
        "cut-answer",
        "delete-all-artifacts",
        "truncate-wal",
        "second-run",
        "cut-output",
    ],
)
def test_run_resumed_after_a_fault_has_the_same_table(inject, fault):
    result = inject(fault)
    assert result.faults == [fault]
    assert result.sound, result
