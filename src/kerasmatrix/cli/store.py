"""``kerasmatrix store``: check the store, and remove entries that nothing refers to any more."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.options import matrix_option, store_folder_option
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.config.scenario import load_scenario
from kerasmatrix.environments.identity import image_recipe, read_dockerfile
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.venvs import RECIPE
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.plan import environment_digest
from kerasmatrix.filesystem.digests import harness_digest, remedies_digest
from kerasmatrix.store.maintenance import Needed, damages, find_rubbish, remove
from kerasmatrix.store.origins import scenario_of, short
from kerasmatrix.store.runs import Archive
from kerasmatrix.store.store import DATABASE, Store

__all__ = ["store"]

MEGABYTE = 1e6


@click.group(epilog=example("kerasmatrix store check", "kerasmatrix store prune --dry-run"))
def store() -> None:
    """Check the stored measurements and model files, or delete old ones."""


@store.command(
    short_help="Verify the digests of all stored data.",
    epilog=example("kerasmatrix store check"),
)
@matrix_option
@store_folder_option
def check(*, matrix_file: Path, store_folder: Path | None) -> int:
    """Verify the digests of all stored data. Exit code 1 if something is damaged."""
    messages: list[str] = []
    with _open(store_folder or Project(matrix_file).store, messages, check_pages=True) as opened:
        messages += damages(opened)
        measurements = len(opened.observations.rows("observations"))
        artifacts = sum(1 for _ in opened.artifacts.iterdir())
        runs = len(Archive(opened.folder).runs())
    for line in messages:
        click.echo(line)
    what = f"{measurements} measurements, {artifacts} artifacts, {runs} runs"
    if messages:
        click.echo(
            f"{what}: {len(messages)} damaged. Damaged measurements are repeated when needed."
        )
        return 1
    click.echo(f"{what}: all are as they were written.")
    return 0


@store.command(
    short_help="Delete old measurements and model files.",
    epilog=example("kerasmatrix store prune --keep-runs 10 --dry-run"),
)
@matrix_option
@store_folder_option
@click.option("--files", is_flag=True, help="Delete measurements of checked files too.")
@click.option(
    "--keep-runs",
    type=click.IntRange(min=0),
    metavar="N",
    help="Keep the results of the latest N runs only.  [default: all]",
)
@click.option("--dry-run", is_flag=True, help="List what would be deleted; delete nothing.")
def prune(
    *,
    matrix_file: Path,
    store_folder: Path | None,
    files: bool,
    keep_runs: int | None,
    dry_run: bool,
) -> int:
    """Delete measurements and model files of old locks, scenarios and releases of kerasmatrix.

    Measurements of checked files and the results of runs stay. Measurements that bisect made in
    environments of its own are deleted.
    """
    needed = _needed(matrix_file, files=files)
    messages: list[str] = []
    with _open(store_folder or Project(matrix_file).store, messages) as opened:
        rubbish = find_rubbish(opened, needed, keep_runs)
        before = opened.size
        if not dry_run:
            remove(opened, rubbish)
        freed = rubbish.bytes if dry_run else max(0, before - opened.size)
    for line in messages:
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


def _open(folder: Path, messages: list[str], *, check_pages: bool = False) -> Store:
    """Open a store that is there; ``messages`` gets its warnings.

    Raises:
        UsageError: there is no store.
    """
    if not (folder / DATABASE).is_file():
        raise UsageError(
            f"{folder}: is not a store: it has no {DATABASE}", hint="name the folder with --store"
        )
    return Store(folder, warn=messages.append, check_pages=check_pages)


def _needed(matrix_file: Path, *, files: bool) -> Needed:
    """Return the origins that a run of the matrix can look up, whatever it selects.

    Raises:
        UsageError: a lock or a scenario cannot be read: its entries must not be removed.
    """
    matrix, project = load_matrix(matrix_file), Project(matrix_file)
    environments = (*matrix.environments.values(), *matrix.exporting)
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
        harness=short(harness_digest()),
        repair=short(remedies_digest()),
        checked_files=not files,
    )
