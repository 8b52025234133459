"""A project of named environments, and an engine in which each of them has a behaviour.

Saves really write a file, so that the store really has artifacts.
"""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Handshake, Task, WorkDirs
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import version_key
from tests.unit.behaviours import (
    CULPRIT,
    ERROR,
    GOOD,
    LOAD_FACTS,
    REFUSAL,
    REFUSED,
    SAVE_FACTS,
    STANDARD,
    WEIGHT,
    Behaviour,
    raised,
    returned,
)

__all__ = [
    "ERROR",
    "LOAD_FACTS",
    "SAVE_FACTS",
    "WEIGHT",
    "FakeEngine",
    "FakeWorker",
    "VersionedEngine",
    "make_project",
    "make_scenario",
]

FIXED_BY = ["turned it round"]


class FakeWorker:
    def __init__(self, engine: FakeEngine, environment: Environment, place: WorkDirs) -> None:
        self.engine = engine
        self.behaviour = engine.behaviour_of(environment)
        self.name = environment.name
        self.place = place
        self.hello = Handshake(environment.tensorflow, "2.0", environment.python, 0.0)
        self.closed = False
        self.done: list[Task] = []

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        assert tasks, "a harness dies of nothing to do"
        with self.engine.mutex:
            self.engine.batches.append((self.name, tuple(tasks)))
        for task in tasks:
            yield self._do(task)

    def _do(self, task: Task) -> dict[str, Any]:
        with self.engine.mutex:
            self.engine.tasks.append((self.name, task))
        self.done.append(task)
        if self.engine.before_task:
            self.engine.here.place = self.place
            self.engine.before_task(task)
        if self.engine.is_upset(self.name, "remedy" if task.remedies else task.kind):
            return raised(ERROR, task.kind)
        if task.kind in {"save", "convert"}:
            return self._save(task)
        if task.kind == "load" and self.behaviour.loads_own and self._has_converted(task):
            return returned(LOAD_FACTS)
        ending = self.behaviour.ends and self.behaviour.ends(self, task)
        if ending:
            return ending
        if task.kind == "probe":
            return returned({"culprits": [CULPRIT]})
        return self._load(task)

    def _load(self, task: Task) -> dict[str, Any]:
        fixed = bool(task.remedies) and task.remedies[-1] == self.behaviour.fixed_by
        if not (self.behaviour.loads or fixed):
            return raised(self.behaviour.error)
        if task.kind == "take":
            return self._take(task)
        if fixed:
            return returned({**LOAD_FACTS, "did": FIXED_BY, **self.behaviour.fixed_differs})
        if self.behaviour.refuses(self, task):
            return raised(REFUSAL, "call")
        return returned({**LOAD_FACTS, **self.behaviour.differs})

    def _has_converted(self, task: Task) -> bool:
        content = self.content(task)
        return content.get("by") == self.name and bool(content.get("converted"))

    def content(self, task: Task) -> dict[str, Any]:
        """Return what the save of a fake environment wrote; nothing for any other artifact."""
        artifact = self.place.artifacts / str(task.artifact) / "model.h5"
        content = artifact.read_bytes() if artifact.exists() else b""
        return json.loads(content) if content.startswith(b"{") else {}

    def _save(self, task: Task) -> dict[str, Any]:
        if task.kind in self.behaviour.cannot:
            return raised(ERROR, "save")
        folder = self.place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        content = {"by": self.name, "scenario": task.scenario, "format": task.format}
        if task.kind == "convert":
            content["converted"] = [*task.remedies, task.into]
        if self.behaviour.equal_files:
            self._save_like_the_others(folder, content)
        else:
            (folder / "model.h5").write_text(json.dumps(content), encoding="utf-8")
        return returned(SAVE_FACTS)

    def _save_like_the_others(self, folder: Path, content: dict[str, Any]) -> None:
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            archive.writestr("config.json", json.dumps({**content, "by": "any twin"}))
            archive.writestr("metadata.json", json.dumps({"keras_version": f"2.{self.name}"}))

    def _take(self, task: Task) -> dict[str, Any]:
        folder = self.place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        refused = self.behaviour.asks_in_vain
        text = f"what {self.name} computes{f', {REFUSED}' if refused else ''}"
        (folder / "probe.npz").write_text(text, encoding="utf-8")
        return returned({**SAVE_FACTS, "refused": REFUSAL if refused else None})

    def close(self) -> None:
        self.closed = True


class FakeEngine:
    name = "fake"
    sandbox = True
    in_place = True
    batch = None
    idle_workers = 12
    slots = None
    recipe = ""

    def __init__(self, behaviours: Mapping[str, Behaviour] = {}) -> None:
        self.behaviours = {**STANDARD, **behaviours}
        self.tasks: list[tuple[str, Task]] = []
        self.batches: list[tuple[str, tuple[Task, ...]]] = []
        self.workers: list[FakeWorker] = []
        self.before_task = None
        # Whose task it is, for whoever is called before it: workers are at work side by side.
        self.here = threading.local()
        self.mutex = threading.Lock()
        self.closed = False
        # How many of the next loads in an environment fail, or saves raise.
        self.upset: dict[str, int] = {}
        self._seen: set[str] = set()

    def downloaded(self, environment):
        return None

    def behaviour_of(self, environment: Environment) -> Behaviour:
        return self.behaviours.get(environment.name, GOOD)

    def is_upset(self, name: str, kind: str) -> bool:
        with self.mutex:
            left = self.upset.get(f"{name} {kind}", 0)
            self.upset[f"{name} {kind}"] = max(0, left - 1)
        return left > 0

    def first_time(self, name: str) -> bool:
        with self.mutex:
            new = name not in self._seen
            self._seen.add(name)
        return new

    def prepare(self, environment: Environment, lock: Lock) -> None:
        if not self.behaviour_of(environment).available:
            raise InfrastructureError(f"{environment.name}: no CPython {environment.python}")

    def open(
        self, environment: Environment, lock: Lock, work_dirs: WorkDirs, limits: Limits
    ) -> FakeWorker:
        worker = FakeWorker(self, environment, work_dirs)
        with self.mutex:
            self.workers.append(worker)
        return worker

    def close(self) -> None:
        self.closed = True


class VersionedEngine(FakeEngine):
    """Behaves as TensorFlow's version says: ``since`` maps the first version to a behaviour."""

    def __init__(self) -> None:
        super().__init__()
        self.since: dict[str, Behaviour] = {}

    def behaviour_of(self, environment: Environment) -> Behaviour:
        version = version_key(environment.tensorflow)
        begun = [each for since, each in self.since.items() if version >= version_key(since)]
        return begun[-1] if begun else GOOD


MATRIX = """\
schema_version: 1
environments:
{environments}
groups:
  default: {{environments: "*"}}
scenarios: [{scenarios}]
formats: [{formats}]
"""


def make_project(
    folder: Path,
    *environments: str,
    scenarios: tuple[str, ...] = ("first",),
    formats: tuple[str, ...] = ("h5",),
) -> Path:
    """Write a project into ``folder`` and return its matrix.yaml. Versions grow from 2.1."""
    lines = [
        f'  {name}: {{tensorflow: 2.{number}.0, python: "3.8", as_of: 2021-01-01}}'
        for number, name in enumerate(environments, start=1)
    ]
    locks = folder / "images" / "locks"
    locks.mkdir(parents=True)
    for number, name in enumerate(environments, start=1):
        (locks / f"{name}.txt").write_text(
            f"# {name}\ntensorflow-cpu==2.{number}.0 \\\n    --hash=sha256:00\n", encoding="utf-8"
        )
    for scenario in scenarios:
        make_scenario(folder / "scenarios" / scenario)
    path = folder / "matrix.yaml"
    path.write_text(
        MATRIX.format(
            environments="\n".join(lines),
            scenarios=", ".join(scenarios),
            formats=", ".join(formats),
        ),
        encoding="utf-8",
    )
    return path


def make_scenario(folder: Path, claims: str = "") -> None:
    folder.mkdir(parents=True)
    (folder / "save.py").write_text("def build(): ...\n", encoding="utf-8")
    (folder / "load.py").write_text("def load(path): ...\n", encoding="utf-8")
    (folder / "scenario.yaml").write_text(
        f"title: {folder.name}\nshows: what it shows\n{claims}", encoding="utf-8"
    )
