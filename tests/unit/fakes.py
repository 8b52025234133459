"""A project of tiny named environments, and an engine that knows how each of them behaves.

The behaviour is in the environment's name: `good…` works, `drifts`, `fails`, `crashes`, `hangs`,
`answers-garbage`, `dies-once`, `crashes-once`, `damages-artifacts` (once), `absent`;
`refuses` loads and refuses all inputs, `cannot-call` those that others accepted;
`fails-…-<remedy>` works with that remedy, or drifts; `picky-<writer>` loads only what that writer
wrote; what fails loads what it converted itself, unless it is `stubborn`. Saves really write a
file, so that the store really has artifacts. Environments with `twin` in their names write the
same file but for their version stamp.
"""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kerasmatrix.config.matrix import Environment, Limits
from kerasmatrix.engines.base import Hello, Task, WorkerLost, Workplace
from kerasmatrix.environments.locks import Lock
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import version_key

WEIGHT = {"name": "kernel", "shape": [1], "dtype": "float32", "sha256": "aa"}
ERROR = {
    "type": "ValueError",
    "message": "Unknown layer: Functional",
    "chain": [{"type": "ValueError", "message": "Unknown layer: Functional"}],
    "traceback": "Traceback …",
}

REFUSAL = {
    "type": "InvalidArgumentError",
    "message": "only supports NHWC",
    "chain": [{"type": "InvalidArgumentError", "message": "only supports NHWC"}],
    "traceback": "Traceback …",
}
SAVE_FACTS = {"model": "Functional", "weights": [WEIGHT], "compiled": None, "timings": {}}
LOAD_FACTS = {
    **SAVE_FACTS,
    "shapes_equal": True,
    "finite": True,
    "max_abs_diff": 0.0,
    "max_abs_reference": 1.0,
    "resave_error": None,
}


class FakeWorker:
    def __init__(self, engine: FakeEngine, environment: Environment, place: Workplace) -> None:
        self.engine = engine
        self.name = environment.name
        self.place = place
        self.hello = Hello(environment.tensorflow, "2.0", environment.python, 0.0)
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
            return {"ended": "raised", "error": ERROR, "stage": task.kind, "seconds": 0.1}
        if task.kind in {"save", "convert"}:
            return self._save(task)
        if task.kind == "load" and self._converted(task):
            return {"ended": "returned", "value": LOAD_FACTS, "seconds": 0.1}
        if self.name.startswith("picky-") and not self._likes(task):
            return {"ended": "raised", "error": ERROR, "stage": "load", "seconds": 0.1}
        if self.name.startswith("crashes-once") and self.engine.first_time(task.scenario):
            return {"ended": "crashed", "signal": 11, "seconds": 0.1}
        if self.name.startswith("damages-artifacts") and self.engine.first_time(task.scenario):
            (self.place.artifacts / task.artifact / "model.h5").write_text("damaged")
            return {"ended": "raised", "error": ERROR, "stage": "load", "seconds": 0.1}
        if self.name.startswith("crashes") and not self.name.startswith("crashes-once"):
            return {"ended": "crashed", "signal": 11, "seconds": 0.1}
        if self.name.startswith("hangs"):
            return {"ended": "timed-out", "seconds": task.deadline}
        if self.name.startswith("answers-garbage"):
            return {"ended": "purple", "value": 3}
        if self.name.startswith("kills-workers"):
            raise WorkerLost("killed by signal 9")
        if self.name.startswith("loses-machines"):
            raise WorkerLost("three machines in a row were lost", machine=True)
        if self.name.startswith("eats-memory"):
            raise WorkerLost("killed, for memory", memory=True)
        # At a certain task: which one is a worker's first depends on which saves are ready.
        own = self._content(task).get("by") == self.name
        if self.name.startswith("dies-once") and own and self.engine.first_time(self.name):
            raise WorkerLost("killed by signal 9")
        if self.name.startswith("disk-full"):
            message = "[Errno 28] No space left on device"
            chain = [{"type": "OSError", "message": message}]
            error = {"type": "OSError", "message": message, "chain": chain}
            return {"ended": "raised", "error": error, "stage": "load"}
        if task.kind == "probe":
            culprit = {"layer": "dense", "class_name": "Dense", "keys": ["groups"], "error": "E: x"}
            return {"ended": "returned", "value": {"culprits": [culprit]}, "seconds": 0.1}
        if task.remedies and self.name.endswith(task.remedies[-1]):
            # This environment is named for what helps in it, or makes it load wrongly.
            if task.kind == "take":
                return self._take(task)
            facts = {**LOAD_FACTS, "did": ["turned it round"]}
            if "drift" in self.name:
                facts["max_abs_diff"] = 0.5
            return {"ended": "returned", "value": facts, "seconds": 0.1}
        if self.name.startswith("fails"):
            return {"ended": "raised", "error": self.engine.error, "stage": "load", "seconds": 0.1}
        if task.kind == "take":
            return self._take(task)
        if self.name.startswith("cannot-call") or (
            self.name.startswith("refuses") and self.refused_elsewhere(task)
        ):
            return {"ended": "raised", "error": REFUSAL, "stage": "call", "seconds": 0.1}
        facts = {**LOAD_FACTS}
        if self.name.startswith("drifts"):
            facts["max_abs_diff"] = 0.5
        return {"ended": "returned", "value": facts, "seconds": 0.1}

    def _likes(self, task: Task) -> bool:
        """Whether the artifact was written by this environment, or the one it is named for."""
        by = self._content(task).get("by")
        return by == self.name or self.name.removeprefix("picky-") == by

    def _converted(self, task: Task) -> bool:
        """Whether this environment itself converted the artifact, and is not ``stubborn``."""
        content = self._content(task)
        own = content.get("by") == self.name and content.get("converted")
        return bool(own) and "stubborn" not in self.name

    def _content(self, task: Task) -> dict[str, Any]:
        """What a save of ours wrote; nothing where the artifact has no such model."""
        artifact = self.place.artifacts / str(task.artifact) / "model.h5"
        content = artifact.read_bytes() if artifact.exists() else b""
        return json.loads(content) if content.startswith(b"{") else {}

    def _save(self, task: Task) -> dict[str, Any]:
        if self.name.startswith("cannot-save") or (
            task.kind == "convert" and self.name.startswith("cannot-convert")
        ):
            return {"ended": "raised", "error": ERROR, "stage": "save", "seconds": 0.1}
        folder = self.place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        content = {"by": self.name, "scenario": task.scenario, "format": task.format}
        if task.kind == "convert":
            content["converted"] = [*task.remedies, task.into]
        if "twin" in self.name:
            self._save_like_the_others(folder, content)
        else:
            (folder / "model.h5").write_text(json.dumps(content), encoding="utf-8")
        return {"ended": "returned", "value": SAVE_FACTS, "seconds": 0.1}

    def _save_like_the_others(self, folder: Path, content: dict[str, Any]) -> None:
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            archive.writestr("config.json", json.dumps({**content, "by": "any twin"}))
            archive.writestr("metadata.json", json.dumps({"keras_version": f"2.{self.name}"}))

    def refused_elsewhere(self, task: Task) -> bool:
        """Whether the artifact has inputs: another environment accepted some."""
        probe = self.place.artifacts / str(task.artifact) / "probe.npz"
        return probe.exists() and "refuses" not in probe.read_text(encoding="utf-8")

    def _take(self, task: Task) -> dict[str, Any]:
        folder = self.place.scratch / task.id / "artifact"
        folder.mkdir(parents=True)
        (folder / "probe.npz").write_text(f"what {self.name} computes", encoding="utf-8")
        facts = {**SAVE_FACTS, "refused": REFUSAL if self.name.startswith("refuses") else None}
        return {"ended": "returned", "value": facts, "seconds": 0.1}

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

    def __init__(self) -> None:
        self.tasks: list[tuple[str, Task]] = []
        self.batches: list[tuple[str, tuple[Task, ...]]] = []
        self.workers: list[FakeWorker] = []
        self.before_task = None
        self.error = ERROR  # of loads that fail
        # Whose task it is, for whoever is called before it: workers are at work side by side.
        self.here = threading.local()
        self.mutex = threading.Lock()
        self.closed = False
        # How many of the next loads in an environment fail, or saves raise.
        self.upset: dict[str, int] = {}
        self._seen: set[str] = set()

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
        if environment.name.startswith("absent"):
            raise InfrastructureError(f"{environment.name}: no CPython {environment.python}")

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> FakeWorker:
        worker = FakeWorker(self, environment, workplace)
        with self.mutex:
            self.workers.append(worker)
        return worker

    def close(self) -> None:
        self.closed = True


class VersionedEngine(FakeEngine):
    """Behaves as TensorFlow's version says: ``behaviour`` maps it to a behaviour's name."""

    def __init__(self):
        super().__init__()
        self.behaviour = {}

    def told(self, environment):
        names = [name for since, name in self.behaviour.items()
                 if version_key(environment.tensorflow) >= version_key(since)]  # fmt: skip
        return environment.model_copy(update={"name": names[-1] if names else "good"})

    def prepare(self, environment, lock):
        super().prepare(self.told(environment), lock)

    def open(self, environment, lock, workplace, limits):
        worker = FakeWorker(self, self.told(environment), workplace)
        worker.of = environment.name
        with self.mutex:
            self.workers.append(worker)
        return worker


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
