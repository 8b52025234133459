"""The page in a real browser: it is used as a person would use it."""

import datetime
import shlex

import pytest

from kerasmatrix.analysis.compare import compare
from kerasmatrix.analysis.expectations import expect
from kerasmatrix.config.expectation import Expectation
from kerasmatrix.report.write import write_reports
from kerasmatrix.results.cells import Status
from kerasmatrix.results.history import summarize
from kerasmatrix.results.observations import RetriedAttempt
from tests.browser.pages import counted, first, panel_of, unfold, visit
from tests.browser.samples import REPORTS
from tests.unit.report.factory import HOSTILE, WHEN, make_cell, make_results

pytestmark = pytest.mark.browser

DAY = datetime.timedelta(days=1)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write_reports(make_results(), tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    return REPORTS["check"](tmp_path_factory.mktemp("check"))


@pytest.fixture
def page(browser, path):
    """The report, opened from disk; afterwards it must have been quiet and kept to itself."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    opened.on("request", lambda request: asked.append(request.url))
    visit(opened, path.as_uri())
    yield opened
    opened.close()
    assert said == []
    assert {url.partition("#")[0] for url in asked} == {path.as_uri()}


@pytest.mark.parametrize("status", [status.value for status in Status])
def test_a_cell_of_every_status_opens_and_closes(page, status):
    panel = page.locator("#panel")
    assert panel.is_hidden()
    panel_of(page, status)
    assert f"{status} because" in panel.inner_text()
    page.keyboard.press("Escape")
    assert panel.is_hidden()


def test_panel_lists_verified_fixes_before_others(page):
    text = panel_of(page, "fail").inner_text()
    helps = text.index("Verified fixes")
    vain = text.index("Fixes that did not work")
    assert helps < text.index("no-compile + rewrite-config verified: same weights") < vain
    assert helps < text.index("load(copy)") < vain
    assert vain < text.index("no-compile rejected: outputs differ by up to 0.5")
    assert "changes: dropped </script>" in text
    fault = page.locator("#panel table").filter(has_text="Dense").inner_text()
    assert "groups" in fault
    assert "</script>" in fault


def test_cells_are_filtered_by_whether_something_helps(page):
    page.locator("#filters select[name=remedy]").select_option("yes")
    assert counted(page, "5 of 50 cells")
    lit = page.locator(".block td:not(.dim) button[data-cell]")
    assert {tuple(lit.nth(n).inner_text().split()) for n in range(5)} == {("✕", "fail", "↻")}
    page.locator("#filters select[name=remedy]").select_option("no")
    assert counted(page, "15 of 50 cells")
    found = {lit.nth(n).inner_text().split()[1] for n in range(lit.count())}
    assert found == {"crash", "timeout", "drift"}


def test_panel_compares_prediction_and_measurement(page):
    panel = panel_of(page, "fail")
    told = panel.inner_text()
    assert "Prediction" in told
    assert "Predicted correctly (75 % confidence, rule measured:" in told
    row = (
        panel.locator("tr")
        .filter(has=page.get_by_role("rowheader", name="fix", exact=True))
        .inner_text()
        .split("\t")
    )
    assert row == ["fix", "no-compile", "no-compile + rewrite-config"]


def test_precision_and_recall_of_predictions_are_a_table(page):
    unfold(page)
    section = page.locator("#predictions")
    section.locator("summary").click()
    rows = [row.split("\t") for row in section.locator("tbody tr").all_inner_texts()]
    assert rows == [
        ["fail", "4", "5", "3", "0.750", "0.600"],
        ["drift", "0", "1", "0", "-", "0.000"],
    ]


def test_panel_shows_error_chain_and_command(page):
    text = panel_of(page, "fail").inner_text()
    for expected in ("ValueError", "because of KeyError", "the cause", "123 MB",
                     "kerasmatrix run --scenarios first", "--fresh", "numpy"):  # fmt: skip
        assert expected in text
    page.get_by_text("Traceback", exact=True).click()
    assert "Traceback: </script>" in page.locator("#panel details[open] pre").inner_text()


def test_numbers_and_what_was_lost_are_shown(page):
    assert "5.000e-1" in panel_of(page, "drift").inner_text()
    page.keyboard.press("Escape")
    assert "the compile state" in panel_of(page, "degraded").inner_text()


def test_differing_packages_come_before_equal_ones(page):
    panel_of(page, "degraded")
    names = page.locator("#panel table").last.locator("th").all_inner_texts()
    assert names.index("tensorflow-cpu") < names.index("numpy")


def test_hostile_text_stays_text(page):
    shown = panel_of(page, "fail").inner_text()
    assert page.locator("img").count() == 0
    assert "</script><img src=x onerror=alert(1)>" in shown
    assert "\\u001b[31m" in shown
    assert "\x1b" not in shown
    assert HOSTILE[:10] in page.locator("section.scenario p").nth(1).inner_text()


def test_a_permalink_opens_the_same_cell(page, browser):
    panel_of(page, "drift")
    title = page.locator("#panel-title").inner_text()
    again = browser.new_page()
    assert page.url.endswith("#cell=first/h5/tf2.1/tf2.3")
    assert (
        page.get_by_text("Link to this cell").get_attribute("href") == "#cell=first/h5/tf2.1/tf2.3"
    )
    again.goto(page.url)
    again.locator("#panel").wait_for(state="visible")
    assert again.locator("#panel-title").inner_text() == title
    again.close()


def test_filters_narrow_the_page_count_and_live_in_the_address(page, browser):
    assert counted(page, "50 of 50 cells")
    page.get_by_label("Format").select_option("h5")
    assert counted(page, "25 of 50 cells")
    assert page.locator(".block:visible").count() == 1
    page.get_by_label("Status").select_option("fail")
    assert counted(page, "2 of 50 cells")
    assert page.locator(".block:visible td.dim").count() == 23
    again = browser.new_page()
    again.goto(page.url)
    assert counted(again, "2 of 50 cells")
    again.close()
    page.get_by_label("Format").select_option("")
    page.get_by_label("Status").select_option("")
    assert counted(page, "50 of 50 cells")


def test_panel_failing_cell_leads_to_its_cause_and_back(page):
    panel = panel_of(page, "fail")
    assert "What went wrong" in panel.inner_text()
    assert "pip install x" in panel.inner_text()
    page.keyboard.press("Escape")
    page.get_by_label("Cause").select_option("unknown-functional")
    assert counted(page, "9 of 50 cells")
    summary = page.locator("#causes summary").first
    assert "10" in summary.inner_text()
    summary.click()
    assert page.locator("#causes details[open] pre").inner_text() == "pip install x"


def test_text_is_sought_in_the_whole_chain(page):
    page.get_by_label("Search errors").fill("keyerror: the CAUSE")
    assert counted(page, "9 of 50 cells")
    page.get_by_label("Search errors").fill("no such text")
    assert counted(page, "0 of 50 cells")


def test_cells_are_reached_with_the_keyboard(page):
    start = first(page, "pass")
    start.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("Number(document.activeElement.dataset.cell)")
    assert focused == 6
    page.keyboard.press("Enter")
    page.locator("#panel").wait_for(state="visible")
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
    results = results.model_copy(update={"current": "tf2.1", "candidate": "tf2.2"})
    visit(opened, write_reports(results, tmp_path).as_uri())
    answer = opened.locator("#answer")
    verdict, counts = opened.locator("#verdict"), opened.locator("#counts")
    assert verdict.inner_text() == "tf2.1 → tf2.2: 1 of 3 files breaks; it can be fixed"
    assert counts.locator("li").all_inner_texts() == [
        "◐ 1 loads with losses", "✓ 1 loads unchanged",
    ]  # fmt: skip
    assert answer.locator("tbody tr").count() == 2
    answer.get_by_role("link", name="first · h5").click()
    opened.locator("#panel").wait_for(state="visible")
    assert opened.locator("#panel-title").inner_text() == "first · h5 · tf2.1 → tf2.2"
    opened.get_by_label("from").select_option("tf2.2")
    assert verdict.inner_text() == "tf2.2 → tf2.2: no file was measured"
    assert answer.locator("tbody tr").count() == 0
    assert "from=tf2.2" in opened.url
    opened.close()


def test_a_command_to_paste_carries_no_command_of_its_own(browser, tmp_path):
    name = "x; touch 'y' $(id)"
    base = make_results(environments=1)
    told = base.scenarios[0].model_copy(update={"name": name})
    cell = make_cell(name, "h5", "tf2.1", "tf2.1", Status.PASS)
    results = base.model_copy(update={"scenarios": (told,), "cells": (cell,), "claims": ()})
    opened = browser.new_page()
    visit(opened, write_reports(results, tmp_path).as_uri())
    panel_of(opened, "pass")
    command = opened.locator("#panel pre", has_text="kerasmatrix run").inner_text()
    assert shlex.split(command)[2:4] == ["--scenarios", name]
    opened.close()


def test_panel_of_a_file_has_the_command_that_fixes_it(browser, tmp_path):
    base = make_results(environments=1)
    path = "models/x; touch 'y'.h5"
    told = base.scenarios[0].model_copy(update={"file": path})
    cell = make_cell("first", "h5", "tf2.1", "tf2.1", Status.FAIL)
    results = base.model_copy(update={"scenarios": (told,), "cells": (cell,), "claims": ()})
    convert = ["kerasmatrix", "convert", path, "--for", "tf2.1", "--output-dir", "fixed"]
    for command, options in (
        ("kerasmatrix check models --jobs 2 --custom-objects 'my layers.py'",
         ["--custom-objects", "my layers.py", "--engine", "fake"]),
        ("kerasmatrix.check", ["--engine", "fake"]),
    ):  # fmt: skip
        run = results.run.model_copy(update={"command": command})
        opened = browser.new_page()
        page = write_reports(results.model_copy(update={"run": run}), tmp_path)
        visit(opened, page.as_uri())
        panel = panel_of(opened, "fail")
        commands = [shlex.split(text) for text in panel.locator("pre").all_inner_texts()[:1]]
        assert commands == [convert + options]
        assert "load(copy)" not in panel.inner_text()  # nothing says where the copy is from
        again = panel.locator("pre", has_text="--fresh").inner_text()
        assert shlex.split(again) == ["kerasmatrix", "check", path, "--environments", "tf2.1",
                                      "--reference", "tf2.1", *options, "--fresh",
                                      "--output", "again"]  # fmt: skip
        small = panel.locator("pre", has_text="kerasmatrix reproduce").inner_text()
        assert shlex.split(small) == ["kerasmatrix", "reproduce", path, "--loaded-with", "tf2.1",
                                      "--output", "small", *options]  # fmt: skip
        opened.close()


def test_without_a_script_the_page_says_what_is_missing(browser, path):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(path.as_uri())
    assert "need JavaScript" in opened.locator("noscript").inner_text()
    assert "files break" in opened.locator("#verdict").inner_text()
    assert opened.locator("#answer tbody tr").count() > 0
    pair = opened.locator("#overview tbody tr").first.locator("td").first
    assert pair.inner_text() == "1/2 ↻1"
    assert opened.locator("button.copy:visible").count() == 0
    assert opened.locator("#causes summary").first.is_visible()
    assert opened.locator("#filters").is_hidden()
    assert opened.locator("#pictures").is_hidden()
    context.close()


def test_headers_stay_in_sight(browser, tmp_path):
    opened = browser.new_page(viewport={"width": 600, "height": 400})
    visit(opened, write_reports(make_results(environments=30), tmp_path).as_uri())
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
    visit(opened, path.as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    panel_of(opened, "fail")
    box = opened.locator("#panel").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    picture = opened.screenshot(path=tmp_path / f"{scheme}-{width}.png")
    assert len(picture) > 10_000
    opened.close()


def test_the_overview_counts_what_passes_the_filters(page):
    page.locator("#overview").scroll_into_view_if_needed()
    pair = page.locator("#overview-matrix tbody tr").first.locator("td").first
    bar = pair.locator(".status-bar")
    button = pair.locator("button")
    told = "saved with tf2.1, loaded with tf2.1: 1 pass, 1 fail, 1 with a verified fix"
    assert button.get_attribute("title") == told
    assert bar.count() == 1
    assert pair.locator("small").inner_text() == "1/2 ↻1"
    page.get_by_label("Status").select_option("pass")
    assert counted(page, "5 of 50 cells")
    page.locator("#overview").scroll_into_view_if_needed()
    assert button.get_attribute("title") == "saved with tf2.1, loaded with tf2.1: 1 pass"
    assert pair.locator("small").inner_text() == "1/2"
    assert page.locator("#filtered").inner_text().startswith("Filtered: pass.")
    page.locator("#clear").click()
    assert counted(page, "50 of 50 cells")
    assert page.locator("#filtered").is_hidden()


def test_filters_without_a_match_say_so_and_are_cleared(page):
    page.get_by_label("Search errors").fill("no such text")
    assert counted(page, "0 of 50 cells")
    page.locator("#empty button").click()
    assert counted(page, "50 of 50 cells")
    assert page.locator("#empty").is_hidden()
    assert "text=" not in page.url


def test_cell_of_the_overview_chooses_its_step(page):
    page.locator("#overview tbody tr").nth(1).locator("td").nth(2).locator("button").click()
    page.wait_for_function("document.getElementById('verdict').textContent.startsWith('tf2.2 → ')")
    assert page.locator("#verdict").inner_text().startswith("tf2.2 → tf2.3: ")
    assert "from=tf2.2&to=tf2.3" in page.url


def test_link_to_what_is_missing_says_so(page, browser, path):
    for address, missing in (
        ("cell=first/h5/tf2.1/tf9", "no cell first/h5/tf2.1/tf9"),
        ("from=tf9", "no version tf9"),
        ("cause-nothing", "no part cause-nothing"),
    ):
        opened = browser.new_page()
        opened.goto(f"{path.as_uri()}#{address}")
        notice = opened.locator("#missing")
        notice.wait_for(state="visible")
        assert missing in notice.inner_text()
        assert opened.evaluate("document.activeElement.id") == "missing"
        opened.close()


def test_answer_of_the_page_and_of_its_script_are_equal(browser, tmp_path):
    for name, write in REPORTS.items():
        opened = browser.new_page()
        visit(opened, write(tmp_path / name).as_uri())
        parts = [opened.locator(part) for part in ("#verdict", "#counts", "#answer")]
        before = [part.inner_text() for part in parts]
        again = opened.locator("#step select[name=from]").input_value()
        opened.locator("#step select[name=from]").select_option("tf2.2")
        assert parts[0].inner_text() != before[0]
        opened.locator("#step select[name=from]").select_option(again)
        assert [part.inner_text() for part in parts] == before
        opened.close()


def test_command_is_copied(browser, tmp_path):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    visit(opened, REPORTS["check"](tmp_path).as_uri())
    opened.locator("#answer button.copy").first.click()
    opened.get_by_role("button", name="copied").wait_for()
    copied = opened.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("kerasmatrix convert ")
    assert " --for tf2.21 " in copied
    context.close()


def test_an_environment_filters_both_sides(page):
    page.locator("#filters select[name=environment]").select_option("tf2.1")
    assert counted(page, "18 of 50 cells")


def test_words_in_cells_are_a_choice_that_the_address_keeps(page, browser):
    cell = first(page, "pass")
    narrow = cell.bounding_box()["width"]
    page.get_by_label("show labels").check()
    assert cell.bounding_box()["width"] > 2 * narrow
    again = browser.new_page()
    visit(again, page.url)
    assert first(again, "pass").bounding_box()["width"] > 2 * narrow
    again.close()


def test_both_halves_are_labelled_and_keras_3_begins_with_a_line(page):
    block = page.locator(".block").first
    assert "older file, newer code" in block.inner_text()
    assert "newer file, older code" in block.inner_text()
    assert block.locator("thead th.era").all_inner_texts() == ["tf2.4"]
    assert block.locator("tbody tr.era th").all_inner_texts() == ["tf2.4"]
    assert block.locator("td.diagonal").count() == 5


def test_a_cell_stands_under_the_column_it_was_loaded_with(browser, tmp_path):
    results = make_results()
    column = tuple(cell for cell in results.cells if cell.loaded_with == "tf2.3")
    opened = browser.new_page()
    path = write_reports(results.model_copy(update={"cells": column}), tmp_path)
    visit(opened, path.as_uri())
    row = opened.locator(".block tbody tr").first
    classes = [row.locator("td").nth(n).get_attribute("class") for n in range(5)]
    assert ["absent" in found for found in classes] == [True, True, False, True, True]
    opened.close()


def test_headers_lead_to_release_notes(page):
    page.locator("#overview").scroll_into_view_if_needed()
    link = page.locator("#overview-matrix thead a", has_text="tf2.2")
    assert link.get_attribute("href").endswith("/tensorflow/releases/tag/v2.2.0")


def test_pictures_show_where_scenarios_break_and_by_how_much(page):
    unfold(page)
    page.locator("#pictures").scroll_into_view_if_needed()
    strip = page.locator("#strips tbody tr").first
    assert strip.locator("th").inner_text() == "first"
    # Of tf2.2's column: two files each of tf2.1 and tf2.2.
    told = strip.locator("td").nth(1).locator(".status-bar").get_attribute("aria-label")
    assert told == "first loaded with tf2.2: 1 degraded, 1 crash, 1 not saved, 1 no env"
    assert "near 1e-0.3 (drift)" in page.locator("#drift circle title").first.text_content()
    assert page.locator("#times tr").first.inner_text().split() == ["tf2.1", "0.25", "s"]


def test_a_cause_shows_the_versions_it_was_seen_with(page):
    page.locator("#causes summary").first.click()
    spread = page.locator("#causes details[open] .spread")
    spread.wait_for()
    numbers = spread.locator("tbody tr, tr").nth(2).locator("td").all_inner_texts()
    assert sum(int(number) for number in numbers if number) == 9


def test_a_claim_leads_to_its_cells(browser, tmp_path):
    base = make_results()
    claim = base.claims[0].model_copy(update={"contradicted_by": ("h5/tf2.1/tf2.4",)})
    opened = browser.new_page()
    path = write_reports(base.model_copy(update={"claims": (claim,)}), tmp_path)
    visit(opened, path.as_uri())
    unfold(opened)
    opened.locator("#claims > details > summary").click()
    opened.get_by_text("1 that disagree").click()
    opened.get_by_role("link", name="h5 · tf2.1 → tf2.4").click()
    opened.locator("#panel").wait_for(state="visible")
    assert opened.locator("#panel-title").inner_text() == "first · h5 · tf2.1 → tf2.4"
    opened.close()


def test_changes_are_listed_marked_and_filtered(browser, tmp_path):
    head = make_results()
    cells = tuple(
        cell.but(status=Status.PASS, cause=None, remedies=())
        if (cell.format, cell.saved_with, cell.status) == ("h5", "tf2.1", Status.FAIL)
        else cell
        for cell in head.cells
    )
    base = head.model_copy(update={"cells": cells})
    opened = browser.new_page()
    path = write_reports(head, tmp_path, compare(base, head))
    visit(opened, path.as_uri())
    assert "1 newly broken, of 50 cells" in opened.locator("#changes").inner_text()
    opened.locator("#filters select[name=changed]").select_option("yes")
    assert counted(opened, "1 of 50 cells")
    opened.locator("#changes a").click()
    opened.locator("#panel").wait_for(state="visible")
    assert "Since the baseline: newly broken." in opened.locator("#panel").inner_text()
    opened.close()


def test_page_expected_cells_are_marked(browser, tmp_path):
    told = [
        {"status": "fail", "reason": f"known {HOSTILE}", "where": "matrix.yaml:7",
         "link": "https://example.org/1"},
        {"status": "fail", "format": "keras", "loaded_with": "tf2.1", "reason": "r"},
    ]  # fmt: skip
    base = make_results()
    names = tuple(environment.name for environment in base.environments)
    known = {
        "scenario": ("first",), "format": ("h5", "keras"),
        "saved_with": names, "loaded_with": names,
    }  # fmt: skip
    results = expect(base, [Expectation.model_validate(each) for each in told], known)
    opened = browser.new_page()
    visit(opened, write_reports(results, tmp_path).as_uri())
    assert "as expected" in first(opened, "fail").get_attribute("aria-label")
    assert "better than expected" in first(opened, "pass").get_attribute("aria-label")
    text = panel_of(opened, "fail").inner_text()
    assert "This is as expected: fail, because known </script>" in text
    assert opened.get_by_role("link", name="More about it").get_attribute("href").endswith("/1")
    opened.keyboard.press("Escape")
    opened.locator("#filters select[name=expected]").select_option("met")
    assert counted(opened, "5 of 50 cells")
    opened.close()


def test_panel_inferred_cell_links_to_the_measured_one(browser, tmp_path):
    base = make_results()
    source = next(c for c in base.cells if c.status is Status.PASS and c.saved_with == "tf2.1")
    cells = [
        cell.but(inferred_from="tf2.1", status=Status.PASS)
        if cell.saved_with == "tf2.2"
        and (cell.format, cell.loaded_with) == (source.format, source.loaded_with)
        else cell
        for cell in base.cells
    ]
    opened = browser.new_page()
    results = base.model_copy(update={"cells": tuple(cells)})
    visit(opened, write_reports(results, tmp_path).as_uri())
    opened.locator("#legend summary").click()
    assert "(1 cell)" in opened.locator("#legend").inner_text()
    (inferred,) = opened.locator(".block td.inferred button").all()
    assert "inferred from tf2.1" in inferred.get_attribute("aria-label")
    inferred.click()
    panel = opened.locator("#panel")
    panel.wait_for(state="visible")
    assert "Result reused: tf2.1 wrote an identical file" in panel.inner_text()
    panel.get_by_role("link", name="The measured cell").click()
    opened.get_by_role("heading", name=f"tf2.1 → {source.loaded_with}").wait_for()
    assert "Result reused" not in panel.inner_text()
    opened.close()


def test_panel_shows_the_history_of_a_cell(browser, tmp_path):
    results = make_results()
    runs = []
    for number, status in enumerate((Status.PASS, Status.PASS, Status.FAIL), start=1):
        cell = make_cell("first", "h5", "tf2.1", "tf2.1", status)
        told = results.run.model_copy(update={"started": WHEN + number * DAY})
        runs.append(summarize(results.model_copy(update={"run": told, "cells": (cell,)})))
    opened = browser.new_page()
    visit(opened, write_reports(results, tmp_path, past=lambda: runs).as_uri())
    panel = panel_of(opened, "pass")
    assert "In earlier runs" in panel.inner_text()
    assert opened.locator("#panel .past li").all_inner_texts() == [
        "2026-01-05 03:04: ✕ fail unknown-functional, fixed by no-compile + rewrite-config",
        "2026-01-03 03:04 to 2026-01-04 03:04 (2 runs): ✓ pass",
    ]
    opened.keyboard.press("Escape")
    assert "In earlier runs" not in panel_of(opened, "fail").inner_text()
    opened.close()


def test_page_flaky_cell_is_marked_and_counted(browser, tmp_path):
    results = make_results()
    again = RetriedAttempt(
        status=Status.PASS, summary=f"loads {HOSTILE}", measured_at=results.run.started
    )
    cells = list(results.cells)
    number = next(n for n, cell in enumerate(cells) if cell.status is Status.FAIL)
    cells[number] = cells[number].but(retries=(again,), flaky=True)
    opened = browser.new_page()
    path = write_reports(results.model_copy(update={"cells": tuple(cells)}), tmp_path)
    visit(opened, path.as_uri())
    assert "1 cell is flaky" in opened.locator("header").inner_text()
    opened.locator("#filters select[name=flaky]").select_option("yes")
    assert counted(opened, "1 of 50 cells")
    marked = first(opened, "fail")
    assert "±" in marked.inner_text()
    assert "flaky" in marked.get_attribute("aria-label")
    text = panel_of(opened, "fail").inner_text()
    assert "± Flaky: results of repeated measurements\n✓ pass loads </script>" in text
    opened.close()


def test_paper_shows_every_block(browser, tmp_path):
    # The first block, which is drawn when it comes into view, is below the answer.
    opened = browser.new_page(viewport={"width": 1280, "height": 1600})
    visit(opened, write_reports(make_results(scenarios=40), tmp_path).as_uri())
    assert opened.locator(".block table").count() < 80
    opened.emulate_media(media="print")
    opened.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.locator(".block table").count() == 80
    assert opened.locator("#filters").is_hidden()
    assert len(opened.pdf()) > 50_000
    opened.close()


@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_page_has_no_violations(browser, path, checked, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    axe = Axe()
    for report in (path, checked):
        visit(opened, report.as_uri())
        for fold in opened.locator("details").all():
            fold.evaluate("fold => { fold.open = true; }")
        for is_open in (False, True):
            if is_open:
                panel_of(opened, "fail")
            found = axe.run(opened)
            assert [
                (violation["id"], violation["nodes"][0]["html"][:200],
                 violation["nodes"][0]["failureSummary"])
                for violation in found.response["violations"]
            ] == []  # fmt: skip
            assert len(found.response["passes"]) > 20
    opened.close()
