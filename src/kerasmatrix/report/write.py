"""Writes the reports into a folder, each file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

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


def write_reports(results: Results, folder: Path) -> Path:
    """Write ``index.html``, ``results.json`` and ``results.csv``; return the page's path.

    Raises:
        InfrastructureError: the folder cannot be written; the old files are still there then.
    """
    frame = cell_frame(results)
    files = {
        "results.json": to_json(results),
        "results.csv": to_csv(frame),
        "index.html": render_html(results, frame),
    }
    try:
        for name, text in files.items():
            _replace(folder / name, text)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return folder / "index.html"


def _replace(path: Path, text: str) -> None:
    """Put ``text`` where ``path`` is, at once: a reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _unwritable(folder: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"{folder}: the reports cannot be written: {error}",
        hint="name another folder with --output",
    )
