"""Limits of a child, in real children."""

import os
import signal

from kerasmatrix.harness import batch, limits
from kerasmatrix.harness.child_process import Settings
from tests.unit.harness.batches import MEMORY, Task


def test_disk_limit_unlinked_file_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "MAX_BYTES", 1 << 20)

    class Hiding(Task):
        folder = str(tmp_path / "task")

    def hide():
        with (tmp_path / "hidden").open("wb") as hidden:
            (tmp_path / "hidden").unlink()
            os.posix_fallocate(hidden.fileno(), 0, 2 << 20)
            signal.pause()

    (result,) = batch.run([Hiding(hide)], Settings(MEMORY))
    assert (result["ended"], result["signal"]) == ("crashed", None)
    assert "it wrote more than" in result["log"]


def test_disk_limit_mapped_unlinked_file_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "MAX_BYTES", 1 << 20)

    class Hiding(Task):
        folder = str(tmp_path / "task")

    def hide():
        import mmap

        handle = os.open(tmp_path / "hidden", os.O_CREAT | os.O_RDWR)
        os.posix_fallocate(handle, 0, 2 << 20)
        held = mmap.mmap(handle, 2 << 20)
        (tmp_path / "hidden").unlink()
        os.close(handle)
        signal.pause()
        held.close()

    (result,) = batch.run([Hiding(hide)], Settings(MEMORY))
    assert "it wrote more than" in result["log"]


def test_disk_limit_full_disk_is_fault_of_machine(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "MIN_FREE_BYTES", 1 << 60)

    class Waiting(Task):
        folder = str(tmp_path / "task")

    (result,) = batch.run([Waiting(signal.pause)], Settings(MEMORY))
    assert "No space left on device" in result["error"]["chain"][0]["message"]
