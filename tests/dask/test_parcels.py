"""Folders travel whole or not at all, also by an S3 that runs here."""

import zipfile

import pytest

from kerasmatrix.engines.dask.artifact_cache import Shelf
from kerasmatrix.engines.dask.transfer import ParcelMissing, Parcels
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.plain_files import digest_tree


@pytest.fixture(params=["folder", "s3"])
def url(request, tmp_path):
    if request.param == "s3":
        return request.getfixturevalue("s3")
    return str(tmp_path / "parcels")


@pytest.fixture
def artifact(tmp_path):
    """A folder like a SavedModel: folders in it, one of them empty."""
    folder = tmp_path / "artifact"
    (folder / "model" / "variables").mkdir(parents=True)
    (folder / "model" / "assets").mkdir()
    (folder / "model" / "saved_model.pb").write_bytes(bytes(range(256)) * 5000)
    (folder / "model" / "variables" / "ünï.index").write_text("x")
    return folder


def test_a_folder_comes_out_as_it_went_in(url, artifact, tmp_path):
    digest = digest_tree(artifact)
    Parcels(url).put(artifact, digest)
    Parcels(url).get(digest, tmp_path / "there" / digest)
    assert digest_tree(tmp_path / "there" / digest) == digest
    assert (tmp_path / "there" / digest / "model" / "assets").is_dir()
    assert [path.name for path in (tmp_path / "there").iterdir()] == [digest]


def test_what_is_there_is_not_sent_again(tmp_path, artifact):
    parcels, digest = Parcels(str(tmp_path / "parcels")), digest_tree(artifact)
    parcels.put(artifact, digest)
    (sent,) = (tmp_path / "parcels").iterdir()
    before = sent.stat().st_mtime_ns, sent.read_bytes()
    parcels.put(artifact, digest)
    assert (sent.stat().st_mtime_ns, sent.read_bytes()) == before


def test_one_that_was_cut_off_is_sent_again(tmp_path, artifact):
    parcels, digest = Parcels(str(tmp_path / "parcels")), digest_tree(artifact)
    parcels.put(artifact, digest)
    (sent,) = (tmp_path / "parcels").iterdir()
    whole = sent.read_bytes()
    sent.write_bytes(whole[:-100])
    parcels.put(artifact, digest)
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
def test_a_damaged_parcel_is_never_taken_for_whole(tmp_path, artifact, harm, words):
    parcels, digest = Parcels(str(tmp_path / "parcels")), digest_tree(artifact)
    parcels.put(artifact, digest)
    harm(next((tmp_path / "parcels").iterdir()))
    with pytest.raises(ParcelMissing) as missing:
        parcels.get(digest, tmp_path / "there" / digest)
    assert words in missing.value.reason
    assert not list((tmp_path / "there").iterdir())


def test_what_is_whole_but_another_is_not_taken_for_it(tmp_path, artifact):
    parcels, digest = Parcels(str(tmp_path / "parcels")), digest_tree(artifact)
    parcels.put(artifact, digest)
    (artifact / "model" / "saved_model.pb").write_text("another")
    parcels.put(artifact, digest, again=True)
    with pytest.raises(ParcelMissing) as missing:
        parcels.get(digest, tmp_path / "there" / digest)
    assert "another digest" in missing.value.reason


def test_a_parcel_writes_nowhere_else(tmp_path, artifact):
    parcels, digest = Parcels(str(tmp_path / "parcels")), digest_tree(artifact)
    parcels.put(artifact, digest)
    with zipfile.ZipFile(next((tmp_path / "parcels").iterdir()), "a") as archive:
        archive.writestr("../../escaped", "x")
    with pytest.raises(ParcelMissing):
        parcels.get(digest, tmp_path / "there" / digest)
    assert not list(tmp_path.rglob("escaped"))


def test_a_place_that_cannot_be_used_says_so(tmp_path, artifact):
    with pytest.raises(UsageError, match="--artifacts purple://x"):
        Parcels("purple://x")
    (tmp_path / "file").touch()
    with pytest.raises(InfrastructureError, match="cannot be written") as error:
        Parcels(str(tmp_path / "file" / "parcels")).put(artifact, digest_tree(artifact))
    assert "every Dask worker" in error.value.hint


def test_a_bucket_that_is_not_there_is_no_missing_parcel_when_written(s3, artifact):
    with pytest.raises(InfrastructureError, match="cannot be written"):
        Parcels("s3://no-such-bucket/parcels").put(artifact, digest_tree(artifact))


def test_a_shelf_keeps_what_is_in_use_and_the_newest_that_has_room(tmp_path):
    shelf = Shelf(tmp_path / "shelf", Parcels(str(tmp_path / "parcels")), room=2500)
    digests = []
    for number in range(4):
        made = tmp_path / f"made-{number}"
        made.mkdir()
        (made / "model").write_bytes(bytes([number]) * 1000)
        digests.append(shelf.take_in(made))
        assert not made.exists()
    here = {path.name for path in (tmp_path / "shelf").iterdir()}
    assert here == set(digests[2:])
    with shelf.holding(digests):  # the first two are fetched again
        assert {path.name for path in (tmp_path / "shelf").iterdir()} == set(digests)
        assert all(digest_tree(tmp_path / "shelf" / each) == each for each in digests)
    assert len(list((tmp_path / "shelf").iterdir())) == 2
