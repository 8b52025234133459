"""``kerasmatrix run``: measure the selected part of the matrix and write the reports."""

from __future__ import annotations

import dataclasses
import datetime
import itertools
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

import click

from kerasmatrix.analysis.compare import Comparison, compare
from kerasmatrix.analysis.expectations import expect
from kerasmatrix.analysis.gate import findings
from kerasmatrix.cli.build_plan import plan_of, select
from kerasmatrix.cli.options import (
    JOBS,
    budget_option,
    cluster_options,
    group_option,
    matrix_option,
    names_option,
    output_option,
    remedies_options,
    retries_options,
    shard_option,
)
from kerasmatrix.cli.stored_runs import read_run
from kerasmatrix.cli.terminal import TerminalProgress, print_agenda, print_results, say_again
from kerasmatrix.config.matrix import Matrix, load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.select import DASK, ENGINES, Cluster, open_engine
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.flaky import is_settled, suspects, with_retries
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.predictions import with_predictions
from kerasmatrix.execution.priority import rank_cells
from kerasmatrix.execution.result_cache import keep, recall
from kerasmatrix.execution.runner import Budget, Run
from kerasmatrix.execution.shards import Shard, take_shard
from kerasmatrix.execution.work_queue import Again
from kerasmatrix.report.write import check_folder, publish
from kerasmatrix.results.observations import Status
from kerasmatrix.results.redacted import redacted
from kerasmatrix.results.schema import Results, RunInfo
from kerasmatrix.store.runs import Archive
from kerasmatrix.store.store import Store
from kerasmatrix.text.redaction import command_line

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
    type=click.Choice([*ENGINES, DASK]),
    default="auto",
    show_default=True,
    help="What opens environments.",
)
@cluster_options
@click.option(
    "--jobs",
    type=JOBS,
    help="Environments at work at a time.  [default: the cores, at most 8; what a cluster takes]",
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
@retries_options(default=2)
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
    scheduler: str | None,
    artifacts: str | None,
    inner: Literal["auto", "docker", "local"],
    jobs: int | None,
    output: Path,
    store_folder: Path,
    remedies: Literal["first", "all", "none"],
    shard: Shard | None,
    gate: bool,
    baseline: str | None,
    budget: int | None,
    no_infer: bool,
    isolate: bool,
    retries: int,
    accept_flaky: bool,
    fresh: bool,
    dry_run: bool,
) -> int:
    """Save with every version, load with every other, and write the table to reports/."""
    project = Project(matrix_file)
    matrix = load_matrix(matrix_file)
    selection = select(
        matrix=matrix,
        group=group,
        environments=environments,
        scenarios=scenarios,
        formats=formats,
        columns=columns,
    )
    # What is expected is enough to judge by; a baseline may come with it.
    asked = baseline or ("last" if gate and not matrix.expectations else None)
    before = read_run(asked, store_folder) if asked else None
    if not dry_run:
        check_folder(output)
    engine = open_engine(engine_name, matrix, project, Cluster(scheduler, artifacts, inner))
    try:

        def make_plan() -> Plan:
            made = plan_of(matrix, project, selection, engine, columns=columns, remedies=remedies)
            return dataclasses.replace(made, infer=not no_infer)

        plan = make_plan()
        waits: list[str] = []
        wait = _say_waiting(waits)
        with Store(store_folder, wait=wait, warn=_warn) as store:
            if waits:
                # Scenarios and locks may have been edited while another run held the store.
                plan = make_plan()
            if shard:
                own = take_shard(plan, shard, Archive(store.folder).recent())
                plan = dataclasses.replace(plan, shard=own)
            started = datetime.datetime.now(datetime.UTC)
            run_id = f"{started:%Y%m%dT%H%M%S.%f}-{os.getpid()}"
            # What is listed, measured anew, or done again has to be looked at cell by cell.
            same = None if dry_run or fresh or gate else recall(plan, store)
            if same:
                isolated = same.results.run.isolated
                info = _info(run_id, started, engine, known=same.known, isolated=isolated)
                found = same.results.model_copy(update={"run": info})
                results = _finished(found, matrix, (store.folder, project.root))
                _report(results, compare(before, results) if before else None, store, output)
                return 0
            progress = TerminalProgress()
            measurement = Run(
                plan,
                engine,
                store,
                id=run_id,
                jobs=jobs or engine.slots or min(8, os.cpu_count() or 2),
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
                project=project,
                progress=progress,
                store=store,
                engine=engine,
                started=started,
                output=output,
                baseline=before,
                gate=gate,
                retries=retries,
                accept_flaky=accept_flaky,
            )
    finally:
        engine.close()


def _budget(seconds: int | None, plan: Plan, store: Store) -> Budget | None:
    """Return how long to go on, and what to begin with by what the latest runs found."""
    if seconds is None:
        return None
    earlier = itertools.islice(Archive(store.folder).recent(), LOOK_BACK)
    return Budget(seconds, rank_cells(plan, earlier))


def _measure(  # noqa: PLR0913 - what a measurement takes
    measurement: Run,
    matrix: Matrix,
    *,
    project: Project,
    progress: TerminalProgress,
    store: Store,
    engine: Engine,
    started: datetime.datetime,
    output: Path,
    baseline: Results | None,
    gate: bool,
    retries: int,
    accept_flaky: bool,
) -> int:
    """Execute, and report whatever is known then, also when it was cut off."""

    def found() -> Results:
        info = _info(
            measurement.id,
            started,
            engine,
            known=measurement.known,
            # How earlier runs measured what is known is not stored.
            isolated=measurement.isolate and measurement.known == 0,
            measured=measurement.measured + (again.measured if again else 0),
            retries=measurement.retries + (again.retries if again else 0),
            complete=trouble is None and measurement.complete,
        )
        plan, observed, causes = measurement.plan, measurement.observed, measurement.causes
        told = with_retries(tabulate(plan, observed, info, causes), plan, observed, causes)
        return with_predictions(told, plan, store.folder, needed=trouble is None)

    folders = (store.folder, project.root)
    again: Run | None = None
    trouble: BaseException | None = None
    if measurement.pending:
        store.begin_run(measurement.id, started, engine.name, _command())
        trouble = _execute(measurement, progress)
    else:
        measurement.complete = True
    seen = found()
    results = _finished(seen, matrix, folders)
    comparison = compare(baseline, results) if baseline else None
    wanted: list[Again] = []
    if gate and retries and trouble is None:
        wanted = _doubtful(measurement, results, baseline, comparison, retries)
    if wanted:
        again = measurement.again(wanted)
        if not measurement.measured:
            store.begin_run(measurement.id, started, engine.name, _command())
        say_again(wanted)
        trouble = _execute(again, progress)
        seen = found()
        results = _finished(seen, matrix, folders)
    whole = results
    results = _report(whole, comparison, store, output)
    if trouble:
        raise trouble
    if results.run.measured:
        store.end_run(measurement.id, results.run.finished)
    if results is whole:
        keep(again or measurement, store, seen)
    if gate:
        from kerasmatrix.cli.gate import decide  # noqa: PLC0415 - it imports pandas

        return decide(results, comparison, accept_flaky=accept_flaky)
    infra = any(cell.status is Status.INFRA for cell in results.cells)
    # It may also be a remedy or a bridge that could not be tried: the cell is a failure still.
    observed = measurement.observed
    return INFRASTRUCTURE if infra or observed.faults or observed.troubles else 0


def _doubtful(
    measurement: Run,
    results: Results,
    baseline: Results | None,
    comparison: Comparison | None,
    retries: int,
) -> list[Again]:
    """Return what to do again before the gate is failed for it."""
    plan, observed, causes = measurement.plan, measurement.observed, measurement.causes
    wanted = suspects(results, baseline, findings(results, comparison), retries)
    return [job for job in wanted if not is_settled(plan, observed, causes, job)]


def _info(  # noqa: PLR0913 - what is said of a run
    id: str,  # noqa: A002 - it is the run's id
    started: datetime.datetime,
    engine: Engine,
    *,
    known: int,
    isolated: bool,
    measured: int = 0,
    retries: int = 0,
    complete: bool = True,
) -> RunInfo:
    return RunInfo(
        id=id,
        started=started,
        finished=datetime.datetime.now(datetime.UTC),
        engine=engine.name,
        command=_command(),
        complete=complete,
        measured=measured,
        known=known,
        isolated=isolated,
        retries=retries,
    )


def _command() -> str:
    return command_line(["kerasmatrix", *sys.argv[1:]])


def _finished(results: Results, matrix: Matrix, folders: Iterable[Path]) -> Results:
    """Return ``results`` with what the matrix expects of them, as they may be handed on."""
    if matrix.expectations:
        results = expect(results, matrix.expectations, matrix.names)
    return redacted(results, folders)


def _report(results: Results, comparison: Comparison | None, store: Store, output: Path) -> Results:
    """Write and archive the reports, say in short what is in them, and return what that is."""
    past = Archive(store.folder)
    written = publish(results, output, comparison, lambda: past.before(results.run.id))
    print_results(written.results, written.page)
    if results.run.measured:
        past.keep(written.results)
    return written.results


def _execute(part: Run, progress: TerminalProgress) -> BaseException | None:
    """Execute with progress shown; return what cut it off, if something did."""
    try:
        progress.begins(part)
        part.execute()
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - raised once it is reported
        return error
    finally:
        progress.ends()
    return None


def _say_waiting(waits: list[str]) -> Callable[[str], None]:
    """Return what says that the store is waited for, and adds that to ``waits``."""

    def say(message: str) -> None:
        waits.append(message)
        click.echo(f"Waiting: {message}.", err=True)

    return say


def _warn(message: str) -> None:
    click.echo(f"{message}.", err=True)
