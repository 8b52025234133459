import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser

from kerasmatrix.outcome import Status
from kerasmatrix.report.appearance import LOOKS
from kerasmatrix.report.html import page_data, render_html
from tests.unit.report.factory import HOSTILE, make_results


class Page(HTMLParser):
    """Collects what a browser would make elements of."""

    def __init__(self, text):
        super().__init__()
        self.tags = Counter()
        self.attributes = []
        self.buttons = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [name for name, _ in attrs]
        if tag == "button" and "data-cell" in dict(attrs):
            self.buttons.append(int(dict(attrs)["data-cell"]))


def between(page, start, end):
    return page.split(start, 1)[1].split(end, 1)[0]


def test_every_cell_can_be_opened():
    results = make_results()
    assert sorted(Page(render_html(results)).buttons) == list(range(len(results.cells)))


def test_hostile_text_makes_no_elements_and_ends_no_script():
    page = render_html(make_results())
    parsed = Page(page)
    assert parsed.tags["img"] == 0
    assert parsed.tags["script"] == 2
    assert "{{ 7*7 }}" in page
    assert "onerror" not in parsed.attributes
    assert "style" not in parsed.attributes
    data = between(page, 'id="data">', "</script>")
    assert json.loads(data)["texts"] == page_data(make_results())["texts"]
    assert any(HOSTILE in text for text in json.loads(data)["texts"])


def test_the_policy_lets_in_just_the_pages_own_style_and_script():
    page = render_html(make_results())
    policy = between(page, 'Policy" content="', '"').replace("&#39;", "'")
    assert policy.startswith("default-src 'none'")
    for name, text in (
        ("style-src", between(page, "<style>", "</style>")),
        ("script-src", page.rsplit("<script>", 1)[1].split("</script>")[0]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy


def test_the_page_asks_for_nothing_else():
    page = render_html(make_results())
    assert not re.search(r"""(src|href)\s*=\s*["'](?!#)""", page)
    assert "url(" not in page
    assert "@import" not in page


def test_an_incomplete_run_and_a_missing_environment_carry_a_banner():
    assert "This run is incomplete" in render_html(make_results(complete=False))
    page = render_html(make_results())
    assert "This run is incomplete" not in page
    assert "tf2.1 could not be had" in page


def test_every_status_has_its_own_glyph_and_word():
    assert set(LOOKS) == set(Status)
    assert len({look.glyph for look in LOOKS.values()}) == len(Status)
    assert len({look.word for look in LOOKS.values()}) == len(Status)


def test_equal_texts_are_in_the_page_once():
    small, large = make_results(environments=2), make_results(environments=6)
    assert len(page_data(small)["errors"]) == len(page_data(large)["errors"]) == 1
    assert len(page_data(large)["texts"]) < 20


def test_a_claim_shows_its_verdict_and_its_evidence():
    claims = between(render_html(make_results()), 'id="claims"', "</section>")
    assert "holds in part" in claims
    assert "1 of 4" in claims


def test_with_many_environments_cells_are_glyphs_with_words_for_screen_readers():
    assert 'class="unseen"' in render_html(make_results(environments=13))
    assert 'class="unseen"' not in render_html(make_results(environments=5))
