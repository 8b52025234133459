"""Measures and removes the virtual environments and images of this machine.

Images are recognized by their labels, virtual environments by their place in the cache. Disk space
that several of them share is counted once, and is freed with the last of them. Projects of a user
share them too, so `OtherProjects` finds those that another project needs.
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
from kerasmatrix.filesystem.disk import allocated

__all__ = ["Disk", "EnvironmentCache", "ImageCache", "OtherProjects", "VenvCache"]

# A name and 12 digits of the identity (`environments.venvs.venv_name`).
VENV = re.compile(r".+-[0-9a-f]{12}")
PROCESSES = Path("/proc")


class Disk(NamedTuple):
    """Bytes on disk. Removal frees ``freed`` of them; the rest is shared with other things."""

    total: int
    freed: int


class EnvironmentCache(Protocol):
    """All environments that an engine created, for any matrix.

    Attributes:
        noun: the word for its environments, in the plural.
        sharing: the things that share disk space with them.
    """

    noun: str
    sharing: str

    def names(self) -> list[str]:
        """Return the names of all environments, sorted."""

    def disk(self, names: Iterable[str]) -> Disk:
        """Return the disk space of the environments with these names."""

    def mark(self, name: str) -> Path:
        """Return its path in the record of uses."""

    def created_at(self, name: str) -> datetime.datetime | None:
        """Return when an environment was created; None if that is unknown."""

    def remove(self, name: str) -> str | None:
        """Remove an environment, or return why it must stay."""


class OtherProjects:
    """The environments that projects other than the one of ``own`` need.

    Projects are known from recorded uses, and count as long as their matrix exists.
    """

    def __init__(
        self,
        cache: EnvironmentCache,
        own: Path,
        wanted_by: Callable[[Path], Collection[str]],
        grace: datetime.timedelta,
    ) -> None:
        """Read the record of uses.

        Args:
            cache: all environments.
            own: the matrix of the project that is pruned.
            wanted_by: returns the names of the environments that a matrix needs; raises
                `KerasmatrixError` if the matrix or a lock of it cannot be read.
            grace: how long an environment stays after its last use if no matrix needs it.
        """
        self._cache = cache
        self._own = own.resolve()
        self._uses = {name: uses_of(cache.mark(name)) for name in cache.names()}
        self._recent = datetime.datetime.now(datetime.UTC) - grace
        matrices = {use.matrix for uses in self._uses.values() for use in uses}
        self._wanted: dict[Path, Collection[str] | None] = {}
        for matrix in sorted(path for path in matrices if path and path != self._own):
            if matrix.is_file():
                try:
                    self._wanted[matrix] = wanted_by(matrix)
                except KerasmatrixError:
                    self._wanted[matrix] = None

    def need(self, name: str) -> str | None:
        """Return why an environment must stay; None if no other project needs it."""
        # Certain needs before recent uses: the reason that is printed should be the strongest.
        for matrix, wanted in self._wanted.items():
            if wanted and name in wanted:
                return f"{matrix} needs it"
        for use in self._uses[name]:
            day = f"{use.last:%Y-%m-%d}"
            if use.matrix in self._wanted and self._wanted[use.matrix] is None:
                return f"{use.matrix} used it on {day}, and cannot be read now"
            if use.matrix in self._wanted and use.last > self._recent:
                return f"{use.matrix} used it on {day}"
            if use.matrix is None and use.last > self._recent:
                return f"a project without a matrix used it on {day}"
        # It was created just now, or by a process that could not record its use.
        if not self._uses[name]:
            created_at = self._cache.created_at(name)
            if created_at is None or created_at > self._recent:
                when = f" since {created_at:%Y-%m-%d}" if created_at else ""
                return f"it exists{when}, and no use of it is recorded"
        return None


class ImageCache:
    """Docker images. Methods raise `docker.errors.DockerException` where no Engine answers."""

    noun = "images"
    sharing = "base images"

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client

    def names(self) -> list[str]:
        """Return the tags of all images that were built for environments."""
        images = self._client.images.list(filters={"label": ENVIRONMENT_LABEL})
        return sorted(tag for image in images for tag in image.tags or [str(image.id)])

    def disk(self, names: Iterable[str]) -> Disk:
        """Return the disk space of images, and of their base images, which are not removed.

        Base images share layers with each other, so the total is a little too high.
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
        """Return the path for the tag that an image was built with."""
        with contextlib.suppress(docker.errors.ImageNotFound):
            return image_mark(self._client.images.get(name).labels.get(TAG_LABEL) or name)
        return image_mark(name)

    def created_at(self, name: str) -> datetime.datetime | None:
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
            forget_uses(mark)  # another process removed it
        except docker.errors.APIError as error:
            if error.status_code == requests.codes.conflict:
                return "a container uses it"
            return str(error)
        except OSError as error:
            return str(error)
        return None

    def _size(self, base: str) -> int:
        """Return the size of a base image; 0 if it is absent, since its layers are freed then."""
        try:
            return int(self._client.images.get(base).attrs["Size"])
        except (docker.errors.ImageNotFound, docker.errors.NullResource):
            return 0


class VenvCache:
    """Virtual environments in a cache folder, finished or not."""

    noun = "virtual environments"
    sharing = "uv's cache"

    def __init__(self, cache: Path) -> None:
        self._folder = cache / "environments"

    def names(self) -> list[str]:
        """Return the names of the folders of all virtual environments."""
        if not self._folder.is_dir():
            return []
        paths = self._folder.iterdir()
        return sorted(path.name for path in paths if path.is_dir() and VENV.fullmatch(path.name))

    def disk(self, names: Iterable[str]) -> Disk:
        """Return the disk space of folders. Files with hard links elsewhere are not freed."""
        sizes: dict[tuple[int, int], int] = {}
        elsewhere: dict[tuple[int, int], int] = {}
        for name in names:
            for status in _files(self._folder / name):
                key = (status.st_dev, status.st_ino)
                sizes[key] = allocated(status)
                elsewhere[key] = elsewhere.get(key, status.st_nlink) - 1
        freed = sum(size for key, size in sizes.items() if elsewhere[key] <= 0)
        return Disk(sum(sizes.values()), freed)

    def mark(self, name: str) -> Path:
        """Return the folder of a virtual environment."""
        return self._folder / name

    def created_at(self, name: str) -> datetime.datetime | None:
        """Return when a virtual environment was created."""
        try:
            return datetime.datetime.fromtimestamp(self.mark(name).stat().st_mtime, datetime.UTC)
        except OSError:
            return None

    def remove(self, name: str) -> str | None:
        """Remove a virtual environment, unless a process uses it or creates it."""
        folder = self.mark(name)
        try:
            with removing(folder) as reason:
                if reason:
                    return reason
                if _is_in_use(folder):
                    return "a process uses it"
                # First, so that a partly removed environment is not taken for complete.
                (folder / COMPLETE).unlink(missing_ok=True)
                shutil.rmtree(folder)
                forget_uses(folder)
        except OSError as error:
            return str(error)
        return None


def _is_in_use(folder: Path) -> bool:
    """Return whether a process of this machine runs the interpreter in ``folder``."""
    own = os.fsencode(folder) + b"/"
    for process in PROCESSES.glob("[0-9]*/cmdline"):
        try:
            if process.read_bytes().startswith(own):
                return True
        except OSError:  # it has ended, or belongs to another user
            continue
    return False


def _files(folder: Path) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.lstat(f"{parent}/{name}")
