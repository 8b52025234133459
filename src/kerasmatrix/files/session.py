"""What measuring files takes: a matrix, an engine and a store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import kerasmatrix.harness.remedies
from kerasmatrix.config.matrix import Environment, Matrix, Selection
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.errors import UntrustedError
from kerasmatrix.execution.plan import Plan, Remedies
from kerasmatrix.execution.runner import Listener, Progress
from kerasmatrix.files.model_input import Given
from kerasmatrix.filesystem.digests import digest_folder
from kerasmatrix.store.store import Store

__all__ = ["Setup", "open_setup"]

MOST_JOBS = 8


@dataclass(frozen=True)
class Setup:
    """Where files are measured, and how. ``locks`` are of environments that the matrix lacks."""

    project: Project
    matrix: Matrix
    engine: Engine
    store: Store
    jobs: int
    remedies: Remedies = "first"
    fresh: bool = False
    trust: bool = False
    listener: Listener = field(default_factory=Progress)
    locks: Mapping[str, Lock] = field(default_factory=dict)

    def select(self, names: Sequence[str]) -> Selection:
        """Return the environments of these names, or of groups of these names.

        Raises:
            UsageError: there is no such environment.
        """
        return self.matrix.select(environments=self.matrix.ungrouped(names))

    def plan(self, files: Iterable[Given], environments: Sequence[Environment]) -> Plan:
        """Return a plan in which ``files`` are the scenarios, without rows yet.

        Raises:
            UsageError: an environment has no lock.
        """
        scenarios = {file.scenario.name: file.scenario for file in files}
        selection = Selection(
            environments=tuple(sorted(environments, key=lambda env: env.sort_key)),
            scenarios=tuple(scenarios),
            formats=self.matrix.formats,
            current=self._if_there(self.matrix.current, environments),
            candidate=self._if_there(self.matrix.candidate, environments),
        )
        return Plan(
            selection=selection,
            scenarios=scenarios,
            locks={env.name: self.lock(env) for env in environments},
            engine=self.engine.name,
            recipe=self.engine.recipe,
            harness=digest_folder(Path(kerasmatrix.harness.__file__).parent),
            limits=self.matrix.limits,
            tolerance=self.matrix.tolerance,
            repair=digest_folder(Path(kerasmatrix.harness.remedies.__file__).parent),
            remedies=self.remedies,
        )

    def lock(self, environment: Environment) -> Lock:
        """Return the lock of an environment."""
        if environment.name in self.locks:
            return self.locks[environment.name]
        return read_lock(self.project.locks_with(environment.name), environment)

    @staticmethod
    def _if_there(name: str | None, environments: Sequence[Environment]) -> str | None:
        return name if any(env.name == name for env in environments) else None


@contextmanager
def open_setup(  # noqa: PLR0913 - what measuring takes
    project: Project,
    matrix: Matrix,
    engine: Engine,
    *,
    trust: bool = False,
    store: Path | None = None,
    wait: Callable[[str], None] | None = None,
    jobs: int | None = None,
    remedies: Remedies = "first",
    fresh: bool = False,
    listener: Listener | None = None,
) -> Iterator[Setup]:
    """Open the store, and close it and the engine in the end.

    Args:
        project: where locks are.
        matrix: the environments.
        engine: what opens them.
        trust: load files without a sandbox, too; in a sandbox, files share containers.
        store: the store's folder; the project's own if None.
        wait: told why there is a wait for the store; without it a busy store is an error.
        jobs: how many environments are at work at a time; if None as many as the engine can be at,
            or as there are cores.
        remedies: whether to repair what fails.
        fresh: measure again what is known.
        listener: told of progress.

    Raises:
        UntrustedError: the engine is no sandbox, and the files are not to be trusted.
    """
    try:
        if not (engine.sandbox or trust):
            raise UntrustedError(
                "a model file can hold code, which runs when it is loaded, and the "
                f"{engine.name} engine is no sandbox",
                hint="use --engine docker, or add --trust if you know where the files come from",
            )
        with Store(store or project.store, wait=wait) as opened:
            yield Setup(
                project=project,
                matrix=matrix,
                engine=engine,
                store=opened,
                jobs=jobs or engine.slots or min(MOST_JOBS, os.cpu_count() or 2),
                remedies=remedies,
                fresh=fresh,
                trust=trust,
                listener=listener or Progress(),
            )
    finally:
        engine.close()
