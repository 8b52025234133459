"""Regular expressions over texts of strangers: their time grows with the text and no faster."""

import ast
import importlib
import re
import types
from pathlib import Path

import pytest
import re2

import kerasmatrix
from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.explain import explain_text
from kerasmatrix.diagnosis.recognize_cause import LONGEST_TEXT, Evidence, candidates
from kerasmatrix.diagnosis.traceback_parser import parse_chain
from kerasmatrix.text.patterns import Pattern, PatternError, PatternSet, compile_pattern

SIGNATURES = sorted(
    {
        pattern
        for cause in the_catalogue().causes
        for signature in cause.signatures
        for pattern in (signature.error, signature.log, signature.lost, *cause.symptoms)
        if pattern is not None
    }
)
# Modules that match patterns against texts that files brought along.
MATCHING = (
    "analysis.claims",
    "diagnosis.catalogue",
    "diagnosis.recognize_cause",
    "diagnosis.traceback_parser",
    "results.verdict",
    "execution.fix_attempts",
    "config.scenario",
)
MEGABYTE = 1 << 20
# Characters in which an engine that tries again would not come to an end.
ENOUGH = 1 << 12


@pytest.mark.parametrize("pattern", [r"(?!a)b", r"(?<=a)b", r"(a)\1", "(", "a{2,1}"])
def test_compile_pattern_without_linear_engine_is_refused(pattern, capfd):
    with pytest.raises(PatternError, match="not a regular expression: "):
        compile_pattern(pattern)
    assert capfd.readouterr().err == ""


def test_pattern_groups_of_each_match():
    found = list(Pattern(r"(?P<one>\d+)-(?P<two>\d+)?").found_in("1-2 ü 3-"))
    assert found == [{"one": "1", "two": "2"}, {"one": "3", "two": ""}]


def test_pattern_text_with_half_a_character_is_searched():
    assert Pattern("b").is_in("\ud800b")
    assert not Pattern("b").is_all_of("\ud800b")


def literals(pattern):
    """Return the plain pieces of a pattern, and its beginning: what almost matches it."""
    plain = re.sub(r"\(\?[a-zP<>]*[)>]|\\[bdwsSpL]+|\\", "", pattern)
    pieces = [piece for piece in re.split(r"[\[\](){}|*+?^$.]+", plain) if piece]
    return [*pieces, "".join(pieces)]


def adversarial(pattern):
    """Return units; many of one in a row make a backtracking engine try again."""
    return [
        unit
        for piece in literals(pattern)
        for unit in (piece, f"{piece} ", f"{piece}\n", f"{piece}'", f"{piece}{{[(")
    ]


@pytest.mark.parametrize("pattern", SIGNATURES)
def test_signature_is_matched_by_a_linear_engine(pattern):
    """RE2 guarantees it; a text of each shape shows that no other engine is at work."""
    compiled = compile_pattern(pattern)
    assert isinstance(compiled._compiled, re2._Regexp)
    units = adversarial(pattern)
    for unit in (units[0], units[len(units) // 2], units[-1]):
        text = unit * (ENOUGH // len(unit) + 1)
        compiled.is_in(text)
        list(compiled.found_in(text))


@pytest.mark.parametrize("name", MATCHING)
def test_module_that_matches_does_not_import_re(name):
    path = Path(importlib.import_module(f"kerasmatrix.{name}").__file__)
    imported = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "re" not in imported
    assert path.is_relative_to(Path(kerasmatrix.__file__).parent)


@pytest.mark.parametrize(
    "unit",
    [
        "NameError: Exception encountered when calling ",
        "NameError: Exception encountered when calling \n",
        "InternalError: ",
        "Error when deserializing class 'A' using config=",
        "deserializing class 'InputLayer' using config=\n",
        "ValueError: x\n",
        "E  " * 10 + "\n",
        "Error" * 200 + "\n",
        "variable shape (2, 1), and value shape (3,)",
        "\ud800\n",
    ],
)
def test_explain_long_text_ends(unit):
    text = unit * (9 * MEGABYTE // 8 // len(unit))
    explain_text(text)
    assert sum(len(message) for _, message in parse_chain(text)) <= MEGABYTE


def test_explain_last_exception_of_a_long_text_is_found():
    text = "noise\n" * (3 * MEGABYTE // 6) + "ValueError: Unknown layer: Functional\n"
    assert explain_text(text).slug == "unknown-functional"


def test_evidence_texts_are_limited():
    evidence = Evidence(chain=[("X", "y" * MEGABYTE)] * 500, log="z" * MEGABYTE, lost=["w"] * 500)
    assert max(map(len, (*evidence.texts, *evidence.logs))) <= LONGEST_TEXT
    assert len(evidence.texts) == len(evidence.losses) == 20


@pytest.mark.parametrize(
    ("message", "slug"),
    [
        ("Error when deserializing class 'Dense' using config={}.", "config-key-too-new"),
        ("Error when deserializing class 'InputLayer' using config={}.", None),
        (
            ("Error when deserializing class 'InputLayer' using config={}.\n"
             "Error when deserializing class 'Слой' using config={}"),
            "config-key-too-new",
        ),
        ("Shapes (2, 96) and (96,) are incompatible", "gru-reset-after"),
        ("Shapes (2, 96) and (32,) are incompatible", None),
    ],
)  # fmt: skip
def test_signature_condition_on_groups_decides(message, slug):
    evidence = Evidence(chain=[("ValueError", message)], writer_keras=3, reader_keras=2)
    found = {one.cause.slug for one in candidates(the_catalogue(), evidence) if not one.lacks}
    wanted = {"config-key-too-new", "config-key-removed", "gru-reset-after"}
    assert found & wanted == ({slug} if slug else set())


def test_pattern_set_finds_what_each_pattern_finds():
    patterns = [
        "Unknown layer: '?(\\w+)",
        "(?i)unknown",
        "^x+$",
        "[aeiou]{3}",
        "Unknown layer: '?(\\w+)",
    ]
    several = PatternSet(patterns)
    for text in ("Unknown layer: Functional", "queue", "xxx", "", "ünknown", "a\x00b"):
        data = text.encode()
        assert several.found_in(data) == {one for one in patterns if Pattern(one).is_in(data)}


def test_pattern_set_without_memory_finds_the_same(monkeypatch):
    several = PatternSet(SIGNATURES)
    monkeypatch.setattr(several, "_set", types.SimpleNamespace(Match=lambda text: None))
    text = b"ValueError: Unknown layer: Functional"
    assert several.found_in(text) == {one for one in SIGNATURES if Pattern(one).is_in(text)}
