"""`kerasmatrix convert` and `reproduce` with hostile files, in environments that do not exist."""

import importlib

import pytest

from kerasmatrix import cli
from kerasmatrix.files.manifest import Manifest
from kerasmatrix.filesystem.digests import digest_path
from tests.hostile.files import KINDS, SECRET, secret_beside
from tests.unit.fakes import make_project
from tests.unit.inspection import files

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
    pytest.mark.reader_process,
]

# Of the kinds that are refused, since all are refused alike: links, code, damage, and a pipe.
REFUSED = {
    "link_to_itself",
    "link_to_a_device",
    "pipe_without_writer",
    "archive_truncated",
    "archive_names_a_package",
    "hdf5_operation_by_name",
    "saved_model_acts",
    "name_active",
}
# The readers' own tests have them, and they take long.
LONG = {
    "archive_many_members",
    "config_huge_name",
    "hdf5_many_attributes",
    "hdf5_slow_neighbours",
    "hdf5_sparse",
    "saved_model_many_operations",
}
REDUCED = (
    "config_lone_surrogates",
    "config_active_names",
    "config_wrong_types",
    "config_nested_wrappers",
    "hdf5_unusual_types",
    "hdf5_active_names",
    "link_to_itself",
    "archive_truncated",
)


@pytest.fixture
def call(tmp_path, engine, monkeypatch, capfd):
    """A command in a project of fake environments: returns exit code and output."""
    monkeypatch.chdir(tmp_path)
    sessions = importlib.import_module("kerasmatrix.cli.session")
    monkeypatch.setattr(sessions, "open_engine", lambda *_: engine)
    make_project(tmp_path, "good", "fails-unless-rewrite-config")

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            cli.main(list(map(str, arguments)))
        said = capfd.readouterr()
        return left.value.code, said.out + said.err

    return run


def made(kinds, folder):
    """Make a file of each kind in a folder of its own; return their paths."""
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    paths = {}
    for kind in kinds:
        place = folder / "models" / kind.name
        place.mkdir(parents=True)
        paths[kind.name] = kind.make(place, secret_beside(elsewhere))
    return paths


def is_printable(text):
    return not [each for each in text if not each.isprintable() and each != "\n"]


def test_convert_hostile_folder_harms_nothing(call, tmp_path):
    kinds = [kind for kind in KINDS if kind.said is None or kind.name in REFUSED]
    made([kind for kind in kinds if kind.name not in LONG], tmp_path)
    files.hdf5_model(tmp_path / "models" / "right.h5")
    code, out = call("convert", "models", "--output-dir", "out", "--for", "good", "--trust")
    assert code != 0
    assert "models/right.h5: copied" in out
    assert "internal error" not in out
    assert SECRET not in out
    assert is_printable(out)
    manifests = list((tmp_path / "out").rglob("*.kerasmatrix.json"))
    assert len(manifests) > 5
    for path in manifests:
        manifest = Manifest.model_validate_json(path.read_bytes())
        written = path.with_name(path.name.removesuffix(".kerasmatrix.json"))
        assert digest_path(written) == manifest.output.sha256
    new = [path for path in (tmp_path / "out").rglob("*") if ".kerasmatrix-" in path.name]
    assert new == [], "something half-written"


@pytest.mark.parametrize("name", REDUCED)
def test_reproduce_hostile_file_harms_nothing(call, tmp_path, name):
    (path,) = made([kind for kind in KINDS if kind.name == name], tmp_path).values()
    version = "fails-unless-rewrite-config"
    code, out = call("reproduce", path, "--loaded-with", version, "--output", "out", "--trust")
    assert code in (0, 1, 2)
    assert "internal error" not in out
    assert SECRET not in out
    assert is_printable(out)
    written = sorted(path.name for path in (tmp_path / "out").glob("*"))
    assert written == (["issue.md", "reproduce.py"] if code == 0 else [])
