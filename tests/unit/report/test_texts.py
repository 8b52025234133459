"""Texts of strangers do nothing in any format, whichever field of a result they stand in."""

import csv
import io
import json
import re
from xml.etree import ElementTree as Xml

import pytest

from kerasmatrix.analysis.compare import compare
from kerasmatrix.cli.compare import _markdown
from kerasmatrix.report.csv_parquet import csv_parts
from kerasmatrix.report.html import render_html
from kerasmatrix.report.junit import to_junit
from kerasmatrix.report.markdown import to_markdown
from kerasmatrix.report.texts import ACTING, for_markdown, for_spreadsheet, for_xml, shown
from kerasmatrix.results.results_json import read_results, to_json
from kerasmatrix.results.schema import Results
from tests.unit.report.factory import make_results

PAYLOAD = (
    "=1+1 <script>alert(1)</script> [x](javascript:1) | `c`\x1b]0;t\x07\x9b2J "
    "\u202egpj\u2066\u061c\u3164 @me"
)
# Names by which cells, environments and scenarios refer to each other, and what has a type.
KEPT = {
    "schema_version", "status", "statuses", "started", "finished", "measured_at", "verdict",
    "saved_with", "loaded_with", "scenario", "format", "formats", "until", "expected", "current",
    "candidate", "inferred_from", "kind", "as_of",
}  # fmt: skip


def poisoned(value, key=""):
    """Return ``value`` with the payload at the end of every text that is free."""
    if isinstance(value, dict):
        return {name: poisoned(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [poisoned(each, key) for each in value]
    if isinstance(value, str) and key not in KEPT:
        return value if key == "name" else f"{PAYLOAD} {value}"
    return value


@pytest.fixture(scope="module")
def results() -> Results:
    """Results with the payload in every text that is not a name that others refer to."""
    told = poisoned(json.loads(to_json(make_results())))
    return read_results(json.dumps(told), "poisoned")


def test_csv_is_inert(results):
    text = "".join(csv_parts(results))
    assert not ACTING.search(text)
    for row in csv.DictReader(io.StringIO(text)):
        for field in row.values():
            assert not re.match(r"[=+\-@\t\r]", field or "")


def test_junit_is_inert(results):
    text = to_junit(results)
    assert not ACTING.search(text)
    assert not ACTING.search("".join(Xml.fromstring(text).itertext()))


def test_markdown_is_inert(results):
    text = to_markdown(results)
    check_markdown(text)
    assert "\\<script\\>" in text


def test_markdown_of_comparison_is_inert(results):
    base = make_results()
    base = base.model_copy(update={"run": base.run.model_copy(update={"id": PAYLOAD})})
    check_markdown("\n".join(_markdown(compare(base, results))))


def check_markdown(text):
    assert not ACTING.search(text)
    assert not re.search(r"(?<!\\)<", text)
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search(r"(?<!\\)`", text)
    assert not re.search(r"(?<!\\)@", text)


def test_html_is_inert(results):
    text = render_html(results)
    assert "<script>alert" not in text
    visible = re.sub(r"<script.*?</script>|<style.*?</style>", "", text, flags=re.DOTALL)
    assert not ACTING.search(visible)


@pytest.mark.parametrize("escape", [shown, for_spreadsheet, for_xml, for_markdown])
def test_escape_all_characters_inert_plain_text_unchanged(escape):
    characters = "".join(map(chr, range(0x110000)))
    acting = {found[0] for found in ACTING.finditer(characters)}
    for character in {*acting, *characters[:0x3000], *characters[::97]}:
        assert not ACTING.search(escape(character))
    assert escape("plain text, ä") == "plain text, ä"


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1", "\uff1d1"])
def test_for_spreadsheet_formula_gets_an_apostrophe(text):
    assert for_spreadsheet(text).startswith("'")


def test_for_xml_long_text_is_shortened():
    assert len(for_xml("x" * 10**6)) < 21_000
