"""Source packages of an image are built by what is locked, and by nothing else."""

import json
import re
from dataclasses import replace

import pytest

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.identity import read_dockerfile
from kerasmatrix.environments.images import ensure_image, image_mark
from kerasmatrix.environments.locks import PINNED, read_lock
from kerasmatrix.environments.uses import InUse, removing
from kerasmatrix.errors import InfrastructureError
from tests.real import ROOT

pytestmark = pytest.mark.docker

NAME = "tf2.4"
INSTALLED = """\
import json
from importlib import metadata
found = {each.metadata["Name"].lower(): each for each in metadata.distributions()}
print(json.dumps({
    "versions": {name: each.version for name, each in found.items()},
    "built by": found["termcolor"].read_text("WHEEL").splitlines()[1],
}))
"""


@pytest.fixture(scope="module")
def locked():
    matrix = load_matrix(ROOT / "matrix.yaml")
    environment = matrix.environments[NAME]
    return environment, read_lock(ROOT / "images" / "locks", environment), matrix.base_image


def test_image_holds_locked_packages_and_pip_only(client, locked):
    environment, lock, base_image = locked
    in_use = InUse()
    tag = ensure_image(client, environment, lock, base_image, read_dockerfile(ROOT), in_use)
    with removing(image_mark(tag)) as reason:
        assert reason == "a process uses it"
    in_use.close()
    image = json.loads(client.containers.run(tag, ["python", "-c", INSTALLED], remove=True))
    installed = {name.replace("_", "-"): version for name, version in image["versions"].items()}
    assert installed.pop("pip")
    assert installed == lock.packages
    assert (
        image["built by"] == f"Generator: bdist_wheel ({dict(PINNED.findall(lock.build))['wheel']})"
    )


def test_image_with_another_build_hash_is_refused(client, locked):
    environment, lock, base_image = locked
    build = re.sub("sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock.build)
    forged = replace(lock, build=build)
    with pytest.raises(InfrastructureError, match="Hash mismatch"):
        ensure_image(client, environment, forged, base_image, read_dockerfile(ROOT))
