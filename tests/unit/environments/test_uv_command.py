"""uv is run in a terminal of its own, whose bars say how much is downloaded."""

import itertools
import sys

import pytest

from kerasmatrix.environments import uv_command
from kerasmatrix.environments.uv_command import Download, run_uv

UP, CLEAR = "\x1b[1A", "\r\x1b[2K"
# As uv 0.13 draws without colours: lines are filled with spaces, and drawn over one another.
DRAWN = (
    "- Preparing packages... (0/2)" + " " * 9,
    "numpy      ------------------------------ 16.00 KiB/1.00 MiB" + " " * 9,
    UP + CLEAR + UP + CLEAR + "- Preparing packages... (0/2)" + " " * 9,
    "numpy      ------------------------------ 512.00 KiB/1.00 MiB" + " " * 9,
    "tensorflow ------------------------------ 0 B/2.00 MiB" + " " * 9,
    UP + CLEAR + UP + CLEAR + "- Preparing packages... (1/2)" + " " * 9,
    "tensorflow ------------------------------ 1.50 MiB/2.00 MiB" + " " * 9,
    CLEAR,
)
OUTPUT = "Resolved 2 packages in 3ms\r\n" + "".join(DRAWN)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that sets what runs in place of uv."""

    def become(source):
        path = tmp_path / "uv"
        path.write_text(f"#!{sys.executable}\nimport os, sys\n{source}\n")
        path.chmod(0o755)
        monkeypatch.setattr(uv_command.uv, "find_uv_bin", lambda: str(path))

    return become


def test_run_uv_reports_how_much_is_downloaded(program):
    program(f"sys.stderr.write({OUTPUT!r} + 'Prepared 2 packages in 1s\\n')")
    downloads = []
    done = run_uv(["pip", "sync"], downloads.append)
    assert (done.returncode, done.args[1:]) == (0, ["pip", "sync"])
    assert downloads[-1] == Download(3 << 20, 3 << 20)
    assert all(first.total <= then.total for first, then in itertools.pairwise(downloads))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_reader_adds_the_packages_up(size):
    downloads = []
    reader = uv_command._Reader(downloads.append)
    for start in range(0, len(OUTPUT), size):
        reader.feed(OUTPUT[start : start + size])
    assert downloads == [
        Download(16 << 10, 1 << 20),
        Download(512 << 10, 1 << 20),
        Download(512 << 10, 3 << 20),
        Download((512 << 10) + (3 << 19), 3 << 20),
    ]


def test_run_uv_messages_have_no_bars(program):
    error = "error: Failed to download `numpy==1.0`\\n  Caused by: no route to host"
    program(f"sys.stderr.write({OUTPUT!r} + '{error}\\n'); sys.exit(2)")
    done = run_uv(["pip", "sync"], lambda _: None)
    assert done.returncode == 2
    assert done.stderr == "error: Failed to download `numpy==1.0`\n  Caused by: no route to host"


def test_run_uv_gets_a_wide_terminal_and_no_colour(program):
    program(
        "size = os.get_terminal_size(2)\n"
        "sys.stderr.write(f\"{os.isatty(2)} {size.columns >= 120} {os.environ['NO_COLOR']}\")"
    )
    assert run_uv(["--version"], lambda _: None).stderr == "True True 1"
