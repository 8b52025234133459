"""Runs uv, and reads from its progress bars how much it has downloaded.

uv draws bars in a terminal only, so it gets one of its own. Without its bars, such as for packages
in its cache, nothing is known of a download.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from collections.abc import Callable, Sequence
from typing import NamedTuple

import uv

__all__ = ["Download", "run_uv"]

# `tensorflow ------------------------------ 30.88 MiB/207.48 MiB`, without colours.
BAR = re.compile(r"(?<![\w.-])(\w[\w.-]*) +-* *([\d.]+) ([KMG]?i?B)/([\d.]+) ([KMG]?i?B)")
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
PREPARED = "Prepared "  # uv says so when all is downloaded
ERROR = re.compile(r"error:| *\u00d7 ")
BLOCK = LONGEST_LINE = 1 << 16
# Bars of all downloads at once; a bar that is cut off has no numbers.
ROWS, COLUMNS = 200, 200
# Colours stand between a bar and its numbers.
VARIABLES = {"NO_COLOR": "1", "TERM": "xterm"}


class Download(NamedTuple):
    """How much of a download is done, in bytes. The total grows while more packages begin."""

    done: int
    total: int


def run_uv(
    arguments: Sequence[str], on_download: Callable[[Download], None]
) -> subprocess.CompletedProcess[str]:
    """Run uv with ``arguments``; the result has its errors, without progress, as ``stderr``.

    Args:
        arguments: the command and its options.
        on_download: called whenever more of the packages has been downloaded.
    """
    command = [uv.find_uv_bin(), *arguments]
    controller, terminal = pty.openpty()
    with os.fdopen(controller, "rb", buffering=0) as output:
        try:
            termios.tcsetwinsize(terminal, (ROWS, COLUMNS))
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=terminal,
                env={**os.environ, **VARIABLES},
            )
        finally:
            os.close(terminal)
        reader = _Reader(on_download)
        while block := _read(output.fileno()):
            reader.feed(block.decode("utf-8", "replace"))
        return subprocess.CompletedProcess(command, process.wait(), "", reader.messages())


def _read(terminal: int) -> bytes:
    """Return the next output; nothing when the process has ended."""
    try:
        return os.read(terminal, BLOCK)
    except OSError:  # EIO, on Linux
        return b""


class _Reader:
    """Reads what uv draws."""

    def __init__(self, on_download: Callable[[Download], None]) -> None:
        self._on_download = on_download
        self._packages: dict[str, Download] = {}
        self._line = ""  # the last, which may go on
        self._unread = ""  # what follows the last bar
        self._lines: list[str] = []

    def feed(self, text: str) -> None:
        """Read more of the output."""
        *ended, last = (self._line + text).split("\n")
        self._line = last[-LONGEST_LINE:]  # bars are drawn in one line
        self._lines += map(_final, ended)
        before = self._total()
        self._unread = (self._unread + text)[-LONGEST_LINE:]
        end = 0
        for bar in BAR.finditer(self._unread):
            name, done, unit, total, unit_of_total = bar.groups()
            self._packages[name] = Download(_bytes(done, unit), _bytes(total, unit_of_total))
            end = bar.end()
        self._unread = self._unread[end:]
        if any(line.startswith(PREPARED) for line in self._lines):
            # A bar vanishes before it is full.
            sizes = {name: each.total for name, each in self._packages.items()}
            self._packages = {name: Download(size, size) for name, size in sizes.items()}
        if (now := self._total()) != before:
            self._on_download(now)

    def messages(self) -> str:
        """Return the lines that stay when all bars are gone, from the first that is an error."""
        lines = [line for line in (*self._lines, _final(self._line)) if line]
        first = next((place for place, line in enumerate(lines) if ERROR.match(line)), 0)
        return "\n".join(lines[first:])

    def _total(self) -> Download:
        packages = self._packages.values()
        return Download(sum(each.done for each in packages), sum(each.total for each in packages))


def _final(line: str) -> str:
    """Return what a line shows at last: bars are drawn over one another."""
    shown = CONTROL.sub("", line.rstrip("\r").rpartition("\r")[2]).rstrip()
    return "" if BAR.search(shown) else shown


def _bytes(number: str, unit: str) -> int:
    return round(float(number) * UNITS.get(unit, 1))
