"""Measures a run against the plain way and against the floor, all in one go, as ratios.

The same cells are done by a run of kerasmatrix, by a new interpreter for each task, by a new
container for each task, by a fork for each task (the prototype), and by one process for each
environment without any isolation (the floor; see one_process.py for both). The plain ways are timed
on a sample and scaled to all tasks. Environments are made beforehand. The page is measured on made-
up results of ten thousand cells (page.py), the cost of a run apart from its tasks on made-up
answers (growth.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

from files import files
from growth import growth
from page import page

from kerasmatrix.cli.build_plan import plan_of
from kerasmatrix.config.matrix import Environment, Matrix, load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine, Task, WorkDirs
from kerasmatrix.engines.select import open_engine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.execution.runner import ExecutionOptions, Run
from kerasmatrix.filesystem.digests import HARNESS
from kerasmatrix.results.observations import Measured as Found
from kerasmatrix.store.store import Store

# Scenarios that leave no global state behind, so that the floor can do them in one process.
SCENARIOS = ("import_path", "missing_custom_layer_defined", "v1_vs_v2_plain")
FORMATS = ("h5", "keras", "savedmodel", "weights")
# Of the whole matrix; a SavedModel takes so long to save that nothing else would be seen.
QUICK_FORMATS = ("h5", "keras", "weights")
JOBS = 2
PAGE_CELLS, MANY_CELLS = 10_000, 100_000


def main() -> int:
    """Measure, print, and write ``reports/bench.json``."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--environments", default="tf2.4,tf2.9,tf2.15,tf2.16,tf2.21")
    parser.add_argument("--sample", type=int, default=12, help="tasks done in each plain way")
    parser.add_argument(
        "--share", type=int, default=16, help="tasks of each environment done as a prototype would"
    )
    parser.add_argument(
        "--only",
        choices=("local", "docker", "page", "files", "growth", "whole"),
        help="just this part; `whole` only if asked for: it makes every environment there is",
    )
    parser.add_argument("--output", type=Path, default=Path("reports"))
    options = parser.parse_args()
    project = Project(Path("matrix.yaml"))
    matrix = load_matrix(project.matrix_file)
    bench = Bench(project, matrix, tuple(options.environments.split(",")), options.sample)
    figures: dict[str, object] = {
        "environments": options.environments.split(","),
        "scenarios": SCENARIOS,
        "formats": FORMATS,
        "jobs": JOBS,
        "sample": options.sample,
    }
    parts: dict[str, Callable[[], dict[str, object]]] = {
        "local": bench.local,
        "docker": bench.docker,
        "page": lambda: {
            **{f"page_{name}": value for name, value in page(PAGE_CELLS).items()},
            **{f"large_page_{name}": value for name, value in page(MANY_CELLS).items()},
        },
        "files": files,
        "growth": lambda: {"growth": growth()},
        "whole": lambda: whole(project, matrix, options.sample, options.share),
    }
    for name, part in parts.items():
        if options.only == name or (options.only is None and name != "whole"):
            figures.update(part())
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "bench.json"
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(f"Written: {path}")
    return 0


Placed = tuple[str, Task, float]  # a task with its environment, and how long it took


@dataclasses.dataclass
class Measured:
    """A run of kerasmatrix: its wall time, its tasks, and those that it did not infer.

    ``shares`` says what part of all tasks' time went into which of their steps.
    """

    seconds: float
    tasks: list[Placed]
    done: list[Placed]
    shares: dict[str, float]


class OneProcess(NamedTuple):
    """The seconds of an environment's import and of each of its tasks, in one process."""

    environment: str
    imported: float
    seconds: list[float]


class Bench:
    """One benchmark: the cells, and the ways to do them."""

    def __init__(
        self,
        project: Project,
        matrix: Matrix,
        environments: tuple[str, ...],
        sample: int,
        formats: tuple[str, ...] = FORMATS,
    ) -> None:
        self.project = project
        self.matrix = matrix
        self.selection = matrix.select(
            environments=environments, scenarios=SCENARIOS, formats=formats
        )
        self.locks = {
            env.name: read_lock(project.locks, env) for env in self.selection.environments
        }
        self.sample = sample

    def local(self) -> dict[str, object]:
        """Compare with a new interpreter per task, and with the floor."""
        engine = open_engine("local", self.matrix, self.project)
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "store")) as store:
            ours = self._ours(engine, store)
            plain = self._one_worker_per_task(engine, store, ours)
            imports, bare = _sums(self._in_one_process("bare", store, ours.tasks))
            forked = sum(_sums(self._in_one_process("forked", store, ours.tasks))) / JOBS
            with Store(Path(folder, "inferring")) as other:
                started = time.monotonic()
                self._run(engine, other, infer=True).execute()
                inferring = time.monotonic() - started
            again = time.monotonic()
            rerun = self._run(engine, store)
            assert not rerun.pending
            known = time.monotonic() - again
            again = time.monotonic()
            repairs = self._run(engine, store, remedies="first")
            repairs.execute()
            repair = time.monotonic() - again
        own = sum(seconds for _, _, seconds in ours.tasks)
        count = len(ours.tasks)
        floor = (imports + bare) / JOBS
        return {
            "tasks": count,
            "speedup_over_process_per_cell": round(plain * count / ours.seconds, 2),
            "speedup_over_prototype": round(forked / inferring, 2),
            "speedup_over_prototype_loading_all": round(forked / ours.seconds, 2),
            "overhead_over_floor": round(ours.seconds / floor - 1, 3),
            "overhead_over_own_work": round(ours.seconds / ((imports + own) / JOBS) - 1, 3),
            "known_run_over_first_run": round(known / ours.seconds, 4),
            "repair_tasks": repairs.measured,
            "repair_over_first_run": round(repair / ours.seconds, 3),
        }

    def at_once(self, share: int) -> dict[str, object]:
        """Do all, equal files once, and compare with ways that are sampled in each environment."""
        engine = open_engine("local", self.matrix, self.project)
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "store")) as store:
            ours = self._ours(engine, store, infer=True)
            plain = self._one_worker_each(engine, store, ours)
            some = self._some_of_each(ours.tasks, share)
            forked = self._in_one_process("forked", store, some)
            bare = self._in_one_process("bare", store, [one for one in some if one in ours.done])
        every = Counter(name for name, _, _ in ours.tasks)
        done = Counter(name for name, _, _ in ours.done)
        prototype = _scaled(forked, every, first=False) / JOBS
        floor = _scaled(bare, done, first=True) / JOBS
        return {
            "whole_tasks": len(ours.tasks),
            "whole_tasks_done": len(ours.done),
            "whole_speedup_over_prototype": round(prototype / ours.seconds, 2),
            "whole_speedup_over_process_per_cell": round(plain / ours.seconds, 2),
            "whole_overhead_over_floor": round(ours.seconds / floor - 1, 3),
            "whole_share_of_imports": round(
                sum(one.imported for one in bare) / JOBS / ours.seconds, 3
            ),
            "whole_shares": ours.shares,
        }

    def at_once_contained(self) -> dict[str, object]:
        """Do all on Docker, equal files once, and compare with a container for each task."""
        docker = self._docker()
        if docker is None:
            return {"whole_speedup_over_container_per_cell": None}
        with (
            closing(docker) as engine,
            tempfile.TemporaryDirectory() as folder,
            Store(Path(folder, "store")) as store,
        ):
            ours = self._ours(engine, store, infer=True)
            plain = self._one_worker_each(engine, store, ours)
        return {"whole_speedup_over_container_per_cell": round(plain / ours.seconds, 2)}

    def docker(self) -> dict[str, object]:
        """Compare with a new container per task; nothing where there is no Docker Engine."""
        docker = self._docker()
        if docker is None:
            return {"speedup_over_container_per_cell": None}
        with (
            closing(docker) as engine,
            tempfile.TemporaryDirectory() as folder,
            Store(Path(folder, "store")) as store,
        ):
            ours = self._ours(engine, store)
            plain = self._one_worker_per_task(engine, store, ours)
        return {"speedup_over_container_per_cell": round(plain * len(ours.tasks) / ours.seconds, 2)}

    def _docker(self) -> Engine | None:
        """Return the Docker engine; None, and a word, where there is none."""
        try:
            return open_engine("docker", self.matrix, self.project)
        except InfrastructureError as error:
            print(f"skipped: {error.message}", file=sys.stderr)
            return None

    def _run(
        self,
        engine: Engine,
        store: Store,
        *,
        remedies: Literal["none", "first"] = "none",
        infer: bool = False,
    ) -> Run:
        plan = plan_of(self.matrix, self.project, self.selection, engine, remedies=remedies)
        plan = dataclasses.replace(plan, infer=infer)
        return Run(plan, engine, store, id="bench", options=ExecutionOptions(jobs=JOBS))

    def _ours(self, engine: Engine, store: Store, *, infer: bool = False) -> Measured:
        for env in self.selection.environments:
            engine.prepare(env, self.locks[env.name])
            # The first start reads gigabytes from the disk; all ways find them cached.
            self._alone(engine, store, env.name, None)
        run = self._run(engine, store, infer=infer)
        started = time.monotonic()
        state = run.execute()
        seconds = time.monotonic() - started
        deadline, memory = self.matrix.limits.task_seconds, self.matrix.limits.memory_mb
        saves = [
            (
                save.saved_with,
                Task("", "save", save.scenario, save.format, None, deadline, memory),
                found.observation.seconds,
            )
            for save, found in state.saves.items()
        ]
        loads = {
            cell: (
                cell.loaded_with,
                Task(
                    "", "load", cell.scenario, cell.format,
                    state.saves[cell.save].observation.artifact, deadline, memory,
                ),
                found.observation.seconds,
            )
            for cell, found in state.loads.items()
        }  # fmt: skip
        own = [cell for cell in loads if cell not in state.inferred]
        shares = _shares([*state.saves.values(), *(state.loads[cell] for cell in own)])
        done = [*saves, *(loads[cell] for cell in own)]
        return Measured(seconds, [*saves, *loads.values()], done, shares)

    def _one_worker_per_task(self, engine: Engine, store: Store, ours: Measured) -> float:
        """Return seconds per task, `JOBS` at a time, each in a worker of its own."""
        chosen = random.Random(1).sample(ours.tasks, min(self.sample, len(ours.tasks)))
        started = time.monotonic()
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda item: self._alone(engine, store, item[0], item[1]), chosen))
        return (time.monotonic() - started) / len(chosen)

    def _one_worker_each(self, engine: Engine, store: Store, ours: Measured) -> float:
        """Return the seconds of all tasks, each in a worker of its own, by some of each column.

        The environment is read from the disk once before: if all of its tasks were done this
        way, it would be cached too.
        """
        some = self._some_of_each(
            ours.tasks, math.ceil(self.sample / len(self.selection.environments))
        )

        def do(env: Environment) -> OneProcess:
            self._alone(engine, store, env.name, None)
            took = []
            for name, task, _ in some:
                if name == env.name:
                    started = time.monotonic()
                    self._alone(engine, store, name, task)
                    took.append(time.monotonic() - started)
            return OneProcess(env.name, 0.0, took)

        with ThreadPoolExecutor(JOBS) as pool:
            found = list(pool.map(do, self.selection.environments))
        every = Counter(name for name, _, _ in ours.tasks)
        return _scaled(found, every, first=False) / JOBS

    def _some_of_each(self, tasks: Sequence[Placed], share: int) -> list[Placed]:
        """Return at most ``share`` of the tasks of each environment, at random."""
        chosen = random.Random(1)
        some: list[Placed] = []
        for env in self.selection.environments:
            own = [each for each in tasks if each[0] == env.name]
            some += chosen.sample(own, min(share, len(own)))
        return some

    def _alone(self, engine: Engine, store: Store, environment: str, task: Task | None) -> None:
        env = self.matrix.environments[environment]
        with store.scratch(f"alone-{time.monotonic_ns()}") as scratch:
            place = WorkDirs(self.project.scenarios, store.artifacts, scratch)
            worker = engine.open(env, self.locks[environment], place, self.matrix.limits)
            try:
                if task:
                    list(worker.run([dataclasses.replace(task, id="alone")]))
            finally:
                worker.close()

    def _in_one_process(self, way: str, store: Store, tasks: Sequence[Placed]) -> list[OneProcess]:
        """Do ``tasks`` as this ``way`` does them; return what that took, by environment.

        Environments are at work `JOBS` at a time, as they are in a run: side by side all is slower.
        """

        def do(env: Environment) -> OneProcess:
            requests = [
                {**dataclasses.asdict(task), "id": f"{way}-{number}"}
                for number, (name, task, _) in enumerate(tasks)
                if name == env.name
            ]
            with store.scratch(f"{way}-{env.name}") as scratch:
                python = ensure_venv(env, self.locks[env.name], default_cache())
                places = [HARNESS.parent, self.project.scenarios, store.artifacts, scratch]
                done = subprocess.run(
                    [python, "-I", str(Path(__file__).with_name("one_process.py")), way],
                    input=json.dumps([*(str(place.resolve()) for place in places), requests]),
                    env=worker_variables(env, str(scratch)),
                    capture_output=True,
                    text=True,
                    check=True,
                )
            imported, seconds = json.loads(done.stdout)
            return OneProcess(env.name, imported, seconds)

        with ThreadPoolExecutor(JOBS) as pool:
            return list(pool.map(do, self.selection.environments))


def whole(project: Project, matrix: Matrix, sample: int, share: int) -> dict[str, object]:
    """Measure all environments there are, in the quick formats."""
    everything = tuple(env.name for env in matrix.select(group="all").environments)
    bench = Bench(project, matrix, everything, sample, QUICK_FORMATS)
    return {**bench.at_once(share), **bench.at_once_contained()}


def _shares(measured: Sequence[Found[Any]]) -> dict[str, float]:
    """Return the part of all tasks' time that each of their steps took, the rest as ``other``."""
    total = sum(found.observation.seconds for found in measured)
    steps: Counter[str] = Counter()
    for found in measured:
        steps.update(found.observation.value.timings if found.observation.value else {})
    steps["other"] = total - steps.total()
    return {step: round(seconds / total, 3) for step, seconds in steps.most_common()}


def _sums(found: Sequence[OneProcess]) -> tuple[float, float]:
    """Return the seconds of all imports, and of all tasks."""
    return sum(one.imported for one in found), sum(sum(one.seconds) for one in found)


def _scaled(found: Sequence[OneProcess], counts: Mapping[str, int], *, first: bool) -> float:
    """Return the seconds that all tasks would take, by those that were done in each environment.

    Args:
        found: what some of the tasks took.
        counts: how many there are of an environment.
        first: the first one makes what the others find made, so it counts once.
    """
    total = 0.0
    for one in found:
        once, rest = (one.seconds[:1], one.seconds[1:]) if first else ([], one.seconds)
        others = counts[one.environment] - len(once)
        total += one.imported + sum(once) + (sum(rest) / len(rest) * others if rest else 0.0)
    return total


if __name__ == "__main__":
    sys.exit(main())
