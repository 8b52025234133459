"""Errors for users are short."""

from kerasmatrix.cli.error_output import show
from kerasmatrix.errors import UsageError


def test_error_has_at_most_six_lines(capsys):
    show(UsageError("\n".join(f"line {number}" for number in range(9)), hint="the way out"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[0] == "kerasmatrix: line 0"
    assert lines[4:] == ["  … and 5 more lines", "  the way out"]


def test_error_of_five_lines_is_whole(capsys):
    show(UsageError("\n".join(f"line {number}" for number in range(5)), hint="the way out"))
    assert "  line 4" in capsys.readouterr().err.splitlines()
