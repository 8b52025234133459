"""Every kind of hostile file, as `inspect` and its command see it."""

import re

import pytest

from kerasmatrix import cli
from kerasmatrix.errors import UsageError
from kerasmatrix.inspection.inspect import inspect
from kerasmatrix.inspection.model_info import ModelFile
from tests.hostile.files import KINDS, SECRET, secret_beside

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request):
    return request.param


@pytest.fixture
def path(kind, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    made = kind.make(tmp_path / "here", secret_beside(tmp_path / "elsewhere"))
    before = _names(tmp_path)
    yield made
    assert _names(tmp_path) == before, "something was written"


def _names(folder):
    return sorted(str(each) for each in folder.rglob("*"))


def test_there_are_many_kinds_and_each_says_what_it_promises():
    assert len(KINDS) >= 40
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.promise for kind in KINDS)


def test_a_hostile_file_is_read_or_refused_and_breaks_no_promise(kind, path):
    try:
        found = inspect(path, digest=kind.digest)
    except UsageError as error:
        said = error.message
        assert kind.said is not None, said
        assert str(path).encode(errors="replace").decode() in said or str(path) in said
        assert len(said) < 3000
    else:
        answer = found.model_dump_json()
        assert ModelFile.model_validate_json(answer)
        assert len(answer) < 1 << 20
        said = "\n".join(found.notes) + answer
    assert SECRET not in said
    if kind.said is not None:
        assert re.search(kind.said, said), said


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_what_it_says_does_nothing_to_a_terminal(kind, path, capfd, arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(["inspect", *arguments, str(path)])
    said = capfd.readouterr()
    assert left.value.code in {0, 2}
    shown = said.out + said.err
    assert SECRET not in shown
    assert not [each for each in shown if not each.isprintable() and each != "\n"]
    assert "Traceback" not in shown
