"""``kerasmatrix check``: which versions load a model file, and the fixes for those that do not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from kerasmatrix.cli.error_output import show_all
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import (
    companions_options,
    names_option,
    output_option,
    remedies_options,
)
from kerasmatrix.cli.output import say
from kerasmatrix.cli.session import measuring_or_cluster_options, session_from_options
from kerasmatrix.cli.terminal import print_results
from kerasmatrix.engines.select import Cluster
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.check import CHANGED
from kerasmatrix.files.check import check as check_files
from kerasmatrix.files.discover import find_models
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.report.write import check_folder, publish
from kerasmatrix.results.cells import Status
from kerasmatrix.text.redaction import command_line

__all__ = ["check"]

USAGE, INFRASTRUCTURE = 2, 3


@click.command()
@click.argument("files", nargs=-1, required=True, type=NamedPath(path_type=Path, any_length=True))
@names_option("--environments", "environments, or groups of them")
@companions_options
@click.option("--reference", metavar="NAME", help="The version to compare the others with.")
@measuring_or_cluster_options
@remedies_options
@output_option
def check(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[Path, ...],
    environments: tuple[str, ...],
    code: Path | None,
    inputs: Path | None,
    reference: str | None,
    matrix_file: Path,
    engine_name: str,
    scheduler: str | None,
    artifacts: str | None,
    inner: Literal["auto", "docker", "local"],
    jobs: int | None,
    trust: bool,
    fresh: bool,
    remedies: Remedies,
    output: Path,
    store_folder: Path,
) -> int:
    """Check whether model files load in other TensorFlow versions.

    FILES can be files or folders. Writes DIR/check/index.html, a table with a row for each file.
    """
    output /= "check"
    check_folder(output)
    models = find_models(files)
    show_all(models.refused.values())
    if not models.paths:
        return USAGE
    assets = ModelAssets(code, inputs)
    with (
        session_from_options(
            matrix_file, engine_name, store_folder, jobs=jobs, trust=trust, fresh=fresh,
            remedies=remedies, cluster=Cluster(scheduler, artifacts, inner),
        ) as session,
        import_models(models.paths, session.store, assets) as (model_inputs, refused),
    ):  # fmt: skip
        show_all(refused)
        if not model_inputs:
            return USAGE
        selection = session.select(environments or ("default",))
        command = command_line(["kerasmatrix", *sys.argv[1:]])
        checked = check_files(
            session, model_inputs, selection.environments, reference=reference, command=command
        )
    results, page = publish(checked.results, output)
    print_results(results, page)
    for scenario in results.scenarios:
        if scenario.shows.endswith(CHANGED):
            say(f"kerasmatrix: {scenario.file}: {CHANGED}", err=True)
    if checked.interruption:
        raise checked.interruption
    if models.refused or refused:
        return USAGE
    infra = any(cell.status is Status.INFRA for cell in results.asked_for)
    return INFRASTRUCTURE if infra else 0
