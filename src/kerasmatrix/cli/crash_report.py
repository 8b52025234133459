"""Writes the details of an unexpected exception to a file, for a bug report."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import sys
import tempfile
import traceback
from importlib import metadata

from kerasmatrix import __version__
from kerasmatrix.text.escape import escape_control_characters
from kerasmatrix.text.lines import first_line

__all__ = ["describe", "summarize", "write_details"]

LONGEST = 200
PACKAGES = ("click", "docker", "h5py", "numpy", "pandas", "pydantic", "PyYAML", "rich", "uv")


def write_details(error: BaseException) -> str | None:
    """Write the traceback and the versions to a temporary file; return its path.

    Only the user may read the file: arguments and messages can hold names and addresses. Returns
    None if it cannot be written.
    """
    try:
        handle, path = tempfile.mkstemp(prefix="kerasmatrix-bug-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(describe(error))
    except OSError:
        return None
    return path


def summarize(error: BaseException) -> str:
    """Return the type of ``error`` and the beginning of its message, in one line."""
    first = first_line(error)
    return escape_control_characters(
        f"{type(error).__name__}: {first[:LONGEST]}" if first else type(error).__name__
    )


def describe(error: BaseException) -> str:
    """Return the traceback of ``error`` with versions, command line and folder."""
    lines = [
        f"kerasmatrix {__version__}",
        f"Python {sys.version.split()[0]} ({sys.executable})",
        f"{platform.platform()}, {os.cpu_count()} cores",
        " ".join(f"{name} {_version(name)}" for name in PACKAGES),
        f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"command: {shlex.join(['kerasmatrix', *sys.argv[1:]])}",
        f"folder: {_folder()}",
        "",
    ]
    return "\n".join(lines) + "\n" + "".join(traceback.format_exception(error))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 - Path.cwd() is no better where the folder is gone
    except OSError as error:
        return f"unknown: {error.strerror}"
