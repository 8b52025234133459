"""An open session: the matrix, engine and store with which model files are measured."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kerasmatrix.config.matrix import Environment, Matrix, Selection
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine
from kerasmatrix.engines.memory import default_jobs
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.version_names import NamedVersion, find_version, find_versions
from kerasmatrix.errors import UntrustedError, UsageError, nearest
from kerasmatrix.execution.build_plan import build_plan
from kerasmatrix.execution.listener import Listener
from kerasmatrix.execution.plan import Plan, Remedies
from kerasmatrix.execution.runner import ExecutionOptions, Run, Sequel
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.store.store import Store

__all__ = ["Session", "SessionOptions", "open_session"]


@dataclass(frozen=True)
class SessionOptions:
    """How model files are measured.

    Attributes:
        jobs: how many environments work at the same time; if None, as many as the engine has
            slots, or as there are cores.
        remedies: which fixes to try on failing cells.
        fresh: ignore stored results.
        trust: load files without a sandbox, too; in a sandbox, files share containers.
        platform: where the files are used: fixes go by way of versions that have wheels for it.
    """

    jobs: int | None = None
    remedies: Remedies = "first"
    fresh: bool = False
    trust: bool = False
    platform: str | None = None


@dataclass(frozen=True)
class Session:
    """Where and how model files are measured.

    Attributes:
        locks: those of environments that are not in the matrix.
        listener: is notified of progress.
    """

    project: Project
    matrix: Matrix
    engine: Engine
    store: Store
    options: SessionOptions = SessionOptions()
    listener: Listener = field(default_factory=Listener)
    locks: Mapping[str, Lock] = field(default_factory=dict)
    _read_locks: dict[str, Lock] = field(default_factory=dict, init=False, repr=False)

    def select(self, names: Sequence[str]) -> Selection:
        """Return the environments of these names, versions or groups.

        Raises:
            UsageError: there is no such environment.
        """
        ungrouped = self.matrix.ungrouped(names)
        return self.matrix.select(environments=find_versions(ungrouped, self._versions))

    def environment(self, name: str, option: str | None = None) -> Environment:
        """Return the environment of this name or version, which ``option`` may have asked for.

        Raises:
            UsageError: there is none.
        """
        return self.matrix.environments[find_version(name, self._versions, option)]

    def exporting(
        self, formats: Sequence[str], environments: Iterable[Environment]
    ) -> tuple[Environment, ...]:
        """Return the environments that export to ``formats`` from one of ``environments``.

        Raises:
            UsageError: a format is unknown, or none of them exports to it.
        """
        exports, names = self.matrix.exports, {env.name for env in environments}
        for form in formats:
            bases = {export.environment for export in exports.values() if export.format == form}
            if not bases:
                known = sorted({export.format for export in exports.values()})
                message = f"--exports: no environment of {self.project.matrix_file} exports to"
                raise UsageError(f"{message} {form!r}", hint=nearest(form, known))
            if not bases & names:
                raise UsageError(
                    f"--exports: no selected environment exports to {form}",
                    hint=f"add --environments {','.join(sorted(bases))}",
                )
        return tuple(
            env
            for env in self.matrix.exporting
            if env.export in formats and exports[env.name].environment in names
        )

    @property
    def _versions(self) -> list[NamedVersion]:
        return [self._named(env) for env in self.matrix.sorted_environments()]

    def _named(self, env: Environment) -> NamedVersion:
        try:
            keras = release_of(env, self.lock(env))
        except UsageError:  # it is not locked yet
            keras = env.keras or env.tensorflow or ""
        return NamedVersion(env.name, env.tensorflow or "", keras, env.legacy_keras)

    def plan(self, model_inputs: Iterable[ModelInput], environments: Sequence[Environment]) -> Plan:
        """Return a plan whose scenarios are those of ``model_inputs``, without rows yet.

        Raises:
            UsageError: an environment has no lock.
        """
        scenarios = {model.scenario.name: model.scenario for model in model_inputs}
        selection = Selection(
            environments=tuple(sorted(environments, key=lambda env: env.sort_key)),
            scenarios=tuple(scenarios),
            formats=self.matrix.formats,
            current=self._if_selected(self.matrix.current, environments),
            candidate=self._if_selected(self.matrix.candidate, environments),
        )
        locks = {env.name: self.lock(env) for env in environments}
        return build_plan(
            self.matrix, selection, scenarios, locks, self.engine, remedies=self.options.remedies,
            platform=self.options.platform,
        )  # fmt: skip

    def lock(self, environment: Environment) -> Lock:
        """Return the lock of an environment."""
        name = environment.name
        if name in self.locks:
            return self.locks[name]
        if name not in self._read_locks:
            # All steps of a session use the same one, even if the file is edited meanwhile.
            self._read_locks[name] = read_lock(self.project.locks_with(name), environment)
        return self._read_locks[name]

    def new_run(
        self, plan: Plan, verb: str, *, fresh: bool = False, sequel: Sequel | None = None
    ) -> Run:
        """Return a run of ``plan``, which `execute` starts."""
        now = datetime.datetime.now(datetime.UTC)
        return Run(
            plan,
            self.engine,
            self.store,
            id=f"{verb}-{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}",
            options=ExecutionOptions(
                jobs=self.options.jobs or self.engine.slots or default_jobs(),
                fresh=fresh,
                trust=self.options.trust,
            ),
            listener=self.listener,
            sequel=sequel,
        )

    def execute(self, run: Run) -> None:
        """Execute a run, with progress."""
        self.listener.begins(run)
        try:
            run.execute()
        finally:
            self.listener.ends()

    @staticmethod
    def _if_selected(name: str | None, environments: Sequence[Environment]) -> str | None:
        return name if any(env.name == name for env in environments) else None


@contextmanager
def open_session(  # noqa: PLR0913 - a session is made of these
    project: Project,
    matrix: Matrix,
    engine: Engine,
    *,
    options: SessionOptions = SessionOptions(),
    store: Path | None = None,
    wait: Callable[[str], None] | None = None,
    listener: Listener | None = None,
) -> Iterator[Session]:
    """Open the store, and close it and the engine at the end.

    Args:
        project: where the locks are.
        matrix: the environments.
        engine: opens them.
        options: how files are measured.
        store: the store's folder; the project's own if None.
        wait: called with the reason while the store is in use; if None, that is an error.
        listener: is notified of progress.

    Raises:
        UntrustedError: the engine is not a sandbox, and the files are not to be trusted.
    """
    try:
        if not (engine.sandbox or options.trust):
            raise UntrustedError(
                "a model file can hold code, which runs when it is loaded, and the "
                f"{engine.name} engine is not a sandbox",
                hint="use --engine docker, or add --trust if you know where the files come from",
            )
        with Store(store or project.store, wait=wait) as opened:
            yield Session(project, matrix, engine, opened, options, listener or Listener())
    finally:
        engine.close()
