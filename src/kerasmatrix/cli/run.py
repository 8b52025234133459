"""``kerasmatrix run``: measure the selected part of the matrix and write the reports."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import os
import shlex
import sys
from pathlib import Path
from typing import Literal

import click

import kerasmatrix.harness.repair
from kerasmatrix.archive import Archive
from kerasmatrix.cli.engines import ENGINES, open_engine
from kerasmatrix.cli.options import (
    budget_option,
    group_option,
    matrix_option,
    names_option,
    output_option,
    remedies_options,
    shard_option,
)
from kerasmatrix.cli.runs import read_run
from kerasmatrix.cli.terminal import TerminalProgress, print_agenda, print_results
from kerasmatrix.comparison import compare
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.expectations import expect
from kerasmatrix.matrix import Matrix, Selection, load_matrix
from kerasmatrix.outcome import Status
from kerasmatrix.plan import Plan, digest_folder
from kerasmatrix.prediction.hindsight import with_predictions
from kerasmatrix.priority import rank_cells
from kerasmatrix.project import Project
from kerasmatrix.report.write import check_folder, write_reports
from kerasmatrix.results import Results, RunInfo
from kerasmatrix.run import Budget, Run
from kerasmatrix.scenario import load_scenario
from kerasmatrix.shards import Shard, take_shard
from kerasmatrix.store import Store
from kerasmatrix.tabulation import tabulate

__all__ = ["run"]

INFRASTRUCTURE = 3
# What changed is told by two runs, and by a third if one of them was of another part.
LOOK_BACK = 3


@click.command()
@matrix_option
@group_option
@names_option("--environments", "environments")
@names_option("--scenarios", "scenarios")
@names_option("--formats", "formats")
@names_option("--columns", "environments as loaders")
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="What opens environments.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Environments at work at a time.  [default: the cores, at most 8]",
)
@output_option
@remedies_options
@shard_option
@click.option(
    "--gate",
    is_flag=True,
    help="Exit code 1 if a cell is worse than expected, or than in the baseline.",
)
@click.option(
    "--baseline",
    metavar="RUN",
    help="What to show changes against: a results.json, or a run's id.  [--gate: the run before]",
)
@budget_option
@click.option("--no-infer", is_flag=True, help="Load equal files too, instead of one of them.")
@click.option(
    "--isolate",
    is_flag=True,
    help="Give every task a process of its own: slower, with the same outcomes.",
)
@click.option("--fresh", is_flag=True, help="Measure again what is known.")
@click.option("--dry-run", is_flag=True, help="List what would run, what is known, in what order.")
def run(  # noqa: PLR0913 - one argument per option
    *,
    matrix_file: Path,
    group: str,
    environments: tuple[str, ...],
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
    columns: tuple[str, ...],
    engine_name: str,
    jobs: int | None,
    output: Path,
    store_folder: Path | None,
    remedies: Literal["first", "all", "none"],
    shard: Shard | None,
    gate: bool,
    baseline: str | None,
    budget: int | None,
    no_infer: bool,
    isolate: bool,
    fresh: bool,
    dry_run: bool,
) -> int:
    """Save with every version, load with every other, and write the table to reports/."""
    project = Project(matrix_file)
    matrix = load_matrix(matrix_file)
    selection = _select(
        matrix=matrix,
        group=group,
        environments=environments,
        scenarios=scenarios,
        formats=formats,
        columns=columns,
    )
    # What is expected is enough to judge by; a baseline may come with it.
    asked = baseline or ("last" if gate and not matrix.expectations else None)
    before = read_run(asked, store_folder or project.store) if asked else None
    if not dry_run:
        check_folder(output)
    engine = open_engine(engine_name, matrix, project)
    try:
        plan = dataclasses.replace(
            _plan(matrix, project, selection, engine, columns),
            remedies=remedies,
            infer=not no_infer,
        )
        with Store(store_folder or project.store, wait=_say_waiting) as store:
            if shard:
                own = take_shard(plan, shard, Archive(store.folder).recent())
                plan = dataclasses.replace(plan, shard=own)
            started = datetime.datetime.now(datetime.UTC)
            progress = TerminalProgress()
            measurement = Run(
                plan,
                engine,
                store,
                id=f"{started:%Y%m%dT%H%M%S.%f}-{os.getpid()}",
                jobs=jobs or min(8, os.cpu_count() or 2),
                listener=progress,
                fresh=fresh,
                budget=_budget(budget, plan, store),
                isolate=isolate,
            )
            if dry_run:
                print_agenda(measurement)
                return 0
            return _measure(
                measurement,
                matrix,
                progress=progress,
                store=store,
                engine=engine,
                started=started,
                output=output,
                baseline=before,
                gate=gate,
            )
    finally:
        engine.close()


def _budget(seconds: int | None, plan: Plan, store: Store) -> Budget | None:
    """Return how long to go on, and what to begin with by what the latest runs found."""
    if seconds is None:
        return None
    earlier = itertools.islice(Archive(store.folder).recent(), LOOK_BACK)
    return Budget(seconds, rank_cells(plan, earlier))


def _select(  # noqa: PLR0913 - one argument per option
    *,
    matrix: Matrix,
    group: str,
    environments: tuple[str, ...],
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
    columns: tuple[str, ...],
) -> Selection:
    """Return what the options select. A column need not be in the group: it is added to it."""
    chosen = matrix.select(
        group=group, environments=environments, scenarios=scenarios, formats=formats
    )
    if not columns:
        return chosen
    names = (*(env.name for env in chosen.environments), *columns)
    return matrix.select(group=group, environments=names, scenarios=scenarios, formats=formats)


def _plan(
    matrix: Matrix,
    project: Project,
    selection: Selection,
    engine: Engine,
    columns: tuple[str, ...],
) -> Plan:
    return Plan(
        selection=selection,
        scenarios={name: load_scenario(project.scenario(name)) for name in selection.scenarios},
        locks={
            env.name: read_lock(project.locks_with(env.name), env) for env in selection.environments
        },
        engine=engine.name,
        harness=digest_folder(Path(kerasmatrix.harness.__file__).parent),
        limits=matrix.limits,
        tolerance=matrix.tolerance,
        columns=frozenset(columns) or None,
        repair=digest_folder(Path(kerasmatrix.harness.repair.__file__).parent),
    )


def _measure(  # noqa: PLR0913 - what a measurement takes
    measurement: Run,
    matrix: Matrix,
    *,
    progress: TerminalProgress,
    store: Store,
    engine: Engine,
    started: datetime.datetime,
    output: Path,
    baseline: Results | None,
    gate: bool,
) -> int:
    """Execute, and report whatever is known then, also when it was cut off."""
    command = shlex.join(["kerasmatrix", *sys.argv[1:]])
    trouble: BaseException | None = None
    try:
        if measurement.pending:
            store.begin_run(measurement.id, started, engine.name, command)
            progress.begins(measurement)
            measurement.execute()
        else:
            measurement.complete = True
    except (KeyboardInterrupt, InfrastructureError) as error:
        trouble = error
    finally:
        progress.ends()
    finished = datetime.datetime.now(datetime.UTC)
    info = RunInfo(
        id=measurement.id,
        started=started,
        finished=finished,
        engine=engine.name,
        command=command,
        complete=measurement.complete,
        measured=measurement.measured,
        known=measurement.known,
        isolated=measurement.isolate,
    )
    results = tabulate(measurement.plan, measurement.observed, info, measurement.causes)
    results = with_predictions(results, measurement.plan, store.folder)
    if matrix.expectations:
        results = expect(results, matrix.expectations, matrix.names)
    comparison = compare(baseline, results) if baseline else None
    path = write_reports(results, output, comparison)
    print_results(results, path)
    if measurement.measured:
        Archive(store.folder).keep(results)
    if trouble:
        raise trouble
    if measurement.measured:
        store.end_run(measurement.id, finished)
    if gate:
        from kerasmatrix.cli.gate import decide  # noqa: PLC0415 - it imports pandas

        return decide(results, comparison)
    infra = any(cell.status is Status.INFRA for cell in results.cells)
    return INFRASTRUCTURE if infra else 0


def _say_waiting(message: str) -> None:
    click.echo(f"Waiting: {message}.", err=True)
