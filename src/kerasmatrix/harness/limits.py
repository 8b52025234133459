"""Limits the memory and disk space of a child process."""

from __future__ import annotations

import os
import resource
import time

from . import sandbox, trees

__all__ = [
    "DiskLimit",
    "address_space",
    "limit_address_space",
    "offer_to_oom_killer",
    "own_memory",
    "peak_memory_mb",
    "reset_peak_memory",
]

# Far above the size of a model and of the files that loading it creates.
MAX_BYTES, MAX_FILES = 8 << 30, 50_000
# Free space below which a child is killed, even if other programs have filled the disk.
MIN_FREE_BYTES = 1 << 30
CHECK_SECONDS = 0.5  # between two measurements of the disk
CHECK_PAUSE_FACTOR = 4  # ... and at least this many times as long as one takes


class DiskLimit:
    """Limits the space that a child takes on the disk, which containers share with the machine.

    ``reason`` says why the limit is exceeded. ``is_disk_full`` is True if the disk has little free
    space, for which other programs may be the cause.
    """

    def __init__(self, pid: int, task_folder: str | None) -> None:
        self.reason = ""
        self.is_disk_full = False
        self._pid = pid
        self._hidden: set = set()
        self._folder = task_folder and os.path.dirname(task_folder)
        self._next_check = time.monotonic() + CHECK_SECONDS

    def is_exceeded(self) -> bool:
        """Whether the child must be killed; call it several times a second."""
        started = time.monotonic()
        if self._folder is None or started < self._next_check:
            return False
        self.reason = self._check(self._folder)
        ended = time.monotonic()
        # Many files or processes take long to measure, and deadlines wait meanwhile.
        pause = max(CHECK_SECONDS, CHECK_PAUSE_FACTOR * (ended - started))
        self._next_check = ended + pause
        return bool(self.reason)

    def _check(self, folder: str) -> str:
        """Return why the limit is exceeded; empty if it is not."""
        size, files = trees.measure(folder, MAX_FILES)
        if files > MAX_FILES:
            return f"it wrote more than {MAX_FILES} files"
        unlinked, hidden = sandbox.unlinked_bytes(self._pid, folder)
        size += unlinked
        # A process that is about to end hides its files for a moment: two checks in a row count.
        still_hidden, self._hidden = hidden & self._hidden, hidden
        if still_hidden:
            return "it hid which files it has open"
        if size > MAX_BYTES:
            return f"it wrote more than {MAX_BYTES >> 30} GB"
        try:
            disk = os.statvfs(folder)
        except OSError:
            return ""
        self.is_disk_full = disk.f_bavail * disk.f_frsize < MIN_FREE_BYTES
        if self.is_disk_full:
            return f"No space left on device: less than {MIN_FREE_BYTES >> 20} MB are free"
        return ""


def address_space() -> int:
    """Return the size of this process's address space in bytes; 0 if unknown."""
    return _pages(0)


def own_memory() -> int:
    """Return how many bytes this process holds in memory, without mapped files; 0 if unknown.

    The kernel maps and drops the pages of files, such as TensorFlow's libraries, by itself.
    """
    return _pages(1) - _pages(2)


def _pages(column: int) -> int:
    """Return a column of ``/proc/self/statm`` in bytes (``man 5 proc``)."""
    try:
        with open("/proc/self/statm") as handle:
            return int(handle.read().split()[column]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def limit_address_space(limit: int) -> None:
    """Allow this process ``limit`` bytes; the libraries that TensorFlow has mapped count too."""
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (OSError, ValueError):
        pass


def offer_to_oom_killer() -> None:
    """Make the kernel's out-of-memory killer choose this process before its parent."""
    try:
        with open("/proc/self/oom_score_adj", "w") as handle:
            handle.write("1000")
    except OSError:
        pass


def reset_peak_memory() -> None:
    """Reset this process's peak of resident memory (``man 5 proc``, clear_refs)."""
    try:
        with open("/proc/self/clear_refs", "w") as handle:
            handle.write("5")
    except OSError:
        pass


def peak_memory_mb() -> float | None:
    """Return the peak of resident memory since it was reset, in megabytes; None if unknown."""
    try:
        with open("/proc/self/status") as handle:
            for line in handle:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024.0
    except (OSError, ValueError):
        pass
    return None
