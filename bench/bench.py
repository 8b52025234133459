"""Measures a run against the plain way and against the floor, all in one go, as ratios.

The same cells are done by a run of ours, by a new interpreter for each task, by a new container
for each task, by a fork for each task (the prototype), and by one process for each environment
without any isolation (the floor; see one_process.py for both). The plain ways are timed on a
sample and scaled to all tasks. Environments are made beforehand. The page is measured on made-up
results of ten thousand cells (page.py), what a run costs beside its tasks on made-up answers
(growth.py).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from files import files
from growth import growth
from page import page

from kerasmatrix.cli.engines import open_engine
from kerasmatrix.cli.planning import plan_of
from kerasmatrix.engines.base import Engine, Task, Workplace
from kerasmatrix.engines.local import HARNESS, worker_variables
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.venvs import default_cache, ensure_venv
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.matrix import Environment, Matrix, load_matrix
from kerasmatrix.project import Project
from kerasmatrix.run import Run
from kerasmatrix.store import Store

# Scenarios that leave no global state behind, so that the floor can do them in one process.
SCENARIOS = ("import_path", "missing_custom_layer_defined", "v1_vs_v2_plain")
FORMATS = ("h5", "keras", "savedmodel", "weights")
JOBS = 2
PAGE_CELLS, MANY_CELLS = 10_000, 100_000


def main() -> int:
    """Measure, print, and write ``reports/bench.json``."""
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--environments", default="tf2.4,tf2.9,tf2.15,tf2.16,tf2.21")
    parser.add_argument("--sample", type=int, default=12, help="tasks done in each plain way")
    parser.add_argument(
        "--only", choices=("local", "docker", "page", "files", "growth"), help="just this part"
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
    }
    for name, part in parts.items():
        if options.only in {None, name}:
            figures.update(part())
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "bench.json"
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in figures.items():
        print(f"{name}: {value}")
    print(f"Written: {path}")
    return 0


@dataclasses.dataclass
class Measured:
    """A run of ours: its wall time, and its tasks with the environment and the time of each."""

    seconds: float
    tasks: list[tuple[str, Task, float]]


class Bench:
    """One benchmark: the cells, and the ways to do them."""

    def __init__(
        self, project: Project, matrix: Matrix, environments: tuple[str, ...], sample: int
    ) -> None:
        self.project = project
        self.matrix = matrix
        self.selection = matrix.select(
            environments=environments, scenarios=SCENARIOS, formats=FORMATS
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
            imports, bare = self._in_one_process("bare", store, ours)
            forked = sum(self._in_one_process("forked", store, ours)) / JOBS
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

    def docker(self) -> dict[str, object]:
        """Compare with a new container per task; nothing where there is no Docker Engine."""
        try:
            engine = open_engine("docker", self.matrix, self.project)
        except InfrastructureError as error:
            print(f"skipped: {error.message}", file=sys.stderr)
            return {"speedup_over_container_per_cell": None}
        try:
            with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "store")) as store:
                ours = self._ours(engine, store)
                plain = self._one_worker_per_task(engine, store, ours)
        finally:
            engine.close()
        return {"speedup_over_container_per_cell": round(plain * len(ours.tasks) / ours.seconds, 2)}

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
        return Run(plan, engine, store, id="bench", jobs=JOBS)

    def _ours(self, engine: Engine, store: Store) -> Measured:
        for env in self.selection.environments:
            engine.prepare(env, self.locks[env.name])
            # The first start reads gigabytes from the disk; all ways find them cached.
            self._alone(engine, store, env.name, None)
        run = self._run(engine, store)
        started = time.monotonic()
        observed = run.execute()
        seconds = time.monotonic() - started
        deadline, memory = self.matrix.limits.task_seconds, self.matrix.limits.memory_mb
        tasks = [
            (
                save.saved_with,
                Task("", "save", save.scenario, save.format, None, deadline, memory),
                found.observation.seconds,
            )
            for save, found in observed.saves.items()
        ]
        tasks += [
            (
                cell.loaded_with,
                Task(
                    "", "load", cell.scenario, cell.format,
                    observed.saves[cell[:3]].observation.artifact, deadline, memory,
                ),
                found.observation.seconds,
            )
            for cell, found in observed.loads.items()
        ]  # fmt: skip
        return Measured(seconds, tasks)

    def _one_worker_per_task(self, engine: Engine, store: Store, ours: Measured) -> float:
        """Return seconds per task, `JOBS` at a time, each in a worker of its own."""
        chosen = random.Random(1).sample(ours.tasks, min(self.sample, len(ours.tasks)))
        started = time.monotonic()
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda item: self._alone(engine, store, item[0], item[1]), chosen))
        return (time.monotonic() - started) / len(chosen)

    def _alone(self, engine: Engine, store: Store, environment: str, task: Task | None) -> None:
        env = self.matrix.environments[environment]
        with store.scratch(f"alone-{time.monotonic_ns()}") as scratch:
            place = Workplace(self.project.scenarios, store.artifacts, scratch)
            worker = engine.open(env, self.locks[environment], place, self.matrix.limits)
            try:
                if task:
                    list(worker.run([dataclasses.replace(task, id="alone")]))
            finally:
                worker.close()

    def _in_one_process(self, way: str, store: Store, ours: Measured) -> tuple[float, float]:
        """Return the seconds of all imports, and of all tasks as this ``way`` does them.

        Environments are at work `JOBS` at a time, as they are in a run: side by side all is slower.
        """

        def do(env: Environment) -> tuple[float, float]:
            requests = [
                {**dataclasses.asdict(task), "id": f"{way}-{number}"}
                for number, (name, task, _) in enumerate(ours.tasks)
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
            return imported, sum(seconds)

        with ThreadPoolExecutor(JOBS) as pool:
            found = list(pool.map(do, self.selection.environments))
        return sum(imported for imported, _ in found), sum(seconds for _, seconds in found)


if __name__ == "__main__":
    sys.exit(main())
