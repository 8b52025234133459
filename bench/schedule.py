"""Predicts how long many files take on many machines, from what little ones take here.

Constants come from a run with real TensorFlow (its results.json and store), from opening its
environments, and from what the store and a cluster do by themselves. A simulation that works by
the program's own agenda (simulation.py) makes wall times of them. It is held against runs of the
program whose tasks wait by the clock instead of loading models (waiting.py).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributed import LocalCluster
from page import made_up
from pydantic import ValidationError
from simulation import Constants, Schedule, formula, on_cluster, on_one_machine
from waiting import WaitingEngine, WaitingRecipe, compared, plan, write

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.base import Engine, Workplace
from kerasmatrix.engines.dask.engine import DaskEngine
from kerasmatrix.engines.local import LocalEngine
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.execution.runner import Run
from kerasmatrix.report.html import render_html
from kerasmatrix.results.observations import LoadObservation
from kerasmatrix.results.schema import Results
from kerasmatrix.store.store import Store

SLOTS = ((1, 1), (2, 1), (2, 2), (4, 2))  # machines, and slots of each
MACHINES = (1, 10, 100)
FILES = (100, 1_000, 10_000)
# The agenda of a simulation has so many files at most; each stands for several then.
SIMULATED_FILES = 100
# What is waited for where the prediction is held against runs.
TRIAL_FILES, TRIAL_ENVIRONMENTS, TRIAL_ORDER = 8, 8, 4
TRIAL_IMPORT, TRIAL_TASK = 0.5, 0.1


def main() -> int:
    """Measure, simulate, print, and write ``reports/schedule.json``."""
    parser = argparse.ArgumentParser(prog="nox -s schedule --", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("reports/results.json"))
    parser.add_argument("--store", type=Path, default=Path(".kerasmatrix"), help="that run's store")
    parser.add_argument("--environments", type=int, default=60)
    parser.add_argument("--slots", type=int, default=4, help="of each machine in the table")
    parser.add_argument("--output", type=Path, default=Path("reports"))
    options = parser.parse_args()
    results = Results.model_validate_json(options.results.read_text(encoding="utf-8"))
    real = Real.of(results, options.store)
    filing = Filing.measured(options.store, real.probe_bytes)
    figures: dict[str, object] = {"real": vars(real), "filing": vars(filing)}
    print(real.told(), filing.told(), sep="\n")
    overhead = _overhead(filing)
    figures["overhead"] = {name: getattr(overhead, name) for name in ("around_task", "order")}
    print(
        f"a cluster by itself: {1000 * overhead.order:.0f} ms an order, "
        f"{1000 * overhead.around_task:.1f} ms a task beyond it and beyond filing"
    )
    figures["trials"] = _trials(overhead)
    figures["table"] = _table(real, overhead, options.environments, options.slots)
    figures["limits"] = _limits(real, filing, options.environments)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "schedule.json"
    path.write_text(json.dumps(figures, indent=2, default=str) + "\n", encoding="utf-8")
    print(f"Written: {path}")
    return 0


@dataclass(frozen=True)
class Real:
    """What a run with real TensorFlow took: seconds of imports and tasks, bytes of artifacts."""

    imports: dict[str, float]
    load: float
    take: float
    model_bytes: float
    probe_bytes: float
    isolated: bool

    @classmethod
    def of(cls, results: Results, store: Path) -> Real:
        """Read what a run has measured, and open its environments."""
        sides = [
            cell.load
            for cell in results.cells
            if cell.load and cell.load.ended == "returned" and cell.inferred_from is None
        ]
        load = statistics.mean(side.seconds for side in sides)
        # A file is taken as it is loaded, but not saved again.
        again = statistics.mean(side.timings.get("resave", 0.0) for side in sides)
        folders = {store / "artifacts" / cell.artifact for cell in results.cells if cell.artifact}
        sizes = [(_size(folder), _size(folder / "probe.npz")) for folder in folders]
        return cls(
            dict(_imports([env.name for env in results.environments])),
            load,
            load - again,
            statistics.mean(whole - probe for whole, probe in sizes),
            statistics.mean(probe for _, probe in sizes),
            results.run.isolated,
        )

    def told(self) -> str:
        """Say it in lines."""
        imports = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.imports.items())
        alone = "in a process of its own" if self.isolated else "after others in one process"
        return (
            f"opened: {imports}\na task {alone}: load {self.load:.2f} s, take {self.take:.2f} s\n"
            f"a model: {self.model_bytes / 1e3:.0f} kB, a probe: {self.probe_bytes / 1e3:.1f} kB"
        )


def _imports(names: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield what opening each environment takes that is made: the better of two, once read."""
    project, engine = Project(Path("matrix.yaml")), LocalEngine()
    matrix = load_matrix(project.matrix_file)
    with tempfile.TemporaryDirectory() as folder:
        place = Workplace(Path(folder), Path(folder), Path(folder))
        for name in names:
            environment, lock = (
                matrix.environments[name],
                read_lock(project.locks, matrix.environments[name]),
            )
            engine.prepare(environment, lock)
            took = []
            for _ in range(2):
                started = time.monotonic()
                engine.open(environment, lock, place, matrix.limits).close()
                took.append(time.monotonic() - started)
            yield name, min(took)


@dataclass(frozen=True)
class Filing:
    """What the coordinator's store takes, in seconds: an answer, and an artifact of a probe."""

    answer: float
    artifact: float

    @classmethod
    def measured(cls, store: Path, size: float) -> Filing:
        """File what a store holds again, in a new one beside the reports."""
        with Store(store) as held:
            told = [row[1] for row in held.rows("observations")]
        answers = []
        for text in told:
            with contextlib.suppress(ValidationError):
                answers.append(LoadObservation.model_validate_json(text))
        with tempfile.TemporaryDirectory(dir=store) as folder, Store(Path(folder, "s")) as opened:
            count = 2000
            started = time.monotonic()
            for number in range(count):
                opened.remember(f"{number:064x}", answers[number % len(answers)], "bench")
            answer = (time.monotonic() - started) / count
            count = 300
            with opened.scratch("artifacts") as scratch:
                for number in range(count):
                    (scratch / str(number)).mkdir()
                    (scratch / str(number) / "probe.npz").write_bytes(
                        number.to_bytes(4, "big") + bytes(int(size))
                    )
                started = time.monotonic()
                for number in range(count):
                    opened.keep_artifact(scratch / str(number))
                artifact = (time.monotonic() - started) / count
        return cls(answer, artifact)

    @property
    def mean(self) -> float:
        """What an answer takes on average: every other one has an artifact."""
        return self.answer + self.artifact / 2

    def told(self) -> str:
        """Say it in a line."""
        return (
            f"the store: {1 / self.answer:.0f} answers a second, {1 / self.artifact:.0f} artifacts "
            f"a second, {1 / self.mean:.0f} answers of a check"
        )


def _overhead(filing: Filing) -> Constants:
    """Return what a cluster takes by itself, from two runs whose tasks take no time."""
    took = {}
    for size in (1, 16):
        orders = Trial(16, 2, 0.0, 0.0, size)
        took[size] = orders.over_a_cluster(1, 1)
    tasks = 2 * 16 * 2
    orders = {size: 2 * 2 * 16 / size + 2 for size in took}
    order = max(0.0, (took[1] - took[16]) / (orders[1] - orders[16]))
    task = max(0.0, (took[16] - orders[16] * order) / tasks - filing.mean)
    return Constants({}, {}, task, order, filing.mean)


@dataclass(frozen=True)
class Trial:
    """A check of made-up files whose imports and tasks take these seconds."""

    files: int
    environments: int
    import_seconds: float
    task_seconds: float
    tasks_per_order: int

    @property
    def imports(self) -> dict[str, float]:
        """By environment, the last twice as long as the first."""
        count = self.environments
        return {f"e{n}": self.import_seconds * (1 + n / count) for n in range(count)}

    @property
    def tasks(self) -> dict[str, float]:
        """By kind."""
        return {"take": self.task_seconds, "load": self.task_seconds}

    @property
    def engine(self) -> WaitingEngine:
        """What waits as long."""
        return WaitingEngine(self.imports, self.tasks)

    def on_one_machine(self, slots: int) -> float:
        """Return what a run takes here, with so many environments at work at a time."""
        return self._run(self.engine, slots)

    def over_a_cluster(self, machines: int, slots: int) -> float:
        """Return what a run takes over a cluster of threads of this process."""
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalCluster(
                n_workers=machines, threads_per_worker=slots, processes=False, memory_limit=0,
                protocol="tcp", dashboard_address=":0", local_directory=folder,
            ) as cluster,
            contextlib.closing(
                DaskEngine(
                    cluster.scheduler_address,
                    str(Path(folder, "parcels")),
                    WaitingRecipe(self.engine),
                    tasks_per_order=self.tasks_per_order,
                )
            ) as engine,
        ):  # fmt: skip
            return self._run(engine, machines * slots)

    def _run(self, engine: Engine, jobs: int) -> float:
        with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "store")) as store:
            first = plan(Path(folder), self.files, list(self.imports))
            write(first)
            run = Run(
                first, engine, store, id="schedule", jobs=jobs,
                sequel=lambda seen: compared(first, seen),
            )  # fmt: skip
            started = time.monotonic()
            observed = run.execute()
            seconds = time.monotonic() - started
            assert len(observed.loads) == self.files * self.environments, observed.troubles
        return seconds


def _trials(overhead: Constants) -> list[dict[str, object]]:
    """Hold predictions against runs."""
    trial = Trial(TRIAL_FILES, TRIAL_ENVIRONMENTS, TRIAL_IMPORT, TRIAL_TASK, TRIAL_ORDER)
    made = plan(Path(), trial.files, list(trial.imports))
    over = Constants(
        trial.imports, trial.tasks, overhead.around_task, overhead.order, overhead.answer
    )
    here = Constants(trial.imports, trial.tasks, answer=overhead.answer)
    told: list[dict[str, object]] = []
    print("\nwhere           slots  predicted  measured  ratio")
    for machines, each in SLOTS:
        slots = machines * each
        pairs = {
            "one machine": (on_one_machine(made, here, slots), trial.on_one_machine(slots)),
            "a cluster": (
                on_cluster(made, over, machines, each, tasks_per_order=TRIAL_ORDER),
                trial.over_a_cluster(machines, each),
            ),
        }
        for where, (predicted, measured) in pairs.items():
            ratio = round(predicted.seconds / measured, 2)
            told.append(
                {
                    "where": where, "machines": machines, "slots": slots, "ratio": ratio,
                    "predicted": round(predicted.seconds, 2), "measured": round(measured, 2),
                }
            )  # fmt: skip
            print(f"{where:15} {slots:5} {predicted.seconds:9.1f}s {measured:8.1f}s  {ratio:5.2f}")
    return told


def _table(
    real: Real, overhead: Constants, environments: int, slots: int
) -> list[dict[str, object]]:
    """Simulate checks of ever more files on ever more machines."""
    known = list(real.imports.values())
    names = [f"e{number}" for number in range(environments)]
    constants = Constants(
        {name: known[number % len(known)] for number, name in enumerate(names)},
        {"take": real.take, "load": real.load},
        overhead.around_task,
        overhead.order,
        overhead.answer,
    )
    told: list[dict[str, object]] = []
    cores = os.cpu_count() or 1
    print(f"\nfiles x {environments} environments, in hours (the formula's in brackets)")
    print(f"{'files':>7} {f'here, {cores} slots':>18}", end="")
    print(*(f"{f'{count} x {slots}':>18}" for count in MACHINES))
    for files in FILES:
        weight = -(-files // SIMULATED_FILES)
        made = plan(Path(), files // weight, names)
        here = on_one_machine(made, constants, cores, weight)
        ways: list[tuple[int, int, Schedule, float]] = [
            (0, cores, here, formula(made, constants, cores, weight=weight, tasks_per_order=None))
        ]
        for machines in MACHINES:
            told_ = on_cluster(made, constants, machines, slots, weight=weight)
            by_formula = formula(made, constants, machines * slots, weight=weight)
            ways.append((machines, slots, told_, by_formula))
        print(f"{files:7}", end=" ")
        print(*(f"{f'{_hours(s.seconds)} ({_hours(f)})':>18}" for _, _, s, f in ways), flush=True)
        told += [
            {
                "files": files, "machines": machines, "slots": each, "formula": by_formula,
                "opened_per_order": round(found.opened / found.orders, 2) if found.orders else None,
                **vars(found),
            }
            for machines, each, found, by_formula in ways
        ]  # fmt: skip
    return told


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.2f}"


def _limits(real: Real, filing: Filing, environments: int) -> dict[str, object]:
    """Tell where it ends: filing, traffic, and what is written in the end."""
    some = made_up(10_000)
    per_cell = len(some.model_dump_json()) / len(some.cells)
    page = len(render_html(some).encode()) / len(some.cells)
    told: dict[str, object] = {}
    print(
        "\n  files  busy slots filing can feed   by way of artifacts: a machine / the run     json"
    )
    for files in FILES:
        cells = files * environments
        figures = {
            "fed_slots": (real.take + real.load) / 2 / filing.mean,
            "machine_gigabytes": files * real.model_bytes / 1e9,
            "run_gigabytes": (files * real.model_bytes + 2 * cells * real.probe_bytes) / 1e9,
            "results_megabytes": cells * per_cell / 1e6,
            "page_megabytes": cells * page / 1e6,
        }
        told[str(files)] = {name: round(value, 2) for name, value in figures.items()}
        print(f"{files:7} {told[str(files)]}")
    return told


def _size(path: Path) -> int:
    files: Sequence[Path] = [path] if path.is_file() else list(path.rglob("*"))
    return sum(each.stat().st_size for each in files if each.is_file())


if __name__ == "__main__":
    sys.exit(main())
