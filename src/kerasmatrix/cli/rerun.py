"""Repeats jobs of a stored run, in the same environments and with the same options."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kerasmatrix.cli.build_plan import plan_of, select
from kerasmatrix.cli.terminal import say_retries
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.memory import default_jobs
from kerasmatrix.engines.select import open_engine
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.flaky import is_confirmed, with_retries
from kerasmatrix.execution.jobs import RetryJob
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.runner import ExecutionOptions, Run
from kerasmatrix.report.progress import TerminalProgress
from kerasmatrix.results.cells import Cell
from kerasmatrix.results.schema import Results
from kerasmatrix.store.store import Store

__all__ = ["repeat_jobs"]


def repeat_jobs(
    results: Results, wanted: Sequence[RetryJob], matrix_file: Path, store_folder: Path
) -> Results:
    """Return ``results`` with the retries of some of its jobs.

    Args:
        results: of a run that the store knows.
        wanted: the jobs to repeat.
        matrix_file: the matrix that was measured.
        store_folder: the store in which the saved files are.

    Raises:
        UsageError: the matrix has changed since the run, or the run is not in the store.
    """
    project, matrix = Project(matrix_file), load_matrix(matrix_file)
    selection = select(
        matrix=matrix,
        group="default",
        environments=tuple(env.name for env in results.environments),
        scenarios=tuple(scenario.name for scenario in results.scenarios),
        formats=results.formats,
        columns=(),
    )
    engine = open_engine(results.run.engine, matrix, project)
    progress = TerminalProgress()
    try:
        plan = plan_of(matrix, project, selection, engine)
        _check_locks(results, plan)
        with Store(store_folder) as store:
            options = ExecutionOptions(jobs=default_jobs())
            run = Run(plan, engine, store, id=results.run.id, options=options, listener=progress)
            for job in wanted:
                _check_known(job, run, store_folder)
            left = [job for job in wanted if not is_confirmed(run.state, job)]
            if left:
                say_retries(left)
                repetition = run.again(left)
                try:
                    progress.begins(repetition)
                    repetition.execute()
                finally:
                    progress.ends()
            return with_retries(results, run.state)
    finally:
        engine.close()


def _check_locks(results: Results, plan: Plan) -> None:
    for env in results.environments:
        if plan.locks[env.name].digest != env.lock:
            raise UsageError(
                f"{env.name} has another lock than in run {results.run.id}",
                hint="measure it again: `kerasmatrix run`",
            )


def _check_known(job: RetryJob, run: Run, store: Path) -> None:
    subject = job.subject
    is_known = subject in (run.state.loads if isinstance(subject, Cell) else run.state.saves)
    if not is_known:
        raise UsageError(
            f"{store}: does not know {' / '.join(subject)}, which is to be measured again",
            hint="name the store of that run with --store, or gate it without --retries",
        )
