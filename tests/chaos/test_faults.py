"""A fault of each sort, done at one known moment: `python -m tests.chaos` does many at random."""

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
    """The table of a run that nobody disturbs."""
    project = stand_in_project(tmp_path_factory.mktemp("reference"), cache, models=MODELS,
                               formats=("h5",))  # fmt: skip
    table = trial.measure(project)
    assert verdict.statuses(table) == {"pass": 15, "crash": 3}
    assert not list(verdict.left_behind(project))
    return table


@pytest.fixture
def suffer(tmp_path, cache, reference):
    """Does a fault while a certain load is at work, resumes the run, and compares."""

    def suffer(name):
        fault = FAULTS[name]
        reason = fault.needs()
        if reason:
            pytest.skip(reason)
        variables = fault.variables(tmp_path) if fault.variables else {}
        project = stand_in_project(tmp_path, cache, models=MODELS, formats=("h5",),
                                   variables=variables)  # fmt: skip
        project.variables.update(variables)
        gate = project.gates / "-".join(HELD)
        gate.touch()
        told = " ".join(HELD).encode()

        def moment(case):
            assert processes.wait(
                lambda: project.journal.exists() and told in project.journal.read_bytes(), 60
            )
            case.held.append(lambda: gate.unlink(missing_ok=True))
            case.afterwards.append(lambda: gate.unlink(missing_ok=True))

        return trial.attempt(project, [fault], random.Random(name), reference, moment)

    return suffer


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
def test_after_a_fault_and_a_resume_the_table_is_that_of_an_undisturbed_run(suffer, fault):
    found = suffer(fault)
    assert found.faults == [fault]
    assert found.sound, found
