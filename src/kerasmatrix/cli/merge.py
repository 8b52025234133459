"""``kerasmatrix merge``: one report from the results of a run's shards."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kerasmatrix.analysis.expectations import expect
from kerasmatrix.analysis.merge import merge as merge_results
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import INCONCLUSIVE
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import matrix_option, output_option
from kerasmatrix.cli.terminal import print_results
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.report.write import check_folder, publish
from kerasmatrix.results.cells import Status
from kerasmatrix.store.runs import Archive, find_results
from kerasmatrix.store.store import Store
from kerasmatrix.text.redaction import command_line

__all__ = ["merge"]


@click.command(
    epilog=example(
        "kerasmatrix run --shard 1/2 --store a --output a",
        "kerasmatrix run --shard 2/2 --store b --output b",
        "kerasmatrix merge a/results.json b/results.json --absorb a --absorb b",
    )
)
@click.argument("results", nargs=-1, required=True, metavar="RESULTS...")
@matrix_option
@output_option
@click.option(
    "--absorb",
    "stores",
    multiple=True,
    type=NamedPath(path_type=Path, file_okay=False),
    help="Store of a shard: add its measurements to the store.",
)
def merge(
    results: tuple[str, ...],
    matrix_file: Path,
    output: Path,
    store_folder: Path,
    stores: tuple[Path, ...],
) -> int:
    """Merge the shards of a run, each a results.json, and write the reports."""
    project = Project(matrix_file)
    archive = Archive(store_folder)
    parts = {name: find_results(name, archive) for name in results}
    first = next(iter(parts.values()))
    scenarios = [load_scenario(project.scenario(result.name)) for result in first.scenarios]
    command = command_line(["kerasmatrix", *sys.argv[1:]])
    merged = merge_results(parts, scenarios, command)
    matrix = load_matrix(matrix_file)
    merged = expect(merged, matrix.expectations, matrix.names)
    # Before the stores are absorbed, which takes the most time.
    check_folder(output)
    if stores:
        with Store(store_folder) as store:
            for other in stores:
                store.absorb(other)
    run = merged.run.id
    merged, page = publish(merged, output, past=lambda: archive.before(run))
    print_results(merged, page)
    archive.keep(merged)
    infra = any(cell.status is Status.INFRA for cell in merged.cells)
    return INCONCLUSIVE if infra else 0
