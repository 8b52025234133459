"""Files that are taken in together: each can spoil its own row, and no other."""

import copy
import os
import sys
import threading
from contextlib import contextmanager
from inspect import CO_GENERATOR
from pathlib import Path

import pytest

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.files import given_files
from kerasmatrix.files import import_models as importing
from kerasmatrix.files.import_models import import_model, import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.filesystem import copies, plain_files
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.store.store import Store
from tests.unit.inspection import files

SECRET = b"the private key"


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "store") as opened:
        yield opened


@pytest.fixture
def good(tmp_path):
    (tmp_path / "b").mkdir()
    return files.hdf5_model(tmp_path / "b" / "model.h5")


def _link_to_private_file(folder: Path) -> str:
    (folder.parent / "key").write_bytes(SECRET)
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "vocab.txt").symlink_to(folder.parent / "key")
    return "assets/vocab.txt is a symbolic link"


def _link_to_zeros(folder: Path) -> str:
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "z").symlink_to("/dev/zero")
    return "assets/z is a symbolic link"


def _loop(folder: Path) -> str:
    (folder / "a").symlink_to(".")
    (folder / "b").symlink_to(".")
    return "a is a symbolic link"


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "pipe")
    return "pipe is a pipe"


def _odd_name(folder: Path) -> str:
    (folder / os.fsdecode(b"raw\xff")).touch()
    return r"raw\xff has a name that is not UTF-8"


def _sparse_giant(folder: Path) -> str:
    with (folder / "giant").open("wb") as file:
        file.truncate(1 << 42)
    return "giant exceeds the limit"


def _linked_graph(folder: Path) -> str:
    (folder / "saved_model.pb").rename(folder.parent / "graph")
    (folder / "saved_model.pb").symlink_to(folder.parent / "graph")
    return "saved_model.pb is a symbolic link"


FOLDERS = [_link_to_private_file, _link_to_zeros, _loop, _pipe, _odd_name, _sparse_giant,
           _linked_graph]  # fmt: skip


@pytest.mark.parametrize("make", FOLDERS, ids=lambda each: each.__name__)
def test_import_models_folder_not_plain_is_refused(tmp_path, store, good, make):
    folder = files.saved_model(tmp_path / "saved")
    reason = make(folder)
    with import_models([folder, good], store, ModelAssets()) as (found, refused):
        assert [error.message for error in refused] == [f"{folder}: {reason}"] or (
            make is _sparse_giant and reason in refused[0].message
        )
        assert [each.path for each in found] == [str(good)]
        copied = [path for path in (store.folder / "scratch").rglob("*") if path.is_file()]
        assert all(SECRET not in path.read_bytes() for path in copied)
        assert {path.parent.name for path in copied} <= {"model.h5", "given"}


def test_import_models_folder_swapped_for_link_is_refused(tmp_path, store, monkeypatch):
    folder = files.saved_model(tmp_path / "saved")
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "assets" / "vocab.txt").write_text("words")
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "vocab.txt").write_bytes(SECRET)
    real = given_files.copy_tree

    def swap_and_copy(source, target, *limits):
        """Act at the worst moment, as another process could."""
        (folder / "assets").rename(tmp_path / "moved")
        (folder / "assets").symlink_to(tmp_path / "private")
        return real(source, target, *limits)

    monkeypatch.setattr(given_files, "copy_tree", swap_and_copy)
    with import_models([folder], store, ModelAssets()) as (found, refused):
        assert not found
        assert "assets is a symbolic link" in refused[0].message
        assert not list((store.folder / "scratch").rglob("vocab.txt"))


def test_import_models_same_name_first_is_refused_alone(tmp_path, store, good):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.h5").symlink_to("nowhere")
    with import_models([tmp_path / "a" / "model.h5", good], store, ModelAssets()) as (
        found,
        refused,
    ):
        assert [each.path for each in found] == [str(good)]
        assert [str(tmp_path / "a") in error.message for error in refused] == [True]


@pytest.mark.parametrize(
    "name", [os.fsdecode(b"raw\xff\xfe.h5"), "n" * 252 + ".h5", "\x1b[31m.h5", "x\ny.h5"]
)
def test_import_models_odd_name_is_imported(tmp_path, store, good, name):
    odd = files.hdf5_model(tmp_path / "it.h5").rename(tmp_path / name)
    with import_models([odd, odd, good], store, ModelAssets()) as (found, refused):
        assert not refused
        assert [each.path for each in found] == [str(odd), str(odd), str(good)]
        assert len({each.scenario.name for each in found}) == 3


def test_import_models_link_to_file_is_copied(tmp_path, store, good):
    (tmp_path / "latest.h5").symlink_to(good)
    with import_model(tmp_path / "latest.h5", store, ModelAssets()) as taken:
        copied = taken.scenario.folder / "given" / "model.h5"
        assert not copied.is_symlink()
        assert taken.sha256 == digest_path(copied) == digest_path(good)
        assert not taken.has_changed


def test_import_models_unreadable_file_is_refused_alone(tmp_path, store, good, monkeypatch):
    other = files.hdf5_model(tmp_path / "other.h5")
    real = os.open

    def refuse(path, *args, **more):
        if str(path) == str(other):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **more)

    monkeypatch.setattr(plain_files.os, "open", refuse)
    with import_models([other, good], store, ModelAssets()) as (found, refused):
        assert [each.path for each in found] == [str(good)]
        assert refused[0].message == f"{other}: cannot be read: Permission denied"


class Unforeseen(Exception):
    pass


BOUNDARY = importing._import.__code__


@contextmanager
def _raising_at(step, error):
    """Have the ``step``-th call raise of those that are made of our code for the first file."""
    seen = {"calls": 0, "inside": False}

    def trace(frame, event, _):
        if event == "return":  # of the boundary: it alone is traced further
            seen["inside"] = False
        if event == "call" and frame.f_code is BOUNDARY:
            seen["inside"] = not seen["calls"]
        code = frame.f_code
        # Not when a generator goes on: where it is closed, nothing hears an exception.
        is_ours = "kerasmatrix" in code.co_filename and not code.co_flags & CO_GENERATOR
        if event == "call" and seen["inside"] and is_ours:
            seen["calls"] += 1
            if seen["calls"] == step:
                seen["inside"] = False
                raise copy.copy(error)
        return trace if frame.f_code is BOUNDARY else None

    sys.settrace(trace)
    try:
        yield seen
    finally:
        sys.settrace(None)


def _steps(paths, store):
    with (
        _raising_at(0, None) as seen,
        import_models(paths[:1], store, ModelAssets()) as (found, refused),
    ):
        assert len(found) == 1, refused
    return seen["calls"]


ERRORS = (Unforeseen("boom"), RecursionError("deep"), MemoryError(), OverflowError("int too large"))


def test_import_models_error_at_any_step_refuses_one_file(tmp_path, store, good, monkeypatch):
    folder = files.saved_model(tmp_path / "saved")
    (folder / "variables").mkdir(exist_ok=True)
    (folder / "variables" / "data").touch()
    # An error there costs the required objects only.
    monkeypatch.setattr("kerasmatrix.prediction.required_objects._required_by", lambda _: ())
    real, known = importing.inspect_required, importing.inspect_required(good)
    monkeypatch.setattr(
        importing, "inspect_required", lambda path: known if path == good else real(path)
    )
    threads = threading.active_count()
    steps = _steps([folder], store)
    assert steps > 20
    assert threading.active_count() == threads  # the trace would miss calls in a new one
    for step in range(1, steps + 1):
        with (
            _raising_at(step, ERRORS[step % len(ERRORS)]) as seen,
            import_models([folder, good], store, ModelAssets()) as (found, refused),
        ):
            assert seen["calls"] == step
            assert [each.path for each in found] == [str(good)], f"step {step}"
            assert [each.message.startswith(f"{folder}: ") for each in refused] == [True]
            assert [path.name for path in (store.folder / "scratch" / "files").iterdir()] == [
                "model.h5"
            ]


def test_import_models_full_disk_is_infrastructure_error(tmp_path, store, good, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for place, name in ((Path, "mkdir"), (Path, "write_text"), (copies, "_write")):
        with monkeypatch.context() as patched:
            patched.setattr(place, name, full)
            with (
                pytest.raises(InfrastructureError, match="No space left"),
                import_models([good], store, ModelAssets()),
            ):
                pass


def test_import_models_interrupt_is_raised(store, good, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(importing, "inspect_required", interrupt)
    with pytest.raises(KeyboardInterrupt), import_models([good], store, ModelAssets()):
        pass


def test_import_model_unexpected_error_asks_for_report(store, good, monkeypatch):
    def trip(_):
        raise Unforeseen("first line\nsecond")

    monkeypatch.setattr(importing, "inspect_required", trip)
    with (
        pytest.raises(UsageError, match=r"raised Unforeseen: first line$") as caught,
        import_model(good, store, ModelAssets()),
    ):
        pass
    assert "bug in kerasmatrix" in caught.value.hint
    assert isinstance(caught.value.__cause__, Unforeseen)
