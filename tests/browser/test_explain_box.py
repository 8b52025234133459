"""The box of the explain page answers as the command does, from a disk and without a network."""

import json

import pytest

from kerasmatrix.diagnosis.atlas import the_atlas
from kerasmatrix.diagnosis.explain import explain_message
from tests.browser.boxes import STARTED, open_page, write_site
from tests.unit.diagnosis.messages import MESSAGES
from tests.unit.diagnosis.reported_messages import REPORTED

pytestmark = pytest.mark.browser

EACH = 40  # templates of the atlas for one that is asked
TRACEBACK = """\
Traceback (most recent call last):
  File "app.py", line 3, in <module>
    model = load_model("m.h5")
  File "/v/lib/python3.8/site-packages/tensorflow/python/keras/saving/save.py", line 206
ValueError: Unknown layer: Functional
"""


@pytest.fixture(scope="module")
def box(browser, tmp_path_factory):
    """Return the page with Python started."""
    page = open_page(browser, write_site(tmp_path_factory.mktemp("site"), "explain")["explain"])
    page.locator("#explain-text").fill("ValueError: Unknown layer: Functional")
    page.locator("#explain-box button").click()
    page.locator("#explain-answer").wait_for(timeout=STARTED)
    return page


def stored_messages():
    found = [text for texts in REPORTED.values() for text in texts]
    for evidences in MESSAGES.values():
        for evidence in evidences:
            chain = [f"{kind}: {message}" for kind, message in evidence.chain]
            found += [*chain, "\n\nDuring handling of the above exception:\n\n".join(chain[::-1])]
            found.append(evidence.log)
    found += [one.text.replace("{}", "x1") for one in the_atlas()[::EACH]]
    return [TRACEBACK, *filter(str.strip, dict.fromkeys(found))]


def asked(page, text, *facts):
    return page.evaluate("async asked => explainError(...asked)", [text, *facts])


def expected(text, *facts):
    return json.loads(explain_message(text, *(fact or None for fact in facts)).model_dump_json())


def test_box_and_command_agree_on_stored_messages(box):
    messages = stored_messages()
    answers = box.evaluate(
        "async texts => { const all = []; for (const text of texts) all.push(await"
        " explainError(text)); return all }",
        messages,
    )
    assert [text for text, answer in zip(messages, answers, strict=True)
            if answer != expected(text)] == []  # fmt: skip
    assert sum(bool(answer["cause"]) for answer in answers) > 200


@pytest.mark.parametrize(
    "facts",
    [("tf2.4", "", ""), ("", "tf2.15", "h5"), ("keras3.4.1", "2.16-2.21", "keras")],
)
def test_box_and_command_agree_on_stated_versions(box, facts):
    for texts in REPORTED.values():
        assert asked(box, texts[0], *facts) == expected(texts[0], *facts)


def test_box_asks_no_server(box):
    assert {url.split(":")[0] for url in box.asked} <= {"file", "blob"}


def test_box_shows_cause_with_link_and_fixes(box):
    answer = box.locator("#explain-answer")
    found = explain_message("ValueError: Unknown layer: Functional")
    link = answer.locator("h2 a")
    assert link.inner_text() == found.cause.story.replace("`", "")
    assert link.get_attribute("href") == f"catalogue/causes/{found.cause.slug}.html"
    assert answer.locator("li").count() >= len(found.advice)


def test_box_asks_for_facts_by_its_own_fields(box):
    message = "ModuleNotFoundError: No module named 'keras.api'"
    assert any("pass --loaded-with" in need for need in explain_message(message).needs)
    box.locator("#explain-text").fill(message)
    box.locator("#explain-box button").click()
    box.locator("#explain-answer li", has_text="enter it above").first.wait_for()
    assert box.locator("#explain-saved").is_visible()
    assert "pass --" not in box.locator("#explain-answer").inner_text()


def test_box_names_error_of_user(box):
    box.locator("#explain-text").fill(" ")
    box.locator("#explain-box button").click()
    state = box.locator("#explain-state", has_text="nothing to explain")
    state.wait_for()
    assert not box.locator("#explain-answer").is_visible()


def test_box_shows_hostile_text_as_text(box):
    box.locator("#explain-text").fill("ValueError: Unknown layer: <img src=x onerror=alert(1)>")
    box.locator("#explain-box button").click()
    box.locator("#explain-box button:not([disabled])").wait_for()
    assert box.locator("#explain-answer img").count() == 0
