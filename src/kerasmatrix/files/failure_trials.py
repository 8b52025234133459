"""Loads small models in one warm worker, and says how each load fails."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kerasmatrix.config.matrix import Environment
from kerasmatrix.engines.base import Handshake, Task, WorkDirs, Worker, WorkerDied, unavailable
from kerasmatrix.engines.import_check import find_mismatch
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.files.failure import Failure, failure_of
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.session import Session
from kerasmatrix.files.small_model import SmallModel, write_model
from kerasmatrix.inspection.architecture import layers_of
from kerasmatrix.inspection.contents import major_of
from kerasmatrix.results.answers import parse_answer
from kerasmatrix.results.observations import LoadObservation, SaveObservation
from kerasmatrix.results.verdict import infrastructure_fault
from kerasmatrix.store.artifacts import make_readable

__all__ = ["FailureTrials", "names_in", "open_trials"]

GIVEN = "given"
NO_ARTIFACT = "none"  # a folder without sample inputs
ALONE: dict[str, object] = {"code": None, "inputs": False, "registered": {}}
SCRIPT = """def build():
    exec(compile({script!r}, "reproduce.py", "exec"), {{"__name__": "__main__"}})
"""


class FailureTrials:
    """Trials in one environment. A worker that dies is replaced by another."""

    def __init__(
        self, session: Session, environment: Environment, model_input: ModelInput, folder: Path
    ) -> None:
        """Open nothing yet; ``folder`` is empty."""
        self._session = session
        self._environment = environment
        self._model_input = model_input
        self._folder = folder
        self._numbers = itertools.count(1)
        self._worker: Worker | None = None
        self._hello: Handshake | None = None
        for name in ("scenarios", "artifacts", "scratch"):
            (folder / name).mkdir()
        (folder / "artifacts" / NO_ARTIFACT).mkdir()

    @property
    def hello(self) -> Handshake:
        """The versions of the environment."""
        self._open()
        assert self._hello is not None  # noqa: S101 - it is set with the worker
        return self._hello

    def of_file(self, names: Sequence[str] = ()) -> Failure | None:
        """Return how the user's file, with layers of these names, fails; None if it loads."""
        scenario = self._new_scenario()
        given = self._model_input.scenario.folder / GIVEN
        shutil.copytree(given, scenario / GIVEN)
        return self._load(scenario, self._model_input.format, names)

    def of_model(self, model: SmallModel, *, with_code: bool) -> Failure | None:
        """Return how a small model fails; None if it loads."""
        scenario = self._new_scenario()
        if not with_code:
            (scenario / "given.json").write_text(json.dumps(ALONE))
        (scenario / GIVEN).mkdir()
        write_model(model, scenario / GIVEN / f"model{model.ending}")
        names = [name for name, layer in layers_of(model.config) if name != layer.get("class_name")]
        return self._load(scenario, model.format, names)

    def of_script(self, text: str, model: SmallModel) -> Failure | None:
        """Return how a script fails that is run by itself; None if it does not."""
        scenario = self._new_scenario()
        (scenario / "save.py").write_text(SCRIPT.format(script=text))
        answer = self._run(self._task(scenario, "save", model.format))
        names = [name for name, layer in layers_of(model.config) if name != layer.get("class_name")]
        return failure_of(parse_answer(SaveObservation, answer), model.format, names, self._majors)

    def close(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    @property
    def _majors(self) -> tuple[int | None, int | None]:
        return self._model_input.model_file.writer.keras_major, major_of(self.hello.keras)

    def _new_scenario(self) -> Path:
        """Return a new scenario's folder with the scripts of the user's file."""
        scenario = self._folder / "scenarios" / f"small-{next(self._numbers)}"
        shutil.copytree(
            self._model_input.scenario.folder, scenario, ignore=shutil.ignore_patterns(GIVEN)
        )
        return scenario

    def _load(self, scenario: Path, form: str, names: Sequence[str]) -> Failure | None:
        answer = self._run(self._task(scenario, "load", form))
        observation = parse_answer(LoadObservation, answer)
        fault = infrastructure_fault(observation)
        if fault:
            raise unavailable(self._environment, fault)
        found = failure_of(observation, form, names, self._majors)
        # Without a reference there are no inputs to compare with, which is where a load ends.
        is_loaded = found is not None and found.error.endswith("Unusable")
        return None if is_loaded else found

    def _task(self, scenario: Path, kind: str, form: str) -> Task:
        limits = self._session.matrix.limits
        return Task(
            id=f"task-{scenario.name}",
            kind=kind,  # type: ignore[arg-type]
            scenario=scenario.name,
            format=form,
            artifact=NO_ARTIFACT if kind == "load" else None,
            deadline=limits.task_seconds,
            memory_mb=limits.memory_mb,
        )

    def _run(self, task: Task) -> dict[str, object]:
        make_readable(self._folder / "scenarios" / task.scenario)
        try:
            (answer,) = list(self._open().run([task]))
        except WorkerDied as error:
            self.close()
            if error.machine:
                raise unavailable(self._environment, str(error)) from error
            answer = {"ended": "crashed", "log": str(error)}
        finally:
            shutil.rmtree(self._folder / "scenarios" / task.scenario, ignore_errors=True)
            shutil.rmtree(self._folder / "scratch" / task.id, ignore_errors=True)
        if "fault" in answer and "ended" not in answer:
            raise unavailable(self._environment, str(answer["fault"]))
        return answer

    def _open(self) -> Worker:
        if self._worker is not None:
            return self._worker
        env, session = self._environment, self._session
        lock = session.lock(env)
        session.engine.prepare(env, lock)
        make_readable(self._folder)
        worker = session.engine.open(
            env,
            lock,
            WorkDirs(
                self._folder / "scenarios",
                self._folder / "artifacts",
                self._folder / "scratch",
                isolated=True,
            ),
            session.matrix.limits,
        )
        mismatch = find_mismatch(worker.hello, env, lock)
        if mismatch:
            worker.close()
            raise unavailable(env, f"it is not what its lock says: {mismatch}")
        self._worker, self._hello = worker, worker.hello
        return worker


def names_in(model: SmallModel) -> list[str]:
    """Return the names of a model's layers that are not names of classes."""
    return [name for name, layer in layers_of(model.config) if name != layer.get("class_name")]


@contextmanager
def open_trials(
    session: Session, environment: Environment, model_input: ModelInput
) -> Iterator[FailureTrials]:
    """Open trials, and end their worker.

    Raises:
        InfrastructureError: the engine copies scenarios to another machine, or the environment is
            unavailable.
    """
    if not session.engine.in_place:
        raise InfrastructureError(f"the engine {session.engine.name} cannot try changed files")
    with session.store.scratch(f"reproduce-{model_input.scenario.name}") as folder:
        trials = FailureTrials(session, environment, model_input, folder)
        try:
            yield trials
        finally:
            trials.close()
