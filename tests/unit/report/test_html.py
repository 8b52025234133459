import base64
import hashlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from importlib import resources

import pytest

from kerasmatrix.report.html import render_html
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.cells import Status
from tests.unit.report.factory import HOSTILE, make_cell, make_results

# It is in the data, where it is text.
HOSTILE_SOURCE = "img src=x"


class Page(HTMLParser):
    """Collects what a browser would make elements of."""

    def __init__(self, text):
        super().__init__()
        self.tags = Counter()
        self.attributes = []
        self.blocks = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        self.attributes += [name for name, _ in attrs]
        if "data-block" in dict(attrs):
            self.blocks.append(int(dict(attrs)["data-block"]))


def between(page, start, end):
    return page.split(start, 1)[1].split(end, 1)[0]


def embedded(page):
    return json.loads(between(page, 'id="data">', "</script>"))


def with_cells(*cells, **changes):
    return make_results().model_copy(update={"cells": cells, **changes})


def test_html_hostile_text_makes_no_elements():
    page = render_html(make_results())
    parsed = Page(page)
    assert parsed.tags["img"] == 0
    assert parsed.tags["script"] == 3
    assert "{{ 7*7 }}" in page
    assert "onerror" not in parsed.attributes
    assert "style" not in parsed.attributes
    assert any(HOSTILE in text for text in embedded(page)["summaries"])
    assert "\x1b" not in page
    assert "\u202e" not in page.split('id="data">')[0]


def test_html_policy_allows_only_own_style_and_script():
    page = render_html(make_results())
    policy = between(page, 'Policy" content="', '"').replace("&#39;", "'")
    assert policy.startswith("default-src 'none'")
    for name, text in (
        ("style-src", between(page, "<style>", "</style>")),
        ("script-src", page.rsplit("<script>", 1)[1].split("</script>")[0]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in policy


def test_html_loads_nothing():
    page = render_html(make_results())
    assert not re.search(r"""\bsrc\s*=""", page.replace(HOSTILE_SOURCE, ""))
    # What leads elsewhere is a link that somebody has to follow.
    outward = re.findall(r"""<(\w+)[^>]*\shref\s*=\s*["'](?!#)""", page)
    assert set(outward) == {"a"}
    assert "url(" not in page
    assert "@import" not in page


def test_html_incomplete_run_and_trouble_have_banners():
    assert "This run is incomplete" in render_html(make_results(complete=False))
    page = render_html(make_results())
    assert "This run is incomplete" not in page
    assert "1 of 5 environments could not be installed" in page
    assert "<li><strong>tf2.1</strong>: &lt;/script&gt;" in page


def test_looks_glyphs_and_words_are_unique():
    assert set(LOOKS) == set(Status)
    assert len({look.glyph for look in LOOKS.values()}) == len(Status)
    assert len({look.word for look in LOOKS.values()}) == len(Status)


def test_html_claim_shows_verdict_and_evidence():
    claims = between(render_html(make_results()), 'id="claims"', "</section>")
    assert "partly confirmed" in claims
    assert "1 of 4" in claims


def test_html_scenario_cannot_take_an_id_of_the_page():
    base = make_results()
    told = base.scenarios[0].model_copy(update={"name": "data"})
    cell = make_cell("data", "h5", "tf2.1", "tf2.1", Status.PASS)
    page = render_html(with_cells(cell, scenarios=(told,), claims=()))
    assert page.count('id="data"') == 1


def test_html_causes_count_fixed_cells():
    page = render_html(make_results())
    causes = between(page, 'id="causes"', "</section>")
    assert "3 of 4 failing loads fixed" in causes
    assert "<code>rewrite-config</code> (3)" in causes


@pytest.mark.parametrize("cells", [True, False])
def test_html_minimal_results_make_a_page(cells):
    base = make_results(environments=1)
    few = base.cells[:1] if cells else ()
    blank = base.environments[0].model_copy(update={"trouble": " \n "})
    page = render_html(
        base.model_copy(update={"cells": few, "environments": (blank,), "claims": ()})
    )
    assert Page(page).blocks == [0] * len(few)
    assert len(embedded(page)["status"]) == len(few)


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_style_text_has_enough_contrast(scheme):
    style = resources.files("kerasmatrix.report").joinpath("templates/style.css").read_text("utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[:2]
    colours = dict(re.findall(r"--([\w-]+): (#\w{6}|transparent)", light))
    if scheme == "dark":
        colours |= dict(re.findall(r"--([\w-]+): (#\w{6}|transparent)", dark))
    pairs = [("ink", "ground"), ("quiet", "ground"), ("ink", "raised"), ("link", "ground"),
             ("infra-ink", "hatch"), ("not-run-ink", "line")]  # fmt: skip
    pairs += [(f"{status.value}-ink", status.value) for status in Status]
    poor = {
        (ink, ground): round(ratio, 2)
        for ink, ground in pairs
        if (
            ratio := contrast(
                colours[ink], colours["ground" if colours[ground] == "transparent" else ground]
            )
        )
        < 4.5
    }
    assert poor == {}


def test_html_every_block_has_its_place():
    page = Page(render_html(make_results(scenarios=3)))
    assert page.blocks == list(range(6))


def test_html_claim_links_to_its_cells():
    claim = (
        make_results()
        .claims[0]
        .model_copy(
            update={"confirmed_by": ("h5/tf2.1/tf2.2",), "contradicted_by": ("keras/tf2.1/a b",)}
        )
    )
    page = render_html(make_results().model_copy(update={"claims": (claim,)}))
    claims = between(page, 'id="claims"', "</section>")
    assert '<a href="#cell=first/h5/tf2.1/tf2.2">h5 · tf2.1 → tf2.2</a>' in claims
    assert 'href="#cell=first/keras/tf2.1/a%20b"' in claims


def test_html_report_is_a_link_only_if_https():
    base = make_results()
    told = base.scenarios[0].model_copy(
        update={"reports": ("https://example.org/1", "javascript:alert(1)")}
    )
    page = render_html(base.model_copy(update={"scenarios": (told,)}))
    assert '<a href="https://example.org/1" rel="noreferrer">' in page
    assert 'href="javascript' not in page


def test_html_predictions_section_only_with_predictions():
    results = make_results()
    page = render_html(results)
    assert "3 of 5 failures predicted, 1 false alarms" in page
    assert "works in 1 of 2" in page
    without = results.model_copy(update={"predictor": None})
    assert 'id="predictions"' not in render_html(without)


def upgrade_of(*statuses):
    """Return a page about tf2.1 to tf2.2 with a file for each status in tf2.2."""
    base = make_results(environments=2, scenarios=len(statuses))
    names = [scenario.name for scenario in base.scenarios]
    home = [make_cell(name, "h5", "tf2.1", "tf2.1", Status.PASS) for name in names]
    there = [
        make_cell(name, "h5", "tf2.1", "tf2.2", status)
        for name, status in zip(names, statuses, strict=True)
    ]
    return with_cells(*home, *there, scenarios=base.scenarios, current="tf2.1", candidate="tf2.2")


@pytest.mark.parametrize(
    ("statuses", "headline"),
    [
        ((Status.FAIL, Status.PASS), "1 of 2 files breaks; it can be fixed"),
        ((Status.FAIL, Status.CRASH, Status.DRIFT), "3 of 3 files break; 1 can be fixed"),
        ((Status.CRASH, Status.PASS), "1 of 2 files breaks; no fix found"),
        ((Status.PASS, Status.DEGRADED), "none of 2 files breaks"),
    ],
)
def test_headline_answers_the_upgrade_of_the_matrix(statuses, headline):
    page = render_html(upgrade_of(*statuses))
    assert between(page, '<h1 id="verdict">', "</h1>") == f"tf2.1 → tf2.2: {headline}"


def test_headline_without_an_upgrade_is_a_title():
    assert "models load where" in between(
        render_html(with_cells(*())), '<h1 id="verdict">', "</h1>"
    )
