"""A trial: runs, each with a fault at some moment, a last one without, and the comparison."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.chaos import processes, verdict
from tests.chaos.containers import containers
from tests.chaos.faults import Case, Fault, begin, small_disk
from tests.chaos.project import Project

# Longer than any timeout of kerasmatrix, such as that of a worker that does not answer.
HANGS_SECONDS = 240
LEAVES_SECONDS = 20
INFRASTRUCTURE = 3
EARLY = 0.15  # of the faults come while the runner starts


@dataclass
class Trial:
    """The result of some faults, one after the other; ``faults`` are those that were possible."""

    faults: list[str] = field(default_factory=list)
    codes: list[int | None] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    printed: str = ""

    @property
    def sound(self) -> bool:
        """Whether the result is that of an undisturbed run."""
        return not (self.lost or self.duplicated or self.wrong or self.left or self.hung)


def measure(project: Project) -> verdict.Table:
    """Run undisturbed and return the table, which must be complete."""
    code, printed = finish(begin(project))
    assert code == 0, printed
    table, twice = verdict.table_of(project)
    assert not twice
    assert not verdict.NOT_MEASURED & verdict.statuses(table).keys()
    return table


def attempt(
    project: Project,
    faults: Sequence[Fault],
    numbers: random.Random,
    reference: verdict.Table,
    moment: Callable[[Case], object],
) -> Trial:
    """Begin a run, wait for the moment, inject the fault; resume, with the next fault; compare.

    Each measurement must still be stored, unchanged, after each later run.
    """
    trial = Trial()
    known: dict[str, tuple[str, str]] = {}
    with _prepared(project, faults):
        harmed = False
        for fault in faults:
            case = Case(project, begin(project), numbers)
            try:
                moment(case)
                _disturb(trial, case, fault, reference)
            finally:
                for clean_up in case.afterwards:
                    clean_up()
                if case.run.poll() is None:
                    case.run.kill()
            # Later runs may measure again what the fault damaged.
            harmed = harmed or fault.harms_store
            known = _still_known(trial, project, fault.name, known, excused=harmed)
        try:
            if trial.faults:
                _resume(trial, project, known, reference, harmed=harmed)
        finally:
            processes.end_all(project.folder)
    return trial


def at_random(numbers: random.Random, tasks: int, seconds: float) -> Callable[[Case], object]:
    """Return a moment: rarely while the runner starts, else between its tasks.

    Args:
        numbers: the random generator.
        tasks: the number of tasks of a whole run, 0 if unknown.
        seconds: the duration of a whole run.
    """

    def moment(case: Case) -> None:
        if not tasks:
            _sleep(case, numbers.uniform(0.05, 0.9) * seconds)
        elif numbers.random() < EARLY:
            _sleep(case, numbers.uniform(0, 2))
        else:
            # Tasks of an earlier run are not repeated: few may be left.
            done = tasks_done(case.project)
            left = max(1, tasks - done)
            _await_tasks(case, done + numbers.randint(1, left))
            _sleep(case, numbers.uniform(0, 0.05))

    return moment


def tasks_done(project: Project) -> int:
    """Return how many tasks have begun; with a daemon, how many are stored."""
    return len(verdict.rows(project)) if project.daemon else project.tasks_done()


def _await_tasks(case: Case, count: int) -> bool:
    return processes.wait(
        lambda: tasks_done(case.project) >= count or case.run.poll() is not None, HANGS_SECONDS
    )


def _sleep(case: Case, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        case.run.wait(seconds)


@contextlib.contextmanager
def _prepared(project: Project, faults: Sequence[Fault]) -> Iterator[None]:
    undo = small_disk(project) if any(fault.name == "fill-disk" for fault in faults) else None
    try:
        yield
    finally:
        if undo:
            undo()


def _disturb(trial: Trial, case: Case, fault: Fault, reference: verdict.Table) -> None:
    if fault.after:
        case.run.kill()
        finish(case.run)
        case.release()
        _at_work(case.project)
        if fault.inject(case):
            trial.faults.append(fault.name)
            trial.codes.append(case.run.returncode)
        return
    injected = fault.inject(case)
    case.release()
    code, printed = finish(case.run)
    trial.printed += printed
    if injected:
        trial.faults.append(fault.name)
        trial.codes.append(code)
    if code is None:
        trial.hung.append(f"{fault.name}: the run did not end")
    for other in case.others:
        code, printed = finish(other)
        trial.printed += printed
        if code not in {0, -signal.SIGKILL}:
            trial.wrong.append(f"{fault.name}: the second run exited with {code}")
    if "Traceback (most recent call last)" in trial.printed and not _early(trial.printed):
        trial.wrong.append(f"{fault.name}: a traceback")
    if injected and fault.blameless:
        trial.wrong += [f"{fault.name}: {problem}" for problem in _blamed(case, code, reference)]
    while case.afterwards:
        case.afterwards.pop()()
    # They must end without another run.
    left = _at_work(case.project)
    if not fault.until_resumed:
        trial.left += [f"{fault.name}: {process}" for process in left]


def _blamed(case: Case, code: int | None, reference: verdict.Table) -> Iterator[str]:
    """Yield cells with another status than in the reference, unless they were not measured.

    The exit code must be 3 if some were not measured.
    """
    if not (case.project.reports / "results.json").exists():
        if code != INFRASTRUCTURE:
            yield f"exited with {code} and no report"
        return
    table, _ = verdict.table_of(case.project)
    missing = verdict.NOT_MEASURED & verdict.statuses(table).keys()
    if code != (INFRASTRUCTURE if missing else 0):
        yield f"exited with {code}; not measured: {sorted(missing)}"
    for key, text in table.items():
        status, expected = (json.loads(cell)["status"] for cell in (text, reference[key]))
        if status != expected and status not in verdict.NOT_MEASURED:
            yield f"{' '.join(key)}: {status} for {expected}"


def _at_work(project: Project) -> list[str]:
    """Return the processes and containers of a project that have not ended in time."""
    left = [f"process {process}" for process in processes.gone(project.folder, LEAVES_SECONDS)]
    if project.engine == "docker":
        processes.wait(lambda: not containers(project), LEAVES_SECONDS)
        left += [f"container {container.name}" for container in containers(project)]
    return left


def _early(printed: str) -> bool:
    """Whether it is Python's traceback for an interrupt before the program has begun."""
    return "KeyboardInterrupt" in printed and "in _invoke" not in printed


def _still_known(
    trial: Trial,
    project: Project,
    fault: str,
    before: dict[str, tuple[str, str]],
    *,
    excused: bool,
) -> dict[str, tuple[str, str]]:
    """Compare the stored measurements before and after a run, and return the latter."""
    after = verdict.rows(project)
    if excused:
        return after
    trial.lost += [f"{fault}: the measurement of {before[key][0]}" for key in before.keys() - after]
    trial.duplicated += [
        f"{fault}: measured at {before[key][0]} and again at {after[key][0]}"
        for key in before.keys() & after.keys()
        if before[key] != after[key]
    ]
    return after


def _resume(
    trial: Trial,
    project: Project,
    known: dict[str, tuple[str, str]],
    reference: verdict.Table,
    *,
    harmed: bool,
) -> None:
    code, printed = finish(begin(project))
    trial.printed += printed
    if code is None:
        trial.hung.append("the resumed run did not end")
        return
    if code != 0:
        trial.wrong.append(f"the resumed run exited with {code}")
        if not (project.reports / "results.json").exists():
            return
    _still_known(trial, project, "the resumed run", known, excused=harmed)
    for kind, problems in verdict.compare(reference, project).items():
        getattr(trial, kind).extend(problems)
    trial.left += verdict.left_behind(project)
    trial.left += _at_work(project)


def finish(run: subprocess.Popen[bytes]) -> tuple[int | None, str]:
    """Wait for a run; return its exit code, None if it does not end, and what it printed."""
    streams = [stream for stream in (run.stdout, run.stderr) if stream and not stream.closed]
    if not streams:
        try:
            return run.wait(HANGS_SECONDS), ""
        except subprocess.TimeoutExpired:
            run.kill()
            return None, ""
    try:
        out, err = run.communicate(timeout=HANGS_SECONDS)
    except subprocess.TimeoutExpired:
        run.kill()
        out, err = run.communicate()
        return None, (out + err).decode(errors="replace")
    return run.returncode, (out + err).decode(errors="replace")
