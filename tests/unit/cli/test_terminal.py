from collections import Counter

import pytest
from rich.console import Console

from kerasmatrix.cli import terminal
from kerasmatrix.cli.terminal import print_results
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import make_cell, make_results


@pytest.fixture
def printed(monkeypatch, capsys, tmp_path):
    """Prints results on a terminal of the given width (a log, if it has none)."""

    def printed(results, width=None):
        def console(**options):
            return Console(
                **options, width=width, force_terminal=width is not None, color_system=None
            )

        monkeypatch.setattr(terminal, "Console", console)
        print_results(results, tmp_path / "index.html")
        return capsys.readouterr().out

    return printed


def test_print_results_in_a_log_shows_full_names(printed):
    text = printed(make_results(environments=25))
    assert "tf2.25" in text.splitlines()[0]
    passing = -(-1250 // len(Status))  # statuses go round, and pass is the first
    assert f"1250 cells: {passing} pass" in text


def test_print_results_wide_shows_names_and_counts(printed):
    lines = printed(make_results(), width=120).splitlines()
    assert lines[0].split()[-5:] == ["tf2.1", "tf2.2", "tf2.3", "tf2.4", "tf2.5"]
    assert any("1/2" in line for line in lines)
    assert lines[6].strip() == "passed / measured"


def test_print_results_degraded_is_not_counted_as_pass(printed):
    results = make_results()
    degraded = [cell.but(status=Status.DEGRADED) for cell in results.cells]
    text = printed(results.model_copy(update={"cells": tuple(degraded)}), width=120)
    assert text.splitlines()[1].split()[1] == f"0/{len(results.formats) * len(results.scenarios)}"


def test_print_results_narrow_numbers_columns(printed):
    lines = printed(make_results(environments=8), width=72).splitlines()
    assert lines[0].split()[-8:] == [str(number) for number in range(1, 9)]
    assert lines[1].strip().startswith("1 tf2.1")


def test_print_results_narrower_shows_the_share_in_percent(printed):
    results = make_results(environments=10, scenarios=60)
    lines = printed(results, width=80).splitlines()
    assert "passed, in % of the measured" in lines
    assert max(map(len, lines[:12])) <= 80
    shares = [word for line in lines[1:11] for word in line.split()[2:]]
    assert len(shares) == 100
    assert all(share.isdigit() for share in shares)


def test_print_results_with_many_columns_lists_the_steps(printed):
    lines = printed(make_results(environments=34), width=80).splitlines()
    assert lines[0].split() == ["step", "break", "files", "fixable"]
    assert lines[1].split()[1] == "→"
    steps = lines[: lines.index("")]
    assert max(len(line) for line in steps if "→" in line) <= 80


def test_print_results_ends_with_verdict_counts_and_report(printed, tmp_path):
    lines = printed(make_results(), width=80).splitlines()
    verdict = next(place for place, line in enumerate(lines) if " → " in line)
    counts = next(place for place, line in enumerate(lines) if line.startswith("50 cells: "))
    assert verdict < counts < len(lines) - 1
    assert lines[-1] == f"Report: {tmp_path / 'index.html'}"


@pytest.mark.parametrize(("width", "head"), [(80, "tf2.1"), (40, "1")])
def test_print_files_narrow_keeps_every_version(monkeypatch, capsys, width, head):
    base = make_results(environments=4)
    name = "a-model-with-a-long-name-of-2021.h5"
    scenario = base.scenarios[0].model_copy(update={"name": name, "file": name})
    cells = tuple(
        make_cell(name, "h5", "tf2.1", environment.name, Status.PASS)
        for environment in base.environments
    )
    results = base.model_copy(update={"scenarios": (scenario,), "cells": cells})
    monkeypatch.setattr(
        terminal, "Console",
        lambda **more: Console(**more, width=width, force_terminal=True, color_system=None),
    )  # fmt: skip
    terminal.print_files(results)
    lines = capsys.readouterr().out.splitlines()
    assert head in lines[0].split()
    assert lines[1].count("✓") == 4
    assert lines[1].split()[0].endswith("2021.h5")
    assert len(lines[1]) <= width


def test_pair_of_which_a_save_failed_shows_its_loads():
    counts = Counter({Status.PASS: 3, Status.SAVE_FAILED: 1})
    assert terminal._worst(counts) is Status.PASS
    assert terminal._worst(Counter({Status.SAVE_FAILED: 1})) is Status.SAVE_FAILED


def test_print_results_incomplete_run_is_reported(printed):
    text = printed(make_results(complete=False))
    assert "tf2.1: " in text
    assert "Run incomplete" in text


def test_print_results_counts_repeated_tasks(printed):
    results = make_results()
    run = results.run.model_copy(update={"retries": 12})
    text = printed(results.model_copy(update={"run": run}))
    assert "12 tasks repeated" in text
