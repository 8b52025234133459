"""The files of a new project."""

import importlib
import importlib.metadata
import json
import re

import pytest
import yaml

from kerasmatrix import __version__, cli
from kerasmatrix.cli.init import FILES, FILES_WORKFLOW, STARTER, _requirement
from kerasmatrix.cli.installed_from import Origin, installed_from
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.config.scenario import load_scenario


@pytest.fixture
def init(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["init", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out + printed.err

    return run


def files_below(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_init_empty_folder_gets_a_valid_project(init, tmp_path):
    code, printed = init()
    assert code == 0
    assert files_below(tmp_path) == set(FILES)
    assert "Next: nox -s matrix -- --group quick" in printed
    matrix = load_matrix(tmp_path / "matrix.yaml")
    for group in ("default", "quick"):
        assert matrix.select(group=group).scenarios == ("my_model",)
    found = load_scenario(Project(tmp_path / "matrix.yaml").scenario("my_model"))
    assert found.folder == tmp_path / "scenarios" / "my_model"


def test_init_noxfile_pins_this_version(init, tmp_path):
    init()
    text = (tmp_path / "noxfile.py").read_text()
    assert f'"kerasmatrix=={__version__}"' in text
    assert "0.0.0" not in text


def test_init_creates_the_folder(init, tmp_path):
    code, printed = init("deep/inside it")
    assert code == 0
    assert files_below(tmp_path / "deep" / "inside it") == set(FILES)
    assert "cd 'deep/inside it' && nox" in printed


def test_init_keeps_existing_files(init, tmp_path):
    (tmp_path / "noxfile.py").write_text("mine")
    (tmp_path / ".gitignore").write_text("")
    code, printed = init()
    assert code == 0
    assert (tmp_path / "noxfile.py").read_text() == "mine"
    assert (tmp_path / ".gitignore").read_text() == ""
    assert "kept noxfile.py" in printed
    assert "git should ignore: /.kerasmatrix/" in printed
    assert files_below(tmp_path) == set(FILES)


def test_init_does_not_follow_dangling_links(init, tmp_path):
    (tmp_path / "matrix.yaml").symlink_to(tmp_path / "elsewhere")
    assert "kept matrix.yaml" in init()[1]
    assert not (tmp_path / "elsewhere").exists()


def test_init_file_in_place_of_folder_is_an_error(init, tmp_path):
    (tmp_path / "scenarios").write_text("mine")
    code, printed = init()
    assert code == 3
    assert "scenarios/my_model/scenario.yaml: cannot be written" in printed
    assert "Traceback" not in printed


def test_init_uses_every_starter_file():
    assert files_below(STARTER) - {*FILES.values(), FILES_WORKFLOW} <= {
        name for name in files_below(STARTER) if "__pycache__" in name
    }


def test_init_workflow_has_a_schedule(init, tmp_path):
    init()
    workflow = yaml.safe_load((tmp_path / ".github" / "workflows" / "matrix.yml").read_text())
    assert "schedule" in workflow[True]  # YAML 1.1 takes `on` for a truth value
    assert workflow["permissions"] == {"contents": "read"}


class Installed:
    """An installed distribution with this record of its origin."""

    def __init__(self, told):
        self.told = told

    def read_text(self, _):
        return None if self.told is None else json.dumps(self.told)


RELEASE = f"kerasmatrix=={__version__}"


@pytest.mark.parametrize(
    ("told", "requirement"),
    [
        (None, RELEASE),
        ({"url": "https://host/it.whl", "archive_info": {}}, "kerasmatrix @ https://host/it.whl"),
        ({"url": "https://me:secret@host/it.whl", "archive_info": {}}, RELEASE),
        ({"url": "file:///nowhere/it.whl", "archive_info": {}}, RELEASE),
        ({"url": "file:///src", "dir_info": {"editable": True}}, RELEASE),
        (
            {"url": "https://host/it", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "kerasmatrix @ git+https://host/it@abc",
        ),
    ],
)
def test_installed_from_is_the_recorded_origin(monkeypatch, told, requirement):
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Installed(told))
    found = installed_from()
    assert found.requirement == requirement
    assert "secret" not in str(found)


def test_init_copies_the_wheel_that_it_is_from(monkeypatch, tmp_path):
    wheel = tmp_path / "dist" / "kerasmatrix-1-py3-none-any.whl"
    wheel.parent.mkdir()
    wheel.write_text("wheel")
    told = {"url": wheel.as_uri(), "archive_info": {}}
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Installed(told))
    assert _requirement(installed_from(), tmp_path / "new") == (
        "./.github/kerasmatrix/kerasmatrix-1-py3-none-any.whl"
    )
    copied = tmp_path / "new" / ".github" / "kerasmatrix" / wheel.name
    assert copied.read_text() == "wheel"


def test_init_files_writes_a_workflow_only(init, tmp_path, monkeypatch):
    module = importlib.import_module("kerasmatrix.cli.init")
    monkeypatch.setattr(module, "installed_from", lambda: Origin("kerasmatrix @ https://h/k.whl"))
    (tmp_path / "my models").mkdir()
    (tmp_path / "a.h5").touch()
    code, printed = init("--files", "my models", "--files", "a.h5", "--custom-objects", "mine.py")
    assert code == 0
    assert files_below(tmp_path) == {"a.h5", ".github/workflows/model-files.yml"}
    workflow = yaml.safe_load((tmp_path / ".github/workflows/model-files.yml").read_text())
    assert workflow[True]["pull_request"]["paths"] == ["my models/**", "a.h5"]
    scripts = [step.get("run", "") for step in workflow["jobs"]["check"]["steps"]]
    assert "python -m pip install --quiet 'kerasmatrix @ https://h/k.whl'\n" in scripts
    command = "kerasmatrix check 'my models' a.h5 --to tf2.21 --custom-objects mine.py"
    assert any(f"{command} --gate --store" in script for script in scripts)
    assert f"Next: {command}" in printed
    assert not re.search(r"\b(PATHS|REQUIREMENT|ARGUMENTS)\b", str(workflow))


def test_init_files_mistakes_have_a_message(init):
    for arguments, message in (
        (("--files", "nowhere"), "nowhere: there is no such file or folder"),
        (("--files", "/etc"), "/etc: is not a path in the repository"),
        (("--to", "tf2.21"), "belong to --files"),
    ):
        code, printed = init(*arguments)
        assert (code, message in printed) == (2, True), printed
