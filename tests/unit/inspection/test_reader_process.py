"""Functions that misbehave in every way, called where they can do no harm."""

import ctypes
import os
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.reader_process import BOUNDS, guarded
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


def tells_much(path: Path) -> str:
    return "x" * (2 << 20)


def tells_nonsense(path: Path) -> int:
    return {"not": "a number"}  # type: ignore[return-value]


def writes(path: Path) -> int:
    return path.write_text("more than nothing")


def limits(path: Path) -> dict[str, int]:
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
def _server_that_finds_these_tests():
    """The server has this program's path of imports, but for the folder where one stands."""
    from kerasmatrix.inspection.reader_process import _SERVER

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        _SERVER.close()
        yield
        _SERVER.close()


@pytest.fixture(params=["forked here", "forked by the server"], autouse=True)
def _way(request, monkeypatch):
    """Both ways to a child keep the contract."""
    count = 1 if request.param == "forked here" else 2
    monkeypatch.setattr("kerasmatrix.inspection.reader_process._threads", lambda: count)


# This process may have threads: those of the BLAS do not matter, and Python says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def test_a_value_comes_back(tmp_path, monkeypatch):
    assert guarded(length, BOUNDS, PATH, more=2) == 10
    monkeypatch.chdir(tmp_path)
    assert guarded(here, BOUNDS, PATH) == str(tmp_path)


def test_an_error_names_the_file_and_keeps_its_advice():
    with pytest.raises(UsageError, match=r"^model.h5: is an empty file$") as caught:
        guarded(names_no_file, BOUNDS, PATH)
    assert caught.value.hint == "copy it again"


@pytest.mark.parametrize(
    ("function", "bounds", "message"),
    [
        (raises, {}, "cannot be read: ZeroDivisionError: all$"),
        (allocates, {}, "takes more than 384 MB of memory"),
        (recurses, {}, "cannot be read: RecursionError"),
        (spins, {"cpu_seconds": 1}, "takes more than 1 s of processor time"),
        (sleeps, {"seconds": 0.05}, "was not read within 0.05 s"),
        (segfaults, {}, "ends its reader"),
        (aborts, {}, "takes more than 384 MB of memory"),
        (leaves, {}, "it ended without an answer"),
        (exits, {}, "it ended without an answer"),
        (interrupted, {}, "it ended without an answer"),
        (tells_much, {"answer": 1 << 20}, "describes more than 1 MB of structure"),
        (forges, {}, "forged|makes no sense"),
    ],
)
def test_whatever_becomes_of_the_child_is_an_error_that_names_the_file(function, bounds, message):
    with pytest.raises(UsageError, match=message) as caught:
        guarded(function, replace(BOUNDS, **bounds), PATH)
    assert caught.value.message.startswith("model.h5: ")


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_an_answer_of_another_type_is_none():
    with pytest.raises(UsageError, match="makes no sense"):
        guarded(tells_nonsense, BOUNDS, PATH)


def test_a_child_can_write_no_file_and_has_no_other_descriptor(tmp_path):
    path = tmp_path / "made"
    with pytest.raises(UsageError, match=r"File too large|ends its reader"):
        guarded(writes, BOUNDS, path)
    assert not path.exists() or path.stat().st_size == 0
    found = guarded(limits, BOUNDS, PATH)
    # Its answer's, three that lead nowhere, and the one that lists them.
    assert found == {"open": 5, "session": 0}


def test_threads_can_ask_at_once():
    found = []
    asking = [
        threading.Thread(target=lambda: found.append(guarded(length, BOUNDS, PATH)))
        for _ in range(4)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert found == [8] * 4


def test_a_server_that_was_ended_is_begun_again(monkeypatch):
    monkeypatch.setattr("kerasmatrix.inspection.reader_process._threads", lambda: 2)
    from kerasmatrix.inspection.reader_process import _SERVER

    assert guarded(length, BOUNDS, PATH) == 8
    os.kill(_SERVER._process.pid, signal.SIGKILL)
    _SERVER._process.wait()
    assert guarded(length, BOUNDS, PATH) == 8
