"""The commands that the page offers: those that fix files, and those that repeat a measurement.

Each has the options of the run that it needs (engine, custom objects, matrix), so that it works
when it is pasted into a terminal in the folder of that run.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kerasmatrix.results.schema import Results

__all__ = ["Commands"]

FOLDER = "fixed"
LOCAL = "local"
TRUST = "--trust"
# Options of the run that `convert` and another `check` or `run` need too.
SHARED = ("--matrix", "--store", "--engine", "--inputs", "--custom-objects", TRUST)
# Options of a check that decide about a step or a gate, not about the measurement.
DECIDING = ("--from", "--to", "--fix", "--baseline", "--gate", "--overwrite", "--fresh")
FLAGS = frozenset({
    "--gate", "--overwrite", "--fresh", "--trust", "--all-remedies", "--verbose", "-v", "--debug",
    "--no-infer", "--isolate", "--accept-flaky", "--dry-run",
})  # fmt: skip
# An engine that needs more options than those shared.
CLUSTER = "dask"


class Option(NamedTuple):
    """A word of a command line: an option with its value, or, with an empty name, an argument."""

    name: str
    words: tuple[str, ...]


class Commands:
    """The commands for one run."""

    def __init__(self, results: Results) -> None:
        """Read the command of the run."""
        self._words = tuple(_options(results.run.command))
        self.is_check = results.run.command.startswith("kerasmatrix check ")
        self._engine = results.run.engine
        self._of_files = results.of_files

    @property
    def is_fixing(self) -> bool:
        """Whether the run itself was asked to write fixed files."""
        return any(word.name == "--fix" for word in self._words)

    @property
    def options(self) -> str:
        """The options for a command about the same files or scenarios."""
        words = [word for word in self._words if word.name in SHARED]
        if not any(word.name == "--engine" for word in words):
            words.append(Option("--engine", ("--engine", self._engine)))
        words = [word for word in words if CLUSTER not in word.words]
        if self._of_files and self._engine == LOCAL and not any(w.name == TRUST for w in words):
            # Without a sandbox the files were trusted already.
            words.append(Option(TRUST, (TRUST,)))
        return _join(words)

    def check(self, paths: Iterable[str]) -> str:
        """Return the check of the same files, without a step; ``paths`` are its files."""
        if self.is_check:
            return _join(word for word in self._words if word.name not in DECIDING)
        return f"{shlex.join(['kerasmatrix', 'check', *paths])} {self.options}"

    def fix_all(self, paths: Iterable[str], target: str) -> str:
        """Return the command that writes a fixed file for each of the files ``paths``."""
        if self.is_check:
            return f"{self.check(paths)} --to {shlex.quote(target)} --fix {FOLDER}"
        words = ["kerasmatrix", "convert", *paths, "--for", target, "--output-dir", FOLDER]
        return f"{shlex.join(words)} {self.options}"

    def fix(self, path: str, target: str) -> str:
        """Return the command that writes one fixed file."""
        words = ["kerasmatrix", "convert", path, "--for", target, "--output-dir", FOLDER]
        return f"{shlex.join(words)} {self.options}"


def _options(command: str) -> Iterator[Option]:
    """Yield the words of a command line, each option with its value."""
    try:
        words = iter(shlex.split(command))
    except ValueError:  # an unbalanced quote: it was not made by this program
        return
    for word in words:
        if not word.startswith("-"):
            yield Option("", (word,))
        elif "=" in word or word in FLAGS:
            yield Option(word.partition("=")[0], (word,))
        else:
            value = next(words, None)
            yield Option(word, (word,) if value is None else (word, value))


def _join(words: Iterable[Option]) -> str:
    return shlex.join(part for word in words for part in word.words)
