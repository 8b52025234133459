"""How much disk space files take, which is not their length: files have holes, and share blocks."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["allocated", "size_on_disk"]

BLOCK = 512  # of st_blocks, whatever the file system's are (stat(2))


def allocated(status: os.stat_result) -> int:
    """Return the bytes that a file takes."""
    return status.st_blocks * BLOCK


def size_on_disk(path: Path) -> int:
    """Return the bytes that a file, or all files in a folder, take."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(allocated(file.lstat()) for file in files if not file.is_dir())
