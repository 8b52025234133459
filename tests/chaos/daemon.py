"""A Docker daemon of the tests, to stop and to kill instead of that of the machine.

It has no network and the images it is given: one of the stand-in TensorFlow, made of the Python
image of this Python and of the NumPy and h5py that the tests themselves run with.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import tarfile
from pathlib import Path

import docker
from tests.chaos import processes
from tests.chaos.containers import TROUBLES
from tests.chaos.project import PYTHON, STAND_IN

START_SECONDS = 60
STOP_SECONDS = 60
BASE = f"python:{PYTHON}-slim"
# Folders of installed packages; those with `.libs` hold what their extensions are linked with.
PACKAGES = ("numpy", "numpy.libs", "h5py", "h5py.libs")
DOCKERFILE = """\
FROM {base}
COPY packages {site}
RUN mkdir -p /kerasmatrix/harness /kerasmatrix/scenarios /kerasmatrix/artifacts /kerasmatrix/scratch
USER 65534:65534
"""


def cannot_start() -> str | None:
    """Say why there can be no second daemon on this machine; None if there can."""
    if os.getuid() != 0 or not shutil.which("dockerd") or not shutil.which("unshare"):
        return "needs root, dockerd and unshare"
    try:
        with contextlib.closing(docker.from_env(timeout=20)) as client:
            client.images.get(BASE)
    except TROUBLES as error:
        return f"no image {BASE}: {error}"
    return None


class Daemon:
    """A Docker daemon with all that it has in one folder. `start` and `end` go together."""

    base_image = "chaos/stand-in:{python}"

    def __init__(self, folder: Path) -> None:
        """Start nothing yet; ``folder`` has a short name, since sockets lie in it."""
        self.folder = folder
        self.host = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, with what it had before, and wait until it answers."""
        if not processes.wait(self._is_up, START_SECONDS):
            log = (self.folder / "log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"dockerd does not start:\n{log}")

    def _is_up(self) -> bool:
        """Whether it answers; it is started again if it gave up, as where its containerd died."""
        if not self._process or self._process.poll() is not None:
            self._begin()
        return self._answers()

    def _begin(self) -> None:
        (self.folder / "pid").unlink(missing_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    # In a network of its own: with no bridge it takes away that of the machine's.
                    "unshare", "--net", "dockerd", "--host", self.host,
                    "--data-root", self.folder / "data",
                    "--exec-root", self.folder / "exec", "--pidfile", self.folder / "pid",
                    "--bridge=none", "--iptables=false", "--ip6tables=false",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def send(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self) -> None:
        """Wait until it has ended."""
        assert self._process is not None
        self._process.wait(STOP_SECONDS)

    def end(self) -> list[str]:
        """End it, and take away what it has; return what did not go with it by itself."""
        if self._process and self._process.poll() is None:
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            self.wait()
        left = [f"process {process}" for process in processes.gone(self.folder, STOP_SECONDS)]
        processes.end_all(self.folder)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(f"{self.folder}/"):
                # Its own folder stays mounted once it was killed: dockerd's doing, and no run's.
                if mount != str(self.folder / "data"):
                    left.append(f"mount {mount}")
                subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        return left

    def load_stand_in(self) -> None:
        """Give it the image that the stand-in environments are made from."""
        with (
            contextlib.closing(docker.from_env(timeout=120)) as theirs,
            contextlib.closing(docker.DockerClient(self.host, timeout=120)) as ours,
        ):
            # By its name: what is saved by its number has none.
            ours.images.load(theirs.api.get_image(BASE))
            site = f"/usr/local/lib/python{PYTHON}/site-packages"
            ours.images.build(
                fileobj=_context(DOCKERFILE.format(base=BASE, site=site)),
                custom_context=True,
                tag=self.base_image.format(python=PYTHON),
                rm=True,
            )

    def _answers(self) -> bool:
        # Not with the SDK: where it cannot connect it leaves its socket to the garbage collector.
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(START_SECONDS)
            try:
                asked.connect(str(self.folder / "docker.sock"))
                asked.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b"200 OK" in asked.recv(100)
            except OSError:
                return False


def _context(dockerfile: str) -> io.BytesIO:
    """Return a build context with the stand-in and the packages that it needs."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile.encode()))
        tar.add(STAND_IN / "tensorflow", "packages/tensorflow", filter=_plain)
        site = Path(sysconfig.get_path("platlib"))
        for name in PACKAGES:
            if (site / name).exists():
                tar.add(site / name, f"packages/{name}", filter=_plain)
    archive.seek(0)
    return archive


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if "/tests/" in entry.name:
        return None
    entry.uid = entry.gid = 0
    entry.mode |= 0o755 if entry.isdir() else 0o644
    return entry
