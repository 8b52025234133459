"""A Dask cluster of processes on this machine, which tests kill and restart."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from distributed import Client

from tests.dask.fake import MACHINE, until

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60.0
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s",
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
    "DASK_DISTRIBUTED__ADMIN__LOG_FORMAT": "%(asctime)s %(name)s %(message)s",
}


class Cluster:
    """A scheduler at a fixed address, and workers, each with a nanny."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        self.wanted = workers
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler: subprocess.Popen | None = None
        self.workers: list[subprocess.Popen] = []
        self._number = 0

    def start(self) -> Cluster:
        self.start_scheduler()
        for _ in range(self.wanted):
            self.start_worker()
        self.wait_for_workers(self.wanted)
        return self

    def start_scheduler(self) -> None:
        self.scheduler = self._run(
            "scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard"
        )
        until(self._listens, "the scheduler listens", START_SECONDS)

    def start_worker(self, *options: str) -> subprocess.Popen:
        worker = self._run(
            "worker", self.address, "--nthreads", "2", "--memory-limit", "0", "--no-dashboard",
            "--local-directory", str(self.folder / "dask"),
            *options,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def wait_for_workers(self, count: int) -> None:
        with Client(self.address, timeout=START_SECONDS, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=START_SECONDS)

    def kill_scheduler(self) -> None:
        self.scheduler.send_signal(signal.SIGKILL)
        self.scheduler.wait()

    def restart_scheduler(self) -> None:
        """Kill the scheduler and restart everything, as a supervisor does."""
        self.kill_scheduler()
        for worker in self.workers:
            worker.kill()
            worker.wait()
        self.workers.clear()
        self.start_scheduler()
        for _ in range(self.wanted):
            self.start_worker()

    def stop(self) -> None:
        for process in [*self.workers, self.scheduler]:
            if process and process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
        for process in [*self.workers, self.scheduler]:
            if process:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def log(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self.folder.glob("*.log")))

    def _listens(self) -> bool:
        assert self.scheduler.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _run(self, part: str, *arguments: str) -> subprocess.Popen:
        self._number += 1
        with (self.folder / f"{self._number:02}-{part}.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{part}", *arguments],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={
                    **os.environ,
                    **SETTINGS,
                    # This checkout, not an installed kerasmatrix.
                    "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
                    MACHINE: str(self._number),
                },
            )
