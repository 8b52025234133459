"""What a new project begins with."""

import pytest
import yaml

from kerasmatrix import __version__, cli
from kerasmatrix.cli.init import FILES, STARTER
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


def test_an_empty_folder_gets_a_project_that_is_valid(init, tmp_path):
    code, printed = init()
    assert code == 0
    assert files_below(tmp_path) == set(FILES)
    assert "Next: nox -s matrix -- --group quick" in printed
    matrix = load_matrix(tmp_path / "matrix.yaml")
    for group in ("default", "quick"):
        assert matrix.select(group=group).scenarios == ("my_model",)
    found = load_scenario(Project(tmp_path / "matrix.yaml").scenario("my_model"))
    assert found.folder == tmp_path / "scenarios" / "my_model"


def test_the_noxfile_asks_for_the_version_that_wrote_it(init, tmp_path):
    init()
    text = (tmp_path / "noxfile.py").read_text()
    assert f'"kerasmatrix=={__version__}"' in text
    assert "0.0.0" not in text


def test_a_folder_is_made(init, tmp_path):
    code, printed = init("deep/inside it")
    assert code == 0
    assert files_below(tmp_path / "deep" / "inside it") == set(FILES)
    assert "cd 'deep/inside it' && nox" in printed


def test_what_is_there_is_kept_to_the_byte_and_the_rest_is_made(init, tmp_path):
    (tmp_path / "noxfile.py").write_text("mine")
    (tmp_path / ".gitignore").write_text("")
    code, printed = init()
    assert code == 0
    assert (tmp_path / "noxfile.py").read_text() == "mine"
    assert (tmp_path / ".gitignore").read_text() == ""
    assert "kept noxfile.py: it is there already" in printed
    assert "git should ignore: /.kerasmatrix/" in printed
    assert files_below(tmp_path) == set(FILES)


def test_a_link_to_nowhere_is_not_followed(init, tmp_path):
    (tmp_path / "matrix.yaml").symlink_to(tmp_path / "elsewhere")
    assert "kept matrix.yaml" in init()[1]
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_where_a_folder_is_wanted_is_an_error(init, tmp_path):
    (tmp_path / "scenarios").write_text("mine")
    code, printed = init()
    assert code == 3
    assert "scenarios/my_model/scenario.yaml: cannot be written" in printed
    assert "Traceback" not in printed


def test_every_starter_file_is_used():
    assert files_below(STARTER) - set(FILES.values()) <= {
        name for name in files_below(STARTER) if "__pycache__" in name
    }


def test_the_workflow_is_yaml_with_a_schedule(init, tmp_path):
    init()
    workflow = yaml.safe_load((tmp_path / ".github" / "workflows" / "matrix.yml").read_text())
    assert "schedule" in workflow[True]  # YAML 1.1 takes `on` for a truth value
    assert workflow["permissions"] == {"contents": "read"}
