"""``nox -s chaos``: do harm to runs at random moments and count what is lost, twice or wrong.

Every trial begins a run in a project of its own, does it one harm, resumes it without any, and
holds the table against that of an undisturbed run, cell by cell.
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
from tests.chaos.faults import (
    FAULTS,
    ON_DOCKER,
    ON_ITS_DAEMON,
    ON_REAL,
    ON_THE_STAND_IN,
    Fault,
)
from tests.chaos.project import Project, real_project, stand_in_project
from tests.chaos.trial import Trial

SHOWN = 6
COUNTED = ("lost", "duplicated", "wrong", "left", "hung")
MODELS = ("newer", "dies", "unsavable")
DAEMON = "stand-in-docker"
KINDS = {
    "stand-in": ON_THE_STAND_IN,
    DAEMON: ON_ITS_DAEMON,
    "local": ON_REAL,
    "docker": ON_DOCKER,
}
# Quick to open; between them one that passes, one that fails and one that is saved in vain.
REAL = {
    "environments": ("tf2.2", "tf2.4"),
    "scenarios": ("import_path", "missing_custom_layer"),
    "formats": ("h5", "savedmodel"),
}


def main() -> int:
    """Do faults until their number or the time is up; 1 if anything was not as it should be."""
    parser = argparse.ArgumentParser(prog="nox -s chaos --", description=__doc__)
    parser.add_argument("--faults", type=int, default=50, help="how many to do")
    parser.add_argument("--minutes", type=float, default=30, help="begin none after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chain", type=int, default=1, help="faults before a table is compared")
    parser.add_argument("--engine", choices=tuple(KINDS), default="stand-in")
    parser.add_argument("--only", help="kinds, separated by commas")
    parser.add_argument("--keep", action="store_true", help="keep the project of what went wrong")
    options = parser.parse_args()
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # a run is to hear it, whoever started this
    daemon = None
    if options.engine == DAEMON:
        reason = cannot_start()
        if reason:
            parser.error(f"--engine {DAEMON}: {reason}")
        daemon = Daemon(Path(tempfile.mkdtemp(prefix="chaos-docker-")))
    names = options.only.split(",") if options.only else KINDS[options.engine]
    kinds = _kinds(names)
    limit = time.monotonic() + options.minutes * 60
    base = Path(tempfile.mkdtemp(prefix="kerasmatrix-chaos-"))
    done: list[Trial] = []
    drawn = random.Random(options.seed)
    order: list[Fault] = []
    left: list[str] = []
    try:
        if daemon:
            daemon.start()
            daemon.load_stand_in()
        bench = Bench(base, options.engine, daemon)
        while sum(len(found.faults) for found in done) < options.faults:
            if time.monotonic() > limit:
                break
            while len(order) < options.chain:
                order += drawn.sample(kinds, len(kinds))
            chain, order = order[: options.chain], order[options.chain :]
            found = bench.try_out(chain, drawn.randrange(1 << 32))
            if found.faults:
                done.append(found)
                _tell(sum(len(one.faults) for one in done), found)
    finally:
        left = daemon.end() if daemon else []
        if options.keep and not all(found.sound for found in done):
            print(f"Kept: {base}")
        else:
            shutil.rmtree(base, ignore_errors=True)
    return _sum_up(done, left)


class Bench:
    """Makes projects, and knows what such a project gives when it is left alone."""

    def __init__(self, base: Path, engine: str, daemon: Daemon | None) -> None:
        self.base = base
        self.engine = engine
        self.daemon = daemon
        self.number = 0
        undisturbed = self._project("reference")
        started = time.monotonic()
        self.reference = trials.measure(undisturbed)
        self.seconds = time.monotonic() - started
        self.tasks = trials.tasks_done(undisturbed)
        statuses = verdict.statuses(self.reference)
        print(f"Undisturbed: {dict(statuses)} in {self.seconds:.0f} s")
        sys.stdout.flush()

    def try_out(self, faults: Sequence[Fault], seed: int) -> Trial:
        """Do one trial; its project is removed if all is well."""
        numbers = random.Random(seed)
        self.number += 1
        project = self._project(f"{self.number:04d}", faults)
        moment = trials.at_random(numbers, self.tasks, self.seconds)
        found = trials.attempt(project, faults, numbers, self.reference, moment)
        if found.sound:
            shutil.rmtree(project.folder)
        else:
            (project.folder / "printed.txt").write_text(found.printed)
        return found

    def _project(self, name: str, faults: Sequence[Fault] = ()) -> Project:
        folder = self.base / name
        folder.mkdir()
        if self.engine not in {"stand-in", DAEMON}:
            return real_project(folder, self.engine, **REAL)
        variables: dict[str, str] = {}
        for fault in faults:
            variables |= fault.variables(folder) if fault.variables else {}
        project = stand_in_project(
            folder,
            self.base / "cache",
            models=MODELS,
            formats=("h5",),
            variables=variables,
            daemon=self.daemon,
        )
        project.variables.update(variables)
        return project


def _kinds(names: Sequence[str]) -> list[Fault]:
    kinds = []
    for name in names:
        reason = FAULTS[name].needs()
        if reason:
            print(f"{name}: left out: {reason}")
        else:
            kinds.append(FAULTS[name])
    return kinds


def _tell(number: int, found: Trial) -> None:
    done = ", ".join(
        f"{name} ({code})" for name, code in zip(found.faults, found.codes, strict=True)
    )
    print(f"{number:4d} {'sound' if found.sound else 'NOT SOUND'}: {done}")
    for what in COUNTED:
        told = getattr(found, what)
        for line in told[:SHOWN]:
            print(f"       {what}: {line[:400]}")
        if len(told) > SHOWN:
            print(f"       {what}: … {len(told)} in all")
    sys.stdout.flush()


def _sum_up(done: list[Trial], left: list[str]) -> int:
    counted = Counter(name for found in done for name in found.faults)
    figures: dict[str, Any] = {
        "faults": counted.total(),
        **{what: sum(len(getattr(found, what)) for found in done) for what in COUNTED},
        "by_kind": dict(sorted(counted.items())),
    }
    figures["left"] += len(left)
    for told in left:
        print(f"left by the daemon: {told}")
    print(json.dumps(figures, indent=1))
    return 0 if done and not left and all(found.sound for found in done) else 1


if __name__ == "__main__":
    sys.exit(main())
