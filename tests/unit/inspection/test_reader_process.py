"""Calls functions that misbehave in a subprocess."""

import ctypes
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.reader_process import READER_LIMITS, run_in_subprocess
from tests.real import ROOT

PATH = Path("model.h5")


def length(path: Path, more: int = 0) -> int:
    return len(str(path)) + more


def here(path: Path) -> str:
    return str(Path.cwd())


def names_no_file(path: Path) -> int:
    raise UsageError("is an empty file", hint="copy it again")


def raises(path: Path) -> int:
    raise ZeroDivisionError("all\nof it")


def allocates(path: Path) -> int:
    return len(bytearray(1 << 40))


def recurses(path: Path) -> int:
    return recurses(path)


def spins(path: Path) -> int:
    while True:
        pass


def sleeps(path: Path) -> int:
    while True:
        time.sleep(3600)


def segfaults(path: Path) -> int:
    ctypes.string_at(0)
    return 0


def aborts(path: Path) -> int:
    os.abort()


def leaves(path: Path) -> int:
    os._exit(0)


def exits(path: Path) -> int:
    raise SystemExit(3)


def interrupted(path: Path) -> int:
    raise KeyboardInterrupt


def returns_much(path: Path) -> str:
    return "x" * (2 << 20)


def returns_nonsense(path: Path) -> int:
    return {"not": "a number"}  # type: ignore[return-value]


def writes(path: Path) -> int:
    return path.write_text("more than nothing")


def descriptors(path: Path) -> dict[str, int]:
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    return {"open": open_files, "session": os.getsid(0) - os.getpid()}


def forges(path: Path) -> int:
    """Write an answer into every descriptor there is."""
    for number in range(64):
        try:
            os.write(number, b'E{"message": "forged", "hint": null}')
        except OSError:
            continue
    return 1


@pytest.fixture(scope="module", autouse=True)
def _server_imports_tests():
    """The server searches PYTHONPATH, but not the current folder, for this module."""
    from kerasmatrix.inspection.reader_process import _SERVER

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT / "src"), str(ROOT))))
        _SERVER.close()
        yield
        _SERVER.close()


@pytest.fixture(params=["own child", "child of server"], autouse=True)
def _fork_from(request, monkeypatch):
    """Children of this process and of the server keep the same contract."""
    count = 1 if request.param == "own child" else 2
    monkeypatch.setattr("kerasmatrix.inspection.reader_process._threads", lambda: count)


# Python warns of a fork with threads; those of the BLAS do not matter.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.reader_process,
]


def test_run_in_subprocess_returns_value(tmp_path, monkeypatch):
    assert run_in_subprocess(length, READER_LIMITS, PATH, more=2) == 10
    monkeypatch.chdir(tmp_path)
    assert run_in_subprocess(here, READER_LIMITS, PATH) == str(tmp_path)


def test_run_in_subprocess_error_names_path_and_keeps_hint():
    with pytest.raises(UsageError, match=r"^model.h5: is an empty file$") as caught:
        run_in_subprocess(names_no_file, READER_LIMITS, PATH)
    assert caught.value.hint == "copy it again"


@pytest.mark.parametrize(
    ("function", "limits", "message"),
    [
        (raises, {}, "cannot be read: ZeroDivisionError: all$"),
        (allocates, {}, "takes more than 384 MB of memory"),
        (recurses, {}, "cannot be read: RecursionError"),
        (spins, {"cpu_seconds": 1}, "takes more than 1 s of processor time"),
        (sleeps, {"seconds": 0.05}, "was not read within 0.05 s"),
        (segfaults, {}, "its reader crashed"),
        (aborts, {}, "takes more than 384 MB of memory"),
        (leaves, {}, "it ended without an answer"),
        (exits, {}, "it ended without an answer"),
        (interrupted, {}, "it ended without an answer"),
        (returns_much, {"answer": 1 << 20}, "describes more than 1 MB of structure"),
        (forges, {}, "forged|makes no sense"),
    ],
)
def test_run_in_subprocess_misbehaviour_is_usage_error(function, limits, message):
    with pytest.raises(UsageError, match=message) as caught:
        run_in_subprocess(function, replace(READER_LIMITS, **limits), PATH)
    assert caught.value.message.startswith("model.h5: ")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_run_in_subprocess_wrong_type_is_usage_error():
    with pytest.raises(UsageError, match="makes no sense"):
        run_in_subprocess(returns_nonsense, READER_LIMITS, PATH)


def test_run_in_subprocess_child_cannot_write(tmp_path):
    path = tmp_path / "made"
    with pytest.raises(UsageError, match=r"File too large|its reader crashed"):
        run_in_subprocess(writes, READER_LIMITS, path)
    assert not path.exists() or path.stat().st_size == 0
    found = run_in_subprocess(descriptors, READER_LIMITS, PATH)
    # The answer, three of /dev/null, and the list of descriptors.
    assert found == {"open": 5, "session": 0}


def test_run_in_subprocess_concurrent_threads():
    values = []
    threads = [
        threading.Thread(
            target=lambda: values.append(run_in_subprocess(length, READER_LIMITS, PATH))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values == [8] * 4


def test_run_in_subprocess_killed_server_is_restarted(monkeypatch):
    monkeypatch.setattr("kerasmatrix.inspection.reader_process._threads", lambda: 2)
    from kerasmatrix.inspection.reader_process import _SERVER

    assert run_in_subprocess(length, READER_LIMITS, PATH) == 8
    os.kill(_SERVER._process.pid, signal.SIGKILL)
    _SERVER._process.wait()
    assert run_in_subprocess(length, READER_LIMITS, PATH) == 8


def test_run_in_subprocess_interrupt_leaves_no_answer(monkeypatch):
    monkeypatch.setattr("kerasmatrix.inspection.reader_process._threads", lambda: 2)

    def interrupt(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("kerasmatrix.inspection.reader_process._read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_in_subprocess(length, READER_LIMITS, PATH)
    assert run_in_subprocess(length, READER_LIMITS, PATH, more=2) == 10


def test_run_in_subprocess_server_that_hangs_is_killed(monkeypatch):
    monkeypatch.setattr("kerasmatrix.inspection.reader_process._threads", lambda: 2)
    monkeypatch.setattr("kerasmatrix.inspection.reader_process.GRACE_SECONDS", 0.1)
    from kerasmatrix.inspection.reader_process import _SERVER

    assert run_in_subprocess(length, READER_LIMITS, PATH) == 8
    process = _SERVER._process
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(UsageError, match="was not read within"):
        run_in_subprocess(length, replace(READER_LIMITS, seconds=0.1), PATH)
    assert process.poll() == -signal.SIGKILL
