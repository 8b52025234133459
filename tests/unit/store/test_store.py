import contextlib
import os
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.plain_files import digest_tree
from kerasmatrix.results.observations import LoadObservation, SaveObservation
from kerasmatrix.store import store as module
from kerasmatrix.store.store import NoArtifact, Store, StoreBusy
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


def test_two_threads_may_keep_equal_artifacts_at_once(store, monkeypatch):
    write_out, others = module._write_out, []

    def meanwhile(folder):
        write_out(folder)
        if not others:
            others.append(scratch / "b")
            others.append(store.keep_artifact(make_artifact(scratch / "b")))

    monkeypatch.setattr(module, "_write_out", meanwhile)
    with store.scratch("run") as scratch:
        first = store.keep_artifact(make_artifact(scratch / "a"))
        assert not list(scratch.iterdir())
    assert others[1] == first
    assert store.is_intact(first)


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


def test_what_is_no_database_is_set_aside_and_begun_anew(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "store.sqlite").write_text("not a database, but long enough to be read")
    warnings = []
    with Store(tmp_path / "store", warn=warnings.append) as store:
        store.remember("key", LOAD, "run-1")
    assert "set aside as store.damaged-1" in warnings[0]
    assert "not a database" in (tmp_path / "store" / "store.damaged-1").read_text()
    with Store(tmp_path / "store", warn=warnings.append) as store:
        assert store.known_load("key").observation == LOAD
    assert len(warnings) == 1


def killed_store(folder, count):
    """A store that was never closed: a copy made while it was at work."""
    with Store(folder / "at-work") as store:
        for number in range(count):
            log = f"the log of {number}"
            store.remember(f"key-{number:03}", LOAD.model_copy(update={"log": log}), "run-1")
        shutil.copytree(store.folder, folder / "killed")
    return folder / "killed"


def what_is_known(folder, count, warnings=None):
    """Return which of the observations are known; none may say what another said."""
    known = []
    with Store(folder, warn=(warnings if warnings is not None else []).append) as store:
        for number in range(count):
            found = store.known_load(f"key-{number:03}")
            if found:
                assert found.observation.log == f"the log of {number}"
                known.append(number)
    return known


def test_a_killed_run_loses_nothing_that_it_had_committed(tmp_path):
    assert what_is_known(killed_store(tmp_path, 20), 20) == list(range(20))


def test_wherever_the_log_is_cut_off_what_came_before_is_known(tmp_path):
    killed = killed_store(tmp_path, 8)
    size = (killed / "store.sqlite-wal").stat().st_size
    before = 0
    for length in (*range(0, size, 4999), size):
        cut = tmp_path / f"cut-{length}"
        shutil.copytree(killed, cut)
        os.truncate(cut / "store.sqlite-wal", length)
        known = what_is_known(cut, 8)
        assert known == list(range(len(known)))
        assert len(known) >= before
        before = len(known)
        shutil.rmtree(cut)
    assert before == 8


@pytest.mark.parametrize("file", ["store.sqlite", "store.sqlite-wal"])
def test_whatever_byte_is_changed_nothing_wrong_is_known(tmp_path, file):
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
        what_is_known(harmed, 30)
        what_is_known(harmed, 30)  # and it can be opened again
        shutil.rmtree(harmed)


def test_of_a_damaged_database_the_rows_that_are_whole_are_kept(tmp_path):
    killed = killed_store(tmp_path, 200)
    Store(killed).close()
    (killed / "scratch").mkdir()  # as if a run had been killed: it is looked at closely
    with (killed / "store.sqlite").open("r+b") as handle:
        handle.seek(4096 * 9)
        handle.write(b"\xff" * 4096)
    warnings = []
    known = what_is_known(killed, 200, warnings)
    assert 20 < len(known) < 200
    assert f"({len(known)} measurements)" in warnings[0]


def test_a_database_that_turns_out_damaged_is_mended_by_the_next_run(tmp_path):
    killed = killed_store(tmp_path, 200)
    Store(killed).close()
    with (killed / "store.sqlite").open("r+b") as handle:
        handle.seek(4096 * 9)
        handle.write(b"\xff" * 4096)
    keys = [f"key-{number:03}" for number in range(200)]
    with Store(killed) as store, pytest.raises(InfrastructureError, match="is damaged") as caught:
        store.fetch_ahead(keys)
    assert "run again" in caught.value.hint
    warnings = []
    assert what_is_known(killed, 200, warnings)
    assert len(warnings) == 1


def test_a_store_of_the_first_schema_keeps_what_it_knows(tmp_path):
    with Store(tmp_path / "store") as store:
        store.remember("key", LOAD, "run-1")
    with contextlib.closing(sqlite3.connect(tmp_path / "store" / "store.sqlite")) as database:
        database.executescript(
            "ALTER TABLE observations DROP COLUMN digest; PRAGMA user_version = 1;"
        )
    for _ in range(2):
        with Store(tmp_path / "store") as store:
            assert store.known_load("key").observation == LOAD


def test_an_artifact_is_on_the_disk_before_it_has_its_name(store, monkeypatch):
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


def test_an_artifact_that_a_killed_run_did_not_come_to_speak_of_is_removed(tmp_path):
    with Store(tmp_path / "store") as store, store.scratch("run") as scratch:
        named = store.keep_artifact(make_artifact(scratch / "a", "named"))
        unnamed = store.keep_artifact(make_artifact(scratch / "b", "unnamed"))
        saved = SaveObservation.model_validate(
            {"ended": "returned", "value": SAVE_FACTS, "artifact": named}
        )
        store.remember("key", saved, "run-1")
        shutil.copytree(store.folder, tmp_path / "killed")
    with Store(tmp_path / "killed") as store:
        assert [path.name for path in store.artifacts.iterdir()] == [named]
        assert not store.is_intact(unnamed)


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
