"""A plan of made-up files and environments, and an engine that waits instead of measuring.

Like `kerasmatrix check`, a run of it loads each file everywhere, notes what is computed there, and
then compares. Only the waits take time, and what the program itself does.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasmatrix.config.matrix import Environment, Limits, Selection
from kerasmatrix.config.scenario import Scenario
from kerasmatrix.engines.base import Hello, Task, Workplace
from kerasmatrix.environments.locks import Lock
from kerasmatrix.execution.evaluate import Observed
from kerasmatrix.execution.plan import Plan, Save
from kerasmatrix.results.observations import LoadFacts, SaveFacts
from kerasmatrix.results.tolerance import Tolerance

__all__ = ["FORM", "LOADED", "SAVED", "WaitingEngine", "WaitingRecipe", "compared", "plan"]

FORM = "h5"
SAVED = SaveFacts(model="Functional", weights=())
LOADED = LoadFacts(
    model="Functional",
    weights=(),
    shapes_equal=True,
    finite=True,
    max_abs_diff=0.0,
    max_abs_reference=1.0,
)


def plan(folder: Path, files: int, environments: Sequence[str]) -> Plan:
    """Return the first plan of a check: every environment takes every file."""
    scenarios = [f"file-{number}.h5" for number in range(files)]
    made = tuple(
        Environment(
            name=name,
            python="3.8",
            tensorflow=f"2.{number}.0",
            as_of=datetime.date(2021, 1, 1),
        )
        for number, name in enumerate(environments)
    )
    return Plan(
        selection=Selection(environments=made, scenarios=tuple(scenarios), formats=(FORM,)),
        scenarios={
            name: Scenario(
                name=name, title=name, shows="nothing", formats=(FORM,), given=True,
                digest=name, folder=folder / "scenarios" / name,
            )
            for name in scenarios
        },
        locks={
            name: Lock(folder / f"{name}.txt", f"tensorflow-cpu==2.0\nkerasmatrix-{name}==1\n")
            for name in environments
        },
        engine="waiting",
        harness="",
        # A cluster reckons with memory, and nothing here takes any.
        limits=Limits(memory_mb=256),
        tolerance=Tolerance(),
        remedies="none",
        rows=tuple(Save(name, FORM, env) for name in scenarios for env in environments),
        columns=frozenset(),
    )  # fmt: skip


def compared(first: Plan, seen: Observed) -> tuple[Plan, Observed]:
    """Return the second plan of a check: every environment is compared with one of them."""
    reference = first.selection.environments[0].name
    rows = tuple(Save(name, FORM, reference) for name in first.selection.scenarios)
    second = dataclasses.replace(first, rows=rows, columns=None)
    return second, Observed(saves={row: seen.saves[row] for row in rows})


def write(plan: Plan) -> None:
    """Write the files that a run of a plan reads."""
    for name, told in plan.scenarios.items():
        told.folder.mkdir(parents=True)
        (told.folder / "given.json").write_text(name, encoding="utf-8")
    for lock in plan.locks.values():
        lock.path.write_text(lock.content, encoding="utf-8")


@dataclasses.dataclass(frozen=True)
class WaitingEngine:
    """Waits as long as an import takes by environment, and as long as a task takes by kind."""

    import_seconds: Mapping[str, float]
    task_seconds: Mapping[str, float]
    name: str = "waiting"
    sandbox: bool = True
    in_place: bool = True
    batch: None = None
    slots: None = None
    recipe: str = ""

    def prepare(self, environment: Environment, lock: Lock) -> None:
        """Nothing has to be made."""

    def open(
        self, environment: Environment, lock: Lock, workplace: Workplace, limits: Limits
    ) -> _WaitingWorker:
        """Wait as long as the import takes."""
        del lock, limits
        seconds = self.import_seconds[environment.name]
        time.sleep(seconds)
        hello = Hello(environment.tensorflow, "2.0", environment.python, seconds)
        return _WaitingWorker(hello, environment.name, workplace, self.task_seconds)

    def close(self) -> None:
        """Nothing is open."""


@dataclasses.dataclass(frozen=True)
class WaitingRecipe:
    """How a machine of a cluster comes by such an engine: it is brought along."""

    engine: WaitingEngine
    name: str = WaitingEngine.name
    sandbox: bool = WaitingEngine.sandbox

    def trouble(self) -> str | None:
        """There is none."""
        return None

    def build(self, folder: Path) -> WaitingEngine:
        """Return the engine."""
        del folder
        return self.engine

    def held(self) -> tuple[str, ...]:
        """Nothing is made before."""
        return ()

    def holding(self, environment: Environment, lock: Lock) -> str:
        """Return the environment's name."""
        del lock
        return environment.name


class _WaitingWorker:
    def __init__(
        self, hello: Hello, name: str, place: Workplace, seconds: Mapping[str, float]
    ) -> None:
        self.hello = hello
        self._name = name
        self._place = place
        self._seconds = seconds

    def run(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        """Wait as long as each task takes, and say that all went well."""
        for task in tasks:
            time.sleep(self._seconds[task.kind])
            if task.kind == "take":
                folder = self._place.scratch / task.id / "artifact"
                folder.mkdir(parents=True)
                told = f"{self._name} of {task.scenario}\n"
                (folder / "probe.npz").write_text(told * 100, encoding="utf-8")
            facts = SAVED if task.kind == "take" else LOADED
            value = facts.model_dump(mode="json")
            yield {"ended": "returned", "value": value, "seconds": self._seconds[task.kind]}

    def close(self) -> None:
        """Nothing has been started."""
