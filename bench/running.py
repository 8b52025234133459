"""Runs ``kerasmatrix run`` as a user does, for what is then found in its results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["run"]

# Exit code 3: an environment could not be created. The results of the others count.
USABLE = {0, 3}


def run(store: Path, output: Path, *options: str) -> Path:
    """Run with these folders and options; return the path of its results.json.

    Raises:
        SystemExit: the run ended otherwise than with results, with its exit code.
    """
    folders = ("--store", str(store), "--output", str(output))
    command = [sys.executable, "-m", "kerasmatrix", "run", *folders, *options]
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    if done.returncode not in USABLE:
        raise SystemExit(done.returncode)
    return output / "results.json"
