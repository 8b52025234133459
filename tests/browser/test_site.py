"""The documentation, as `nox -s docs` has built it, is accessible and fits on narrow screens."""

import pytest

from tests.browser.boxes import skip_or_fail
from tests.real import ROOT

pytestmark = pytest.mark.browser

SITE = ROOT / "dist" / "docs"
# One of each kind: start, boxes, code and tables, generated from help and from data, Furo's own.
PAGES = ("index", "drop", "explain", "files", "commands", "upgrade/keras-2-to-3",
         "catalogue/causes/config-key-removed", "search", "genindex")  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _site_is_built():
    if not (SITE / "drop.html").is_file():
        skip_or_fail("the documentation is not built (nox -s docs)")


@pytest.mark.parametrize("width", [390, 1024, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_site_has_no_violations(browser, scheme, width):
    from axe_playwright_python.sync_playwright import Axe

    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    axe, found = Axe(), []
    for page in PAGES:
        opened.goto((SITE / f"{page}.html").as_uri())
        result = axe.run(opened).response
        assert len(result["passes"]) > 10
        found += [
            (page, violation["id"], violation["nodes"][0]["html"][:200])
            for violation in result["violations"]
        ]
        if opened.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((page, "scrolls sideways", ""))
    opened.close()
    assert found == []
