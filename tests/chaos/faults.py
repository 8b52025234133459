"""The faults: each is injected into a run from outside; False means that it was not possible."""

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
    """A run at work, with the clean-up that its fault needs."""

    project: Project
    run: subprocess.Popen[bytes]
    random: random.Random
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    held: list[Callable[[], None]] = field(default_factory=list)
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def release(self) -> None:
        """Let the run continue from where it was held."""
        while self.held:
            self.held.pop()()

    def workers(self) -> list[processes.Process]:
        if self.project.engine == "docker":
            return workers_in_containers(self.project)
        return processes.workers(self.project.folder, self.run.pid)

    def children(self) -> list[processes.Process]:
        return [child for worker in self.workers() for child in processes.of_parent(worker.pid)]

    def one_of(self, group: Callable[[], list[processes.Process]]) -> processes.Process | None:
        """Return a process of the group, after waiting for the first."""
        members: list[processes.Process] = []
        processes.wait(lambda: members.extend(group()) or members or self.has_ended(), 20)
        return self.random.choice(members) if members else None

    def has_ended(self) -> bool:
        return self.run.poll() is not None

    def signal(self, number: int) -> bool:
        """Send a signal to the runner."""
        if self.has_ended():
            return False
        self.run.send_signal(number)
        return True

    def wait(self, longest: float) -> None:
        """Wait for a random time, or until the run has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.run.wait(self.random.uniform(0, longest))


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes:
        harms_store: stored results may be measured again.
        until_resumed: processes may stay until the next run, such as a worker that is stopped
            before it has asked to be ended with its runner.
        after: it is injected after the run has been killed.
        blameless: the run may report no other outcome, and must exit with 0, or 3 for missing
            results.
        needs: returns why it is impossible on this machine.
    """

    name: str
    inject: Callable[[Case], bool]
    harms_store: bool = False
    until_resumed: bool = False
    after: bool = False
    blameless: bool = False
    needs: Callable[[], str | None] = lambda: None


# The runner.


def interrupt_twice(case: Case) -> bool:
    """Like Ctrl-C in a terminal: the second one reaches the whole process group."""
    if not case.signal(signal.SIGINT):
        return False
    case.wait(0.3)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(case.run.pid, signal.SIGINT)
    return True


def stop_worker_and_kill_runner(case: Case) -> bool:
    worker = case.one_of(case.workers)
    return bool(worker and worker.send(signal.SIGSTOP) and case.signal(signal.SIGKILL))


def kill_runner_and_workers(case: Case) -> bool:
    """All at once, so that no process is left to end the children."""
    workers = case.workers()
    if not workers or not case.signal(signal.SIGKILL):
        return False
    for worker in workers:
        worker.send(signal.SIGKILL)
    return True


# Workers and children.


def kill_worker(case: Case) -> bool:
    worker = case.one_of(case.workers)
    return bool(worker and worker.send(signal.SIGKILL))


def stop_worker(case: Case) -> bool:
    worker = case.one_of(case.workers)
    return bool(worker and worker.send(signal.SIGSTOP))


def kill_child(case: Case) -> bool:
    child = case.one_of(case.children)
    return bool(child and child.send(signal.SIGKILL))


def kill_children_often(case: Case) -> bool:
    """One child after the other, each of another task."""
    return sum(kill_child(case) for _ in range(3)) > 0


def crash_child(case: Case) -> bool:
    """A crash that another attempt does not repeat."""
    child = case.one_of(case.children)
    return bool(child and child.send(case.random.choice([signal.SIGSEGV, signal.SIGBUS])))


def stop_child(case: Case) -> bool:
    child = case.one_of(case.children)
    return bool(child and child.send(signal.SIGSTOP))


def cut_answer(case: Case) -> bool:
    """Write half a line into the answers of a worker, and kill it."""
    worker = case.one_of(case.workers)
    if not worker:
        return False
    for descriptor in Path(f"/proc/{worker.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            # The answers go into the only pipe that it writes, apart from its log.
            info = Path(f"/proc/{worker.pid}/fdinfo/{descriptor.name}").read_text()
            flags = int(info.split("flags:")[1].split()[0], 8)
            if str(descriptor.readlink()).startswith("pipe:") and flags & os.O_WRONLY:
                with descriptor.open("wb", buffering=0) as pipe:
                    pipe.write(HALF_A_LINE)
                return worker.send(signal.SIGKILL)
    return False


# The Docker daemon of the tests.


def terminate_daemon(case: Case) -> bool:
    """It stays away until the run has ended."""
    return _signal_daemon(case, signal.SIGTERM, restart=False)


def restart_daemon(case: Case) -> bool:
    return _signal_daemon(case, signal.SIGTERM, restart=True)


def kill_and_restart_daemon(case: Case) -> bool:
    return _signal_daemon(case, signal.SIGKILL, restart=True)


def stop_daemon_for_a_while(case: Case) -> bool:
    """It accepts requests and does not answer."""
    if not case.project.daemon or case.has_ended():
        return False
    case.project.daemon.send(signal.SIGSTOP)
    case.wait(5)
    case.project.daemon.send(signal.SIGCONT)
    return True


def kill_daemon_and_runner(case: Case) -> bool:
    """No process is left to end the workers."""
    killed = _signal_daemon(case, signal.SIGKILL, restart=False)
    return killed and case.signal(signal.SIGKILL)


def delete_image(case: Case) -> bool:
    """Delete the image of an environment, as a user does who needs disk space."""
    members: list[Container] = []
    processes.wait(
        lambda: members.extend(containers(case.project)) or members or case.has_ended(), 20
    )
    if not members:
        return False
    container = case.random.choice(members)
    try:
        (name,) = container.image.tags
        container.kill()
        container.client.api.remove_image(name, force=True)
    except TROUBLES:
        return False  # the container has ended already
    return True


def _signal_daemon(case: Case, number: int, *, restart: bool) -> bool:
    daemon = case.project.daemon
    if not daemon or case.has_ended():
        return False
    case.afterwards.append(daemon.start)
    daemon.send(number)
    daemon.wait()
    if restart:
        daemon.start()
    return True


# The disk.


def fill_disk(case: Case) -> bool:
    """Fill the file system of the store, which is a small one: see `small_disk`."""
    ballast = case.project.store / "ballast"
    case.afterwards.append(lambda: ballast.unlink(missing_ok=True))
    try:
        with ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)) > 0:
                pass
    except OSError:
        return not case.has_ended()
    return False


def cannot_mount() -> str | None:
    return None if os.getuid() == 0 and shutil.which("mount") else "only root can mount"


def small_disk(project: Project) -> Callable[[], None]:
    """Put the store on a file system of four megabytes; return a function that removes it."""
    project.store.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "chaos", str(project.store)], check=True
    )

    def undo() -> None:
        subprocess.run(["umount", "-l", str(project.store)], check=True)

    return undo


def remove_scratch(case: Case) -> bool:
    """Remove the scratch folder, as a user does who needs disk space."""
    scratch = case.project.store / "scratch"
    if not scratch.exists():
        return False
    shutil.rmtree(scratch, ignore_errors=True)
    return not case.has_ended()


# The store.


def corrupt_artifact(case: Case) -> bool:
    paths = sorted((case.project.store / "artifacts").glob("*/*"))
    files = [path for path in paths if path.is_file()]
    return bool(files) and _corrupt(case.random.choice(files), case.random)


def delete_all_artifacts(case: Case) -> bool:
    for path in (case.project.store / "artifacts").glob("*"):
        shutil.rmtree(path, ignore_errors=True)
    return True


def truncate_wal(case: Case) -> bool:
    path = case.project.store / "store.sqlite-wal"
    if not path.exists() or not path.stat().st_size:
        return False
    os.truncate(path, case.random.randrange(path.stat().st_size))
    return True


def corrupt_database(case: Case) -> bool:
    return _corrupt(case.project.store / "store.sqlite", case.random)


def _corrupt(path: Path, numbers: random.Random) -> bool:
    """Flip a bit in three random bytes of a file."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("r+b") as file:
        for _ in range(3):
            file.seek(numbers.randrange(path.stat().st_size))
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ (1 << numbers.randrange(8))]))
    return True


# Other processes.


def second_run(case: Case) -> bool:
    """Two runs on one store."""
    case.others.append(begin(case.project))
    return not case.has_ended()


def second_run_and_kill_first(case: Case) -> bool:
    case.others.append(begin(case.project))
    case.wait(2)
    return case.signal(signal.SIGKILL)


def cut_output(case: Case) -> bool:
    """Close the reading end of the output, after a few characters if there are any."""
    for stream in (case.run.stdout, case.run.stderr):
        assert stream is not None
        os.set_blocking(stream.fileno(), False)
        stream.read(7)
        stream.close()
    return not case.has_ended()


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


ON_PROCESSES = (
    Fault("kill-runner", lambda case: case.signal(signal.SIGKILL)),
    Fault("kill-runner-and-workers", kill_runner_and_workers),
    Fault("terminate-runner", lambda case: case.signal(signal.SIGTERM)),
    Fault("hang-up", lambda case: case.signal(signal.SIGHUP)),
    Fault("interrupt-once", lambda case: case.signal(signal.SIGINT)),
    Fault("interrupt-twice", interrupt_twice),
    Fault("stop-worker-and-kill-runner", stop_worker_and_kill_runner, until_resumed=True),
    Fault("kill-worker", kill_worker),
    Fault("stop-worker", stop_worker),
    Fault("kill-child", kill_child),
    Fault("kill-children-often", kill_children_often),
    Fault("crash-child", crash_child),
    Fault("stop-child", stop_child),
    Fault("second-run", second_run),
    Fault("second-run-and-kill-first", second_run_and_kill_first),
    Fault("cut-output", cut_output),
)
ON_THE_STORE = (
    Fault("corrupt-artifact", corrupt_artifact, harms_store=True),
    Fault("corrupt-artifact-after", corrupt_artifact, harms_store=True, after=True),
    Fault("delete-all-artifacts", delete_all_artifacts, harms_store=True),
    Fault("truncate-wal", truncate_wal, harms_store=True, after=True),
    Fault("corrupt-database", corrupt_database, harms_store=True, after=True),
    Fault("remove-scratch", remove_scratch, harms_store=True),
)
# In containers, workers have no pipe to write into, and the disk is that of the daemon.
ON_LOCAL_WORKERS = (
    Fault("cut-answer", cut_answer),
    Fault("fill-disk", fill_disk, needs=cannot_mount),
)
ON_THE_DAEMON = (
    Fault("terminate-daemon", terminate_daemon, blameless=True),
    Fault("restart-daemon", restart_daemon, blameless=True),
    Fault("kill-and-restart-daemon", kill_and_restart_daemon, blameless=True),
    Fault("stop-daemon-for-a-while", stop_daemon_for_a_while, blameless=True),
    Fault("kill-daemon-and-runner", kill_daemon_and_runner),
    Fault("delete-image", delete_image, blameless=True),
)
FAULTS = {
    fault.name: fault for fault in (*ON_PROCESSES, *ON_THE_STORE, *ON_LOCAL_WORKERS, *ON_THE_DAEMON)
}
LOCAL = [fault.name for fault in (*ON_PROCESSES, *ON_THE_STORE, *ON_LOCAL_WORKERS)]
DOCKER = [fault.name for fault in (*ON_THE_DAEMON, *ON_PROCESSES, *ON_THE_STORE)]
