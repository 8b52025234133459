"""Folders arrive whole or not at all, also through an S3 in this process."""

import os
import zipfile

import pytest

from kerasmatrix.engines.dask.transfer import ArtifactMissing, ArtifactTransfer
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.digests import digest_tree


@pytest.fixture(params=["folder", "s3"])
def url(request, tmp_path):
    if request.param == "s3":
        return request.getfixturevalue("s3")
    return str(tmp_path / "remote")


@pytest.fixture
def artifact(tmp_path):
    """A folder like a SavedModel: folders in it, one of them empty."""
    folder = tmp_path / "artifact"
    (folder / "model" / "variables").mkdir(parents=True)
    (folder / "model" / "assets").mkdir()
    (folder / "model" / "saved_model.pb").write_bytes(bytes(range(256)) * 5000)
    (folder / "model" / "variables" / "ünï.index").write_text("x")
    return folder


def test_transfer_folder_arrives_unchanged(url, artifact, tmp_path):
    digest = digest_tree(artifact)
    ArtifactTransfer(url).send({digest: artifact})
    ArtifactTransfer(url).fetch({tmp_path / "there" / digest: digest})
    assert digest_tree(tmp_path / "there" / digest) == digest
    assert (tmp_path / "there" / digest / "model" / "assets").is_dir()
    assert [path.name for path in (tmp_path / "there").iterdir()] == [digest]


def test_send_existing_is_not_repeated(tmp_path, artifact):
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    transfer.send({digest: artifact})
    (sent,) = (tmp_path / "remote").iterdir()
    before = sent.stat().st_mtime_ns, sent.read_bytes()
    transfer.send({digest: artifact})
    ArtifactTransfer(str(tmp_path / "remote")).send({digest: artifact})
    assert (sent.stat().st_mtime_ns, sent.read_bytes()) == before


def test_send_truncated_is_repeated(tmp_path, artifact):
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    transfer.send({digest: artifact})
    (sent,) = (tmp_path / "remote").iterdir()
    whole = sent.read_bytes()
    sent.write_bytes(whole[:-100])
    ArtifactTransfer(str(tmp_path / "remote")).send({digest: artifact})
    assert sent.read_bytes() == whole


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-100]), "damaged"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"\x07", b"\x08")), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.unlink(), "is not there"),
    ],
    ids=["cut off", "turned round", "empty", "gone"],
)  # fmt: skip
def test_fetch_damaged_is_missing(tmp_path, artifact, harm, words):
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    transfer.send({digest: artifact})
    harm(next((tmp_path / "remote").iterdir()))
    with pytest.raises(ArtifactMissing) as missing:
        transfer.fetch({tmp_path / "there" / digest: digest})
    assert words in str(missing.value)
    assert not list((tmp_path / "there").iterdir())


def test_fetch_other_content_is_missing(tmp_path, artifact):
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    transfer.send({digest: artifact})
    (artifact / "model" / "saved_model.pb").write_text("another")
    transfer.send_again(digest)
    transfer.send({digest: artifact})
    with pytest.raises(ArtifactMissing) as missing:
        transfer.fetch({tmp_path / "there" / digest: digest})
    assert "another digest" in str(missing.value)


def test_fetch_path_traversal_writes_nothing_outside(tmp_path, artifact):
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    transfer.send({digest: artifact})
    with zipfile.ZipFile(next((tmp_path / "remote").iterdir()), "a") as archive:
        archive.writestr("../../escaped", "x")
    with pytest.raises(ArtifactMissing):
        transfer.fetch({tmp_path / "there" / digest: digest})
    assert not list(tmp_path.rglob("escaped"))


def test_transfer_unusable_place_is_an_error(tmp_path, artifact):
    with pytest.raises(UsageError, match="--artifacts purple://x"):
        ArtifactTransfer("purple://x")
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be written") as error:
        ArtifactTransfer(str(tmp_path / "file" / "remote")).send({digest_tree(artifact): artifact})
    assert "every Dask worker" in error.value.hint


def test_send_absent_bucket_is_an_infrastructure_error(s3, artifact):
    with pytest.raises(InfrastructureError, match="cannot be written"):
        ArtifactTransfer("s3://no-such-bucket/parcels").send({digest_tree(artifact): artifact})


def test_send_time_before_1980_arrives(tmp_path, artifact):
    os.utime(artifact / "model" / "saved_model.pb", (0, 0))
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    transfer.send({digest: artifact})
    transfer.fetch({tmp_path / "there" / digest: digest})
    assert digest_tree(tmp_path / "there" / digest) == digest


def test_keep_artifact_is_fetched_by_another_worker(tmp_path, artifact):
    transfer, digest = ArtifactTransfer(str(tmp_path / "remote")), digest_tree(artifact)
    (tmp_path / "one").mkdir()
    assert transfer.keep(artifact, tmp_path / "one") == digest
    assert not artifact.exists()
    assert digest_tree(tmp_path / "one" / digest) == digest
    transfer.fetch({tmp_path / "other" / digest: digest})
    assert digest_tree(tmp_path / "other" / digest) == digest
