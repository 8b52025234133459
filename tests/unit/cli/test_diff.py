import json

import jsonschema
import pytest

from kerasmatrix import cli
from tests.unit.files import models


@pytest.fixture
def diff(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main(["diff", *map(str, arguments)])
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return run


@pytest.fixture
def pair(tmp_path):
    held = models.weights()
    held["out"]["bias"] = held["out"]["bias"] + 1
    return models.hdf5(tmp_path / "a.h5"), models.archive(tmp_path / "b.keras", held)


def test_diff_text_leads_with_verdict_in_80_columns(diff, pair):
    code, out, _ = diff(*pair)
    assert code == 1
    assert out.startswith("same architecture, 1 of 4 layers with weights retrained (largest change")
    assert "  out (Dense): retrained: largest change 1, " in out
    assert "  axis: [1] = -1 (norm)" in out
    assert max(map(len, out.splitlines())) <= 80 + len(str(pair[0]))


def test_diff_equal_files_exit_0(diff, pair):
    code, out, _ = diff(pair[0], pair[0])
    assert (code, out.splitlines()[0]) == (0, "the same file, byte by byte")


def test_diff_json_matches_schema(diff, pair):
    code, out, _ = diff("--json", *pair)
    _, schema, _ = diff("--schema")
    found = json.loads(out)
    jsonschema.validate(found, json.loads(schema))
    assert (code, found["equal"], found["weights"]) == (1, False, "different")


def test_diff_page_is_written_without_scripts(diff, pair, tmp_path):
    code, out, _ = diff(*pair, "--html", tmp_path / "new" / "page.html")
    text = (tmp_path / "new" / "page.html").read_text()
    assert (code, "<script" in text) == (1, False)
    assert "<h1>Same architecture, 1 of 4 layers with weights retrained" in text
    assert "page.html" in out


def test_diff_page_escapes_names_of_files(diff, tmp_path):
    text = json.dumps(models.KERAS_2).replace('"skip"', '"<img src=x>"')
    a = models.hdf5(tmp_path / "a.h5")
    b = models.hdf5(tmp_path / "b.h5", architecture=json.loads(text))
    diff(a, b, "--html", tmp_path / "page.html")
    assert "<img" not in (tmp_path / "page.html").read_text()


def test_diff_page_that_cannot_be_written_is_one_line(diff, pair, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = diff(*pair, "--html", tmp_path / "file" / "page.html")
    assert code in {2, 3}
    assert "cannot be written" in err


@pytest.mark.parametrize("place", [0, 1])
def test_diff_bad_path_is_one_line_with_its_name(diff, pair, tmp_path, place):
    paths = list(pair)
    paths[place] = tmp_path / "gone.h5"
    code, out, err = diff(*paths)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "gone.h5: cannot be read" in err


def test_diff_without_files_is_usage_error(diff):
    code, _, err = diff()
    assert code == 2
    assert "name two model files" in err
