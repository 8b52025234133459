"""``kerasmatrix explain``: finds the cause of an error message, and advice. Runs nothing."""

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
from kerasmatrix.diagnosis.occurrences import Occurrences, find_occurrences
from kerasmatrix.errors import UsageError
from kerasmatrix.store.runs import Archive

__all__ = ["explain"]


@click.command()
@click.argument("error", required=False)
@click.option(
    "--saved-with", metavar="VERSION", help="The TensorFlow that saved the file, such as tf2.4."
)
@click.option("--loaded-with", metavar="VERSION", help="The TensorFlow that loads it.")
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
    """Explain ERROR (or a traceback on standard input), and what to do about it.

    If a run is stored, also shows the versions in which it occurred, and the fixes that worked.
    """
    text = error if error is not None else _input()
    cause = explain_text(text, saved_with, loaded_with)
    seen = _seen(Archive(store_folder), cause, saved_with, loaded_with) if cause else None
    if as_json:
        fields = cause.model_dump(mode="json", exclude={"signatures", "slug"}) if cause else {}
        measured = {"measured": seen.model_dump(mode="json")} if seen else {}
        slug = cause.slug if cause else "unclassified"
        click.echo(json.dumps({"cause": slug, **fields, **measured}))
    elif cause is None:
        click.echo(
            "unclassified: no known cause matches this error. If you have the file, run "
            "kerasmatrix check FILE."
        )
    else:
        click.echo("\n".join([_prose(cause), *(_measured(seen) if seen else [])]))
    return 0


def _input() -> str:
    try:
        return read_input()
    except OSError as error:
        raise UsageError(
            f"standard input: {error.strerror}",
            hint="pass the error message, or pipe a traceback: "
            "python app.py 2>&1 | kerasmatrix explain",
        ) from None


def _seen(
    archive: Archive, cause: Cause, saved_with: str | None, loaded_with: str | None
) -> Occurrences | None:
    """Return the occurrences in the newest recent run that has any, else in the newest run."""
    newest = None
    for results in archive.recent():
        sightings = find_occurrences(results, cause.slug, saved_with, loaded_with)
        if sightings.cells:
            return sightings
        newest = newest or sightings
    return newest


def _prose(cause: Cause) -> str:
    lines = [f"{cause.slug}: {cause.story}", "", cause.what.strip(), "", "Fixes:"]
    for advice in cause.advice:
        loses = f" (gives up {advice.loses})" if advice.loses else ""
        lines.append(f"  - {advice.do}{loses}")
        lines += [f"      {line}" for line in (advice.code or "").splitlines()]
    return "\n".join([*lines, "", "Seen in:", *(f"  - {source}" for source in cause.sources)])


def _measured(seen: Occurrences) -> Iterator[str]:
    if not seen.cells:
        yield f"\nNot measured in your last run, {seen.run}."
        return
    cases = "1 case" if seen.cells == 1 else f"{seen.cells} cases"
    yield f"\nMeasured in {cases} of the run {seen.run}:"
    for reader, pairs in groupby(seen.pairs, key=lambda pair: pair.loaded_with):
        yield f"  - loaded with {reader}: saved with {', '.join(p.saved_with for p in pairs)}"
    for remedy, cells in seen.repaired_by.items():
        yield f"  Fix {remedy} worked in {cells} of {seen.cells}."
