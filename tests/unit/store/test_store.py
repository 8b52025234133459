import os
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.digests import digest_tree
from kerasmatrix.results.observations import LoadObservation, SaveObservation
from kerasmatrix.store import artifacts as module
from kerasmatrix.store.artifacts import NoArtifact
from kerasmatrix.store.run_lock import StoreBusy
from kerasmatrix.store.store import Store
from tests.unit.fakes import LOAD_FACTS, SAVE_FACTS

LOAD = LoadObservation.parse({"ended": "returned", "value": LOAD_FACTS})


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as opened:
        yield opened


def make_artifact(folder, content="weights"):
    folder.mkdir(parents=True)
    (folder / "model.h5").write_text(content)
    return folder


def test_observation_remembered_is_found_by_next_run(tmp_path):
    with Store(tmp_path / "store") as store:
        written = store.observations.remember("key", LOAD, "run-1")
    with Store(tmp_path / "store") as store:
        assert store.observations.find("key", LoadObservation) == written
        assert store.observations.find("another", LoadObservation) is None


def test_fetch_ahead_then_remember_finds_the_newer(store):
    keys = [f"key-{number}" for number in range(1200)]
    for key in keys[:3]:
        store.observations.remember(key, LOAD, "run-1")
    store.observations.fetch_ahead(keys)
    assert store.observations.find("key-1", LoadObservation).observation == LOAD
    assert store.observations.find("key-1", LoadObservation).observation == LOAD  # asked for twice
    newer = LOAD.but(log="newer")
    store.observations.remember("key-2", newer, "run-2")
    assert store.observations.find("key-2", LoadObservation).observation == newer
    assert store.observations.find("key-700", LoadObservation) is None


def test_keep_artifact_equal_ones_are_stored_once(store):
    with store.scratch("run") as scratch:
        first = store.keep_artifact(make_artifact(scratch / "a"))
        second = store.keep_artifact(make_artifact(scratch / "b"))
        other = store.keep_artifact(make_artifact(scratch / "c", "other"))
    assert first == second != other
    assert len(list(store.artifacts.iterdir())) == 2
    assert (store.artifacts / first / "model.h5").read_text() == "weights"


def test_keep_artifact_by_two_threads_stores_it_once(store, monkeypatch):
    sync_tree, others = module._sync_tree, []

    def meanwhile(folder):
        sync_tree(folder)
        if not others:
            others.append(scratch / "b")
            others.append(store.keep_artifact(make_artifact(scratch / "b")))

    monkeypatch.setattr(module, "_sync_tree", meanwhile)
    with store.scratch("run") as scratch:
        first = store.keep_artifact(make_artifact(scratch / "a"))
        assert not list(scratch.iterdir())
    assert others[1] == first
    assert store.is_intact(first)


def test_keep_artifact_makes_it_readable_to_all_users(store):
    with store.scratch("run") as scratch:
        folder = make_artifact(scratch / "a")
        (folder / "model.h5").chmod(0o600)
        folder.chmod(0o700)
        kept = store.artifacts / store.keep_artifact(folder)
    assert kept.stat().st_mode & 0o777 == 0o755
    assert (kept / "model.h5").stat().st_mode & 0o777 == 0o644


def test_digest_tree_depends_on_names_and_contents(tmp_path):
    one = digest_tree(make_artifact(tmp_path / "one"))
    assert digest_tree(make_artifact(tmp_path / "two")) == one
    (tmp_path / "two" / "model.h5").rename(tmp_path / "two" / "other.h5")
    assert digest_tree(tmp_path / "two") != one


@pytest.mark.parametrize("harm", ["change", "remove"])
def test_find_save_with_damaged_artifact_is_none(store, harm):
    with store.scratch("run") as scratch:
        digest = store.keep_artifact(make_artifact(scratch / "a"))
    saved = SaveObservation.parse({"ended": "returned", "value": SAVE_FACTS, "artifact": digest})
    store.observations.remember("key", saved, "run-1")
    assert store.find_save("key").observation == saved
    path = store.artifacts / digest / "model.h5"
    if harm == "change":
        path.write_text("weighty")
    else:
        path.unlink()
    assert store.find_save("key") is None
    with store.scratch("again") as scratch:
        assert store.keep_artifact(make_artifact(scratch / "a")) == digest
    assert path.read_text() == "weights"


def test_store_held_by_another_run_names_its_process(store):
    with pytest.raises(StoreBusy, match=r"another run \(process \d+\) holds"):
        Store(store.folder)


def test_store_held_by_another_run_can_be_waited_for(tmp_path):
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


def test_scratch_of_a_killed_run_is_removed(tmp_path):
    leftover = tmp_path / "store" / "scratch" / "killed"
    leftover.mkdir(parents=True)
    with Store(tmp_path / "store"):
        assert not leftover.exists()


def test_scratch_is_removed_after_an_error(store):
    def fail():
        with store.scratch("run") as folder:
            raise RuntimeError(folder)

    with pytest.raises(RuntimeError) as caught:
        fail()
    assert not caught.value.args[0].exists()


def test_store_of_a_newer_schema_is_refused(tmp_path):
    Store(tmp_path / "store").close()
    path = tmp_path / "store" / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(UsageError, match="newer kerasmatrix") as caught:
        Store(tmp_path / "store")
    assert "--store" in caught.value.hint


def test_file_not_a_database_is_set_aside(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.sqlite").write_text("not a database, but long enough to be read")
    warnings = []
    with Store(tmp_path / "store", warn=warnings.append) as store:
        store.observations.remember("key", LOAD, "run-1")
    assert "set aside as store.damaged-1" in warnings[0]
    assert "not a database" in (tmp_path / "store" / "store.damaged-1").read_text()
    with Store(tmp_path / "store", warn=warnings.append) as store:
        assert store.observations.find("key", LoadObservation).observation == LOAD
    assert len(warnings) == 1


def killed_store(folder, count):
    """A store that was never closed: a copy made while it was at work."""
    with Store(folder / "at-work") as store:
        for number in range(count):
            log = f"the log of {number}"
            store.observations.remember(f"key-{number:03}", LOAD.but(log=log), "run-1")
        shutil.copytree(store.folder, folder / "killed")
    return folder / "killed"


def known_numbers(folder, count, warnings=None):
    """Return which of the observations are known; none may say what another said."""
    known = []
    with Store(folder, warn=(warnings if warnings is not None else []).append) as store:
        for number in range(count):
            found = store.observations.find(f"key-{number:03}", LoadObservation)
            if found:
                assert found.observation.log == f"the log of {number}"
                known.append(number)
    return known


def test_killed_run_keeps_all_committed_rows(tmp_path):
    assert known_numbers(killed_store(tmp_path, 20), 20) == list(range(20))


def test_log_cut_off_keeps_all_rows_before_the_cut(tmp_path):
    killed = killed_store(tmp_path, 8)
    size = (killed / "store.sqlite-wal").stat().st_size
    before = 0
    for length in (*range(0, size, 4999), size):
        cut = tmp_path / f"cut-{length}"
        shutil.copytree(killed, cut)
        os.truncate(cut / "store.sqlite-wal", length)
        known = known_numbers(cut, 8)
        assert known == list(range(len(known)))
        assert len(known) >= before
        before = len(known)
        shutil.rmtree(cut)
    assert before == 8


@pytest.mark.parametrize("file", ["store.sqlite", "store.sqlite-wal"])
def test_any_changed_byte_yields_no_wrong_row(tmp_path, file):
    killed = killed_store(tmp_path, 30)
    if file == "store.sqlite":
        Store(killed).close()  # its log is written into it
        (killed / "scratch").mkdir()
    numbers = random.Random(file)
    for trial in range(12):
        harmed = tmp_path / f"harmed-{trial}"
        shutil.copytree(killed, harmed)
        with (harmed / file).open("r+b") as handle:
            place = numbers.randrange(100, (harmed / file).stat().st_size)
            handle.seek(place)
            byte = handle.read(1)[0]
            handle.seek(place)
            handle.write(bytes([byte ^ (1 << numbers.randrange(8))]))
        known_numbers(harmed, 30)
        known_numbers(harmed, 30)  # and it can be opened again
        shutil.rmtree(harmed)


def test_damaged_database_is_started_over_with_artifacts(tmp_path):
    killed = killed_store(tmp_path, 200)
    with Store(killed) as store, store.scratch("run") as scratch:
        digest = store.keep_artifact(make_artifact(scratch / "a"))
    with (killed / "store.sqlite").open("r+b") as handle:
        handle.seek(4096 * 9)
        handle.write(b"\xff" * 4096)
    warnings = []
    with Store(killed, warn=warnings.append, check_pages=True) as store:
        assert store.is_intact(digest)
    assert "store.damaged-1" in warnings[0]
    assert known_numbers(killed, 200) == []


def test_database_found_damaged_is_started_over_by_next_run(tmp_path):
    killed = killed_store(tmp_path, 200)
    Store(killed).close()
    with (killed / "store.sqlite").open("r+b") as handle:
        handle.seek(4096 * 9)
        handle.write(b"\xff" * 4096)
    keys = [f"key-{number:03}" for number in range(200)]
    with Store(killed) as store, pytest.raises(InfrastructureError, match="is damaged") as caught:
        store.observations.fetch_ahead(keys)
    assert "run again" in caught.value.hint
    warnings = []
    assert known_numbers(killed, 200, warnings) == []
    assert len(warnings) == 1


def test_keep_artifact_syncs_before_it_renames(store, monkeypatch):
    written = []
    sync = os.fsync

    def note(handle):
        written.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
        sync(handle)

    monkeypatch.setattr(os, "fsync", note)
    with store.scratch("run") as scratch:
        folder = make_artifact(scratch / "a")
        (folder / "assets").mkdir()
        (folder / "assets" / "words.txt").write_text("words")
        digest = store.keep_artifact(folder)
    *before, last = written
    names = {Path(path).relative_to(store.folder / "scratch").parts[1:] for path in before}
    assert names == {(), ("model.h5",), ("assets",), ("assets", "words.txt")}
    assert last == str(store.artifacts)
    assert store.is_intact(digest)


def test_artifact_unnamed_by_a_killed_run_is_removed(tmp_path):
    with Store(tmp_path / "store") as store, store.scratch("run") as scratch:
        named = store.keep_artifact(make_artifact(scratch / "a", "named"))
        unnamed = store.keep_artifact(make_artifact(scratch / "b", "unnamed"))
        saved = SaveObservation.parse({"ended": "returned", "value": SAVE_FACTS, "artifact": named})
        store.observations.remember("key", saved, "run-1")
        shutil.copytree(store.folder, tmp_path / "killed")
    with Store(tmp_path / "killed") as store:
        assert [path.name for path in store.artifacts.iterdir()] == [named]
        assert not store.is_intact(unnamed)


def test_full_disk_is_infrastructure_and_keeps_all_rows(store, monkeypatch):
    store.observations.remember("before", LOAD, "run-1")

    def fail(*_):
        raise OSError(28, "No space left on device")

    with store.scratch("run") as scratch:
        folder = make_artifact(scratch / "a")
        monkeypatch.setattr(type(folder), "replace", fail)
        with pytest.raises(InfrastructureError, match="No space left") as caught:
            store.keep_artifact(folder)
    assert "kept" in caught.value.hint
    assert store.observations.find("before", LoadObservation).observation == LOAD
    assert list(store.artifacts.iterdir()) == []


def test_folder_not_writable_is_infrastructure(tmp_path):
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
def test_keep_artifact_with_links_out_of_it_is_refused(tmp_path, leave):
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
