"""Loads files with every version: finds for each what to compare with, then compares.

All in the same workers: see `kerasmatrix.files.reference` for how a reference is found. Then
every environment is compared with it, and repaired.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.execution.attempts import Causes
from kerasmatrix.execution.evaluate import Observed, tabulate
from kerasmatrix.execution.plan import Plan
from kerasmatrix.execution.predictions import with_predictions
from kerasmatrix.execution.runner import Run
from kerasmatrix.files.model_input import (
    Companions,
    Given,
    look_of,
    stand_in,
    unique_name,
)
from kerasmatrix.files.reference import Search
from kerasmatrix.files.session import Setup
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.results.redacted import redacted
from kerasmatrix.results.schema import Results, RunInfo
from kerasmatrix.store.store import Store

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
        environments: with which versions; what a file is compared with is added where it is not
            among them.
        reference: the version to compare with; by default the one most like a file's writer.
        command: what to say in the results that was done.

    Raises:
        UsageError: there is no such reference.
    """
    search = Search(setup, files, environments, reference)
    started = datetime.datetime.now(datetime.UTC)
    run = Run(
        search.first,
        setup.engine,
        setup.store,
        id=f"check-{started:%Y%m%dT%H%M%S.%f}-{os.getpid()}",
        jobs=setup.jobs,
        listener=setup.listener,
        fresh=setup.fresh,
        trust=setup.trust,
        sequel=search,
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
    if not search.is_over:
        # It was cut off before there was anything to compare with. The table is that of the
        # comparison, with what earlier checks measured of it.
        carried_out, observed = search.cut_off(observed)
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
    results = _with_notes(results, files, search)
    results = redacted(results, (setup.store.folder, setup.project.root))
    return Checked(results, carried_out, observed, trouble)


def _with_notes(results: Results, files: Sequence[Given], search: Search) -> Results:
    """Say of files what they were compared with, and of those that have changed that they have."""
    notes: dict[str, str] = {}
    for file in files:
        changed = CHANGED if file.has_changed else ""
        notes[file.scenario.name] = " ".join(filter(None, (search.told(file), changed)))
    scenarios = tuple(
        told.model_copy(update={"shows": f"{told.shows} {notes[told.name]}".strip()})
        for told in results.scenarios
    )
    environments = tuple(
        told.model_copy(update={"added": told.name in search.added})
        for told in results.environments
    )
    return results.model_copy(update={"scenarios": scenarios, "environments": environments})
