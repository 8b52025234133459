import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.dask.cluster import Cluster


@pytest.fixture(scope="session")
def s3():
    """A bucket in an S3 server of this process, which environment variables select."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "id")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_REGION", "us-east-1")
        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="models")
        yield "s3://models/artifacts"
        server.stop()


@pytest.fixture(scope="session")
def processes(tmp_path_factory, s3):
    """A scheduler and three workers, each with a nanny that restarts it."""
    started = Cluster(tmp_path_factory.mktemp("cluster"), 3)
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.fixture
def cluster(processes):
    """The cluster with all its workers, whatever the previous test did to it."""
    processes.wait_for_workers(3)
    return processes


@pytest.fixture
def notes(tmp_path):
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder
