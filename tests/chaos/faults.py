"""The faults: each is done to a run that is at work, from outside, and says whether it could be."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from docker.models.containers import Container

from tests.chaos import processes
from tests.chaos.containers import TROUBLES, containers, workers_in_containers
from tests.chaos.project import Project

HALF_A_LINE = b'{"kind":"result","ended":"retu'


@dataclass
class Case:
    """A run at work, what a fault has to leave for afterwards, and what held the run for it."""

    project: Project
    run: subprocess.Popen[bytes]
    random: random.Random
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    held: list[Callable[[], None]] = field(default_factory=list)
    storm: list[str] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def release(self) -> None:
        """Let the run go on from where it was held."""
        while self.held:
            self.held.pop()()

    def workers(self) -> list[processes.Process]:
        if self.project.engine == "docker":
            return workers_in_containers(self.project)
        return processes.workers(self.project.folder, self.run.pid)

    def children(self) -> list[processes.Process]:
        return [child for worker in self.workers() for child in processes.of_parent(worker.pid)]

    def some(self, of: Callable[[], list[processes.Process]]) -> processes.Process | None:
        """Return one of the processes, waiting for a moment at which there is one."""
        found: list[processes.Process] = []
        processes.wait(lambda: found.extend(of()) or found or self.run.poll() is not None, 20)
        return self.random.choice(found) if found else None


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    ``harms_store``: what was measured may be measured again. ``until_resumed``: what it leaves may
    be there until the next run, as a worker may that is stopped before it has asked to be ended
    with its runner. ``after``: it is done when the run has been killed, not while it works.
    ``slow``: it is noticed after many seconds only. ``blameless``: nothing that the run reports may
    be another outcome for it, and it leaves with 0 or, where that is told, with 3. ``needs`` says
    why it cannot be done here.
    """

    name: str
    inject: Callable[[Case], bool]
    harms_store: bool = False
    until_resumed: bool = False
    after: bool = False
    slow: bool = False
    blameless: bool = False
    variables: Callable[[Path], dict[str, str]] | None = None
    needs: Callable[[], str | None] = lambda: None


# To the runner.


def kill_runner(case: Case) -> bool:
    return _signal(case, signal.SIGKILL)


def terminate_runner(case: Case) -> bool:
    return _signal(case, signal.SIGTERM)


def interrupt_once(case: Case) -> bool:
    return _signal(case, signal.SIGINT)


def interrupt_twice(case: Case) -> bool:
    """As with Ctrl-C: whoever is in the runner's group hears it too."""
    if not _signal(case, signal.SIGINT):
        return False
    _wait(case, case.random.uniform(0, 0.3))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(case.run.pid, signal.SIGINT)
    return True


def hang_up(case: Case) -> bool:
    return _signal(case, signal.SIGHUP)


def stop_runner_for_a_while(case: Case) -> bool:
    if not _signal(case, signal.SIGSTOP):
        return False
    _wait(case, case.random.uniform(0.1, 1.5))
    return _signal(case, signal.SIGCONT)


def stop_worker_and_kill_runner(case: Case) -> bool:
    worker = case.some(case.workers)
    return bool(worker and worker.send(signal.SIGSTOP) and _signal(case, signal.SIGKILL))


def stop_child_and_kill_runner(case: Case) -> bool:
    child = case.some(case.children)
    return bool(child and child.send(signal.SIGSTOP) and _signal(case, signal.SIGKILL))


def kill_runner_and_workers(case: Case) -> bool:
    """All at once, so that nobody is left to end the children."""
    workers = case.workers()
    if not workers or not _signal(case, signal.SIGKILL):
        return False
    for worker in workers:
        worker.send(signal.SIGKILL)
    return True


# To workers and children.


def kill_worker(case: Case) -> bool:
    worker = case.some(case.workers)
    return bool(worker and worker.send(signal.SIGKILL))


def kill_all_workers(case: Case) -> bool:
    case.some(case.workers)
    return sum(worker.send(signal.SIGKILL) for worker in case.workers()) > 0


def stop_worker(case: Case) -> bool:
    worker = case.some(case.workers)
    return bool(worker and worker.send(signal.SIGSTOP))


def stop_worker_for_a_while(case: Case) -> bool:
    worker = case.some(case.workers)
    if not worker or not worker.send(signal.SIGSTOP):
        return False
    _wait(case, case.random.uniform(0.1, 1.5))
    return worker.send(signal.SIGCONT)


def kill_child(case: Case) -> bool:
    child = case.some(case.children)
    return bool(child and child.send(signal.SIGKILL))


def crash_child(case: Case) -> bool:
    """A crash that another try does not repeat."""
    child = case.some(case.children)
    return bool(child and child.send(case.random.choice([signal.SIGSEGV, signal.SIGBUS])))


def stop_child(case: Case) -> bool:
    child = case.some(case.children)
    return bool(child and child.send(signal.SIGSTOP))


def kill_children_often(case: Case) -> bool:
    """One child after the other, each of another task."""
    done = 0
    for _ in range(3):
        child = case.some(case.children)
        done += bool(child and child.send(signal.SIGKILL))
    return done > 0


MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")


def starve_child(case: Case) -> bool:
    """Let the kernel end a child for memory: in a group that may have none."""
    child = case.some(case.children)
    if not child:
        return False
    group = MEMORY_GROUPS / f"chaos-{case.run.pid}"
    group.mkdir(exist_ok=True)
    case.afterwards.append(lambda: _remove_group(group))
    try:
        (group / "memory.limit_in_bytes").write_text("65536")
        (group / "cgroup.procs").write_text(str(child.pid))
    except OSError:
        return False
    return True


def _remove_group(group: Path) -> None:
    def remove() -> bool:
        with contextlib.suppress(OSError):
            group.rmdir()
        return not group.exists()

    processes.wait(remove, 20)


def cannot_starve() -> str | None:
    usable = os.access(MEMORY_GROUPS / "cgroup.procs", os.W_OK) and os.getuid() == 0
    return None if usable else "no memory cgroups (version 1) that this user may make"


def cut_answer(case: Case) -> bool:
    """Put half a line into what a worker answers, and kill it."""
    worker = case.some(case.workers)
    if not worker:
        return False
    for descriptor in Path(f"/proc/{worker.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            # What it answers with is a pipe that it writes, other than its log.
            told = Path(f"/proc/{worker.pid}/fdinfo/{descriptor.name}").read_text()
            flags = int(told.split("flags:")[1].split()[0], 8)
            if str(descriptor.readlink()).startswith("pipe:") and flags & os.O_WRONLY:
                with descriptor.open("wb", buffering=0) as pipe:
                    pipe.write(HALF_A_LINE)
                return worker.send(signal.SIGKILL)
    return False


# To containers and images.


def kill_container(case: Case) -> bool:
    return _to_a_container(case, lambda container: container.kill())


def remove_container(case: Case) -> bool:
    return _to_a_container(case, lambda container: container.remove(force=True))


def pause_container_for_a_while(case: Case) -> bool:
    def pause(container: Container) -> None:
        container.pause()
        case.afterwards.append(lambda: _quietly(container.unpause))
        _wait(case, case.random.uniform(0.1, 3))
        _quietly(container.unpause)

    return _to_a_container(case, pause)


def starve_container(case: Case) -> bool:
    """Let something else in the container take all the memory that it may have."""
    hog = "x = []\nwhile True: x.append(bytearray(1 << 24))"
    return _to_a_container(
        case, lambda container: container.exec_run(["python", "-c", hog], detach=True)
    )


def remove_image(case: Case) -> bool:
    """Take the name of an environment's image away, and give it back afterwards."""

    def remove(container: Container) -> None:
        image = container.image
        (name,) = image.tags
        case.afterwards.append(lambda: image.tag(name))
        container.client.api.remove_image(name, noprune=True)
        container.kill()

    return _to_a_container(case, remove)


def delete_image(case: Case) -> bool:
    """Take an environment's image away for good, as one does who makes space."""

    def delete(container: Container) -> None:
        api = container.client.api
        (name,) = container.image.tags
        container.kill()
        api.remove_image(name, force=True)

    return _to_a_container(case, delete)


# To the Docker daemon; while it is gone, nobody can be asked about containers.


def terminate_daemon(case: Case) -> bool:
    """It is gone until the run has ended."""
    return _to_the_daemon(case, signal.SIGTERM, again=False)


def kill_daemon(case: Case) -> bool:
    """It is gone until the run has ended; its containers have nobody then."""
    return _to_the_daemon(case, signal.SIGKILL, again=False)


def restart_daemon(case: Case) -> bool:
    return _to_the_daemon(case, signal.SIGTERM, again=True)


def kill_and_restart_daemon(case: Case) -> bool:
    return _to_the_daemon(case, signal.SIGKILL, again=True)


def stop_daemon_for_a_while(case: Case) -> bool:
    """It takes what is asked of it, and does not answer."""
    if not case.project.daemon or case.run.poll() is not None:
        return False
    case.project.daemon.send(signal.SIGSTOP)
    _wait(case, case.random.uniform(0.1, 5))
    case.project.daemon.send(signal.SIGCONT)
    return True


def kill_daemon_and_runner(case: Case) -> bool:
    """Nobody is left to end the workers but themselves."""
    return kill_daemon(case) and _signal(case, signal.SIGKILL)


def _to_the_daemon(case: Case, number: int, *, again: bool) -> bool:
    daemon = case.project.daemon
    if not daemon or case.run.poll() is not None:
        return False
    case.afterwards.append(daemon.start)
    daemon.send(number)
    daemon.wait()
    if again:
        daemon.start()
    return True


def _to_a_container(case: Case, harm: Callable[[Container], object]) -> bool:
    found: list[Container] = []
    processes.wait(
        lambda: found.extend(containers(case.project)) or found or case.run.poll() is not None,
        20,
    )
    if not found:
        return False
    try:
        harm(case.random.choice(found))
    except TROUBLES:
        return False  # it was gone already
    return True


def _quietly(do: Callable[[], object]) -> None:
    with contextlib.suppress(*TROUBLES):
        do()


def _wait(case: Case, seconds: float) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        case.run.wait(seconds)


# To the machine.


def fill_disk(case: Case) -> bool:
    """The store's file system is a small one here; see `small_disk`."""
    ballast = case.project.store / "ballast"
    case.afterwards.append(lambda: ballast.unlink(missing_ok=True))
    try:
        with ballast.open("wb", buffering=0) as file:
            while True:
                if file.write(bytes(4096)) < 1:
                    break
    except OSError:
        return case.run.poll() is None
    return False


def cannot_mount() -> str | None:
    return None if os.getuid() == 0 and shutil.which("mount") else "only root can mount"


def small_disk(project: Project) -> Callable[[], None]:
    """Put the store on a file system of four megabytes; return what takes it away again."""
    project.store.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "chaos", str(project.store)], check=True
    )

    def undo() -> None:
        subprocess.run(["umount", "-l", str(project.store)], check=True)

    return undo


CLOCK = Path(__file__).with_name("clock.c")


def cannot_set_clock() -> str | None:
    return None if shutil.which("cc") else "no C compiler for a clock of its own"


def own_clock(folder: Path) -> dict[str, str]:
    """Variables for a clock that is set by a file; that of the machine stays as it is."""
    library, offset = folder / "clock.so", folder / "clock"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, CLOCK], check=True)
    offset.write_text("0")
    return {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(offset)}


def jump_clock(case: Case) -> bool:
    """Set the clock by minutes, hours, or more than a year, forward or back."""
    seconds = case.random.choice([45, 400, 3 * 3600, 400 * 86400]) * case.random.choice([-1, 1])
    place = case.project.folder / "clock"
    staged = place.with_name("clock-staged")
    staged.write_text(str(seconds))
    staged.replace(place)
    return case.run.poll() is None


def remove_scratch(case: Case) -> bool:
    """What somebody does who wants to make space."""
    scratch = case.project.store / "scratch"
    if not scratch.exists():
        return False
    shutil.rmtree(scratch, ignore_errors=True)
    return case.run.poll() is None


# To the store, while it is at work and when it was left in a hurry.


def _artifact(case: Case) -> Path | None:
    found = sorted((case.project.store / "artifacts").glob("*/*"))
    files = [path for path in found if path.is_file()]
    return case.random.choice(files) if files else None


def corrupt_artifact(case: Case) -> bool:
    path = _artifact(case)
    return bool(path) and _corrupt(path, case.random)


def truncate_artifact(case: Case) -> bool:
    path = _artifact(case)
    if not path:
        return False
    os.truncate(path, case.random.randrange(path.stat().st_size))
    return True


def delete_artifact(case: Case) -> bool:
    path = _artifact(case)
    if not path:
        return False
    shutil.rmtree(path.parent, ignore_errors=True)
    return True


def delete_all_artifacts(case: Case) -> bool:
    for path in (case.project.store / "artifacts").glob("*"):
        shutil.rmtree(path, ignore_errors=True)
    return True


def corrupt_wal(case: Case) -> bool:
    return _corrupt(case.project.store / "store.sqlite-wal", case.random)


def truncate_wal(case: Case) -> bool:
    path = case.project.store / "store.sqlite-wal"
    if not path.exists() or not path.stat().st_size:
        return False
    os.truncate(path, case.random.randrange(path.stat().st_size))
    return True


def delete_wal(case: Case) -> bool:
    path = case.project.store / "store.sqlite-wal"
    found = path.exists()
    path.unlink(missing_ok=True)
    return found


def delete_shared_memory(case: Case) -> bool:
    path = case.project.store / "store.sqlite-shm"
    found = path.exists()
    path.unlink(missing_ok=True)
    return found


def corrupt_database(case: Case) -> bool:
    return _corrupt(case.project.store / "store.sqlite", case.random)


def truncate_database(case: Case) -> bool:
    path = case.project.store / "store.sqlite"
    if not path.exists() or not path.stat().st_size:
        return False
    os.truncate(path, case.random.randrange(path.stat().st_size))
    return True


def _corrupt(path: Path, numbers: random.Random) -> bool:
    """Change a few bytes somewhere in a file."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("r+b") as file:
        for _ in range(3):
            file.seek(numbers.randrange(path.stat().st_size))
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ (1 << numbers.randrange(8))]))
    return True


# Around it.


def second_run(case: Case) -> bool:
    """Two runs on one store."""
    case.others.append(begin(case.project))
    return case.run.poll() is None


def second_run_and_kill_first(case: Case) -> bool:
    case.others.append(begin(case.project))
    _wait(case, case.random.uniform(0, 2))
    return _signal(case, signal.SIGKILL)


def second_run_and_kill_it(case: Case) -> bool:
    other = begin(case.project)
    case.others.append(other)
    _wait(case, case.random.uniform(0, 2))
    other.kill()
    return True


def cut_output(case: Case) -> bool:
    """Close the other end of what it prints to, after a few letters of it if there are any yet."""
    for stream in (case.run.stdout, case.run.stderr):
        assert stream is not None
        os.set_blocking(stream.fileno(), False)
        stream.read(7)
        stream.close()
    return case.run.poll() is None


def begin(project: Project) -> subprocess.Popen[bytes]:
    """Begin a run in a session of its own."""
    return subprocess.Popen(
        project.command(),
        cwd=project.folder,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        start_new_session=True,
    )


def _signal(case: Case, number: int) -> bool:
    if case.run.poll() is not None:
        return False
    case.run.send_signal(number)
    return True


ON_THE_RUNNER = (
    Fault("kill-runner", kill_runner),
    Fault("kill-runner-and-workers", kill_runner_and_workers),
    Fault("terminate-runner", terminate_runner),
    Fault("hang-up", hang_up),
    Fault("interrupt-once", interrupt_once),
    Fault("interrupt-twice", interrupt_twice),
    Fault("stop-runner-for-a-while", stop_runner_for_a_while),
    Fault("stop-worker-and-kill-runner", stop_worker_and_kill_runner, until_resumed=True),
    Fault("stop-child-and-kill-runner", stop_child_and_kill_runner),
)
ON_WORKERS = (
    Fault("kill-worker", kill_worker),
    Fault("kill-all-workers", kill_all_workers),
    Fault("stop-worker", stop_worker, slow=True),
    Fault("stop-worker-for-a-while", stop_worker_for_a_while),
    Fault("kill-child", kill_child),
    Fault("kill-children-often", kill_children_often),
    Fault("crash-child", crash_child),
    Fault("stop-child", stop_child, slow=True),
    Fault("starve-child", starve_child, needs=cannot_starve),
    Fault("cut-answer", cut_answer),
)
ON_CONTAINERS = (
    Fault("kill-container", kill_container),
    Fault("remove-container", remove_container),
    Fault("pause-container-for-a-while", pause_container_for_a_while),
    Fault("starve-container", starve_container),
    Fault("remove-image", remove_image, blameless=True),
    Fault("delete-image", delete_image, blameless=True),
)
ON_THE_DAEMON = (
    Fault("terminate-daemon", terminate_daemon, blameless=True),
    Fault("kill-daemon", kill_daemon, blameless=True),
    Fault("restart-daemon", restart_daemon, blameless=True),
    Fault("kill-and-restart-daemon", kill_and_restart_daemon, blameless=True),
    Fault("stop-daemon-for-a-while", stop_daemon_for_a_while, blameless=True),
    Fault("kill-daemon-and-runner", kill_daemon_and_runner),
)
ON_THE_STORE = (
    Fault("corrupt-artifact", corrupt_artifact, harms_store=True),
    Fault("truncate-artifact", truncate_artifact, harms_store=True),
    Fault("delete-artifact", delete_artifact, harms_store=True),
    Fault("delete-all-artifacts", delete_all_artifacts, harms_store=True),
    Fault("corrupt-artifact-after", corrupt_artifact, harms_store=True, after=True),
    Fault("delete-artifact-after", delete_artifact, harms_store=True, after=True),
    Fault("corrupt-wal", corrupt_wal, harms_store=True, after=True),
    Fault("truncate-wal", truncate_wal, harms_store=True, after=True),
    Fault("delete-wal", delete_wal, harms_store=True, after=True),
    Fault("delete-shared-memory", delete_shared_memory, after=True),
    Fault("corrupt-database", corrupt_database, harms_store=True, after=True),
    Fault("truncate-database", truncate_database, harms_store=True, after=True),
    Fault("delete-wal-at-work", delete_wal, harms_store=True),
    Fault("remove-scratch", remove_scratch, harms_store=True),
)
ON_THE_MACHINE = (
    Fault("fill-disk", fill_disk, needs=cannot_mount),
    Fault("jump-clock", jump_clock, variables=own_clock, needs=cannot_set_clock),
    Fault("second-run", second_run),
    Fault("second-run-and-kill-first", second_run_and_kill_first),
    Fault("second-run-and-kill-it", second_run_and_kill_it),
    Fault("cut-output", cut_output),
)
MOST_IN_A_STORM = 12


def storm(case: Case) -> bool:
    """Do one harm after the other to the workers and children of a run, until it ends."""
    quick = [fault for fault in ON_WORKERS if not fault.slow and fault.needs() is None]
    while case.run.poll() is None and len(case.storm) < MOST_IN_A_STORM:
        fault = case.random.choice(quick)
        if fault.inject(case):
            case.storm.append(fault.name)
        with contextlib.suppress(subprocess.TimeoutExpired):
            case.run.wait(case.random.uniform(0, 0.5))
    return bool(case.storm)


STORM = Fault("storm", storm)
FAULTS = {
    fault.name: fault
    for fault in (
        *ON_THE_RUNNER, *ON_WORKERS, *ON_CONTAINERS, *ON_THE_DAEMON, *ON_THE_STORE,
        *ON_THE_MACHINE, STORM,
    )
}  # fmt: skip
ON_THE_STAND_IN = [
    name for name, fault in FAULTS.items() if fault not in (*ON_CONTAINERS, *ON_THE_DAEMON)
]
# What can be done to a run of real environments on this machine.
ON_REAL = [
    fault.name
    for fault in (*ON_THE_RUNNER, *ON_WORKERS, *ON_THE_STORE, *ON_THE_MACHINE, STORM)
    if fault.variables is None and fault.inject is not fill_disk
]
# ... and in containers, where `cut_answer` has no pipe to write into.
ON_DOCKER = [
    *(name for name in ON_REAL if name not in {"cut-answer", "starve-child", "storm"}),
    *(fault.name for fault in ON_CONTAINERS),
]
# ... by a daemon that is the tests' own.
ON_ITS_DAEMON = [
    *(fault.name for fault in ON_THE_DAEMON),
    *ON_DOCKER,
]
