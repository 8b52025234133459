"""How the page is laid out, in boxes: whatever fonts the machine has."""

from pathlib import Path

import pytest

from tests.browser.pages import (
    confirm_result,
    draw_all,
    first,
    fit_height,
    insert_rules,
    panel_of,
    visit,
)
from tests.browser.samples import REPORTS

pytestmark = pytest.mark.browser

GEOMETRY = Path(__file__).with_name("geometry.js").read_text("utf-8")
WIDTHS = (390, 800, 1440)
TITLE_LINES = 3
TARGET = 24  # px from cell to cell: the least that WCAG 2.2 (2.5.8) allows
# What once made the panel unreadable: a rule of the overview's bars, which matched its head too.
OLD_FAULT = "#panel .panel-head { width: 3rem; height: 0.75rem; margin: auto; }"


@pytest.fixture(scope="module", params=REPORTS)
def path(request, tmp_path_factory):
    return REPORTS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(params=WIDTHS)
def opened(request, browser, path):
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    visit(page, path.as_uri())
    yield page
    page.close()


@pytest.fixture
def wide(browser, path):
    """A page in a wide window, for what is the same at every width."""
    page = browser.new_page(viewport={"width": WIDTHS[-1], "height": 900})
    visit(page, path.as_uri())
    yield page
    page.close()


def measure(page, name, root):
    """Call a function of geometry.js on the element that ``root`` selects."""
    return page.evaluate(f"{GEOMETRY}.{name}(document.querySelector({root!r}))")


def faults_of(page, root):
    """Return what is wrong with how ``root`` is laid out, in words."""
    faults = [f"on each other: {pair}" for pair in measure(page, "overlaps", root)]
    faults += [f"cut off: {text}" for text in measure(page, "cutOff", root)]
    faults += [
        f"{lines} lines: {title}"
        for title, lines in measure(page, "titles", root)
        if lines > TITLE_LINES
    ]
    if (excess := measure(page, "sideways", "html")) > 0:
        faults.append(f"the page is {excess} px wider than the window")
    if (excess := measure(page, "sideways", root)) > 0:
        faults.append(f"{root} is {excess} px wider than its room")
    return faults


def test_page_with_everything_unfolded_is_laid_out(opened):
    draw_all(opened)
    fit_height(opened, opened.viewport_size["width"])
    assert len(measure(opened, "titles", "main")) > 5
    assert faults_of(opened, "body") == []


def test_panel_is_laid_out(opened):
    for status in ("fail", "drift", "degraded", "pass"):
        panel = panel_of(opened, status)
        for fold in panel.locator("summary").all():
            fold.click()
        opened.evaluate("document.getElementById('panel').scrollTop = 0")
        assert len(measure(opened, "titles", "#panel")) > 3
        assert faults_of(opened, "#panel") == []
        box = panel.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= opened.viewport_size["width"]
        opened.keyboard.press("Escape")


def test_panel_head_is_above_details_and_in_one_row(opened):
    panel_of(opened, "fail")
    head = opened.locator(".panel-head").bounding_box()
    title = opened.locator("#panel-title").bounding_box()
    button = opened.locator("#close").bounding_box()
    details = opened.locator("#details").bounding_box()
    assert head["y"] + head["height"] <= details["y"] + 1
    assert head["width"] == pytest.approx(details["width"])
    assert title["x"] + title["width"] <= button["x"]
    assert button["x"] + button["width"] == pytest.approx(head["x"] + head["width"], abs=1)
    opened.locator("#close").click()
    assert opened.locator("#panel").is_hidden()


def test_panel_head_with_the_old_fault_is_found(opened):
    panel_of(opened, "fail")
    insert_rules(opened, OLD_FAULT)
    found = faults_of(opened, "#panel")
    assert any(fault.startswith("on each other") for fault in found)
    assert any("lines: " in fault for fault in found)


def test_page_that_is_too_wide_is_found(wide):
    insert_rules(wide, "#verdict { min-width: 2000px; }")
    assert any("wider than the window" in fault for fault in faults_of(wide, "body"))


def test_name_that_is_cut_off_is_found(wide):
    draw_all(wide)
    fit_height(wide, wide.viewport_size["width"])
    insert_rules(wide, "#overview h2 { white-space: nowrap; width: 20px; overflow: hidden; }")
    assert any(fault.startswith("cut off") for fault in faults_of(wide, "body"))


def test_cells_are_large_enough_to_hit(opened):
    draw_all(opened)
    fit_height(opened, opened.viewport_size["width"])
    sizes = opened.evaluate(
        """() => [...document.querySelectorAll("td:has(> button[data-cell])")]
          .map(cell => cell.getBoundingClientRect()).map(({ width, height }) => [width, height])"""
    )
    assert len(sizes) > 20
    assert min(min(size) for size in sizes) >= TARGET


def test_link_to_a_cell_moves_focus_and_does_not_scroll(opened):
    opened.evaluate("window.scrollTo(0, 0)")
    link = opened.locator("#answer a").first
    link.scroll_into_view_if_needed()
    before = link.bounding_box()["y"]
    link.click()
    opened.locator("#panel").wait_for(state="visible")
    confirm_result(opened)
    assert link.bounding_box()["y"] == pytest.approx(before, abs=2)
    assert opened.evaluate("document.activeElement.id") == "panel"
    opened.keyboard.press("Escape")
    assert link.evaluate("link => link === document.activeElement")


def test_permalink_moves_focus_into_the_panel(wide, browser):
    panel_of(wide, "fail")
    again = browser.new_page()
    again.goto(wide.url)
    again.locator("#panel").wait_for(state="visible")
    again.wait_for_function("document.activeElement.id === 'panel'")
    again.keyboard.press("Escape")
    assert first(again, "fail").count() == 1
    again.close()


def test_paper_shows_lists_whole_and_folds_open(wide):
    assert wide.locator("#causes details").first.get_attribute("open") is None
    wide.emulate_media(media="print")
    draw_all(wide)
    for part in wide.locator(".breaks:visible, .evidence:visible").all():
        assert part.evaluate("list => list.scrollHeight <= list.clientHeight + 1")
    assert wide.locator("main details:not([open]):not(#narrow)").count() == 0
    wide.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert wide.locator("#causes details").first.get_attribute("open") is None


def test_check_of_a_few_files_fits_on_two_screens(browser, tmp_path):
    page = browser.new_page(viewport={"width": WIDTHS[-1], "height": 900})
    visit(page, REPORTS["check"](tmp_path).as_uri())
    assert page.evaluate("document.documentElement.scrollHeight") <= 2 * 900
    page.close()


def test_newest_version_is_in_sight(opened):
    head = opened.locator("#overview-matrix thead th", has_text="tf2.21")
    box = head.bounding_box()
    assert box["x"] + box["width"] <= opened.viewport_size["width"]
