"""The page in a real browser: it is used as a person would use it."""

import os
import shlex
import shutil

import pytest

from kerasmatrix.outcome import Status
from kerasmatrix.report.write import write_reports
from tests.unit.report.factory import HOSTILE, make_cell, make_results

pytestmark = pytest.mark.browser

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run"]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    chromium = shutil.which("chromium")
    if chromium is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("KERASMATRIX_REQUIRE_BROWSER"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_reports(make_results(), tmp_path_factory.mktemp("report"))


@pytest.fixture
def page(browser, path):
    """The report, opened from disk; afterwards it must have been quiet and kept to itself."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    yield opened
    opened.close()
    assert said == []
    assert {url.partition("#")[0] for url in asked} == {path.as_uri()}


def first(page, status):
    return page.locator(f"td.{status} button").first


@pytest.mark.parametrize("status", [status.value for status in Status])
def test_a_cell_of_every_status_opens_and_closes(page, status):
    panel = page.locator("#panel")
    assert panel.is_hidden()
    first(page, status).click()
    assert panel.is_visible()
    assert f"{status} because" in panel.inner_text()
    page.keyboard.press("Escape")
    assert panel.is_hidden()


def test_the_panel_says_what_helps_and_what_does_not(page):
    first(page, "fail").click()
    text = page.locator("#panel").inner_text()
    helps = text.index("What helps, seen in this cell")
    vain = text.index("Tried in vain")
    assert helps < text.index("no-compile + rewrite-config was seen to work: same weights") < vain
    assert helps < text.index("load(copy)") < vain
    assert vain < text.index("no-compile rejected: outputs differ by up to 0.5")
    assert "what was done: dropped </script>" in text
    fault = page.locator("#panel table").filter(has_text="Dense").inner_text()
    assert "groups" in fault
    assert "</script>" in fault


def test_cells_are_filtered_by_whether_something_helps(page):
    page.locator("#filters select[name=remedy]").select_option("yes")
    lit = page.locator(".block td:not(.dim) button[data-cell]")
    assert {lit.nth(n).inner_text() for n in range(lit.count())} == {"✕ fail↻"}
    page.locator("#filters select[name=remedy]").select_option("no")
    found = {lit.nth(n).inner_text().split()[1] for n in range(lit.count())}
    assert found == {"crash", "timeout", "drift"}


def test_the_panel_tells_the_whole_story(page):
    first(page, "fail").click()
    text = page.locator("#panel").inner_text()
    for expected in ("ValueError", "because of KeyError", "the cause", "123 MB",
                     "nox -s matrix -- --scenarios first", "--fresh", "numpy"):  # fmt: skip
        assert expected in text
    page.get_by_text("Traceback", exact=True).click()
    assert "Traceback: </script>" in page.locator("#panel details[open] pre").inner_text()


def test_numbers_and_what_was_lost_are_shown(page):
    first(page, "drift").click()
    assert "5.000e-1" in page.locator("#panel").inner_text()
    page.keyboard.press("Escape")
    first(page, "degraded").click()
    assert "the compile state" in page.locator("#panel").inner_text()


def test_differing_packages_come_before_equal_ones(page):
    page.locator("td.degraded button").first.click()
    names = page.locator("#panel table").last.locator("th").all_inner_texts()
    assert names.index("tensorflow-cpu") < names.index("numpy")


def test_hostile_text_stays_text(page):
    first(page, "fail").click()
    assert page.locator("img").count() == 0
    shown = page.locator("#panel").inner_text()
    assert "</script><img src=x onerror=alert(1)>" in shown
    assert "\\u001b[31m" in shown
    assert "\x1b" not in shown
    assert HOSTILE[:10] in page.locator("section.scenario p").nth(1).inner_text()


def test_a_permalink_opens_the_same_cell(page, browser):
    first(page, "drift").click()
    title = page.locator("#panel-title").inner_text()
    again = browser.new_page()
    assert page.url.endswith("#cell=first/h5/tf2.1/tf2.3")
    assert (
        page.get_by_text("Link to this cell").get_attribute("href") == "#cell=first/h5/tf2.1/tf2.3"
    )
    again.goto(page.url)
    assert again.locator("#panel-title").inner_text() == title
    assert again.locator("#panel").is_visible()
    again.close()


def test_filters_narrow_the_page_count_and_live_in_the_address(page, browser):
    assert page.locator("#count").inner_text() == "50 of 50 cells"
    page.get_by_label("Format").select_option("h5")
    assert page.locator("#count").inner_text() == "25 of 50 cells"
    assert page.locator(".block:visible").count() == 1
    page.get_by_label("Status").select_option("fail")
    assert page.locator("#count").inner_text() == "3 of 50 cells"
    assert page.locator("td.fail.dim").count() == 2
    again = browser.new_page()
    again.goto(page.url)
    assert again.locator("#count").inner_text() == "3 of 50 cells"
    again.close()
    page.get_by_label("Format").select_option("")
    page.get_by_label("Status").select_option("")
    assert page.locator("#count").inner_text() == "50 of 50 cells"


def test_a_cell_tells_its_cause_and_a_cause_its_cells(page):
    first(page, "fail").click()
    panel = page.locator("#panel")
    assert "What went wrong" in panel.inner_text()
    assert "pip install x" in panel.inner_text()
    page.keyboard.press("Escape")
    page.get_by_label("Cause").select_option("unknown-functional")
    assert page.locator("#count").inner_text() == "10 of 50 cells"
    summary = page.locator("#causes summary").first
    assert "10" in summary.inner_text()
    summary.click()
    assert page.locator("#causes details[open] pre").inner_text() == "pip install x"


def test_text_is_sought_in_the_whole_chain(page):
    page.get_by_label("Text").fill("keyerror: the CAUSE")
    assert page.locator("#count").inner_text() == "10 of 50 cells"
    page.get_by_label("Text").fill("no such text")
    assert page.locator("#count").inner_text() == "0 of 50 cells"


def test_cells_are_reached_with_the_keyboard(page):
    start = first(page, "pass")
    start.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("Number(document.activeElement.dataset.cell)")
    assert focused == 6
    page.keyboard.press("Enter")
    assert page.locator("#panel").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("Number(document.activeElement.dataset.cell)") == 6


def test_a_matrix_is_one_stop_of_the_tab_key(page):
    stops = page.locator("button[data-cell][tabindex='0']")
    assert stops.count() == 2
    first(page, "pass").focus()
    page.keyboard.press("ArrowRight")
    assert stops.count() == 2
    assert page.evaluate("document.activeElement.tabIndex") == 0


def test_a_cell_says_what_it_is_to_a_screen_reader(page):
    cell = page.get_by_role("button", name="pass: first as h5, saved with tf2.1, loaded with tf2.1")
    assert cell.count() == 1


def test_an_upgrade_is_answered_with_what_breaks(browser, tmp_path):
    verdicts = {
        ("h5", "tf2.1"): Status.PASS, ("h5", "tf2.2"): Status.FAIL,
        ("keras", "tf2.1"): Status.PASS, ("keras", "tf2.2"): Status.DEGRADED,
    }  # fmt: skip
    cells = tuple(
        make_cell("first", form, "tf2.1", loaded, status)
        for (form, loaded), status in verdicts.items()
    )
    # Lost already before the upgrade, so not by it.
    cells += tuple(
        make_cell("scenario2", "h5", "tf2.1", loaded, Status.DEGRADED)
        for loaded in ("tf2.1", "tf2.2")
    )
    results = make_results(environments=2, scenarios=2).model_copy(update={"cells": cells})
    opened = browser.new_page()
    opened.goto(write_reports(results, tmp_path).as_uri())
    answer = opened.locator("#answer")
    assert "Of 3 files" in answer.inner_text()
    assert (
        "1 as well as before, 1 with something lost or changed, and 1 not at all"
        in answer.inner_text()
    )
    assert answer.locator("li").count() == 2
    answer.get_by_role("link", name="first · h5").click()
    assert opened.locator("#panel-title").inner_text() == "first · h5 · tf2.1 → tf2.2"
    opened.get_by_label("from").select_option("tf2.2")
    assert "Choose two versions" in answer.inner_text()
    assert "from=tf2.2" in opened.url
    opened.close()


def test_a_command_to_paste_carries_no_command_of_its_own(browser, tmp_path):
    name = "x; touch 'y' $(id)"
    base = make_results(environments=1)
    told = base.scenarios[0].model_copy(update={"name": name})
    cell = make_cell(name, "h5", "tf2.1", "tf2.1", Status.PASS)
    results = base.model_copy(update={"scenarios": (told,), "cells": (cell,), "claims": ()})
    opened = browser.new_page()
    opened.goto(write_reports(results, tmp_path).as_uri())
    first(opened, "pass").click()
    command = opened.locator("#panel pre", has_text="nox -s matrix").inner_text()
    assert shlex.split(command)[4:6] == ["--scenarios", name]
    opened.close()


def test_without_a_script_the_tables_are_there(browser, path):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(path.as_uri())
    assert opened.locator(".block td.fail").first.inner_text() == "✕ fail↻"
    assert opened.locator("#filters").is_hidden()
    context.close()


def test_headers_stay_in_sight(browser, tmp_path):
    opened = browser.new_page(viewport={"width": 600, "height": 400})
    opened.goto(write_reports(make_results(environments=30), tmp_path).as_uri())
    block = opened.locator(".block .scroll").first
    block.evaluate("element => element.scrollTo(400, 400)")
    outer = block.bounding_box()
    column = block.locator("thead th", has_text="tf2.20").bounding_box()
    row = block.locator("tbody th", has_text="tf2.20").bounding_box()
    assert abs(column["y"] - outer["y"]) < 2
    assert abs(row["x"] - outer["x"]) < 2
    opened.close()


def test_row_and_column_of_a_cell_are_marked(page):
    first(page, "pass").hover()
    assert page.locator("thead th.crossed").inner_text() == "tf2.1"
    assert page.locator(".half .crossed").count() == 0
    assert page.locator("tbody th.crossed").inner_text() == "tf2.1"


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_its_window(browser, path, tmp_path, width, scheme):
    opened = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    opened.goto(path.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    first(opened, "fail").click()
    box = opened.locator("#panel").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    picture = opened.screenshot(path=tmp_path / f"{scheme}-{width}.png")
    assert len(picture) > 10_000
    opened.close()
