import pytest
from rich.console import Console

from kerasmatrix.cli import terminal
from kerasmatrix.cli.terminal import TerminalProgress, print_results
from kerasmatrix.results.observations import Status
from tests.unit.report.factory import make_results


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


def test_a_log_has_full_names_however_many(printed):
    text = printed(make_results(environments=25))
    assert "tf2.25" in text.splitlines()[0]
    passing = -(-1250 // len(Status))  # statuses go round, and pass is the first
    assert f"1250 cells: {passing} pass" in text


def test_a_wide_terminal_has_names_and_counts(printed):
    lines = printed(make_results(), width=120).splitlines()
    assert lines[0].split()[-5:] == ["tf2.1", "tf2.2", "tf2.3", "tf2.4", "tf2.5"]
    assert any("1/2" in line for line in lines)
    assert "how many pass, of those that were measured" in lines[6]


def test_what_only_lost_something_does_not_count_as_a_pass(printed):
    results = make_results()
    lost = [cell.but(status=Status.DEGRADED) for cell in results.cells]
    text = printed(results.model_copy(update={"cells": tuple(lost)}), width=120)
    assert text.splitlines()[1].split()[1] == f"0/{len(results.formats) * len(results.scenarios)}"


def test_a_narrow_terminal_numbers_the_columns(printed):
    lines = printed(make_results(environments=8), width=72).splitlines()
    assert lines[0].split()[-8:] == [str(number) for number in range(1, 9)]
    assert lines[1].strip().startswith("1 tf2.1")


def test_a_narrow_terminal_and_many_environments_leave_a_glyph(printed):
    lines = printed(make_results(environments=14), width=78).splitlines()
    assert "/" not in lines[1]
    assert max(map(len, lines[:15])) <= 78


def test_trouble_and_an_incomplete_run_are_said(printed):
    text = printed(make_results(complete=False))
    assert "tf2.1: " in text
    assert "The run is incomplete" in text


def test_tries_that_were_not_believed_are_counted(printed):
    results = make_results()
    run = results.run.model_copy(update={"retries": 12})
    text = printed(results.model_copy(update={"run": run}))
    assert "12 tries were not believed and made again." in text


def test_where_there_is_no_terminal_progress_is_quiet(capsys):
    progress = TerminalProgress()
    progress.opening("tf2.1")
    progress.ends()
    assert capsys.readouterr().err == ""
