import base64
import hashlib
import json
import math
import re
from collections import Counter
from html.parser import HTMLParser
from importlib import resources

import pytest

from kerasmatrix.outcome import Status
from kerasmatrix.report.appearance import LOOKS
from kerasmatrix.report.html import page_data, render_html
from tests.unit.report.factory import HOSTILE, make_cell, make_results


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


def embedded(page):
    return json.loads(between(page, 'id="data">', "</script>"))


def texts_of(data):
    return [
        text if isinstance(text, str) else "\n".join(data["lines"][line] for line in text)
        for text in data["texts"]
    ]


def with_cells(*cells, **changes):
    return make_results().model_copy(update={"cells": cells, **changes})


def one_block(status_of, environments=3):
    """Return results of one block; ``status_of`` is given the names of both sides."""
    base = make_results(environments=environments)
    names = [environment.name for environment in base.environments]
    cells = [
        make_cell("first", "h5", saved, loaded, status_of(saved, loaded), message="plain words")
        for saved in names
        for loaded in names
    ]
    return base.model_copy(update={"cells": tuple(cells)})


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
    data = embedded(page)
    assert data["texts"] == page_data(make_results())["texts"]
    assert any(HOSTILE in text for text in texts_of(data))
    assert "\x1b" not in page
    assert "\u202e" not in page.split('id="data">')[0]


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
    assert "1 of 5 environments could not be had" in page
    assert "<li><strong>tf2.1</strong>: &lt;/script&gt;" in page


def test_every_status_has_its_own_glyph_and_word():
    assert set(LOOKS) == set(Status)
    assert len({look.glyph for look in LOOKS.values()}) == len(Status)
    assert len({look.word for look in LOOKS.values()}) == len(Status)


def test_equal_texts_are_in_the_page_once():
    small, large = make_results(environments=4), make_results(environments=6)
    assert len(page_data(small)["errors"]) == len(page_data(large)["errors"]) == 1
    # The names of two more environments are the only new texts.
    assert len(page_data(large)["texts"]) - len(page_data(small)["texts"]) == 2


def test_tracebacks_share_their_lines():
    shared = "\n".join(f'File "model.py", line {number}' for number in range(200))
    cells = [
        make_cell(
            "first", "h5", "tf2.1", f"tf2.{number}", Status.FAIL, message=f"{shared}\n{number}"
        )
        for number in range(1, 5)
    ]
    data = page_data(with_cells(*cells))
    assert len(data["lines"]) < 250
    assert sum(f"{shared}\n3" in text for text in texts_of(data)) >= 1


def test_a_claim_shows_its_verdict_and_its_evidence():
    claims = between(render_html(make_results()), 'id="claims"', "</section>")
    assert "holds in part" in claims
    assert "1 of 4" in claims


def test_with_many_environments_cells_are_glyphs_with_words_for_screen_readers():
    assert 'class="unseen"' in render_html(make_results(environments=13))
    assert 'class="unseen"' not in render_html(make_results(environments=5))


def test_an_infinite_difference_does_not_break_the_data():
    cells = [
        make_cell("first", "h5", "tf2.1", name, Status.DRIFT).model_copy(
            update={"max_abs_diff": value}
        )
        for name, value in (("tf2.1", math.nan), ("tf2.2", math.inf))
    ]
    data = embedded(render_html(with_cells(*cells)))
    assert [cell[9] for cell in data["cells"]] == ["nan", "inf"]


def test_a_text_of_megabytes_is_cut_in_the_middle_and_says_so():
    message = "start" + "x" * 5_000_000 + "end"
    page = render_html(with_cells(make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL, message)))
    assert len(page) < 300_000
    assert "characters left out here; results.json has them" in page
    cut = [text for text in texts_of(embedded(page)) if "left out here" in text]
    assert any(text.startswith("start") and text.endswith("end") for text in cut)


def test_a_cell_stands_under_the_column_it_was_loaded_with():
    results = make_results()
    column = tuple(cell for cell in results.cells if cell.loaded_with == "tf2.3")
    page = render_html(results.model_copy(update={"cells": column}))
    row = between(between(page, 'data-format="h5"', "</table>"), '<th scope="row">tf2.1', "</tr>")
    squares = re.findall(r"<td class=.(\w+)", row)
    assert [square == "absent" for square in squares] == [True, True, False, True, True]


def test_a_scenario_cannot_take_the_name_of_a_part_of_the_page():
    base = make_results()
    told = base.scenarios[0].model_copy(update={"name": "data"})
    cell = make_cell("data", "h5", "tf2.1", "tf2.1", Status.PASS)
    page = render_html(with_cells(cell, scenarios=(told,), claims=()))
    assert page.count('id="data"') == 1


def test_rows_that_were_never_saved_say_so_in_a_sentence():
    page = render_html(
        one_block(lambda saved, _: Status.PASS if saved == "tf2.3" else Status.SAVE_FAILED)
    )
    note = between(page, '<p class="note">', "</p>")
    assert note == "<strong>tf2.1, tf2.2</strong>: save-failed because plain words"
    assert page.count(' class=" unsaved"') == 2


def test_a_block_all_alike_says_so():
    page = render_html(one_block(lambda *_: Status.FAIL))
    assert "Every cell of this block: fail: fail because plain words" in page


def test_both_halves_are_labelled():
    block = between(render_html(one_block(lambda *_: Status.PASS)), 'class="block"', "</section>")
    assert "older file, newer code" in block
    assert "newer file, older code" in block
    alone = render_html(one_block(lambda *_: Status.PASS, environments=1))
    assert 'class="half"' not in alone


def test_a_line_is_drawn_where_keras_2_becomes_3():
    base = make_results(environments=4)
    packages = [
        {},
        {"keras": "2.15.0"},
        {"keras": "3.4.1", "tf-keras": "2.16.0"},
        {"keras": "3.4.1"},
    ]
    environments = [
        environment.model_copy(update={"packages": those})
        for environment, those in zip(base.environments, packages, strict=True)
    ]
    legacy = {"TF_USE_LEGACY_KERAS": "1"}
    environments[2] = environments[2].model_copy(update={"variables": legacy})
    page = render_html(base.model_copy(update={"environments": tuple(environments)}))
    assert set(re.findall(r'<th scope="col" class="era">([^<]+)', page)) == {"tf2.4"}


def test_the_overview_counts_what_passes_of_what_was_measured():
    statuses = {"tf2.1": Status.PASS, "tf2.2": Status.FAIL, "tf2.3": Status.INFRA}
    page = render_html(one_block(lambda _, loaded: statuses[loaded]))
    found = re.findall(r"<small>(.+)</small>", between(page, 'id="overview"', "</section>"))
    sums = [re.sub("<[^>]+>", "", text) for text in found]
    assert sums == ["1/1", "0/1 ↻1", "none"] * 3


def test_a_repaired_cell_is_marked_in_the_matrix_and_counted():
    page = render_html(one_block(lambda *_: Status.FAIL))
    assert page.count("<b>↻</b></button>") == 9
    assert page.count('class="fail diagonal repaired"') + page.count('class="fail repaired"') > 0
    assert "In <strong>9</strong> of them a remedy was seen to work" in page


def test_causes_say_how_many_were_repaired_by_what():
    page = render_html(make_results())
    causes = between(page, 'id="causes"', "</section>")
    assert "3 of 4 repaired" in causes
    assert "<code>rewrite-config</code> (3)" in causes


@pytest.mark.parametrize("cells", [True, False])
def test_results_of_next_to_nothing_make_a_page(cells):
    base = make_results(environments=1)
    few = base.cells[:1] if cells else ()
    blank = base.environments[0].model_copy(update={"trouble": " \n "})
    page = render_html(
        base.model_copy(update={"cells": few, "environments": (blank,), "claims": ()})
    )
    assert len(Page(page).buttons) == len(few)


def luminance(colour):
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_on_their_ground(scheme):
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
