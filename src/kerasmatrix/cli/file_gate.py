"""The gate of ``kerasmatrix check``: its exit code, and annotations for GitHub Actions."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from kerasmatrix.analysis.compare import WORSENING, Comparison, compare
from kerasmatrix.analysis.losses import accept_losses
from kerasmatrix.cli import exit_codes
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import accept_option
from kerasmatrix.errors import UsageError
from kerasmatrix.report.file_verdict import FileLine, FilesVerdict, judge_files
from kerasmatrix.results.cells import INCONCLUSIVE
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import results_in
from kerasmatrix.text.escape import escape_control_characters

__all__ = ["FileGate", "gate_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def gate_options(command: Command) -> Command:
    """Add ``--gate``, ``--baseline FILE`` and ``--accept KIND``."""
    gate = click.option(
        "--gate",
        is_flag=True,
        help="Exit with 1 if a file is worse in --to than in --from, or than in --baseline.",
    )
    baseline = click.option(
        "--baseline",
        metavar="FILE",
        type=NamedPath(path_type=Path),
        help="The results.json of an earlier check, for --gate.",
    )
    return gate(baseline(accept_option(command)))


class FileGate(NamedTuple):
    """The rules by which a check passes or fails.

    Attributes:
        is_on: whether the exit code depends on them.
        baseline: an earlier check to compare with, instead of the version to upgrade from.
        file: the file with the baseline.
        accept: the kinds of losses that do not matter.
    """

    is_on: bool
    baseline: Results | None
    file: Path | None
    accept: tuple[str, ...]

    @classmethod
    def of(cls, *, is_on: bool, baseline: Path | None, accept: tuple[str, ...]) -> FileGate:
        """Return the gate of these options.

        Raises:
            UsageError: the baseline cannot be read, or there is no gate that uses it.
        """
        if (baseline or accept) and not is_on:
            option = "--baseline" if baseline else "--accept"
            raise UsageError(f"{option}: has no effect without --gate", hint="add --gate")
        return cls(is_on, results_in(baseline) if baseline else None, baseline, accept)

    def decide(self, results: Results) -> int:
        """Print whether the check passes, and return the exit code."""
        head = accept_losses(results, self.accept)
        verdict = judge_files(head, head.candidate or "", head.current)
        comparison = (
            compare(accept_losses(self.baseline, self.accept), head) if self.baseline else None
        )
        if os.environ.get("GITHUB_ACTIONS") == "true":
            _annotate(verdict, self._failing(verdict, comparison))
        if not self.is_on:
            return 0
        if comparison is None:
            return _judge(verdict)
        from kerasmatrix.cli.gate import decide  # noqa: PLC0415 - it imports pandas

        return decide(head, comparison.model_copy(update={"base": str(self.file)}))

    def _failing(self, verdict: FilesVerdict, comparison: Comparison | None) -> set[str]:
        """Return the files, by scenario, that fail the gate."""
        if comparison:
            return {change.scenario for change in comparison.of(*WORSENING)}
        return {line.cell.scenario for line in verdict.lines if self.is_on and line.is_worse}


def _judge(verdict: FilesVerdict) -> int:
    """Print whether a file is worse than in the version to upgrade from; return the exit code."""
    worse = sum(line.is_worse for line in verdict.lines)
    unknown = sum(line.cell.status in INCONCLUSIVE for line in verdict.lines)
    of = f"{len(verdict.lines)} files"
    if worse:
        click.echo(f"The gate fails: {worse} of {of} are worse in {verdict.target}.")
        return exit_codes.NO
    if unknown:
        click.echo(f"The gate cannot decide: {unknown} of {of} were not compared.")
        return exit_codes.INCONCLUSIVE
    click.echo("The gate passes.")
    return 0


def _annotate(verdict: FilesVerdict, failing: Collection[str]) -> None:
    """Print a line for each file that is worse, which GitHub shows next to the file."""
    for line in verdict.lines:
        level = "error" if line.cell.scenario in failing else "warning"
        if line.is_worse:
            place = f"file={_property(line.file)},title=kerasmatrix"
            click.echo(f"::{level} {place}::{_message(line)}")


def _message(line: FileLine) -> str:
    return _escaped(f"{line.cell.loaded_with}: {line.text()}")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    lines = "\n".join(escape_control_characters(line) for line in text.split("\n"))
    # The order matters: % is the character that escapes.
    return lines.replace("%", "%25").replace("\n", "%0A")
