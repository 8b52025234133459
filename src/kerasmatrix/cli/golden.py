"""``kerasmatrix golden``: writes small files of every release, with a plain test."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import matrix_option, store_folder_option
from kerasmatrix.cli.output import say
from kerasmatrix.cli.stored_runs import read_run
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.errors import UsageError
from kerasmatrix.files.golden import choose_golden, write_golden
from kerasmatrix.filesystem.named_files import read_text
from kerasmatrix.report.file_verdict import find_environment

__all__ = ["golden"]

MEGABYTE = 1_000_000


@click.command(epilog=example("kerasmatrix golden --output golden/"))
@click.option(
    "--output",
    "folder",
    required=True,
    type=NamedPath(path_type=Path, file_okay=False),
    metavar="DIR",
    help="A new folder for the files and their test.",
)
@click.option("--run", default="last", show_default=True, help="A results.json, or a run's id.")
@click.option(
    "--loaded-with",
    metavar="NAME",
    help="The version whose results are expected.  [default: the newest of the run]",
)
@click.option(
    "--most-mb",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="The largest size of all files; the smallest files come first.",
)
@matrix_option
@store_folder_option
def golden(  # noqa: PLR0913 - one argument per option
    *,
    folder: Path,
    run: str,
    loaded_with: str | None,
    most_mb: int,
    matrix_file: Path,
    store_folder: Path,
) -> int:
    """Write small model files of a run, which Keras could keep as golden files.

    They are by every release of the run, of the test models that need no class of their own, with
    their inputs and outputs. test_golden.py loads them with `keras`; it needs NumPy and pytest, and
    nothing of kerasmatrix. A file that does not load today is an expected failure, with its cause.
    """
    results = read_run(run, store_folder)
    matrix, project = load_matrix(matrix_file), Project(matrix_file)
    newest = (
        find_environment(results, loaded_with) if loaded_with else results.environments[-1].name
    )
    scripts = {
        name: read_text(project.scenario(name) / "load.py")
        for name in {cell.scenario for cell in results.cells} & set(matrix.scenarios)
    }
    files, left_out = choose_golden(
        results, newest, scripts, store_folder / "artifacts", most_mb * MEGABYTE
    )
    if not files:
        raise UsageError(
            f"run {results.run.id} has no stored files of plain models that {newest} loaded",
            hint="run `kerasmatrix run` first, with the same --store",
        )
    write_golden(files, folder, matrix.tolerance)
    size = sum(each.size for each in files) / MEGABYTE
    loads = sum(each.known is None for each in files)
    say(
        f"{len(files)} files by {len({each.cell.saved_with for each in files})} versions, "
        f"{size:.1f} MB; {newest} loads {loads}."
        + (f" {left_out} more do not fit into {most_mb} MB." if left_out else "")
    )
    say(f"Written: {folder}; run: pytest {folder}")
    return 0
