"""The progress of a run in terminals of several widths, and in a log."""

import io

import pytest
from rich.console import Console

from kerasmatrix.environments.uv_command import Download
from kerasmatrix.report.progress import LONGEST_START, PERIOD, TerminalProgress
from kerasmatrix.results.cells import Cell

JOB = Cell("baseline_functional", "keras", "tf2.15", "tf2.21")


class Run:
    """A run with some jobs left."""

    pending = 240

    def __init__(self, **downloads):
        self.downloads = downloads

    def downloaded(self, environment):
        return self.downloads.get(environment.replace(".", "_"))


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def make_progress(width=None):
    """Return a progress on a terminal, or without a width in a log; its clock and its output."""
    output, clock = io.StringIO(), Clock()
    console = Console(
        file=output, width=width, force_terminal=width is not None, color_system=None,
        legacy_windows=False,
    )  # fmt: skip
    return TerminalProgress(console, clock), clock, output


def do_jobs(progress, run, number, environment="tf2.21"):
    progress.opening(environment)
    for _ in range(number):
        progress.started(environment, JOB)
        run.pending -= 1
        progress.ended(environment, JOB)
    progress.started(environment, JOB)


def lines_of(progress, width):
    """Return the lines of the bar as they are drawn in a terminal."""
    display = progress._display
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(display.get_renderable())
    return [line for line in console.file.getvalue().splitlines() if line.strip()]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_progress_bar_is_never_squeezed_out(width):
    progress, clock, _ = make_progress(width)
    run = Run()
    progress.begins(run)
    try:
        clock.now = 60.0
        do_jobs(progress, run, 120)
        bar, activity = lines_of(progress, width)
    finally:
        progress.ends()
    assert bar.count("\u2501") >= 2  # the half of it that is done
    assert "120/240 tasks" in bar
    assert "about 1 min left" in bar
    assert activity.startswith("tf2.21: load tf2.15's basel")
    assert len(activity) <= width


def test_progress_before_tasks_are_known_counts_none():
    progress, _, output = make_progress()
    run = Run()
    progress.begins(run)
    run.pending = 0
    try:
        progress.opening("tf2.15")
        progress.report()
    finally:
        progress.ends()
    assert output.getvalue() == "tf2.15: starting\n"


@pytest.mark.parametrize(
    ("download", "said"),
    [
        (Download(0, 0), "installing"),
        (Download(301_400_000, 899_600_000), "installing, 301 of 900 MB"),
        (Download(899_600_000, 899_600_000), "installing, 900 MB downloaded"),
    ],
)
def test_progress_says_how_much_of_an_environment_is_downloaded(download, said):
    run = Run(tf2_15=download)
    progress, _, _ = make_progress(40)
    progress.begins(run)
    try:
        progress.opening("tf2.15")
        assert lines_of(progress, 40)[1].rstrip() == f"tf2.15: {said}"
        progress.started("tf2.15", JOB)
        assert "installing" not in progress.activity()
    finally:
        progress.ends()
    progress, _, output = make_progress()
    progress.begins(run)
    try:
        progress.opening("tf2.15")
        progress.report()
    finally:
        progress.ends()
    assert output.getvalue() == f"0 of 240 tasks done: tf2.15: {said}\n"


def test_progress_in_a_short_run_without_a_terminal_is_quiet():
    progress, _, output = make_progress()
    run = Run()
    progress.begins(run)
    do_jobs(progress, run, 5)
    progress.left("tf2.21")
    progress.ends()
    assert output.getvalue() == ""


def test_progress_in_a_log_prints_finished_environments():
    progress, clock, output = make_progress()
    run = Run()
    progress.begins(run)
    clock.now = 2 * PERIOD
    do_jobs(progress, run, 60)
    progress.left("tf2.21")
    progress.left("tf2.21")
    progress.ends()
    assert output.getvalue() == ("tf2.21: 60 tasks done; 60 of 240 tasks done, about 3 min left\n")


def test_progress_report_is_a_plain_line():
    progress, clock, output = make_progress()
    progress.begins(Run())
    progress.opening("tf2.15")
    progress.report()
    clock.now = LONGEST_START + 1
    progress.report()
    progress.ends()
    assert output.getvalue().splitlines() == [
        "0 of 240 tasks done: tf2.15: starting",
        "0 of 240 tasks done: tf2.15: starting; the first time, TensorFlow is installed",
    ]


def test_progress_before_a_run_prints_nothing():
    progress, _, output = make_progress()
    progress.opening("tf2.1")
    progress.ends()
    assert output.getvalue() == ""
