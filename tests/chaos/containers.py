"""The containers of a project, identified by their mounts."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import docker.errors
import requests

import docker
from tests.chaos.processes import Process, of_parent
from tests.chaos.project import Project

TROUBLES = (docker.errors.DockerException, requests.RequestException, OSError)


def containers(project: Project) -> list[docker.models.containers.Container]:
    """Return the containers that have something of the project's folder mounted."""
    members = []
    with _client(project) as client:
        for entry in client.api.containers(all=True, filters={"label": "kerasmatrix.worker"}):
            sources = [mount.get("Source", "") for mount in entry["Mounts"]]
            if any(source.startswith(f"{project.folder}/") for source in sources):
                with contextlib.suppress(*TROUBLES):
                    members.append(client.containers.get(entry["Id"]))
    return members


def workers_in_containers(project: Project) -> list[Process]:
    """Return the workers in the containers of a project, as processes of this machine."""
    inits = [container.attrs["State"]["Pid"] for container in containers(project)]
    return [process for pid in inits if pid for process in of_parent(pid)]


@contextlib.contextmanager
def _client(project: Project) -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=20, environment={**os.environ, **project.variables})
    try:
        yield client
    finally:
        client.close()
