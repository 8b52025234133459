"""The word lint: each phrase matches its bad example and not its good one."""

import tomllib

import pytest

from tests import words

ENTRIES = tomllib.loads(words.PHRASES.read_text(encoding="utf-8"))["phrase"]


def found(path, source):
    return [finding.phrase for finding in words.check_source(path, source, words.read_phrases())]


@pytest.mark.parametrize("number", range(len(ENTRIES)))
def test_phrase_matches_its_bad_example_only(number):
    phrase = words.read_phrases()[number]
    entry = ENTRIES[number]
    bad, good = words.Prose(1, entry["bad"]), words.Prose(1, entry["good"])
    assert len(list(words.find_phrases("x", bad, [phrase]))) == 1
    assert not list(words.find_phrases("x", good, [phrase]))


def test_python_prose_is_comments_and_strings():
    source = 'told = 1  # it tells\n"""Made\nanew."""\nprint(f"{told} beside")\n'
    findings = words.check_source("src/a.py", source, words.read_phrases())
    assert [(finding.line, finding.phrase) for finding in findings] == [
        (1, "tells"), (3, "anew"), (4, "beside"),
    ]  # fmt: skip


def test_python_comment_lines_are_one_text():
    assert found("src/a.py", "# It was seen\n# to work.\nx = 1\n") == ["seen to work"]


def test_tests_are_checked_by_name_and_docstring():
    source = 'def test_made_anew():\n    """It tells."""\n    print("beside")  # nobody\n'
    assert sorted(found("tests/test_a.py", source)) == ["anew", "tells"]


@pytest.mark.parametrize(("length", "findings"), [(60, 0), (61, 1)])
def test_test_name_longer_than_the_limit_is_found(length, findings):
    name = "test_" + "x" * (length - 5)
    assert len(found("tests/test_a.py", f"def {name}(): pass\n")) == findings


def test_markdown_code_and_headings_are_left_out():
    text = "## What it tells\n\n```\ntold\n```\n\nUse `told`.\n\n- made\n  anew\n"
    findings = words.check_source("docs/a.md", text, words.read_phrases())
    assert [(finding.line, finding.phrase) for finding in findings] == [(10, "anew")]


def test_allowed_numbers_only_shrink():
    allowed = {"a": 3, "b": 2, "c": 1}
    assert words.lowered(allowed, {"a": 5, "b": 1, "d": 4}) == {"a": 3, "b": 1}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr(words, "ROOT", tmp_path)
    monkeypatch.setattr(words, "ALLOWED", tmp_path / "allowed.txt")
    (tmp_path / "README.md").write_text("Made anew, and anew.\n")
    return tmp_path


def test_main_more_findings_than_allowed_fails(project, capsys):
    assert words.main([]) == 1
    assert "README.md:1: 'anew'" in capsys.readouterr().out


def test_main_update_without_a_file_allows_all(project):
    assert words.main(["--update"]) == 0
    assert (project / "allowed.txt").read_text() == "2 README.md\n"
    assert words.main([]) == 0


def test_main_fewer_findings_than_allowed_fails(project, capsys):
    (project / "allowed.txt").write_text("3 README.md\n")
    assert words.main([]) == 1
    assert "--update" in capsys.readouterr().out
    assert words.main(["--update"]) == 0
    assert words.main([]) == 0
