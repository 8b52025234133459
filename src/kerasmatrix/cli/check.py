"""``kerasmatrix check``: which versions load a model file, and what helps where one does not."""

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
from kerasmatrix.cli.session import measuring_or_cluster_options, set_up
from kerasmatrix.cli.terminal import print_results
from kerasmatrix.engines.select import Cluster
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.check import CHANGED, taken_in
from kerasmatrix.files.check import check as check_files
from kerasmatrix.files.model_input import Companions, find_models
from kerasmatrix.report.write import check_folder, publish
from kerasmatrix.results.observations import Status
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
    """Load each of FILES with every version; FILES may be folders with models in them.

    Writes DIR/check/index.html, a matrix whose rows are the files.
    """
    output /= "check"
    check_folder(output)
    found = find_models(files)
    show_all(found.refused.values())
    if not found.paths:
        return USAGE
    with (
        set_up(
            matrix_file, engine_name, store_folder, jobs=jobs, trust=trust, fresh=fresh,
            remedies=remedies, cluster=Cluster(scheduler, artifacts, inner),
        ) as setup,
        taken_in(found.paths, setup.store, Companions(code, inputs)) as (given, refused),
    ):  # fmt: skip
        show_all(refused)
        if not given:
            return USAGE
        selection = setup.select(environments or ("default",))
        command = command_line(["kerasmatrix", *sys.argv[1:]])
        checked = check_files(
            setup, given, selection.environments, reference=reference, command=command
        )
    results, page = publish(checked.results, output)
    print_results(results, page)
    for told in results.scenarios:
        if told.shows.endswith(CHANGED):
            say(f"kerasmatrix: {told.file}: {CHANGED}", err=True)
    if checked.trouble:
        raise checked.trouble
    if found.refused or refused:
        return USAGE
    infra = any(cell.status is Status.INFRA for cell in results.asked_for)
    return INFRASTRUCTURE if infra else 0
