"""``kerasmatrix explain``: from an error message to its cause and what to do. Runs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import click

from kerasmatrix.cli.stored_runs import store_option
from kerasmatrix.cli.streams import read_input
from kerasmatrix.diagnosis.catalogue import Cause
from kerasmatrix.diagnosis.explain import explain_text
from kerasmatrix.diagnosis.occurrences import Sightings, find_sightings
from kerasmatrix.errors import UsageError
from kerasmatrix.store.runs import Archive

__all__ = ["explain"]


@click.command()
@click.argument("error", required=False)
@click.option("--saved-with", metavar="VERSION", help="TensorFlow that saved it, such as tf2.4.")
@click.option("--loaded-with", metavar="VERSION", help="TensorFlow that loads it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
def explain(
    error: str | None,
    saved_with: str | None,
    loaded_with: str | None,
    store_folder: Path,
    *,
    as_json: bool,
) -> int:
    """Say what ERROR (or a traceback on standard input) means, and what to do about it.

    Where a run is stored, also between which versions it was seen, and what helped there.
    """
    text = error if error is not None else _input()
    cause = explain_text(text, saved_with, loaded_with)
    seen = _seen(Archive(store_folder), cause, saved_with, loaded_with) if cause else None
    if as_json:
        found = cause.model_dump(mode="json", exclude={"signatures", "slug"}) if cause else {}
        told = {"measured": seen.model_dump(mode="json")} if seen else {}
        click.echo(json.dumps({"cause": cause.slug if cause else "unclassified", **found, **told}))
    elif cause is None:
        click.echo("unclassified: the catalogue knows no cause with this message.")
    else:
        click.echo("\n".join([_prose(cause), *(_measured(seen) if seen else [])]))
    return 0


def _input() -> str:
    try:
        return read_input()
    except OSError as error:
        raise UsageError(
            f"standard input: {error.strerror}",
            hint="give the error's text as an argument, or a traceback on standard input",
        ) from None


def _seen(
    archive: Archive, cause: Cause, saved_with: str | None, loaded_with: str | None
) -> Sightings | None:
    """Return what the newest run saw of it, or the newest of the recent ones that saw it at all."""
    newest = None
    for results in archive.recent():
        found = find_sightings(results, cause.slug, saved_with, loaded_with)
        if found.cells:
            return found
        newest = newest or found
    return newest


def _prose(cause: Cause) -> str:
    lines = [f"{cause.slug}: {cause.story}", "", cause.what.strip(), "", "What helps:"]
    for advice in cause.advice:
        loses = f" (gives up {advice.loses})" if advice.loses else ""
        lines.append(f"  - {advice.do}{loses}")
        lines += [f"      {line}" for line in (advice.code or "").splitlines()]
    return "\n".join([*lines, "", "Seen in:", *(f"  - {source}" for source in cause.sources)])


def _measured(seen: Sightings) -> Iterator[str]:
    if not seen.cells:
        yield f"\nNot seen in the run {seen.run}."
        return
    yield f"\nMeasured in {seen.cells} cells of the run {seen.run}:"
    for reader, pairs in groupby(seen.pairs, key=lambda pair: pair.loaded_with):
        yield f"  - loaded with {reader}: saved with {', '.join(p.saved_with for p in pairs)}"
    for remedy, cells in seen.repaired_by.items():
        yield f"  {remedy} was seen to work in {cells} of them."
