"""``kerasmatrix compare``: what changed between two runs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

import click

from kerasmatrix.analysis.compare import Change, ChangeKind, Comparison, Names
from kerasmatrix.analysis.compare import compare as compare_results
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.stored_runs import read_run, store_option
from kerasmatrix.report.markdown import line, row

__all__ = ["beside", "compare", "counted", "told"]

# So many changes of a kind are listed; the rest is counted.
LISTED = 20


@click.command()
@click.argument("base", default="previous")
@click.argument("head", default="last")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    show_default=True,
    help="How to print it.",
)
@store_option
def compare(
    base: str, head: str, form: Literal["text", "markdown", "json"], store_folder: Path
) -> int:
    """Print what changed from the run BASE to HEAD: a results.json, a run's id, last, previous."""
    found = compare_results(read_run(base, store_folder), read_run(head, store_folder))
    if form == "json":
        say_json(found)
    elif form == "markdown":
        say("\n".join(_markdown(found)))
    else:
        say("\n".join(_text(found)))
    return 0


def counted(found: Comparison) -> str:
    """Say in a line how much changed."""
    if not found.changes:
        return f"{found.compared} cells compared: nothing changed."
    counts = Counter(change.kind for change in found.changes)
    kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ChangeKind if counts[kind])
    return f"{found.compared} cells compared: {kinds}."


def told(change: Change) -> str:
    """Say in a line what a cell did and does."""
    where = f"{change.scenario} · {change.format} · {change.saved_with} → {change.loaded_with}"
    cause = f" ({change.cause})" if change.cause else ""
    first = next(iter(change.summary.strip().splitlines()), "")
    return f"{where}: {change.before} → {change.after}{cause}: {first}"


def _text(found: Comparison) -> list[str]:
    lines = [f"{found.base} → {found.head}", counted(found)]
    for kind in ChangeKind:
        changes = found.of(kind)
        if changes:
            lines += ["", f"{kind} ({len(changes)})"]
            lines += [f"  {told(change)}" for change in changes[:LISTED]]
            lines += [f"  and {len(changes) - LISTED} more"] if len(changes) > LISTED else []
    more = beside(found)
    return [*lines, *([""] if more else []), *more]


def _markdown(found: Comparison) -> list[str]:
    lines = [line("### {} → {}", found.base, found.head), "", counted(found)]
    for kind in ChangeKind:
        changes = found.of(kind)
        if not changes:
            continue
        lines += ["", f"**{kind}** ({len(changes)})", "", "| cell | was | is | cause |"]
        lines.append("| --- | --- | --- | --- |")
        for change in changes[:LISTED]:
            cell = (change.scenario, change.format, f"{change.saved_with} → {change.loaded_with}")
            lines.append(row(" · ".join(cell), change.before, change.after, change.cause or ""))
        lines += ["", f"and {len(changes) - LISTED} more"] if len(changes) > LISTED else []
    more = [line("{}", told) for told in beside(found)]
    return [*lines, *([""] if more else []), *more]


def beside(found: Comparison) -> list[str]:
    """Say what could not be compared, and which packages are not the same."""
    lines = [
        *_only("only before", found.only_in_base),
        *_only("only after", found.only_in_head),
    ]
    for name, packages in found.packages.items():
        told_ = ", ".join(
            f"{package} {before or 'none'} → {after or 'none'}"
            for package, (before, after) in packages.items()
        )
        lines.append(f"{name} has other packages: {told_}")
    return lines


def _only(when: str, names: Names) -> list[str]:
    return [
        f"{kind} that are there {when}: {', '.join(found)}"
        for kind, found in names.model_dump().items()
        if found
    ]
