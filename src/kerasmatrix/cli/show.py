"""``kerasmatrix show``: opens the last report, or prints its link."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.file_output import file_link
from kerasmatrix.cli.options import beside_matrix_option, output_option
from kerasmatrix.cli.output import say
from kerasmatrix.errors import UsageError

__all__ = ["show"]

PAGES = ("index.html", "check/index.html")
# Variables of which one is set where a program can open a window on Linux.
DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


@click.command(epilog=example("kerasmatrix show"))
@output_option
@beside_matrix_option
def show(output: Path, store_folder: Path) -> int:  # noqa: ARG001 - an option of all reports
    """Open the newest report of `run` or `check` in a browser.

    Without a display, only its link is printed.
    """
    pages = [page for name in PAGES if (page := output / name).is_file()]
    if not pages:
        raise UsageError(
            f"{output}: has no report yet",
            hint="make one with `kerasmatrix check FILES` or `kerasmatrix run`",
        )
    newest = max(pages, key=lambda page: page.stat().st_mtime)
    say(f"Report: {file_link(newest)}")
    if _has_display():
        webbrowser.open(newest.resolve().as_uri())
    return 0


def _has_display() -> bool:
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in DISPLAYS)
