"""``kerasmatrix predict``: what will become of a model file in each version. Nothing is loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kerasmatrix.cli.error_output import show, show_all
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import names_option, note_matrix, store_folder_option
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import matrix_or_bundled
from kerasmatrix.config.project import Project
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import UsageError
from kerasmatrix.files.model_input import find_models
from kerasmatrix.prediction.cache import Notes
from kerasmatrix.prediction.custom_objects import names_brought
from kerasmatrix.prediction.predict import predict as foretell
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.target import Target, target_of
from kerasmatrix.text.escape import visible

__all__ = ["predict"]

EVERYTHING = "all"
# What the promised form of a prediction has; why it is so is for people.
FIELDS = {"environment", "status", "cause", "remedy", "rule", "confidence"}
WIDTH = 120
STYLES = {"pass": "green", "degraded": "yellow", "drift": "yellow", "fail": "red"}


@click.command()
@click.argument("files", nargs=-1, required=True, type=NamedPath(path_type=Path, any_length=True))
@names_option("--to", "environments, or groups of them")
@click.option(
    "--custom-objects",
    "code",
    type=NamedPath(path_type=Path),
    help="The module with the models' own classes and functions. It is read, not run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--matrix",
    "matrix_file",
    type=NamedPath(path_type=Path, dir_okay=False),
    is_eager=True,
    callback=note_matrix,
    help="The matrix with the environments.  [default: matrix.yaml, else the package's own]",
)
@store_folder_option
def predict(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[Path, ...],
    to: tuple[str, ...],
    code: Path | None,
    as_json: bool,
    matrix_file: Path | None,
    store_folder: Path,
) -> int:
    """Say what is likely to become of each of FILES in every version, and by which rule.

    FILES may be folders with models in them. Nothing is loaded, and nothing that is in them runs.
    """
    own = matrix_or_bundled(matrix_file)
    targets = _targets(own, to)
    notes = Notes(store_folder)
    brought = names_brought(code) if code else frozenset()
    models = find_models(files)
    told: list[dict[str, object]] = []
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)  # a cell that is cut off says nothing
    worst = show_all(models.refused.values())
    told += [{"file": str(path), "error": error.message} for path, error in models.refused.items()]
    for path in models.paths:
        try:
            found = foretell(path, targets, brought, notes)
        except UsageError as error:  # the other files are looked into all the same
            worst = show(error)
            told.append({"file": str(path), "error": error.message})
            continue
        told.append({"file": str(path), "predictions": [_plain(each) for each in found]})
        if not as_json:
            _show(console, path, found)
    if as_json and len(told) == 1 and not worst:
        click.echo(json.dumps({"predictions": told[0]["predictions"]}, indent=2))
    elif as_json and len(told) > 1:
        click.echo(json.dumps({"files": told}, indent=2))
    return worst


def _targets(own: Path, names: tuple[str, ...]) -> tuple[Target, ...]:
    """Return the environments that are asked about.

    Raises:
        UsageError: there is no such environment, or it has no lock.
    """
    project, matrix = Project(own), load_matrix(own)
    wanted = matrix.ungrouped(names or ((EVERYTHING,) if EVERYTHING in matrix.groups else ()))
    return tuple(
        target_of(environment, read_lock(project.locks_with(environment.name), environment))
        for environment in matrix.select(environments=wanted or matrix.environments).environments
    )


def _plain(prediction: Prediction) -> dict[str, object]:
    return prediction.model_dump(include=FIELDS)


def _show(console: Console, path: Path, found: Sequence[Prediction]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("in", "likely", "cause", "what helps", "sure", "rule"):
        table.add_column(heading, no_wrap=True)
    for names, each in _runs(found):
        table.add_row(
            names,
            Text(each.status, style=STYLES.get(each.status, "dim")),
            each.cause or "",
            each.remedy or "",
            f"{each.confidence:.0%}",
            each.rule,
        )
    console.print(Text(visible(str(path)), style="bold"), soft_wrap=True)
    console.print(table)
    for because, rules in _reasons(found).items():
        console.print(Text(visible(f"{', '.join(rules)}: {because}"), style="dim"), soft_wrap=True)


def _runs(found: Sequence[Prediction]) -> Iterator[tuple[str, Prediction]]:
    """Yield what holds of environments that follow each other, once, with their names."""
    for _, group in groupby(found, lambda each: each.model_dump(exclude={"environment"})):
        same = list(group)
        first, last = same[0].environment, same[-1].environment
        yield (first if first == last else f"{first} … {last}"), same[0]


def _reasons(found: Sequence[Prediction]) -> dict[str, list[str]]:
    """Return what is to be said of the rules, each once."""
    reasons: dict[str, list[str]] = {}
    for each in found:
        rules = reasons.setdefault(each.because, [])
        if each.rule not in rules:
            rules.append(each.rule)
    return reasons
