"""The folders of a run: copies of its scenarios, and the view of them that each worker gets."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from kerasmatrix.config.scenario import Scenario, digest_scenario, not_measured
from kerasmatrix.engines.base import Engine, Task, WorkDirs
from kerasmatrix.engines.workspace import WorkerView
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.store.artifacts import make_readable

__all__ = ["RunFolders", "copy_scenarios"]


class RunFolders:
    """The folders of each worker of a run. Used by several threads."""

    def __init__(
        self, engine: Engine, *, are_files: bool, has_own_worker: Callable[[str], bool]
    ) -> None:
        """Make nothing yet.

        Args:
            engine: opens the workers.
            are_files: whether the scenarios are files of others, which must not see each other.
            has_own_worker: whether a scenario has workers of its own.
        """
        # An engine that carries scenarios to another machine reads them when it opens a worker.
        self._narrow = are_files and engine.in_place
        self._has_own_worker = has_own_worker
        self._views: dict[tuple[str, str], WorkerView] = {}
        self._mutex = threading.Lock()
        self._whole: WorkDirs | None = None

    def begin(self, whole: WorkDirs) -> None:
        """Use the folders of the run, which exist from now on."""
        self._whole = whole

    def dirs_of(self, environment: str, scenario: str) -> WorkDirs:
        """Return the folders of the worker for a scenario in an environment."""
        return self._view(environment, scenario).dirs

    def prepare(self, environment: str, task: Task) -> WorkDirs:
        """Return the folders of the worker for ``task``, with its scenario and artifact in them."""
        view = self._view(environment, task.scenario)
        view.expose(task)
        return view.dirs

    def _view(self, environment: str, scenario: str) -> WorkerView:
        key = environment, scenario if self._has_own_worker(scenario) else ""
        with self._mutex:
            if key not in self._views:
                assert self._whole is not None  # noqa: S101 - the run is under way
                name = f"{environment}-{len(self._views)}"
                self._views[key] = WorkerView(self._whole, name, per_task=self._narrow)
            return self._views[key]


def copy_scenarios(scenarios: Mapping[str, Scenario], copies: Path) -> None:
    """Copy scenarios, so that an edit during the run is not measured.

    Raises:
        UsageError: a scenario has changed since the plan was made: its results would be stored
            under the digest of the earlier one.
        InfrastructureError: there is no space.
    """
    try:
        for name, scenario in scenarios.items():
            # A file of the user was copied when it was imported; that copy is ours, and no
            # container can write it: a hard link to it takes no space.
            copy = _link_or_copy if scenario.given else shutil.copy2
            shutil.copytree(
                scenario.folder,
                copies / name,
                ignore=not_measured(scenario.folder),
                copy_function=copy,
            )
        make_readable(copies)
        for name, scenario in scenarios.items():
            if digest_scenario(copies / name) != scenario.digest:
                raise UsageError(
                    f"{scenario.folder}: was changed after the run had read it",
                    hint="run again, and leave the scenario as it is until the run has begun",
                )
    except OSError as error:
        raise InfrastructureError(
            f"{copies}: the scenarios cannot be copied: {error}",
            hint="make space and run again: what is measured so far is kept",
        ) from error


def _link_or_copy(source: str, target: str) -> None:
    """Make a hard link to a file; copy it where the file system has none."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
