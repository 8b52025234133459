"""Every kind of hostile file, as `inspect` and its command see it."""

import importlib
import re

import pytest

from kerasmatrix import cli
from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.inspection.model_info import ModelFile
from tests.hostile.files import KINDS, SECRET, secret_beside

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.reader_process,
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name, scope="module")
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def path(kind, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "elsewhere").mkdir()
    (folder / "here").mkdir()
    made = kind.make(folder / "here", secret_beside(folder / "elsewhere"))
    before = _names(folder)
    yield made
    assert _names(folder) == before, "something was written"


@pytest.fixture(scope="module")
def outcome(kind, path):
    """The description of the file, or the error: read once, since some files take long."""
    try:
        return inspect(path, digest=kind.digest)
    except UsageError as error:
        return error


def _names(folder):
    return sorted(str(each) for each in folder.rglob("*"))


def test_hostile_kinds_are_many_and_have_promises():
    assert len(KINDS) >= 40
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.promise for kind in KINDS)


def test_inspect_hostile_file_keeps_promise(kind, path, outcome):
    if isinstance(outcome, UsageError):
        said = outcome.message
        assert kind.said is not None, said
        assert str(path).encode(errors="replace").decode() in said or str(path) in said
        assert len(said) < 3000
    else:
        answer = outcome.model_dump_json()
        assert ModelFile.model_validate_json(answer)
        assert len(answer) < 1 << 20
        said = "\n".join(outcome.notes) + answer
    assert SECRET not in said
    if kind.said is not None:
        assert re.search(kind.said, said), said


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_inspect_hostile_file_output_is_printable(outcome, path, capfd, arguments, monkeypatch):
    def inspect_again(path, *, digest):
        if isinstance(outcome, UsageError):
            raise outcome
        return outcome

    # By name: as an attribute of the package, `inspect` is the command and not the module.
    command = importlib.import_module("kerasmatrix.cli.inspect")
    monkeypatch.setattr(command, "inspect_file", inspect_again)
    with pytest.raises(SystemExit) as left:
        cli.main(["inspect", *arguments, str(path)])
    said = capfd.readouterr()
    assert left.value.code in {0, 2}
    shown = said.out + said.err
    assert SECRET not in shown
    assert not [each for each in shown if not each.isprintable() and each != "\n"]
    assert "Traceback" not in shown
    assert not re.search(r"(?m)^\s*::error|##\[", shown)
