"""`kerasmatrix versions` on an index that is made up."""

import importlib
import json
from pathlib import Path

import pytest
import yaml

from kerasmatrix import cli
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.environments.index import newest_of
from kerasmatrix.errors import InfrastructureError
from kerasmatrix.versions import version_key
from tests.unit.fakes import make_project


@pytest.fixture
def index():
    return {"tensorflow-cpu": ["2.1.0", "2.2.0"], "keras": ["2.3.1"]}


@pytest.fixture
def versions(tmp_path, monkeypatch, capsys, index):
    monkeypatch.chdir(tmp_path)
    path = make_project(tmp_path, "tf2.1", "tf2.2")
    text = path.read_text().replace("tensorflow: 2.2.0,", "tensorflow: 2.2.0, keras: 2.3.1,")
    few = "groups:\n  few: {environments: [tf2.2], formats: [h5]}\n"
    path.write_text(text.replace("groups:\n", few))
    days = []

    def ask(requirement, *, matrix, python, as_of, pre):
        days.append(as_of)
        if not index:
            raise InfrastructureError("the package index cannot be asked", hint="wait")
        name, _, below = requirement.partition("<")
        fit = [
            version for version in index[name]
            if (pre or not version_key(version).is_prerelease)
            and (not below or version_key(version).release < version_key(below).release)
        ]  # fmt: skip
        return newest_of(fit) if fit else None

    module = importlib.import_module("kerasmatrix.cli.versions")
    monkeypatch.setattr(module, "ask_index", ask)
    monkeypatch.setattr(module, "keras_with", lambda *_, **__: "2.5.0.dev2026010203")

    def run(*arguments):
        with pytest.raises(SystemExit) as leaving:
            cli.main(["versions", *arguments])
        printed = capsys.readouterr()
        return leaving.value.code, printed.out, printed.err

    run.days = days
    return run


def test_versions_nothing_new_prints_so(versions):
    code, out, _ = versions()
    assert code == 0
    assert "tensorflow: 2.2.0 in the matrix, 2.2.0 in the index, nothing new" in out
    assert "environments:" not in out
    assert versions("--new") == (0, "", "")


def test_versions_new_prints_matrix_entries(versions, index):
    index["tensorflow-cpu"].append("2.3.0")
    index["keras"].append("2.4.0")
    code, out, _ = versions("--new")
    assert code == 0
    made = yaml.safe_load(out)["environments"]
    assert {name: (env["tensorflow"], env["keras"]) for name, env in made.items()} == {
        "tf2.3": ("2.3.0", "2.4.0"),
        "tf2.2-keras2.4": ("2.2.0", "2.4.0"),
    }
    path = Path("matrix.yaml")
    path.write_text(path.read_text().replace("groups:", out.removeprefix("environments:\n")
                                             + "groups:"))  # fmt: skip
    assert load_matrix(path).environments["tf2.3"].python == "3.8"


def test_versions_pre_includes_pre_releases(versions, index):
    index["tensorflow-cpu"].append("2.3.0rc1")
    assert versions("--new")[1] == ""
    out = versions("--new", "--pre")[1]
    assert 'tf2.3.0rc1: {tensorflow: "2.3.0rc1", keras: "2.5.0.dev2026010203"' in out


def test_versions_nightly_adds_the_newest_builds(versions, index):
    index |= {"tf-nightly-cpu": [], "tf-nightly": ["2.3.0.dev20260101"], "keras-nightly": []}
    out = versions("--new", "--nightly")[1]
    made = yaml.safe_load(out)["environments"]["tf2.3-nightly20260101"]
    assert (made["distribution"], made["keras"]) == ("tf-nightly", "2.5.0.dev2026010203")


def test_versions_cooling_off_skips_recent(versions):
    versions()
    versions("--cooling-off", "0")
    assert (versions.days[-1] - versions.days[0]).days in {7, 8}  # midnight may pass
    assert versions("--cooling-off", "-1")[0] == 2


def test_versions_matrix_without_keras_has_no_old_one(versions, index):
    path = Path("matrix.yaml")
    path.write_text(path.read_text().replace(" keras: 2.3.1,", ""))
    index["tensorflow-cpu"].append("2.3.0")
    _, out, _ = versions()
    assert "keras: none in the matrix, 2.3.1 in the index, nothing new" in out
    assert 'tf2.3: {tensorflow: "2.3.0", keras: "2.3.1"' in out


def test_versions_json_has_all(versions, index):
    index["tensorflow-cpu"] += ["2.2.1", "2.3.0"]
    document = json.loads(versions("--json")[1])
    assert document["packages"]["tensorflow"] == {
        "known": "2.2.0", "newest": "2.3.0", "new": ["2.2.1", "2.3.0"],
    }  # fmt: skip
    assert list(document["environments"]) == ["tf2.2.1", "tf2.3"]
    assert document["environments"]["tf2.3"]["as_of"] == document["as_of"]


@pytest.mark.parametrize(
    ("group", "environments"),
    [("default", ["tf2.1", "tf2.2", "tf2.3"]), ("few", ["tf2.2", "tf2.3"])],
)
def test_versions_write_creates_a_valid_matrix(versions, index, group, environments):
    index["tensorflow-cpu"].append("2.3.0")
    assert versions("--new", "--group", group, "--write", "extra.yaml")[0] == 0
    selection = load_matrix(Path("extra.yaml")).select(group=group)
    assert [env.name for env in selection.environments] == environments
    assert selection.formats == ("h5",)


def test_versions_write_nothing_new_adds_nothing(versions, tmp_path):
    versions("--write", "deep.yaml")
    (tmp_path / "below").mkdir()
    versions("--write", "below/extra.yaml")
    whole = load_matrix(Path("matrix.yaml"))
    for name in ("deep.yaml", "below/extra.yaml"):
        assert load_matrix(Path(name)).select() == whole.select()


def test_versions_write_overwrites_its_own_files_only(versions, index):
    versions("--write", "extra.yaml")
    index["tensorflow-cpu"].append("2.3.0")
    assert versions("--write", "extra.yaml")[0] == 0
    assert "tf2.3" in Path("extra.yaml").read_text()
    before = Path("matrix.yaml").read_text()
    code, _, err = versions("--write", "matrix.yaml")
    assert code == 2
    assert "matrix.yaml: exists" in err
    code, _, err = versions("--matrix", "extra.yaml", "--write", "extra.yaml")
    assert code == 2
    assert Path("matrix.yaml").read_text() == before


def test_versions_unreachable_index_exits_3(versions, index):
    index.clear()
    code, _, err = versions()
    assert code == 3
    assert "cannot be asked" in err
    assert "Traceback" not in err


def test_versions_index_without_package_exits_3(versions, index):
    index["tensorflow-cpu"] = []
    code, _, err = versions()
    assert code == 3
    assert "has no tensorflow-cpu for Python 3.8" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--group", "defualt"], "unknown group 'defualt'"),
        (["--matrix", "gone.yaml"], "gone.yaml: no such file"),
    ],
)
def test_versions_mistake_precedes_the_query(versions, arguments, message):
    code, _, err = versions(*arguments)
    assert code == 2
    assert message in err
    assert versions.days == []
