"""A site of the pages with a box, as the documentation has them, without its other pages."""

import importlib.util
import os

import pytest

from tests.real import ROOT

DOCS = ROOT / "docs"
POLICY = '<meta http-equiv="Content-Security-Policy" content="connect-src \'none\'">'
STARTED = 120_000  # ms, on a machine with other work


def skip_or_fail(reason):
    """Skip a test, or fail where it has to run."""
    if os.environ.get("KERASMATRIX_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


def write_site(folder, *names):
    """Write the pages into ``folder``, and return their addresses by name."""
    spec = importlib.util.spec_from_file_location("boxes_bundle", DOCS / "boxes_bundle.py")
    bundle = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bundle)
    if not bundle.is_installed():
        skip_or_fail("the packages of the pages with a box are not installed (nox -s docs)")
    bundle.write(folder / "_static" / "boxes")
    addresses = {}
    for name in names:
        box = (DOCS / "boxes" / f"{name}.html").read_text()
        head = f'<meta charset="utf-8">{POLICY}'
        page = folder / f"{name}.html"
        page.write_text(f"<!doctype html><head>{head}</head><body>{box}</body>")
        addresses[name] = page.as_uri()
    return addresses


def open_page(browser, address):
    """Open a page that notes in ``asked`` which addresses it asks for."""
    page = browser.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.goto(address)
    return page
