"""What was made of environments on this machine: what it takes on disk, and removing it.

Images are known by their labels, virtual environments by their place in the cache; nothing else is
touched. What several of them share is counted once, and is freed with the last of them.

They are shared by all projects of a user, so what is old for one project may be needed by another:
`Others` says what has to stay.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import docker.errors
import requests

import docker
from kerasmatrix.environments.images import (
    BASE_LABEL,
    ENVIRONMENT_LABEL,
    TAG_LABEL,
    image_mark,
)
from kerasmatrix.environments.uses import forget_uses, removing, uses_of
from kerasmatrix.environments.venvs import COMPLETE
from kerasmatrix.errors import KerasmatrixError

__all__ = ["Disk", "Made", "MadeImages", "MadeVenvs", "Others"]

VENV = re.compile(r".+-[0-9a-f]{12}")
BLOCK = 512  # of st_blocks, whatever the file system's are (stat(2))
PROCESSES = Path("/proc")


class Disk(NamedTuple):
    """Bytes on disk. ``freed`` is what goes if all of it is removed; others hold the rest, too."""

    total: int
    freed: int


class Made(Protocol):
    """All that an engine has made of environments, of whichever matrix.

    ``sharing`` is what else holds some of what it takes.
    """

    what: str
    sharing: str

    def names(self) -> list[str]:
        """Return the names of all there are, sorted."""

    def disk(self, names: Iterable[str]) -> Disk:
        """Return what those with these names take."""

    def mark(self, name: str) -> Path:
        """Return the path beside which its uses are noted."""

    def made_at(self, name: str) -> datetime.datetime | None:
        """Return when one was made; None if that is not known."""

    def remove(self, name: str) -> str | None:
        """Remove one; if it stays, say why."""


class Others:
    """What projects other than the one of ``own`` need of what was made.

    A project is known by the uses that were recorded, and counts as long as its matrix is there.
    """

    def __init__(
        self,
        made: Made,
        own: Path,
        wanted_by: Callable[[Path], Collection[str]],
        grace: datetime.timedelta,
    ) -> None:
        """Read the record of uses.

        Args:
            made: what there is.
            own: the matrix of the project for which it is asked.
            wanted_by: returns the names of what a matrix needs; raises `KerasmatrixError` if the
                matrix or a lock of it cannot be read.
            grace: for how long something stays after its last use if no matrix needs it.
        """
        self._made = made
        self._own = own.resolve()
        self._uses = {name: uses_of(made.mark(name)) for name in made.names()}
        self._recent = datetime.datetime.now(datetime.UTC) - grace
        found = {use.matrix for uses in self._uses.values() for use in uses}
        self._wanted: dict[Path, Collection[str] | None] = {}
        for matrix in sorted(path for path in found if path and path != self._own):
            if matrix.is_file():
                try:
                    self._wanted[matrix] = wanted_by(matrix)
                except KerasmatrixError:
                    self._wanted[matrix] = None

    def need(self, name: str) -> str | None:
        """Say why something has to stay; None if no other project needs it."""
        for matrix, wanted in self._wanted.items():
            if wanted and name in wanted:
                return f"{matrix} needs it"
        for use in self._uses[name]:
            day = f"{use.last:%Y-%m-%d}"
            if use.matrix in self._wanted and self._wanted[use.matrix] is None:
                return f"{use.matrix} used it on {day}, and what it needs now cannot be read"
            if use.matrix in self._wanted and use.last > self._recent:
                return f"{use.matrix} used it on {day}"
            if use.matrix is None and use.last > self._recent:
                return f"a project without a matrix used it on {day}"
        if not self._uses[name]:
            made_at = self._made.made_at(name)
            if made_at is None or made_at > self._recent:
                when = f" since {made_at:%Y-%m-%d}" if made_at else ""
                return f"it is there{when}, and no use of it is recorded"
        return None


class MadeImages:
    """Docker images. Methods raise `docker.errors.DockerException` where no Engine answers."""

    what = "images"
    sharing = "base images"

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def names(self) -> list[str]:
        """Return the tags of all images that were built for environments."""
        found = self._client.images.list(filters={"label": ENVIRONMENT_LABEL})
        return sorted(tag for image in found for tag in image.tags or [str(image.id)])

    def disk(self, names: Iterable[str]) -> Disk:
        """Return what images take: each by itself, and base images, which stay, once.

        Base images share layers with each other, so that the total is a little too high.
        """
        bases: dict[str, int] = {}
        own: dict[str, int] = {}
        for name in names:
            image = self._client.images.get(name)
            base = image.labels.get(BASE_LABEL, "")
            if base not in bases:
                bases[base] = self._size(base)
            own[str(image.id)] = int(image.attrs["Size"]) - bases[base]
        freed = sum(own.values())
        return Disk(freed + sum(bases.values()), freed)

    def mark(self, name: str) -> Path:
        """Return the path that stands for an image, by the tag that it was built for."""
        with contextlib.suppress(docker.errors.ImageNotFound):
            return image_mark(self._client.images.get(name).labels.get(TAG_LABEL) or name)
        return image_mark(name)

    def made_at(self, name: str) -> datetime.datetime | None:
        """Return when an image was built."""
        try:
            created = str(self._client.images.get(name).attrs["Created"])
            # Docker writes nanoseconds, which Python does not read.
            return datetime.datetime.fromisoformat(f"{created[:19]}+00:00")
        except (docker.errors.ImageNotFound, KeyError, ValueError):
            return None

    def remove(self, name: str) -> str | None:
        """Remove an image, unless a process or a container uses it or it is being built."""
        mark = self.mark(name)
        try:
            with removing(mark) as reason:
                if reason:
                    return reason
                self._client.images.remove(name)
                forget_uses(mark)
        except docker.errors.ImageNotFound:
            forget_uses(mark)  # another process was faster
        except docker.errors.APIError as error:
            if error.status_code == requests.codes.conflict:
                return "a container uses it"
            return str(error)
        except OSError as error:
            return str(error)
        return None

    def _size(self, base: str) -> int:
        """Return the size of a base image; if it is not there, its layers go with ours."""
        try:
            return int(self._client.images.get(base).attrs["Size"])
        except (docker.errors.ImageNotFound, docker.errors.NullResource):
            return 0


class MadeVenvs:
    """Virtual environments in a cache folder, finished or not."""

    what = "virtual environments"
    sharing = "uv's cache"

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "environments"

    def names(self) -> list[str]:
        """Return the names of the folders of all virtual environments."""
        if not self._folder.is_dir():
            return []
        found = self._folder.iterdir()
        return sorted(path.name for path in found if path.is_dir() and VENV.fullmatch(path.name))

    def disk(self, names: Iterable[str]) -> Disk:
        """Return what folders take; files that are hard-linked from elsewhere are not freed."""
        sizes: dict[tuple[int, int], int] = {}
        elsewhere: dict[tuple[int, int], int] = {}
        for name in names:
            for told in _files(self._folder / name):
                key = (told.st_dev, told.st_ino)
                sizes[key] = told.st_blocks * BLOCK
                elsewhere[key] = elsewhere.get(key, told.st_nlink) - 1
        freed = sum(size for key, size in sizes.items() if elsewhere[key] <= 0)
        return Disk(sum(sizes.values()), freed)

    def mark(self, name: str) -> Path:
        """Return the folder of a virtual environment."""
        return self._folder / name

    def made_at(self, name: str) -> datetime.datetime | None:
        """Return when a virtual environment was made, as far as it is."""
        try:
            return datetime.datetime.fromtimestamp(self.mark(name).stat().st_mtime, datetime.UTC)
        except OSError:
            return None

    def remove(self, name: str) -> str | None:
        """Remove a virtual environment, unless a process uses it or makes it."""
        folder = self.mark(name)
        try:
            with removing(folder) as reason:
                if reason:
                    return reason
                if _is_in_use(folder):
                    return "a process uses it"
                # First, so that what is half removed does not look whole.
                (folder / COMPLETE).unlink(missing_ok=True)
                shutil.rmtree(folder)
                forget_uses(folder)
        except OSError as error:
            return str(error)
        return None


def _is_in_use(folder: Path) -> bool:
    """Whether a process of this machine was started with the interpreter in ``folder``."""
    own = os.fsencode(folder) + b"/"
    for process in PROCESSES.glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes().startswith(own):
                return True
        except OSError:  # it has ended, or is none of ours
            continue
    return False


def _files(folder: Path) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.lstat(f"{parent}/{name}")
