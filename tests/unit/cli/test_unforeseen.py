"""Unexpected exceptions, and standard streams that cannot be read or written."""

import errno
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kerasmatrix import cli
from kerasmatrix.cli import streams
from kerasmatrix.cli.global_options import start_logging
from kerasmatrix.errors import as_machine_trouble

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(list(arguments))
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return run


@pytest.fixture
def broken(monkeypatch):
    """Let `kerasmatrix history` raise an exception."""

    def breaks(error):
        def raise_it(*_):
            raise error

        monkeypatch.setattr("kerasmatrix.cli.history.Archive", raise_it)

    return breaks


BUGS = [
    ZeroDivisionError("by nothing"),
    KeyError("x"),
    AssertionError(),
    RecursionError("too deep"),
    EOFError("click takes this for an interrupt"),
    BrokenPipeError(errno.EPIPE, "click takes this for the terminal's"),
    OSError("of no number"),
    ValueError("a\nmessage \x1b[31m of lines" + "x" * 5000),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates"),
]


@pytest.mark.parametrize("error", BUGS, ids=lambda error: type(error).__name__)
def test_main_unforeseen_exception_is_one_line(call, broken, tmp_path, error):
    broken(error)
    code, out, err = call("history")
    assert (code, out) == (70, "")
    (line,) = err.splitlines()
    assert line.startswith(f"kerasmatrix: internal error, please report it: {type(error).__name__}")
    assert line.isprintable()
    details = Path(line.rpartition("details: ")[2])
    assert details.parent == tmp_path
    assert details.stat().st_mode & 0o077 == 0
    text = details.read_text()
    assert "raise_it" in text
    for part in ("kerasmatrix 0", f"Python {sys.version.split()[0]}", "pydantic", "command: "):
        assert part in text


@pytest.mark.parametrize("arguments", [("--debug", "history"), ("history", "--debug")])
def test_main_debug_shows_the_traceback(call, broken, arguments):
    broken(ZeroDivisionError("by nothing"))
    code, _, err = call(*arguments)
    assert code == 70
    assert err.startswith("Traceback (most recent call last)")
    assert "please report it: ZeroDivisionError: by nothing" in err


@pytest.mark.parametrize("arguments", [("--verbose", "run"), ("run", "-v")])
def test_verbose_logs_every_task(command, arguments, capsys):
    command.project("good")
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    log = capsys.readouterr().err
    assert left.value.code == 0
    assert "good: save first as h5" in log
    assert "good: load good's first as h5" in log


def test_log_masks_secrets_and_escapes_control_characters(capsys):
    start_logging(logging.INFO)
    logging.getLogger("kerasmatrix.test").info("s3://key:secret@bucket \x1b[31m")
    log = capsys.readouterr().err
    assert "secret" not in log
    assert "s3://***@bucket" in log
    assert "\x1b" not in log


def test_main_in_a_removed_folder_is_usage_error(tmp_path, monkeypatch, capsys):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SystemExit) as left:
        cli.main(["history", "--matrix", "matrix.yaml"])
    assert left.value.code == 2
    assert "the current folder was removed" in capsys.readouterr().err


def test_main_debug_after_a_subcommand_is_accepted(call):
    code, _, err = call("images", "prune", "--debug", "--matrix", "absent.yaml")
    assert code == 2
    assert "Traceback" in err
    assert "absent.yaml: no such file" in err


def test_main_unwritable_details_suggest_debug(call, broken, monkeypatch):
    broken(ZeroDivisionError("by nothing"))
    monkeypatch.setattr("tempfile.tempdir", "/nonexistent")
    code, _, err = call("history")
    assert (code, "add --debug for the details" in err) == (70, True)


MACHINE_ERRORS = {
    OSError(errno.ENOSPC, "No space left on device"): (3, "No space left on device"),
    OSError(errno.EROFS, "Read-only file system", "/x"): (3, "/x: Read-only file system"),
    OSError(errno.EMFILE, "Too many open files"): (3, "Too many open files"),
    PermissionError(errno.EACCES, "Permission denied", "/x"): (3, "/x: Permission denied"),
    OSError(errno.ENAMETOOLONG, "File name too long", "x"): (2, "x: File name too long"),
    MemoryError(): (3, "not enough memory"),
    RuntimeError("can't start new thread"): (3, "can't start new thread"),
}


@pytest.mark.parametrize(
    ("error", "expected"), MACHINE_ERRORS.items(), ids=lambda value: str(value)[:40]
)
def test_main_error_of_the_machine_has_its_exit_code(call, broken, error, expected):
    broken(error)
    code, message = expected
    left, _, err = call("history")
    first, way_out = err.splitlines()
    assert (left, first) == (code, f"kerasmatrix: {message}")
    assert way_out.startswith("  ")


def test_as_machine_trouble_other_exception_is_none():
    assert as_machine_trouble(FileNotFoundError(errno.ENOENT, "No such file")) is None
    assert as_machine_trouble(RuntimeError("other")) is None


def test_help_and_documentation_list_the_exit_codes(call):
    code, out, _ = call("--help")
    assert code == 0
    listed = [line.split()[0] for line in out.partition("Exit codes:")[2].strip().splitlines()]
    assert listed == ["0", "1", "2", "3", "70", "130"]
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    table = page.partition("## Exit codes")[2].partition("\n## ")[0]
    assert re.findall(r"(?m)^\| (\d+) \|", table) == listed


# ---- streams: in a process of its own, since they belong to a process ----

PROGRAM = (sys.executable, "-m", "kerasmatrix")


def program(*arguments, shell="", **environment):
    """Run the program with redirections of a shell; return exit code, output and errors."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {shell}', "sh", *PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment},
        capture_output=True,
        check=False,
    )


def test_output_to_a_full_disk_is_exit_code_3():
    done = program("schema", shell="> /dev/full")
    assert done.returncode == 3
    assert done.stderr == (
        b"kerasmatrix: standard output cannot be written: No space left on device\n"
    )


def test_errors_to_a_full_disk_keep_the_exit_code():
    done = program("explain", "", shell="2> /dev/full")
    assert (done.returncode, done.stderr) == (2, b"")


def test_closed_input_is_usage_error():
    done = program("explain", shell="<&-")
    assert done.returncode == 2
    assert done.stderr.startswith(b"kerasmatrix: standard input: it is closed\n")


def test_endless_input_is_usage_error():
    done = program("explain", shell="< /dev/zero")
    assert done.returncode == 2
    assert b"it is longer than 4 MiB" in done.stderr


def test_closed_streams_are_not_reused_for_files(tmp_path):
    # A file with the descriptor of standard error would get its messages.
    done = program("init", str(tmp_path / "new"), shell="<&- >&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "new" / "matrix.yaml").read_text().startswith("#")


def test_output_in_a_narrow_encoding_is_escaped():
    done = program("inspect", "\u00e9\u2192.h5", PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert done.returncode == 2
    done = program("explain", "Unknown layer: \u2192", PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_output_to_a_closed_pipe_is_accepted():
    done = program("schema", shell="| head -c 1")
    assert (done.stdout, done.stderr) == (b"{", b"")


def test_robust_writer_waits_where_it_would_block():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    raw = streams._RobustWriter(writer, "w")
    filled = raw.write(b"x" * (1 << 20))
    os.read(reader, filled)
    assert raw.write(b"y" * 10) == 10
    assert raw.error is None
    raw.close()
    os.close(reader)
