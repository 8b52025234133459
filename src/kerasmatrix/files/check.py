"""Loads model files with every version: finds the reference of each, then compares.

The same workers do both: see `kerasmatrix.files.reference` for the search. Then every environment
loads the files, its outputs are compared with the reference, and fixes are tried on failing loads.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

from kerasmatrix.config.matrix import Environment
from kerasmatrix.execution.evaluate import tabulate
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.predictions import with_predictions
from kerasmatrix.execution.run_state import RunState
from kerasmatrix.execution.runner import Run
from kerasmatrix.files.model_input import CHANGED, ModelInput, writer_of
from kerasmatrix.files.reference import ReferenceSearch
from kerasmatrix.files.reference_candidates import SEARCH, ReferencePolicy
from kerasmatrix.files.session import Session
from kerasmatrix.results.redacted import redacted
from kerasmatrix.results.schema import Results, RunInfo

__all__ = ["CheckResult", "check"]


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """The results of a check, with the plan and the observations behind them.

    Attributes:
        interruption: the exception that ended the check early, if one did. The results are those
            known by then.
    """

    results: Results
    state: RunState
    interruption: BaseException | None = None

    @property
    def plan(self) -> Plan:
        """The plan of the results: the comparison of each file with its reference."""
        return self.state.plan


def check(
    session: Session,
    model_inputs: Sequence[ModelInput],
    environments: Sequence[Environment],
    *,
    policy: ReferencePolicy = SEARCH,
    command: str = "check",
) -> CheckResult:
    """Load files in ``environments``, compare their outputs, and try fixes on failing loads.

    Args:
        session: where and how files are loaded.
        model_inputs: the files.
        environments: the versions; the reference of a file is added if it is not among them.
        policy: which environments may be references; by default the nearest to a file's writer.
        command: the command to record in the results.

    Raises:
        UsageError: there is no such reference.
    """
    search = ReferenceSearch(session, model_inputs, environments, policy)
    started = datetime.datetime.now(datetime.UTC)
    run = session.new_run(search.first, "check", fresh=session.options.fresh, sequel=search)
    interruption: BaseException | None = None
    try:
        session.execute(run)
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the caller raises it
        interruption = error
    state = run.state
    if not search.is_over:
        # The search was interrupted. The table is that of the comparison, with stored results.
        state = search.cut_off(state)
    info = _run_info(session, run, started, command, is_complete=interruption is None)
    results = tabulate(state, info)
    folder = session.store.folder
    results = with_predictions(results, state.plan, folder, needed=interruption is None)
    results = _with_notes(results, model_inputs, search)
    results = redacted(results, (folder, session.project.root))
    return CheckResult(results, state, interruption)


def _run_info(
    session: Session, run: Run, started: datetime.datetime, command: str, *, is_complete: bool
) -> RunInfo:
    return RunInfo(
        id=run.id,
        started=started,
        finished=datetime.datetime.now(datetime.UTC),
        engine=session.engine.name,
        command=command,
        complete=is_complete,
        measured=run.measured,
        known=run.known,
        retries=run.retries,
    )


def _with_notes(
    results: Results, model_inputs: Sequence[ModelInput], search: ReferenceSearch
) -> Results:
    """Add notes about the files' references, and about files that have changed."""
    notes: dict[str, str] = {}
    writers = {each.scenario.name: writer_of(each.model_file) for each in model_inputs}
    for model_input in model_inputs:
        changed = CHANGED if model_input.has_changed else ""
        notes[model_input.scenario.name] = " ".join(
            filter(None, (search.note(model_input), changed))
        )
    scenarios = tuple(
        scenario.model_copy(
            update={
                "shows": f"{scenario.shows} {notes[scenario.name]}".strip(),
                "written_by": writers[scenario.name],
            }
        )
        for scenario in results.scenarios
    )
    environments = tuple(
        environment.model_copy(update={"added": environment.name in search.added})
        for environment in results.environments
    )
    return results.model_copy(update={"scenarios": scenarios, "environments": environments})
