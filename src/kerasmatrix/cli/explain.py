"""``kerasmatrix explain``: finds the cause of an error message, and advice. Runs nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.explain_view import prose
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.output import print_json
from kerasmatrix.cli.stored_runs import store_option
from kerasmatrix.cli.streams import LONGEST_INPUT, read_input
from kerasmatrix.diagnosis.explain import Explanation, explain_message, explain_symptom
from kerasmatrix.diagnosis.occurrences import (
    Checked,
    Occurrences,
    find_checked,
    find_occurrences,
)
from kerasmatrix.diagnosis.upstream import the_upstream
from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.results.formats import FORMATS
from kerasmatrix.store.runs import Archive

__all__ = ["explain"]

FORMAT_OF = {
    "hdf5-model": "h5",
    "hdf5-weights": "weights",
    "keras-archive": "keras",
    "saved-model": "savedmodel",
}
MODEL_ENDINGS = {".h5", ".hdf5", ".keras"}
VERSION = "such as tf2.4, keras3.4.1 or 2.13-2.15"


class About(NamedTuple):
    """The facts that the user states about the load, and the file."""

    saved_with: str | None
    loaded_with: str | None
    file_format: str | None
    model: ModelFile | None


@click.command(
    epilog=example(
        'kerasmatrix explain "ValueError: Unknown layer: Functional"',
        "python app.py 2>&1 | kerasmatrix explain",
    )
)
@click.argument("error", required=False)
@click.option(
    "--saved-with", metavar="VERSION", help=f"The version that saved the file, {VERSION}."
)
@click.option("--loaded-with", metavar="VERSION", help="The version that loads it.")
@click.option("--format", "file_format", type=click.Choice(sorted(FORMATS)), help="Its format.")
@click.option(
    "--file",
    "model_file",
    type=NamedPath(path_type=Path),
    help="The model file: what it holds counts, and your checks of it are shown.",
)
@click.option("--symptom", metavar="TEXT", help="A symptom, if nothing is raised.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
def explain(  # noqa: PLR0913 - one argument per option
    *,
    error: str | None,
    saved_with: str | None,
    loaded_with: str | None,
    file_format: str | None,
    model_file: Path | None,
    symptom: str | None,
    store_folder: Path,
    as_json: bool,
) -> int:
    """Explain ERROR, and what to do about it.

    ERROR is a message, the name of a text file with a traceback, or else standard input. If a run
    is stored, its versions with the same cause are shown, and the fixes that worked.
    """
    archive = Archive(store_folder)
    model = inspect(model_file) if model_file else None
    checked = find_checked(archive.recent(), model_file.name) if model_file else None
    about = About(saved_with, loaded_with, file_format, model)
    if symptom is not None:
        explanation = explain_symptom(symptom)
    elif error is None and model is not None:
        explanation = Explanation(needs=() if checked else ("the error message, if there is one",))
    else:
        explanation = _explain(_input() if error is None else _text_of(error), about)
    seen = _seen(archive, explanation, about)
    if as_json:
        print_json(_as_json(explanation, model, checked, seen))
    else:
        click.echo("\n".join(prose(explanation, model, checked, seen)))
    return 0


def _explain(text: str, about: About) -> Explanation:
    """Explain a message; the file shows its format and its writer if the user does not."""
    model = about.model
    writer = model.writer.keras if model else None
    return explain_message(
        text,
        about.saved_with or (f"keras{writer}" if writer else None),
        about.loaded_with,
        about.file_format or (FORMAT_OF.get(model.kind) if model else None),
    )


def _text_of(error: str) -> str:
    """Return the content of the file that ``error`` names, or else ``error`` itself."""
    # Unlike `Path.is_file`, it takes a text that cannot be a path, such as a long one, for none.
    if not os.path.isfile(error):  # noqa: PTH113
        return error
    path = Path(error)
    if path.suffix.lower() in MODEL_ENDINGS:
        raise UsageError(f"{error} is a model file", hint=f"kerasmatrix explain --file {error}")
    try:
        with path.open("rb") as file:
            # Files of the kernel have no size, and some wait for a message that never comes.
            if not os.fstat(file.fileno()).st_size:
                raise UsageError(f"{error}: is empty")
            return file.read(LONGEST_INPUT).decode("utf-8", "replace")
    except OSError as fault:
        raise UsageError(f"{error}: cannot be read: {fault.strerror}") from None


def _input() -> str:
    try:
        return read_input()
    except OSError as error:
        raise UsageError(
            f"standard input: {error.strerror}",
            hint="pass the error message, or pipe a traceback: "
            "python app.py 2>&1 | kerasmatrix explain",
        ) from None


def _seen(archive: Archive, explanation: Explanation, about: About) -> Occurrences | None:
    """Return the occurrences in the newest recent run that has any, else in the newest run."""
    newest = None
    if explanation.cause is None:
        return None
    slug = explanation.cause.slug
    for results in archive.recent():
        sightings = find_occurrences(results, slug, about.saved_with, about.loaded_with)
        if sightings.cells:
            return sightings
        newest = newest or sightings
    return newest


def _as_json(
    explanation: Explanation,
    model: ModelFile | None,
    checked: Checked | None,
    seen: Occurrences | None,
) -> dict[str, Any]:
    cause = explanation.cause
    fields = (
        cause.model_dump(mode="json", exclude={"signatures", "slug", "symptoms"}) if cause else {}
    )
    about = explanation.model_dump(
        mode="json",
        exclude={"cause": True, "advice": {"__all__": {"special"}}},
        exclude_defaults=True,
    )
    issues = the_upstream().issues_of(cause.slug) if cause else ()
    known = [
        issue.model_dump(mode="json", include={"link", "state", "as_of", "says"})
        for issue in issues
    ]
    return {
        "cause": cause.slug if cause else "unclassified",
        **fields,
        **about,
        **({"known_issues": known} if known else {}),
        **({"file": model.model_dump(mode="json")} if model else {}),
        **({"checked": checked.model_dump(mode="json")} if checked else {}),
        **({"measured": seen.model_dump(mode="json")} if seen else {}),
    }
