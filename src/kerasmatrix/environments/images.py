"""Builds Docker images from locks, one for each environment.

An image contains Python and the locked packages only, so a change of the harness or of a scenario
rebuilds none.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import docker.errors
import requests
import uv

import docker
from kerasmatrix.config.matrix import PYTHON, Environment
from kerasmatrix.config.places import default_cache
from kerasmatrix.environments.identity import DOCKERFILE, identity_of, image_recipe
from kerasmatrix.environments.locks import BUILD_LOCKS, Lock
from kerasmatrix.environments.uses import InUse, making
from kerasmatrix.errors import InfrastructureError

__all__ = [
    "BASE_LABEL",
    "ENVIRONMENT_LABEL",
    "TAG_LABEL",
    "base_of",
    "build_context",
    "build_log",
    "ensure_image",
    "image_mark",
    "image_tag",
]

LOCK = "images/locks/{name}.txt"
BUILD_LOCK = f"images/locks/{BUILD_LOCKS}/{{name}}.txt"
UV = "uv"
LOG_LINES = 15  # of a failed build: pip names the reason at the end
ENVIRONMENT_LABEL = "kerasmatrix.environment"
TAG_LABEL = "kerasmatrix.tag"  # the tag, also of an image that lost it
BASE_LABEL = "org.opencontainers.image.base.name"


def base_of(base_image: str, environment: Environment) -> str:
    """Return the base image of an environment."""
    return base_image.replace(PYTHON, environment.python)


def image_tag(environment: Environment, lock: Lock, base: str, dockerfile: bytes) -> str:
    """Return the tag of an environment's image, which changes with its content."""
    identity = identity_of(environment, lock, image_recipe(base, dockerfile))
    return f"kerasmatrix/{environment.name}:{identity[:12]}"


def image_mark(tag: str) -> Path:
    """Return the path that stands for an image in the record of uses."""
    return default_cache() / "images" / tag.replace("/", "-").replace(":", "-")


def build_context(dockerfile: bytes, lock: Lock, name: str) -> bytes:
    """Return a tar of the files that the build reads, with their paths in the project.

    The uv in it is the one that installs virtual environments here.
    """
    files = {DOCKERFILE: dockerfile, LOCK.format(name=name): lock.content.encode()}
    if lock.build:
        files[BUILD_LOCK.format(name=name)] = lock.build.encode()
    files[UV] = Path(uv.find_uv_bin()).read_bytes()
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            entry.mode = 0o700 if path == UV else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def ensure_image(  # noqa: PLR0913, PLR0917 - all that an image depends on
    client: docker.DockerClient,
    environment: Environment,
    lock: Lock,
    base_image: str,
    dockerfile: bytes,
    in_use: InUse | None = None,
) -> str:
    """Return the tag of the environment's image, building it if it is absent.

    ``in_use`` keeps other processes from removing it.

    Raises:
        InfrastructureError: there is no base image, or the build failed (with the end of its log).
    """
    base = base_of(base_image, environment)
    tag = image_tag(environment, lock, base, dockerfile)
    if in_use:
        # Without a cache folder, an existing image can still be used.
        with contextlib.suppress(OSError):
            in_use.take(image_mark(tag))
    try:
        if _is_there(client, tag):
            return tag
        with making(image_mark(tag)):
            if not _is_there(client, tag):
                _pull_base(client, base)
                _build(client, environment, lock, tag, base, dockerfile)
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise InfrastructureError(
            f"{environment.name}: the image {tag} could not be built: {error}",
            hint="see that the Docker Engine runs and has space (`docker system df`)",
        ) from error
    return tag


def build_log(messages: Iterable[Mapping[str, Any]]) -> tuple[str | None, list[str]]:
    """Read a build's messages; return its error, if any, and the lines it printed."""
    lines: list[str] = []
    for message in messages:
        if "error" in message:
            return str(message["error"]).strip(), lines
        printed = str(message.get("stream", "")).strip()
        lines.extend(line for line in printed.splitlines() if line.strip())
    return None, lines


def _is_there(client: docker.DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound:
        return False
    return True


def _pull_base(client: docker.DockerClient, base: str) -> None:
    if _is_there(client, base):
        return
    try:
        client.images.pull(base)
    except (docker.errors.DockerException, requests.RequestException) as error:
        raise InfrastructureError(
            f"there is no image {base} here and it cannot be pulled: {error}",
            hint="a registry's mirror can be named as base_image in matrix.yaml",
        ) from error


def _build(  # noqa: PLR0913, PLR0917 - all that an image depends on
    client: docker.DockerClient,
    environment: Environment,
    lock: Lock,
    tag: str,
    base: str,
    dockerfile: bytes,
) -> None:
    context = build_context(dockerfile, lock, environment.name)
    arguments = {"BASE": base, "LOCK": LOCK.format(name=environment.name)}
    if lock.build:
        arguments["BUILD_LOCK"] = BUILD_LOCK.format(name=environment.name)
    messages = client.api.build(
        fileobj=io.BytesIO(context),
        custom_context=True,
        dockerfile=DOCKERFILE,
        tag=tag,
        buildargs=arguments,
        labels={
            ENVIRONMENT_LABEL: environment.name,
            TAG_LABEL: tag,
            "kerasmatrix.lock": lock.digest,
            "org.opencontainers.image.title": f"kerasmatrix environment {environment.name}",
            BASE_LABEL: base,
        },
        rm=True,
        forcerm=True,
        decode=True,
    )
    error, lines = build_log(messages)
    if error:
        tail = "\n".join(lines[-LOG_LINES:])
        raise InfrastructureError(
            f"{environment.name}: the image {tag} could not be built: {error}\n{tail}",
            hint=f"{DOCKERFILE} says how to build it by hand, with the whole log",
        )
