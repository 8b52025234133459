"""Chromium for every test of this folder: one process for each module."""

import os
import shutil

import pytest

from kerasmatrix.report.documentation import VARIABLE

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run",
         # Pictures are to be the same on every machine.
         "--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb",
         "--hide-scrollbars"]  # fmt: skip
PATIENCE = 5000  # ms


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
        make = opened.new_page

        def patient(**options):
            """Limit the wait for a missing element, which is half a minute by default."""
            page = make(**options)
            page.set_default_timeout(PATIENCE)
            return page

        opened.new_page = patient
        yield opened
        opened.close()


@pytest.fixture(scope="session", autouse=True)
def _documentation_is_published():
    """Let reports link to the documentation, as those of a release do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "https://docs.example/kerasmatrix")
        yield
