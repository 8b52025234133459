"""What was made of environments on this machine: what it takes on disk, and removing it.

Images are known by their labels, virtual environments by their place in the cache; nothing else is
touched. What several of them share is counted once, and is freed with the last of them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import docker.errors
import requests

import docker
from kerasmatrix.environments.images import BASE_LABEL, ENVIRONMENT_LABEL

__all__ = ["Disk", "Made", "MadeImages", "MadeVenvs"]

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

    def remove(self, name: str) -> str | None:
        """Remove one; if it stays, say why."""


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

    def remove(self, name: str) -> str | None:
        """Remove an image, unless a container is there that was made from it."""
        try:
            self._client.images.remove(name)
        except docker.errors.ImageNotFound:
            return None  # somebody else was faster
        except docker.errors.APIError as error:
            if error.status_code == requests.codes.conflict:
                return "a container uses it"
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

    def remove(self, name: str) -> str | None:
        """Remove a virtual environment, unless a process runs in it."""
        folder = self._folder / name
        if _is_in_use(folder):
            return "a process uses it"
        try:
            shutil.rmtree(folder)
            folder.with_name(folder.name + ".lock").unlink(missing_ok=True)
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
