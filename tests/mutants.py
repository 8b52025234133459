"""Changes the modules that decide, one expression at a time, and counts what no test notices.

Run by ``nox -s mutation``. mutmut makes the changed functions (mutants). Its own runner starts
pytest for each of them, which takes hours; here the tests of a module are collected once, and each
mutant runs them in a fork.
"""

from __future__ import annotations

import argparse
import difflib
import gc
import importlib.abc
import importlib.util
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
from mutmut.mutation.file_mutation import MutatedFile, mutate_file_contents

PACKAGE, UNIT = Path("src/kerasmatrix"), Path("tests/unit")
# For each module the files of its tests. Fast ones are first: most mutants end with them.
MODULES = {
    "analysis/gate": ["analysis/test_gate"],
    "diagnosis/recognize_cause": ["diagnosis/test_recognize_cause"],
    "environments/identity": ["environments/test_identity", "execution/test_cache_keys"],
    "environments/variables": ["execution/test_cache_keys"],
    "execution/lookup": ["execution/test_lookup"],
    "execution/plan": ["execution/test_plan", "execution/test_cache_keys"],
    "results/differences": ["results/test_differences", "results/test_verdict"],
    "results/verdict": ["results/test_verdict", "results/test_differences"],
}
LEAST = 0.85
# Exit codes of a process that ran the tests for a mutant. Above them, it is the test that failed.
SURVIVED, KILLED, FAILED = 0, 1, 2


@dataclass(frozen=True)
class Score:
    """The result of one module: how many of its mutants a test noticed."""

    module: str
    total: int
    killed: int

    @property
    def share(self) -> float:
        return self.killed / self.total


class MutatedImport(importlib.abc.MetaPathFinder):
    """Imports one module with all its mutants; MUTANT_UNDER_TEST names the one that is called."""

    def __init__(self, name: str, path: Path, code: str) -> None:
        self.name, self.path, self.code = name, path, code

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        code = compile(self.code, str(self.path), "exec", dont_inherit=True)
        loader = SourceFileLoader(name, str(self.path))
        loader.get_code = lambda _: code
        return importlib.util.spec_from_file_location(name, self.path, loader=loader)


class ForkForEachMutant:
    """A pytest plugin that runs the collected tests once for each mutant."""

    def __init__(self, module: str, mutated: MutatedFile, jobs: int) -> None:
        self.module, self.mutated, self.jobs = module, mutated, jobs
        self.killed = 0
        self.running: dict[int, tuple[str, tempfile.TemporaryDirectory]] = {}
        # Of a process in which all tests pass: in all, and of the processor.
        self.seconds = self.processor_seconds = 0.0

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed or not session.items:
            raise session.Failed(f"the tests of {self.module} cannot be collected")
        gc.freeze()  # a collection of garbage would copy the memory that the processes share
        start = time.monotonic()
        self._start(session, "")
        used = self._wait(session)
        if self.killed:
            raise session.Failed(f"the tests of {self.module} fail without any change")
        self.seconds = time.monotonic() - start
        self.processor_seconds = used.ru_utime + used.ru_stime
        for mutant in self.mutated.mutant_names:
            if len(self.running) >= self.jobs:
                self._wait(session)
            self._start(session, mutant)
        while self.running:
            self._wait(session)
        return True

    def _start(self, session: pytest.Session, mutant: str) -> None:
        folder = tempfile.TemporaryDirectory(prefix="mutant-")
        child = os.fork()
        if child:
            self.running[child] = mutant, folder
            return
        os.environ["MUTANT_UNDER_TEST"] = f"{self.module}.{mutant}"
        os.environ["PYTEST_DEBUG_TEMPROOT"] = folder.name
        if mutant:
            # A mutant that loops, or waits for nothing, is noticed too.
            signal.alarm(int(10 * self.seconds) + 60)
            most = int(3 * self.processor_seconds) + 3
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                os.dup2(nowhere, stream)
        code = KILLED
        try:
            code = _first_failure(session)
        finally:
            os._exit(code)

    def _wait(self, session: pytest.Session) -> resource.struct_rusage:
        child, status, used = os.wait4(-1, 0)
        mutant, folder = self.running.pop(child)
        folder.cleanup()
        code = os.waitstatus_to_exitcode(status)
        if code != SURVIVED:
            self.killed += 1
        elif mutant:
            print(f"    survived: {_change(self.mutated, mutant)}", flush=True)
        if code > FAILED:
            # The next mutant is mostly of the same function, and ends with the same test.
            session.items.insert(0, session.items.pop(code - FAILED))
        return used


def _first_failure(session: pytest.Session) -> int:
    for place, item in enumerate(session.items):
        following = session.items[place + 1] if place + 1 < len(session.items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return min(FAILED + place, 255)
    return SURVIVED


def mutate(module: str, jobs: int) -> Score:
    """Run the tests of a module for each of its mutants, in a process that has not imported it."""
    path = (PACKAGE / f"{module}.py").resolve()
    name = f"kerasmatrix.{module.replace('/', '.')}"
    mutated = mutate_file_contents(str(path), path.read_text(encoding="utf-8"))
    sys.meta_path.insert(0, MutatedImport(name, path, mutated.code))
    forks = ForkForEachMutant(name, mutated, jobs)
    files = [str(UNIT / f"{file}.py") for file in MODULES[module]]
    options = ["-qq", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider"]
    code = pytest.main([*options, *files], plugins=[forks])
    if code != pytest.ExitCode.OK:
        sys.exit(f"{module}: its tests fail without any change: see pytest {' '.join(files)}")
    return Score(module, len(mutated.mutant_names), forks.killed)


def _change(mutated: MutatedFile, mutant: str) -> str:
    """Return what a mutant changes, as lines of a diff."""
    original = mutant.rpartition("__mutmut_")[0] + "__mutmut_orig"
    spans, lines = mutated.line_span_by_function_name, mutated.code.splitlines()
    before, after = (
        [line.strip().replace(name, "") for line in lines[spans[name].start - 1 : spans[name].end]]
        for name in (original, mutant)
    )
    diff = [line for line in difflib.ndiff(before, after) if line.startswith(("- ", "+ "))]
    return "\n        ".join([mutant, *diff])


def main() -> None:
    """Print the survivors and a table; fail if a module is under the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    unknown = [module for module in arguments.modules if module not in MODULES]
    if unknown:
        parser.error(f"no such module: {', '.join(unknown)} (of {', '.join(MODULES)})")
    scores = []
    fresh = multiprocessing.get_context("spawn")
    for module in arguments.modules or MODULES:
        with ProcessPoolExecutor(1, mp_context=fresh) as process:
            print(f"{module} …", flush=True)
            score = process.submit(mutate, module, arguments.jobs).result()
        scores.append(score)
    print("\nkilled    mutants  module")
    for score in scores:
        print(f"{score.share:7.1%}  {score.killed:4}/{score.total:<4} {score.module}")
    if any(score.share < LEAST for score in scores):
        sys.exit(f"In each module, at least {LEAST:.0%} must be killed.")


if __name__ == "__main__":
    main()
