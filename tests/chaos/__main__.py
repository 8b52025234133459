"""``nox -s chaos``: injects faults into runs at random moments and compares the tables.

Every trial begins a run in a project of its own, injects a fault, resumes the run undisturbed, and
compares its table, cell by cell, with that of an undisturbed run.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos import trial as trials
from tests.chaos import verdict
from tests.chaos.daemon import Daemon, cannot_start
from tests.chaos.faults import DOCKER, FAULTS, LOCAL, Fault
from tests.chaos.project import Project, stand_in_project
from tests.chaos.trial import Trial

SHOWN = 6
COUNTED = ("lost", "duplicated", "wrong", "left", "hung")
MODELS = ("newer", "dies", "unsavable")
KINDS = {"local": LOCAL, "docker": DOCKER}


def main() -> int:
    """Inject faults until their number or the time is up; 1 if any result was not as expected."""
    options = _options()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # runs inherit it, and must hear a hang-up
    daemon = Daemon(Path(tempfile.mkdtemp(prefix="chaos-docker-"))) if options.docker else None
    base = Path(tempfile.mkdtemp(prefix="kerasmatrix-chaos-"))
    trials_done: list[Trial] = []
    left: list[str] = []
    try:
        if daemon:
            daemon.start()
            daemon.load_stand_in()
        _inject(options, Bench(base, daemon), trials_done)
    finally:
        left = daemon.end() if daemon else []
        if options.keep and not all(trial.sound for trial in trials_done):
            print(f"Kept: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)
    return _sum_up(trials_done, left)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s chaos --", description=__doc__)
    parser.add_argument("--faults", type=int, default=50, help="number of faults")
    parser.add_argument("--minutes", type=float, default=30, help="begin none after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chain", type=int, default=1, help="faults before a table is compared")
    parser.add_argument("--engine", choices=tuple(KINDS), default="local")
    parser.add_argument("--only", help="kinds, separated by commas")
    parser.add_argument("--keep", action="store_true", help="keep the projects of failures")
    options = parser.parse_args()
    options.docker = options.engine == "docker"
    reason = cannot_start() if options.docker else None
    if reason:
        parser.error(f"--engine docker: {reason}")
    return options


class Bench:
    """Makes projects, and knows the table and the duration of an undisturbed run."""

    def __init__(self, base: Path, daemon: Daemon | None) -> None:
        self.base = base
        self.daemon = daemon
        self.number = 0
        undisturbed = self._project("reference")
        started = time.monotonic()
        self.reference = trials.measure(undisturbed)
        self.seconds = time.monotonic() - started
        self.tasks = trials.tasks_done(undisturbed)
        statuses = verdict.statuses(self.reference)
        print(f"Undisturbed: {dict(statuses)} in {self.seconds:.0f} s", flush=True)

    def attempt(self, faults: Sequence[Fault], seed: int) -> Trial:
        """Do one trial; its project is removed if the result is as expected."""
        numbers = random.Random(seed)
        self.number += 1
        project = self._project(f"{self.number:04d}")
        moment = trials.at_random(numbers, self.tasks, self.seconds)
        trial = trials.attempt(project, faults, numbers, self.reference, moment)
        if trial.sound:
            shutil.rmtree(project.folder)
        else:
            (project.folder / "printed.txt").write_text(trial.printed)
        return trial

    def _project(self, name: str) -> Project:
        folder = self.base / name
        folder.mkdir()
        return stand_in_project(
            folder, self.base / "cache", models=MODELS, formats=("h5",), daemon=self.daemon
        )


def _inject(options: argparse.Namespace, bench: Bench, trials_done: list[Trial]) -> None:
    kinds = _kinds(options.only.split(",") if options.only else KINDS[options.engine])
    limit = time.monotonic() + options.minutes * 60
    numbers = random.Random(options.seed)
    order: list[Fault] = []
    number = 0
    while number < options.faults and time.monotonic() < limit:
        while len(order) < options.chain:
            order += numbers.sample(kinds, len(kinds))
        chain, order = order[: options.chain], order[options.chain :]
        trial = bench.attempt(chain, numbers.randrange(1 << 32))
        if trial.faults:
            number += len(trial.faults)
            trials_done.append(trial)
            _report(number, trial)


def _kinds(names: Sequence[str]) -> list[Fault]:
    kinds = []
    for name in names:
        reason = FAULTS[name].needs()
        if reason:
            print(f"{name}: left out: {reason}")
        else:
            kinds.append(FAULTS[name])
    return kinds


def _report(number: int, trial: Trial) -> None:
    faults = ", ".join(
        f"{name} ({code})" for name, code in zip(trial.faults, trial.codes, strict=True)
    )
    print(f"{number:4d} {'sound' if trial.sound else 'NOT SOUND'}: {faults}")
    for kind in COUNTED:
        problems = getattr(trial, kind)
        for line in problems[:SHOWN]:
            print(f"       {kind}: {line[:400]}")
        if len(problems) > SHOWN:
            print(f"       {kind}: … {len(problems)} in all")
    sys.stdout.flush()


def _sum_up(trials_done: list[Trial], left: list[str]) -> int:
    counted = Counter(name for trial in trials_done for name in trial.faults)
    figures: dict[str, Any] = {
        "faults": counted.total(),
        **{kind: sum(len(getattr(trial, kind)) for trial in trials_done) for kind in COUNTED},
        "by_kind": dict(sorted(counted.items())),
    }
    figures["left"] += len(left)
    for leftover in left:
        print(f"left by the daemon: {leftover}")
    print(json.dumps(figures, indent=1))
    sound = trials_done and not left and all(trial.sound for trial in trials_done)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
