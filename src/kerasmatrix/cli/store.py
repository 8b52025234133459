"""``kerasmatrix store``: check what is stored, and remove what nothing refers to any more."""

from __future__ import annotations

from pathlib import Path

import click

import kerasmatrix.harness.remedies
from kerasmatrix.cli.options import matrix_option, store_folder_option
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.environments.identity import image_recipe, read_dockerfile
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.venvs import RECIPE
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.plan import environment_digest
from kerasmatrix.filesystem.digests import digest_folder
from kerasmatrix.store.maintenance import Needed, damages, find_rubbish, remove
from kerasmatrix.store.origins import scenario_of, short
from kerasmatrix.store.runs import Archive
from kerasmatrix.store.store import DATABASE, Store

__all__ = ["store"]

MEGABYTE = 1e6


@click.group()
def store() -> None:
    """Check what is stored, and remove what nothing refers to any more."""


@store.command()
@matrix_option
@store_folder_option
def check(*, matrix_file: Path, store_folder: Path | None) -> int:
    """Compare all that is stored with its digests. Exit code 1 if something is damaged."""
    said: list[str] = []
    with _open(store_folder or Project(matrix_file).store, said, closely=True) as opened:
        said += damages(opened)
        measurements = len(opened.rows("observations"))
        artifacts = sum(1 for _ in opened.artifacts.iterdir())
        runs = len(Archive(opened.folder).runs())
    for line in said:
        click.echo(line)
    what = f"{measurements} measurements, {artifacts} artifacts, {runs} runs"
    if said:
        click.echo(f"{what}: {len(said)} damaged. Damaged measurements are made again when needed.")
        return 1
    click.echo(f"{what}: all are as they were written.")
    return 0


@store.command()
@matrix_option
@store_folder_option
@click.option("--files", is_flag=True, help="Also what was measured of files that were checked.")
@click.option(
    "--keep-runs",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep the results of the latest N runs only.  [default: of all runs]",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def prune(
    *,
    matrix_file: Path,
    store_folder: Path | None,
    files: bool,
    keep_runs: int | None,
    dry_run: bool,
) -> int:
    """Remove measurements and artifacts that no lock, scenario or code refers to any more.

    Measurements of checked files stay, unless --files is given, and so do the results of runs.
    Measurements that bisect made in environments of its own are removed.
    """
    needed = _needed(matrix_file, files=files)
    said: list[str] = []
    with _open(store_folder or Project(matrix_file).store, said) as opened:
        rubbish = find_rubbish(opened, needed, keep_runs)
        before = opened.size
        if not dry_run:
            remove(opened, rubbish)
        freed = rubbish.bytes if dry_run else max(0, before - opened.size)
    for line in said:
        click.echo(line)
    for reason, count in sorted(rubbish.reasons.items()):
        click.echo(f"{count} measurements {reason}")
    for count, what in (
        (len(rubbish.artifacts), "artifacts that no measurement names"),
        (len(rubbish.runs), "results of earlier runs"),
        (len(rubbish.files), "files of databases that were damaged"),
    ):
        if count:
            click.echo(f"{count} {what}")
    click.echo(f"{freed / MEGABYTE:.1f} MB {'would be ' if dry_run else ''}freed.")
    return 0


def _open(folder: Path, said: list[str], *, closely: bool = False) -> Store:
    """Open a store that is there; ``said`` gets what is found out on the way.

    Raises:
        UsageError: there is none.
    """
    if not (folder / DATABASE).is_file():
        raise UsageError(
            f"{folder}: is not a store: it has no {DATABASE}", hint="name the folder with --store"
        )
    return Store(folder, warn=said.append, closely=closely)


def _needed(matrix_file: Path, *, files: bool) -> Needed:
    """Return what a run of the matrix can ask for, whatever it selects.

    Raises:
        UsageError: a lock or a scenario cannot be read: what it is about must not be removed.
    """
    matrix, project = load_matrix(matrix_file), Project(matrix_file)
    environments = matrix.environments.values()
    locks = {env.name: read_lock(project.locks_with(env.name), env) for env in environments}
    recipes = {
        "local": RECIPE,
        "docker": image_recipe(matrix.base_image, read_dockerfile(project.build_root)),
    }
    return Needed(
        environments=frozenset(
            (engine, short(environment_digest(env, locks[env.name], recipe)))
            for env in environments
            for engine, recipe in recipes.items()
        ),
        scenarios=frozenset(
            scenario_of(name, load_scenario(project.scenario(name)).digest)
            for name in matrix.scenarios
        ),
        harness=short(digest_folder(Path(kerasmatrix.harness.__file__).parent)),
        repair=short(digest_folder(Path(kerasmatrix.harness.remedies.__file__).parent)),
        checked_files=not files,
    )
