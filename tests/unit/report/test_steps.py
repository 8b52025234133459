"""The counts of steps, the answer on top of the page, and the commands in it."""

import shlex

import pytest

from kerasmatrix.report.answer import answer_of
from kerasmatrix.report.cause_text import fault_of
from kerasmatrix.report.commands import Commands
from kerasmatrix.report.steps import Cells, count_step, neighbouring_steps
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import FixedResult
from tests.unit.report.factory import make_cell, make_results

LETTERS = {"P": Status.PASS, "G": Status.DEGRADED, "D": Status.DRIFT, "F": Status.FAIL,
           "S": Status.SAVE_FAILED, "I": Status.INFRA}  # fmt: skip


def matrix_of(*rows):
    """Return results of scenarios that every version saves; a letter for each that loads."""
    size = len(rows[0])
    base = make_results(environments=size, scenarios=len(rows))
    names = [environment.name for environment in base.environments]
    cells = [
        make_cell(scenario.name, "h5", saved, loaded, LETTERS[letter])
        for scenario, row in zip(base.scenarios, rows, strict=True)
        for saved in names
        for loaded, letter in zip(names, row, strict=True)
    ]
    return base.model_copy(update={"cells": tuple(cells)})


def files_of(*rows):
    """Return a check of files, with a letter for each version that loads."""
    results = matrix_of(*rows)
    first = results.environments[0].name
    scenarios = tuple(
        scenario.model_copy(update={"file": f"models/{scenario.name}.h5"})
        for scenario in results.scenarios
    )
    cells = tuple(cell for cell in results.cells if cell.saved_with == first)
    return results.model_copy(update={"scenarios": scenarios, "cells": cells})


def step_of(results, source="tf2.1", target="tf2.2"):
    return count_step(results, Cells(results), source, target)


def test_step_counts_files_that_fail_in_both_versions():
    step = step_of(files_of("PF", "FF", "PG", "PP", "PI"))
    assert step.headline() == "tf2.1 → tf2.2: 2 of 5 files break; all 2 can be fixed"
    assert (step.in_both, step.lossy, step.unchanged, step.unknown) == (1, 1, 1, 1)


def test_step_of_test_models_counts_what_it_breaks():
    step = step_of(matrix_of("PF", "FF", "GG", "PS", "PD"))
    assert step.headline() == "tf2.1 → tf2.2: 2 of 4 files break; 1 can be fixed"
    assert (step.in_both, step.lossy, step.unchanged) == (1, 0, 1)


def test_neighbouring_steps_are_worst_first():
    results = matrix_of("PPFP", "PFFF", "PPFP")
    steps = neighbouring_steps(results, Cells(results))
    assert [(step.name, step.broken) for step in steps] == [
        ("tf2.2 → tf2.3", 2), ("tf2.1 → tf2.2", 1), ("tf2.3 → tf2.4", 0),
    ]  # fmt: skip


def test_answer_of_a_matrix_is_the_step_across_a_major():
    # From tf2.4 on the factory has Keras 3.
    assert answer_of(matrix_of("PFPFP")).step.name == "tf2.3 → tf2.4"


def test_answer_of_files_starts_at_the_version_that_loads_most():
    answer = answer_of(files_of("FPF", "PPF", "FFF"))
    assert answer.step.name == "tf2.2 → tf2.3"
    assert [row.file for row in answer.rows] == [
        "models/first.h5", "models/scenario2.h5", "models/scenario3.h5",
    ]  # fmt: skip
    assert answer.notes == [(Status.FAIL, "1 of them fails in tf2.2 too")]


def test_answer_lists_files_without_a_fix_first():
    results = files_of("PF", "PF", "PP")
    cells = tuple(
        cell.but(remedies=()) if cell.scenario == "scenario2" else cell for cell in results.cells
    )
    rows = answer_of(results.model_copy(update={"cells": cells})).rows
    assert [row.fix for row in rows] == [None, "no-compile + rewrite-config", None]
    assert [row.gives_up for row in rows] == ["", "the compile state", ""]
    assert [row.command is None for row in rows] == [True, False, True]


def test_answer_names_fixed_files_and_their_losses():
    results = files_of("PF", "PF")
    scenarios = (
        results.scenarios[0].model_copy(update={"fixed": FixedResult(path="fixed/first.keras")}),
        results.scenarios[1],
    )
    answer = answer_of(
        results.model_copy(
            update={"scenarios": scenarios, "current": "tf2.1", "candidate": "tf2.2"}
        )
    )
    assert answer.step.headline() == "tf2.1 → tf2.2: 2 of 2 files break; 1 fixed"
    assert [(row.fixed, row.gives_up, row.command is None) for row in answer.rows] == [
        ("fixed/first.keras", "nothing", True), (None, "the compile state", False),
    ]  # fmt: skip


def commands_of(command, engine="local", *, of_files=True):
    results = files_of("PF") if of_files else matrix_of("PF")
    run = results.run.model_copy(update={"command": command, "engine": engine})
    return Commands(results.model_copy(update={"run": run}))


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("kerasmatrix check 'my models' --engine local --trust --jobs 2",
         "kerasmatrix check 'my models' --engine local --trust --jobs 2 --to tf2.2 --fix fixed"),
        ("kerasmatrix check m --from tf2.1 --to=tf2.3 --gate --baseline old.json --fresh",
         "kerasmatrix check m --to tf2.2 --fix fixed"),
        ("kerasmatrix.check",
         "kerasmatrix convert a.h5 --for tf2.2 --output-dir fixed --engine local --trust"),
    ],
)  # fmt: skip
def test_fix_all_command_has_the_options_of_the_run(command, expected):
    assert commands_of(command).fix_all(["a.h5"], "tf2.2") == expected


def test_fix_command_has_what_the_conversion_needs():
    command = "kerasmatrix check m --custom-objects my.py --remedies all --environments tf2.2"
    assert shlex.split(commands_of(command, "docker").fix("a b.h5", "tf2.2")) == [
        "kerasmatrix", "convert", "a b.h5", "--for", "tf2.2", "--output-dir", "fixed",
        "--custom-objects", "my.py", "--engine", "docker",
    ]  # fmt: skip


def test_options_of_a_cluster_are_left_out():
    command = "kerasmatrix run --engine dask --scheduler tcp://host:8786 --store s"
    assert commands_of(command, "dask", of_files=False).options == "--store s"


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("Loss.__init__() got an unexpected keyword argument 'fn'", "argument `fn` of `Loss`"),
        ("Unrecognized keyword arguments passed to LSTM: {'time_major': False}",
         "argument `time_major` of `LSTM`"),
        ("('Keyword argument not understood:', 'groups')", "argument `groups` of `Dense`"),
        ("Unknown layer: 'Gate'. Please ensure you are using a scope", "layer `Gate`"),
        ("Could not locate function 'mse'. Make sure custom classes", "function `mse`"),
        ("expected ndim=3, found ndim=4", None),
    ],
)  # fmt: skip
def test_fault_is_named_in_the_message(message, fault):
    cell = make_cell("first", "h5", "tf2.1", "tf2.2", Status.FAIL, message)
    found = fault_of(cell)
    assert (found and found.partition(" (layer")[0]) == fault
