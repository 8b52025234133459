"""``kerasmatrix run``: measure the selected part of the matrix and write the reports."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from kerasmatrix.analysis.compare import Comparison, compare
from kerasmatrix.analysis.expectations import expect
from kerasmatrix.analysis.gate import findings
from kerasmatrix.cli.build_plan import plan_of, select
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import INCONCLUSIVE
from kerasmatrix.cli.options import (
    JOBS,
    group_option,
    matrix_option,
    names_option,
    output_option,
    remedies_options,
    retries_options,
    shard_option,
)
from kerasmatrix.cli.session import cluster_options
from kerasmatrix.cli.stored_runs import read_run
from kerasmatrix.cli.terminal import print_jobs, print_results, say_retries
from kerasmatrix.config.matrix import Matrix, load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.memory import default_jobs
from kerasmatrix.engines.select import DASK, ENGINES, Cluster, open_engine
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.flaky import is_confirmed, suspects, with_retries
from kerasmatrix.execution.jobs import RetryJob
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.predictions import with_predictions
from kerasmatrix.execution.runner import ExecutionOptions, Run
from kerasmatrix.execution.shards import Shard, take_shard
from kerasmatrix.report.progress import TerminalProgress
from kerasmatrix.report.write import check_folder, publish
from kerasmatrix.results.cells import Status
from kerasmatrix.results.redacted import redacted
from kerasmatrix.results.schema import Results, RunInfo
from kerasmatrix.store.runs import Archive
from kerasmatrix.store.store import Store
from kerasmatrix.text.redaction import command_line

__all__ = ["run"]


@click.command(
    epilog=example(
        "kerasmatrix run --group quick", "kerasmatrix run --environments tf2.15,tf2.21 --gate"
    )
)
@matrix_option
@group_option
@names_option("--environments", "environments")
@names_option("--scenarios", "scenarios")
@names_option("--formats", "formats")
@names_option("--columns", "loading environments")
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice([*ENGINES, DASK]),
    default="auto",
    show_default=True,
    help="Where TensorFlow runs: containers, virtual environments, or a Dask cluster.",
)
@cluster_options
@click.option(
    "--jobs",
    type=JOBS,
    help="Environments that run at the same time.  [default: the number of cores, at most 8]",
)
@output_option
@remedies_options
@shard_option
@click.option(
    "--gate",
    is_flag=True,
    help="Exit with code 1 if a result is worse than expected or than in the baseline.",
)
@click.option(
    "--baseline",
    metavar="RUN",
    help="Run to compare with: a results.json or a run's id.  [with --gate: the previous run]",
)
@click.option("--no-infer", is_flag=True, help="Load every file, even identical ones.")
@click.option(
    "--isolate",
    is_flag=True,
    help="Run every task in its own process: slower, with the same results.",
)
@retries_options(default=2)
@click.option("--fresh", is_flag=True, help="Ignore cached results.")
@click.option(
    "--dry-run", is_flag=True, help="Print the tasks and which results are cached; run nothing."
)
def run(**options: Any) -> int:  # noqa: ANN401 - each option has its type in `RunOptions`
    """Save test models with every version, and load them with every other.

    The report is reports/index.html. Results are cached, so the next run only measures changes.
    """
    return measure_matrix(RunOptions(**options))


@dataclass(frozen=True)
class RunOptions:
    """The options of ``kerasmatrix run``."""

    matrix_file: Path
    group: str
    environments: tuple[str, ...]
    scenarios: tuple[str, ...]
    formats: tuple[str, ...]
    columns: tuple[str, ...]
    engine_name: str
    cluster: Cluster
    jobs: int | None
    output: Path
    store_folder: Path
    remedies: Literal["first", "all", "none"]
    shard: Shard | None
    gate: bool
    baseline: str | None
    no_infer: bool
    isolate: bool
    retries: int
    accept_flaky: bool
    fresh: bool
    dry_run: bool


def measure_matrix(options: RunOptions) -> int:
    """Plan, run and report; return the exit code."""
    project = Project(options.matrix_file)
    matrix = load_matrix(options.matrix_file)
    selection = select(
        matrix=matrix,
        group=options.group,
        environments=options.environments,
        scenarios=options.scenarios,
        formats=options.formats,
        columns=options.columns,
    )
    # Before a run of hours: what is needed at its end must be there.
    baseline = _read_baseline(options, matrix)
    if not options.dry_run:
        check_folder(options.output)
    engine = open_engine(options.engine_name, matrix, project, options.cluster)

    def make_plan() -> Plan:
        plan = plan_of(
            matrix,
            project,
            selection,
            engine,
            columns=options.columns,
            remedies=options.remedies,
        )
        return dataclasses.replace(plan, infer=not options.no_infer)

    with contextlib.closing(engine), _open_store(options.store_folder, make_plan) as (store, plan):
        matrix_run = MatrixRun(
            options,
            _own_part(plan, options.shard, store),
            engine=engine,
            store=store,
            matrix=matrix,
            baseline=baseline,
            folders=(store.folder, project.root),
        )
        return matrix_run.list_jobs() if options.dry_run else matrix_run.execute()


def _read_baseline(options: RunOptions, matrix: Matrix) -> Results | None:
    """Return the run to compare with; the gate needs none where there are expectations."""
    reference = options.baseline
    if reference is None and options.gate and not matrix.expectations:
        reference = "last"
    return read_run(reference, options.store_folder) if reference else None


@contextlib.contextmanager
def _open_store(folder: Path, make_plan: Callable[[], Plan]) -> Iterator[tuple[Store, Plan]]:
    """Open the store, waiting for another run; yield it with the plan."""
    messages: list[str] = []

    def wait(message: str) -> None:
        messages.append(message)
        click.echo(f"Waiting: {message}.", err=True)

    def warn(message: str) -> None:
        click.echo(f"{message}.", err=True)

    # Errors in the matrix are reported before the wait.
    plan = make_plan()
    with Store(folder, wait=wait, warn=warn) as store:
        # Scenarios and locks may have been edited while another run held the store.
        yield store, make_plan() if messages else plan


def _own_part(plan: Plan, shard: Shard | None, store: Store) -> Plan:
    """Return the part of a plan that is this shard's."""
    if shard is None:
        return plan
    return dataclasses.replace(plan, shard=take_shard(plan, shard, Archive(store.folder).recent()))


class MatrixRun:
    """One ``kerasmatrix run`` with an open store and engine: run, retry, report, gate."""

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        options: RunOptions,
        plan: Plan,
        *,
        engine: Engine,
        store: Store,
        matrix: Matrix,
        baseline: Results | None,
        folders: Sequence[Path],
    ) -> None:
        """Look up what is known; ``folders`` are left out of the paths in reports."""
        self._options = options
        self._engine = engine
        self._store = store
        self._matrix = matrix
        self._baseline = baseline
        self._folders = folders
        self._started = datetime.datetime.now(datetime.UTC)
        self._progress = TerminalProgress()
        self._trouble: BaseException | None = None
        self._retry_run: Run | None = None
        self._run = Run(
            plan,
            engine,
            store,
            id=f"{self._started:%Y%m%dT%H%M%S.%f}-{os.getpid()}",
            options=ExecutionOptions(
                jobs=options.jobs or engine.slots or default_jobs(),
                fresh=options.fresh,
                isolate=options.isolate,
            ),
            listener=self._progress,
        )

    def list_jobs(self) -> int:
        """Print the jobs that are left."""
        print_jobs(self._run)
        return 0

    def execute(self) -> int:
        """Run, report whatever is known then, also after an error, and return the exit code."""
        # A run with nothing to do leaves no entry in the history.
        if self._run.pending:
            self._begin()
            self._execute(self._run)
        else:
            self._run.complete = True
        results = self._results()
        comparison = compare(self._baseline, results) if self._baseline else None
        # Compared before the retries: a cell keeps its first result, and lists them.
        if doubtful := self._doubtful_jobs(results, comparison):
            self._repeat(doubtful)
            results = self._results()
        results = self._report(results, comparison)
        # Reported first, so that an interrupted run shows what it measured.
        if self._trouble:
            raise self._trouble
        if results.run.measured:
            self._store.observations.end_run(self._run.id, results.run.finished)
        return self._exit_code(results, comparison)

    def _begin(self) -> None:
        self._store.observations.begin_run(
            self._run.id, self._started, self._engine.name, _command()
        )

    def _execute(self, run: Run) -> None:
        """Execute with progress shown; an error is raised once there is a report."""
        try:
            self._progress.begins(run)
            run.execute()
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - raised by the caller
            self._trouble = error
        finally:
            self._progress.ends()

    def _results(self) -> Results:
        """Return the results as far as they are known, as they may be published."""
        plan, state = self._run.plan, self._run.state
        results = with_retries(tabulate(state, self._info()), state)
        results = with_predictions(results, plan, self._store.folder, needed=not self._trouble)
        # After the predictions: a cell that spoils them has another status.
        if self._matrix.expectations:
            results = expect(results, self._matrix.expectations, self._matrix.names)
        return redacted(results, self._folders)  # last, so that no text is added behind it

    def _info(self) -> RunInfo:
        runs = [run for run in (self._run, self._retry_run) if run]
        return RunInfo(
            id=self._run.id,
            started=self._started,
            finished=datetime.datetime.now(datetime.UTC),
            engine=self._engine.name,
            command=_command(),
            complete=self._trouble is None and self._run.complete,
            measured=sum(run.measured for run in runs),
            known=self._run.known,
            # How earlier runs measured what is known is not stored.
            isolated=self._options.isolate and self._run.known == 0,
            retries=sum(run.retries for run in runs),
        )

    def _doubtful_jobs(self, results: Results, comparison: Comparison | None) -> list[RetryJob]:
        """Return the jobs to repeat before the gate fails because of them."""
        # After an error, the cells that are missing would be reported as failures of the gate.
        if not self._options.gate or not self._options.retries or self._trouble:
            return []
        jobs = suspects(
            results, self._baseline, findings(results, comparison), self._options.retries
        )
        return [job for job in jobs if not is_confirmed(self._run.state, job)]

    def _repeat(self, jobs: list[RetryJob]) -> None:
        self._retry_run = self._run.again(jobs)
        # Else the history has no entry of this run yet: all its results were known.
        if not self._run.measured:
            self._begin()
        say_retries(jobs)
        self._execute(self._retry_run)

    def _report(self, results: Results, comparison: Comparison | None) -> Results:
        """Write and archive the reports, print a summary, and return what was published."""
        archive = Archive(self._store.folder)
        written = publish(
            results, self._options.output, comparison, lambda: archive.before(results.run.id)
        )
        print_results(written.results, written.page)
        if results.run.measured:
            archive.keep(written.results)
        return written.results

    def _exit_code(self, results: Results, comparison: Comparison | None) -> int:
        if self._options.gate:
            from kerasmatrix.cli.gate import decide  # noqa: PLC0415 - it imports pandas

            return decide(results, comparison, accept_flaky=self._options.accept_flaky)
        infra = any(cell.status is Status.INFRA for cell in results.cells)
        # Where a fix or a bridge could not be tried, the cell itself is a failure.
        state = self._run.state
        return INCONCLUSIVE if infra or state.task_errors or state.environment_errors else 0


def _command() -> str:
    return command_line(["kerasmatrix", *sys.argv[1:]])
