"""On which platforms each TensorFlow can be installed from wheels. Measured data.

``platforms.json`` is written by ``nox -s platforms``, which asks the resolver for every release.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

from kerasmatrix.versions import minor_of, minor_text

__all__ = ["DATA", "PLATFORMS", "Platform", "can_install", "missing_wheels"]

DATA = "platforms.json"


class Platform(NamedTuple):
    """An operating system and a processor: in words, and by uv's name."""

    title: str
    triple: str


PLATFORMS: Mapping[str, Platform] = {
    "linux-x86_64": Platform("x86-64 Linux", "x86_64-manylinux_2_28"),
    "linux-arm64": Platform("ARM Linux", "aarch64-manylinux_2_28"),
    "macos-x86_64": Platform("Intel Macs", "x86_64-apple-darwin"),
    "macos-arm64": Platform("Apple silicon", "aarch64-apple-darwin"),
    "windows-x86_64": Platform("x86-64 Windows", "x86_64-pc-windows-msvc"),
}


def can_install(tensorflow: str, platform: str) -> bool | None:
    """Return whether a TensorFlow has wheels for a platform; None if it was not measured.

    A release that was not measured has those of the one with the same minor version.
    """
    for release, found in _measured().items():
        if minor_text(release) == minor_text(tensorflow):
            return platform in found["platforms"]
    return None


def missing_wheels(releases: Iterable[str], platform: str) -> str | None:
    """Return a sentence about the releases without wheels for a platform; None if all have them.

    ``no wheels of TensorFlow below 2.13 for Apple silicon``. A package that TensorFlow needs may be
    the one without.
    """
    missing = [release for release in releases if can_install(release, platform) is False]
    if not missing:
        return None
    title = PLATFORMS[platform].title
    measured = _measured().items()
    having = [minor_of(release) for release, found in measured if platform in found["platforms"]]
    if not having:
        return f"no wheels of TensorFlow for {title}"
    first, last = min(having), max(having)
    minors = sorted({minor_of(release) for release in missing})
    where = ["below {}.{}".format(*first)] * any(minor < first for minor in minors)
    where += ["{}.{}".format(*minor) for minor in minors if first < minor < last]
    where += ["above {}.{}".format(*last)] * any(minor > last for minor in minors)
    return f"no wheels of TensorFlow {', '.join(where)} for {title}"


@cache
def _measured() -> Mapping[str, Any]:
    source = resources.files("kerasmatrix.environments").joinpath(DATA)
    measured: Mapping[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return measured
