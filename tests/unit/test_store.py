import os
import shutil
import sqlite3
import threading

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.outcome import LoadObservation, SaveObservation
from kerasmatrix.store import NoArtifact, Store, StoreBusy, digest_tree
from tests.unit.fakes import LOAD_FACTS, SAVE_FACTS

LOAD = LoadObservation.model_validate({"ended": "returned", "value": LOAD_FACTS})


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as opened:
        yield opened


def make_artifact(folder, content="weights"):
    folder.mkdir(parents=True)
    (folder / "model.h5").write_text(content)
    return folder


def test_what_was_remembered_is_known_to_the_next_run(tmp_path):
    with Store(tmp_path / "store") as store:
        written = store.remember("key", LOAD, "run-1")
    with Store(tmp_path / "store") as store:
        assert store.known_load("key") == written
        assert store.known_load("another") is None


def test_what_is_fetched_ahead_is_what_is_known_and_no_older(store):
    keys = [f"key-{number}" for number in range(1200)]
    for key in keys[:3]:
        store.remember(key, LOAD, "run-1")
    store.fetch_ahead(keys)
    assert store.known_load("key-1").observation == LOAD
    assert store.known_load("key-1").observation == LOAD  # asked for twice
    newer = LOAD.model_copy(update={"log": "newer"})
    store.remember("key-2", newer, "run-2")
    assert store.known_load("key-2").observation == newer
    assert store.known_load("key-700") is None


def test_equal_artifacts_are_stored_once(store):
    with store.scratch("run") as scratch:
        first = store.keep_artifact(make_artifact(scratch / "a"))
        second = store.keep_artifact(make_artifact(scratch / "b"))
        other = store.keep_artifact(make_artifact(scratch / "c", "other"))
    assert first == second != other
    assert len(list(store.artifacts.iterdir())) == 2
    assert (store.artifacts / first / "model.h5").read_text() == "weights"


def test_an_artifact_can_be_read_by_everybody(store):
    with store.scratch("run") as scratch:
        folder = make_artifact(scratch / "a")
        (folder / "model.h5").chmod(0o600)
        folder.chmod(0o700)
        kept = store.artifacts / store.keep_artifact(folder)
    assert kept.stat().st_mode & 0o777 == 0o755
    assert (kept / "model.h5").stat().st_mode & 0o777 == 0o644


def test_the_digest_of_an_artifact_tells_names_and_contents(tmp_path):
    one = digest_tree(make_artifact(tmp_path / "one"))
    assert digest_tree(make_artifact(tmp_path / "two")) == one
    (tmp_path / "two" / "model.h5").rename(tmp_path / "two" / "other.h5")
    assert digest_tree(tmp_path / "two") != one


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_a_damaged_artifact_is_not_known_any_more(store, harm):
    with store.scratch("run") as scratch:
        digest = store.keep_artifact(make_artifact(scratch / "a"))
    saved = SaveObservation.model_validate(
        {"ended": "returned", "value": SAVE_FACTS, "artifact": digest}
    )
    store.remember("key", saved, "run-1")
    assert store.known_save("key").observation == saved
    path = store.artifacts / digest / "model.h5"
    if harm == "change":
        path.write_text("weighty")
    else:
        path.unlink()
    assert store.known_save("key") is None
    with store.scratch("again") as scratch:
        assert store.keep_artifact(make_artifact(scratch / "a")) == digest
    assert path.read_text() == "weights"


def test_a_second_run_on_one_store_is_told_who_holds_it(store):
    with pytest.raises(StoreBusy, match=r"another run \(process \d+\) holds"):
        Store(store.folder)


def test_a_second_run_can_wait_for_the_first(tmp_path):
    first = Store(tmp_path / "store")
    waiting = threading.Event()
    opened = []

    def wait(message):
        opened.append(message)
        waiting.set()

    def second():
        with Store(tmp_path / "store", wait=wait) as store:
            opened.append(store)

    thread = threading.Thread(target=second)
    thread.start()
    assert waiting.wait(10)
    assert len(opened) == 1
    first.close()
    thread.join(10)
    assert len(opened) == 2


def test_unfinished_work_of_a_killed_run_is_swept_away(tmp_path):
    leftover = tmp_path / "store" / "scratch" / "killed"
    leftover.mkdir(parents=True)
    with Store(tmp_path / "store"):
        assert not leftover.exists()


def test_scratch_is_gone_after_an_error(store):
    def fail():
        with store.scratch("run") as folder:
            raise RuntimeError(folder)

    with pytest.raises(RuntimeError) as caught:
        fail()
    assert not caught.value.args[0].exists()


def test_a_store_of_a_newer_version_is_left_alone(tmp_path):
    Store(tmp_path / "store").close()
    path = tmp_path / "store" / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UsageError, match="newer kerasmatrix") as caught:
        Store(tmp_path / "store")
    assert "--store" in caught.value.hint


def test_a_file_that_is_no_store_is_an_error_with_a_way_out(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.sqlite").write_text("not a database, but long enough to be read")
    with pytest.raises(UsageError, match="cannot be read as a store"):
        Store(tmp_path / "store")


def test_a_disk_that_fills_up_is_infrastructure_and_loses_nothing(store, monkeypatch):
    store.remember("before", LOAD, "run-1")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with store.scratch("run") as scratch:
        folder = make_artifact(scratch / "a")
        monkeypatch.setattr(type(folder), "replace", fail)
        with pytest.raises(InfrastructureError, match="No space left") as caught:
            store.keep_artifact(folder)
    assert "kept" in caught.value.hint
    assert store.known_load("before").observation == LOAD
    assert list(store.artifacts.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_infrastructure(tmp_path):
    (tmp_path / "store").write_text("a file, where a folder is wanted")
    with pytest.raises(InfrastructureError, match="cannot be written"):
        Store(tmp_path / "store")


def leaves_a_link(folder, secret):
    (folder / "link").symlink_to(secret)


def leaves_a_link_to_a_folder(folder, secret):
    (folder / "link").symlink_to(secret.parent)


def leaves_a_pipe(folder, secret):
    os.mkfifo(folder / "pipe")


def leaves_a_second_name(folder, secret):
    os.link(folder / "model.h5", folder.parent / "kept")


def leaves_what_is_only_claimed(folder, secret):
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)


def is_a_link_itself(folder, secret):
    shutil.rmtree(folder)
    folder.symlink_to(secret.parent)


def is_in_a_link(folder, secret):
    shutil.rmtree(folder.parent)
    (secret.parent / "artifact").mkdir()
    folder.parent.symlink_to(secret.parent)


def is_none(folder, secret):
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "leave",
    [
        leaves_a_link, leaves_a_link_to_a_folder, leaves_a_pipe, leaves_a_second_name,
        leaves_what_is_only_claimed, is_a_link_itself, is_in_a_link, is_none,
    ],
)  # fmt: skip
def test_what_leads_out_of_an_artifact_is_not_kept_nor_touched(tmp_path, leave):
    (tmp_path / "others").mkdir()
    secret = tmp_path / "others" / "secret"
    secret.write_text("not yours")
    secret.chmod(0o600)
    folder = tmp_path / "task" / "artifact"
    folder.mkdir(parents=True)
    (folder / "model.h5").write_text("a model")
    leave(folder, secret)
    with Store(tmp_path / "store") as store:
        with pytest.raises(NoArtifact):
            store.keep_artifact(folder)
        assert list(store.artifacts.iterdir()) == []
    assert secret.stat().st_mode & 0o777 == 0o600
