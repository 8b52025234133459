"""An image of ours is seen, measured and removed; what others have stays."""

import datetime
import io
import os

import pytest

from kerasmatrix.environments.images import BASE_LABEL, ENVIRONMENT_LABEL
from kerasmatrix.environments.prune import MadeImages
from kerasmatrix.environments.uses import InUse

pytestmark = pytest.mark.docker

BASE = "python:3.8-slim"
DOCKERFILE = f"""\
FROM {BASE}
LABEL {ENVIRONMENT_LABEL}=pruned {BASE_LABEL}={BASE}
RUN head -c 5000000 /dev/urandom > /five-megabytes
"""


def test_an_image_is_removed_when_no_container_needs_it(client):
    name = f"kerasmatrix/pruned:{os.getpid()}"
    client.images.build(fileobj=io.BytesIO(DOCKERFILE.encode()), tag=name, rm=True)
    made = MadeImages(client)
    try:
        assert name in made.names()
        assert BASE not in made.names()
        assert made.disk([name]).freed == pytest.approx(5e6, rel=0.1)
        assert made.disk([name]).total > 5e7
        container = client.containers.create(name, "true")
        assert made.remove(name) == "a container uses it"
        container.remove()
        in_use = InUse()
        in_use.take(made.mark(name))
        assert made.remove(name) == "a process uses it"
        in_use.close()
        assert datetime.datetime.now(datetime.UTC) - made.made_at(name) < datetime.timedelta(
            hours=1
        )
        assert made.remove(name) is None
        assert name not in made.names()
        assert client.images.get(BASE)
    finally:
        if name in made.names():
            client.images.remove(name, force=True)
