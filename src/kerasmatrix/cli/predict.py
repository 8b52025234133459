"""``kerasmatrix predict``: the predicted result of loading a file in each version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kerasmatrix.cli.error_output import show, show_all
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import any_matrix_option, names_option, store_folder_option
from kerasmatrix.cli.output import print_json
from kerasmatrix.cli.remote import with_downloads
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.errors import UsageError
from kerasmatrix.files.discover import find_models
from kerasmatrix.prediction.cache import PredictionCache
from kerasmatrix.prediction.custom_objects import custom_object_names
from kerasmatrix.prediction.predict import predict_file
from kerasmatrix.prediction.prediction import Prediction, equal_runs
from kerasmatrix.prediction.select_targets import select_targets
from kerasmatrix.text.escape import escape_control_characters

__all__ = ["predict"]

# The fields of the JSON output; the reason is for people.
FIELDS = ("environment", "status", "cause", "remedy", "rule", "confidence")
WIDTH = 120
STYLES = {"pass": "green", "degraded": "yellow", "drift": "yellow", "fail": "red"}


@click.command(epilog=example("kerasmatrix predict models/"))
@click.argument("files", nargs=-1, required=True, type=NamedPath(path_type=Path, any_length=True))
@names_option("--to", "environments, or groups of them")
@click.option(
    "--custom-objects",
    "code",
    type=NamedPath(path_type=Path),
    help="The module with the models' own classes and functions. It is read, not run.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@any_matrix_option
@store_folder_option
@with_downloads("files")
def predict(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[Path, ...],
    to: tuple[str, ...],
    code: Path | None,
    as_json: bool,
    matrix_file: Path,
    store_folder: Path,
) -> int:
    """Predict, without loading anything, whether each of FILES will load in each version.

    FILES can be files, folders or addresses (hf://, models:/, s3://). Nothing in them is run.
    """
    targets = select_targets(load_matrix(matrix_file), Project(matrix_file), to)
    cache = PredictionCache(store_folder)
    custom_names = custom_object_names(code) if code else frozenset()
    models = find_models(files)
    answers: list[dict[str, object]] = []
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)  # a truncated cell is useless
    exit_code = show_all(models.refused.values())
    answers += [
        {"file": str(path), "error": error.message} for path, error in models.refused.items()
    ]
    for path in models.paths:
        try:
            predictions = predict_file(path, targets, custom_names, cache)
        except UsageError as error:  # the other files are predicted nevertheless
            exit_code = show(error)
            answers.append({"file": str(path), "error": error.message})
            continue
        fields = [
            {name: getattr(prediction, name) for name in FIELDS} for prediction in predictions
        ]
        answers.append({"file": str(path), "predictions": fields})
        if not as_json:
            _show(console, path, predictions)
    if as_json and len(answers) == 1 and not exit_code:
        print_json({"predictions": answers[0]["predictions"]}, indent=2)
    elif as_json and len(answers) > 1:
        print_json({"files": answers}, indent=2)
    return exit_code


def _show(console: Console, path: Path, predictions: Sequence[Prediction]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("version", "prediction", "cause", "fix", "confidence", "rule"):
        table.add_column(heading, no_wrap=True)
    for names, prediction in equal_runs(predictions):
        table.add_row(
            names,
            Text(prediction.status, style=STYLES.get(prediction.status, "dim")),
            prediction.cause or "",
            prediction.remedy or "",
            f"{prediction.confidence:.0%}",
            prediction.rule,
        )
    console.print(Text(escape_control_characters(str(path)), style="bold"), soft_wrap=True)
    console.print(table)
    for because, rules in _reasons(predictions).items():
        console.print(
            Text(escape_control_characters(f"{', '.join(rules)}: {because}"), style="dim"),
            soft_wrap=True,
        )


def _reasons(predictions: Sequence[Prediction]) -> dict[str, list[str]]:
    """Return the rules by their reasons."""
    reasons: dict[str, list[str]] = {}
    for prediction in predictions:
        rules = reasons.setdefault(prediction.because, [])
        if prediction.rule not in rules:
            rules.append(prediction.rule)
    return reasons
