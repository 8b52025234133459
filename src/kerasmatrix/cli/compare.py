"""``kerasmatrix compare``: what changed between two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click

from kerasmatrix.analysis.compare import Change, ChangeKind, Comparison, Names
from kerasmatrix.analysis.compare import compare as compare_results
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.stored_runs import read_run, store_option
from kerasmatrix.report.markdown import line, row
from kerasmatrix.text.lines import brief_line

__all__ = ["change_line", "compare", "count_line", "notes"]

# The number of changes that are listed per kind.
LISTED = 20


@click.command(epilog=example("kerasmatrix compare", "kerasmatrix compare main/results.json last"))
@click.argument("base", default="previous")
@click.argument("head", default="last")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@store_option
def compare(
    base: str, head: str, form: Literal["text", "markdown", "json"], store_folder: Path
) -> int:
    """Print how the results of two runs differ.

    BASE and HEAD are each a results.json, a run's id, previous (the default of BASE) or last (the
    default of HEAD).
    """
    comparison = compare_results(read_run(base, store_folder), read_run(head, store_folder))
    if form == "json":
        say_json(comparison)
    elif form == "markdown":
        say("\n".join(_markdown(comparison)))
    else:
        say("\n".join(_text(comparison)))
    return 0


def count_line(comparison: Comparison, *, base: str = "") -> str:
    """Return how many cells changed, by kind of change; ``base`` names the baseline."""
    compared = "1 cell" if comparison.compared == 1 else f"{comparison.compared} cells"
    compared += f" with {base}" if base else ""
    counts = Counter(change.kind for change in comparison.changes)
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ChangeKind if counts[kind])
    return f"Compared {compared}: {kinds or 'nothing changed'}."


def change_line(change: Change) -> str:
    """Return the status of a cell before and after, with its cause."""
    where = f"{change.scenario} · {change.format} · {change.saved_with} → {change.loaded_with}"
    cause = f" ({change.cause})" if change.cause else ""
    summary = brief_line(change.summary)
    return f"{where}: {change.before} → {change.after}{cause}: {summary}"


def _text(comparison: Comparison) -> list[str]:
    lines = [f"{comparison.base} → {comparison.head}", count_line(comparison)]
    for kind in ChangeKind:
        changes = comparison.of(kind)
        if changes:
            lines += ["", f"{kind} ({len(changes)})"]
            lines += [f"  {change_line(change)}" for change in changes[:LISTED]]
            lines += _rest(changes)
    more = notes(comparison)
    return [*lines, *([""] if more else []), *more]


def _markdown(comparison: Comparison) -> list[str]:
    title = line("### {} → {}", comparison.base, comparison.head)
    lines = [title, "", count_line(comparison)]
    for kind in ChangeKind:
        changes = comparison.of(kind)
        if not changes:
            continue
        lines += ["", f"**{kind}** ({len(changes)})", "", "| cell | before | after | cause |"]
        lines.append("| --- | --- | --- | --- |")
        for change in changes[:LISTED]:
            cell = (change.scenario, change.format, f"{change.saved_with} → {change.loaded_with}")
            lines.append(row(" · ".join(cell), change.before, change.after, change.cause or ""))
        if len(changes) > LISTED:
            lines += ["", *_rest(changes)]
    more = [line("{}", note) for note in notes(comparison)]
    return [*lines, *([""] if more else []), *more]


def _rest(changes: Sequence[Change]) -> list[str]:
    return [f"and {len(changes) - LISTED} more"] if len(changes) > LISTED else []


def notes(comparison: Comparison) -> list[str]:
    """Return which names are in one run only, and which packages differ."""
    lines = [
        *_only_lines("only in the base", comparison.only_in_base),
        *_only_lines("only in the new run", comparison.only_in_head),
    ]
    for name, packages in comparison.packages.items():
        versions = ", ".join(
            f"{package} {before or 'none'} → {after or 'none'}"
            for package, (before, after) in packages.items()
        )
        lines.append(f"{name}, packages changed: {versions}")
    return lines


def _only_lines(where: str, names: Names) -> list[str]:
    return [
        f"{kind} {where}: {', '.join(values)}"
        for kind, values in names.model_dump().items()
        if values
    ]
