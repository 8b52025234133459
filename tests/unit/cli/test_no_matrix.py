"""Commands about files in an empty folder: the package's own matrix, and nothing left behind."""

import pytest

from kerasmatrix import cli

COMMANDS = (
    (("check", "nothing.h5"), "nothing.h5: there is no such file"),
    (("check", "nothing.h5", "--to", "2.21"), "nothing.h5: there is no such file"),
    (("convert", "nothing.h5", "--for", "2.21", "--output", "a.h5"), "nothing.h5: there is no"),
    (("bisect", "nothing.h5", "--good", "2.1", "--bad", "2.99", "--engine", "local", "--trust"),
     "--bad: unknown environment '2.99'"),
    (("versions", "--group", "nothing"), "unknown group 'nothing'"),
    (("predict", "nothing.h5", "--to", "2.99"), "the nearest is tf2.21"),
    (("can-upgrade", "--from", "2.15", "--to", "2.21"), "has no last run"),
)  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), COMMANDS, ids=lambda value: value[0])
def test_command_without_a_matrix_uses_the_packages(
    tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    said = capsys.readouterr()
    assert left.value.code == 2
    assert message in said.err
    assert "matrix.yaml" not in said.err
    assert list(tmp_path.iterdir()) == []


def test_explain_without_a_matrix_answers(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        cli.main(["explain", "ValueError: Unknown layer: Functional"])
    assert left.value.code == 0
    assert "unknown-functional" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
