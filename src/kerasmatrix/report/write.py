"""Writes the reports into a folder, each file whole or not at all.

The only module of the report that touches a disk; what the files hold is decided elsewhere.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kerasmatrix.comparison import Comparison
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.report.documents import to_json
from kerasmatrix.report.frame import cell_frame
from kerasmatrix.report.html import render_html
from kerasmatrix.report.tables import to_csv
from kerasmatrix.results import Results

__all__ = ["check_folder", "write_reports"]


def check_folder(folder: Path) -> None:
    """Make ``folder`` if need be, and find out before a long run whether it can be written.

    Raises:
        InfrastructureError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".kerasmatrix-"):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_reports(results: Results, folder: Path, comparison: Comparison | None = None) -> Path:
    """Write ``index.html``, ``results.json`` and ``results.csv``; return the page's path.

    The page also shows ``comparison``, what changed since a baseline, if there is one.

    All three are written in full under other names before the first takes its place, so a disk
    that fills up leaves the old report whole.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    frame = cell_frame(results)
    files = {
        "results.json": to_json(results),
        "results.csv": to_csv(frame),
        "index.html": render_html(results, frame, comparison),
    }
    staged: dict[Path, Path] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            staged[_stage(folder, name, text)] = folder / name
        for written, place in staged.items():
            written.replace(place)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        for written in staged:
            written.unlink(missing_ok=True)
    return folder / "index.html"


def _stage(folder: Path, name: str, text: str) -> Path:
    """Write ``text`` into a new file beside its place; return the file's path."""
    handle, path = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
        # Temporary files are their owner's alone; a report is for everyone.
        Path(path).chmod(0o644)
    except BaseException:
        Path(path).unlink(missing_ok=True)
        raise
    return Path(path)


def _unwritable(folder: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"{folder}: the reports cannot be written: {error}",
        hint="name another folder with --output",
    )
