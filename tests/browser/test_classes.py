"""A class of the style sheet that sizes or places elements belongs to one kind of element.

A rule for `.bar` once drew the overview's bars, and squeezed the head of the panel, whose class was
`bar` as well. Nothing but the picture showed it.
"""

from pathlib import Path

import pytest

from tests.browser.pages import draw_all, fit_height, insert_rules, panel_of, visit
from tests.browser.samples import REPORTS

pytestmark = pytest.mark.browser

# Classes that mean the same wherever they stand, and the element that each is given to.
BUILDING_BLOCKS = {
    "breaks": "ul",  # a list that scrolls in itself
    "chip": "span",  # a status in words
    "command": "div",  # a command to paste, and the button that copies it
    "copy": "button",
    "fine-print": "p",
    "listing": "table",
    "scroll": "div",  # around what is too wide
    "status-bar": "span",
    "tally": "ul",  # counts by status
}  # fmt: skip

FIND = Path(__file__).with_name("box_rules.js").read_text("utf-8")


@pytest.fixture(scope="module")
def opened(browser, tmp_path_factory):
    pages = []
    for name, write in REPORTS.items():
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        visit(page, write(tmp_path_factory.mktemp(name)).as_uri())
        panel_of(page, "fail")
        draw_all(page)
        fit_height(page, 1440)
        pages.append(page)
    yield pages
    for page in pages:
        page.close()


def collisions(pages):
    """Return the rules that size or place elements of different kinds, in words."""
    found = {}
    for page in pages:
        for selector, classes, matched in page.evaluate(FIND):
            kinds = found.setdefault(selector, (classes, set()))[1]
            kinds.update(map(tuple, matched))
    faults = []
    for selector, (classes, kinds) in found.items():
        parts, tags = {part for part, _ in kinds}, {tag for _, tag in kinds}
        # Several parts of the page may have a matrix; the classes below it are its own.
        shared = ".matrix" in selector or any(
            tags <= {BUILDING_BLOCKS.get(name)} for name in classes
        )
        if len(tags) > 1 or (len(parts) > 1 and not shared):
            faults.append(
                f"{selector}: {', '.join(f'{tag} in {part}' for part, tag in sorted(kinds))}"
            )
    return faults


def test_rule_by_class_has_one_kind_of_element(opened):
    assert sum(len(page.evaluate(FIND)) for page in opened) > 60
    assert collisions(opened) == []


def test_class_of_two_kinds_of_element_is_found(opened):
    page = opened[0]
    page.evaluate("document.querySelector('.panel-head').classList.add('bar')")
    page.evaluate("document.querySelector('.status-bar').classList.add('bar')")
    insert_rules(page, ".bar { color: red; }")
    assert collisions(opened) == []
    insert_rules(page, ".bar { width: 3rem; }")
    (fault,) = collisions(opened)
    assert fault == ".bar: span in overview, div in panel"


def test_class_of_two_parts_of_the_page_is_found(opened):
    page = opened[0]
    page.evaluate("document.querySelector('#details p').classList.add('note')")
    (fault,) = [fault for fault in collisions([page]) if fault.startswith(".note: ")]
    assert fault == ".note: p in panel, p in scenario"
