"""Loads files with every version: finds for each what to compare with, then compares.

Two plans, one after the other in the same workers. In the first every environment loads each file
and notes what it computes; that of the environment most like the file's writer, of those that can
load it, is the reference. In the second every environment is compared with it, and repaired.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kerasmatrix.checking.given import (
    Companions,
    Given,
    by_closeness,
    look_of,
    stand_in,
    unique_name,
)
from kerasmatrix.checking.setup import Setup
from kerasmatrix.errors import InfrastructureError, UsageError, nearest
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.knowledge import look_up
from kerasmatrix.matrix import Environment
from kerasmatrix.outcome import Measured, SaveFacts, SaveObservation, Weights, judge_save
from kerasmatrix.plan import Plan, Save
from kerasmatrix.prediction.hindsight import with_predictions
from kerasmatrix.repair import Causes
from kerasmatrix.report.redacted import redacted
from kerasmatrix.results import Results, RunInfo
from kerasmatrix.run import Run
from kerasmatrix.store import Store
from kerasmatrix.tabulation import Observed, tabulate

__all__ = ["CHANGED", "Checked", "check", "taken_in", "taken_in_one"]

LONGEST_LINE = 300  # of a message that a file provoked
CHANGED = "It has changed in the meantime: this is about the file as it was."


@dataclasses.dataclass(frozen=True)
class Checked:
    """What became of files: the results, the plan they are of, and what was seen.

    ``trouble`` is what cut it off, if something did; then the results are those known by then.
    """

    results: Results
    plan: Plan
    observed: Observed
    trouble: BaseException | None = None


@contextmanager
def taken_in(
    paths: Sequence[Path], store: Store, companions: Companions
) -> Iterator[tuple[list[Given], list[UsageError]]]:
    """Yield the files as scenarios, and an error for each path that cannot be one.

    Whatever a file provokes refuses that file alone: `_take_in` is all that is done for one.

    Raises:
        UsageError: a companion is not what it should be.
        InfrastructureError: the store cannot be written.
    """
    given: list[Given] = []
    refused: list[UsageError] = []
    companions.check()
    names: set[str] = set()
    with store.scratch("files") as folder:
        for path in paths:
            name = unique_name(path, names)
            names.add(name)
            try:
                given.append(_take_in(path, name, folder / name, companions))
            except InfrastructureError:
                raise
            except UsageError as error:
                refused.append(error)
            except Exception as error:  # noqa: BLE001 - whatever the file provokes in us
                refused.append(_unexpected(path, error))
        yield given, refused


def _take_in(path: Path, name: str, folder: Path, companions: Companions) -> Given:
    """Do all that is done for one file; on failure nothing of it is left."""
    try:
        before = look_of(path)
        return stand_in(inspect(path), name, folder, companions, before)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unexpected(path: Path, error: Exception) -> UsageError:
    line = next(iter(str(error).strip().splitlines()), "")
    refused = UsageError(
        f"{path}: is refused: reading it raised {type(error).__name__}: {line[:LONGEST_LINE]}",
        hint="this is a fault of kerasmatrix: please report it, with the file if you can",
    )
    refused.__cause__ = error
    return refused


@contextmanager
def taken_in_one(path: Path, store: Store, companions: Companions) -> Iterator[Given]:
    """Yield the file as a scenario.

    Raises:
        UsageError: it is no model.
    """
    with taken_in([path], store, companions) as (given, refused):
        for error in refused:
            raise error
        yield given[0]


def check(
    setup: Setup,
    files: Sequence[Given],
    environments: Sequence[Environment],
    *,
    reference: str | None = None,
    command: str = "check",
) -> Checked:
    """Load ``files`` in all ``environments``, compare what they compute, and repair what fails.

    Args:
        setup: where and how.
        files: what to load.
        environments: with which versions.
        reference: the version to compare with; by default the one most like a file's writer.
        command: what to say in the results that was done.

    Raises:
        UsageError: there is no such reference.
    """
    names = [env.name for env in environments]
    if reference and reference not in names:
        raise UsageError(f"unknown environment {reference!r}", hint=nearest(reference, names))
    plan = setup.plan(files, environments)
    started = datetime.datetime.now(datetime.UTC)
    first = _loads_everywhere(plan, files, reference)
    run = Run(
        first,
        setup.engine,
        setup.store,
        id=f"check-{started:%Y%m%dT%H%M%S.%f}-{os.getpid()}",
        jobs=setup.jobs,
        listener=setup.listener,
        fresh=setup.fresh,
        trust=setup.trust,
        sequel=lambda seen: _compared(plan, seen, files, setup.store, reference, fresh=setup.fresh),
    )
    trouble: BaseException | None = None
    setup.listener.begins(run)
    try:
        run.execute()
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - the caller raises it
        trouble = error
    finally:
        setup.listener.ends()
    carried_out, observed, causes = run.plan, run.observed, run.causes
    if carried_out is first:
        # It was cut off before there was anything to compare with. The table is that of the
        # second plan, with what earlier checks measured of it.
        carried_out, observed = _cut_off(plan, observed, files, setup, reference)
        causes = Causes(carried_out)
    info = RunInfo(
        id=run.id,
        started=started,
        finished=datetime.datetime.now(datetime.UTC),
        engine=setup.engine.name,
        command=command,
        complete=trouble is None,
        measured=run.measured,
        known=run.known,
        retries=run.retries,
    )
    results = tabulate(carried_out, observed, info, causes)
    results = with_predictions(results, carried_out, setup.store.folder, needed=trouble is None)
    results = redacted(_with_changes(results, files), (setup.store.folder, setup.project.root))
    return Checked(results, carried_out, observed, trouble)


def _with_changes(results: Results, files: Sequence[Given]) -> Results:
    """Say of files that have changed in the meantime that they have."""
    changed = {file.scenario.name for file in files if file.has_changed}
    scenarios = tuple(
        told.model_copy(update={"shows": f"{told.shows} {CHANGED}"})
        if told.name in changed
        else told
        for told in results.scenarios
    )
    return results.model_copy(update={"scenarios": scenarios})


def _loads_everywhere(plan: Plan, files: Sequence[Given], reference: str | None) -> Plan:
    """Return the first plan: every environment, or ``reference`` alone, takes each file."""
    names = [env.name for env in plan.selection.environments]
    takers = [reference] if reference else names
    rows = tuple(Save(file.scenario.name, file.form, name) for file in files for name in takers)
    supported = tuple(row for row in rows if not plan.cannot_save(row))
    return dataclasses.replace(plan, rows=supported, columns=frozenset())


def _compared(  # noqa: PLR0913 - what the second plan takes
    plan: Plan,
    seen: Observed,
    files: Sequence[Given],
    store: Store,
    reference: str | None,
    *,
    fresh: bool,
) -> tuple[Plan, Observed]:
    """Return the second plan, each file compared with its reference, and what is known of it."""
    chosen = []
    for file in files:
        first = reference or plan.selection.environments[0].name
        row = Save(file.scenario.name, file.form, first)
        found: Measured[SaveObservation] | None = None
        with seen.boundary.apart(row):
            row, found = _reference(plan, seen, file, store, reference)
        chosen.append((row, found))
    second = dataclasses.replace(plan, rows=tuple(row for row, _ in chosen))
    saves = {row: found for row, found in chosen if found is not None}
    if fresh:
        return second, Observed(saves=saves)
    return second, look_up(second, store, Causes(second), saves=saves)


def _cut_off(
    plan: Plan, seen: Observed, files: Sequence[Given], setup: Setup, reference: str | None
) -> tuple[Plan, Observed]:
    """Return the second plan as far as it is known when the first was not carried out."""
    order = {file.scenario.name: _order(plan, file, reference) for file in files}
    # A version that was not asked may load the file: only one that does is compared with.
    chosen = {
        name: next((row for row in rows if _is_loaded(seen, row)), rows[0])
        for name, rows in order.items()
    }
    second = dataclasses.replace(plan, rows=tuple(chosen.values()))
    saves = {row: seen.saves[row] for row in chosen.values() if _is_loaded(seen, row)}
    known = Observed(saves=saves)
    if not setup.fresh:
        known = look_up(second, setup.store, Causes(second), saves=saves)
    known.troubles.update(seen.troubles)
    return second, known


def _is_loaded(seen: Observed, row: Save) -> bool:
    found = seen.saves.get(row)
    return found is not None and judge_save(found.observation) is None


def _order(plan: Plan, file: Given, reference: str | None) -> list[Save]:
    """Return the rows that a file's cells may be compared with, the preferred one first."""
    closest = by_closeness(file.told.writer, plan.selection.environments, plan.locks)
    names = [reference] if reference else closest
    return [Save(file.scenario.name, file.form, name) for name in names]


def _reference(
    plan: Plan, seen: Observed, file: Given, store: Store, reference: str | None
) -> tuple[Save, Measured[SaveObservation] | None]:
    """Return the row of a file, and what its cells are compared with, as far as it is known."""
    rows = _order(plan, file, reference)
    for row in rows:
        if _is_loaded(seen, row):
            return row, seen.saves[row]
    tried = next((seen.saves[row] for row in rows if row in seen.saves), None)
    return rows[0], _nothing_to_compare_with(store, tried) if tried else None


def _nothing_to_compare_with(
    store: Store, tried: Measured[SaveObservation]
) -> Measured[SaveObservation]:
    """Return what stands for the reference of a file that no version loads as it is.

    It is known to no store: the loads that it makes possible say why each version fails.
    """
    with store.scratch("nothing") as folder:
        artifact = store.keep_artifact(folder)
    nothing = SaveFacts(model="unknown", weights=Weights())
    return Measured(SaveObservation(ended="returned", value=nothing, artifact=artifact), tried.at)
