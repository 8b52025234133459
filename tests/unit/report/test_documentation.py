"""Links to the documentation, which is published somewhere or nowhere."""

import importlib.metadata

import pytest

from kerasmatrix.report import documentation
from kerasmatrix.report.documentation import VARIABLE, cause_page
from kerasmatrix.report.html import render_html
from tests.unit.report.factory import make_results

SITE = "https://docs.example/keras"


@pytest.fixture
def project(monkeypatch):
    """Return a function that sets the address in the package, in place of the installed one."""
    monkeypatch.delenv(VARIABLE, raising=False)
    documentation._of_package.cache_clear()

    def project(*urls):
        class Metadata:
            def get_all(self, _):
                return list(urls) or None

        monkeypatch.setattr(importlib.metadata, "metadata", lambda _: Metadata())

    yield project
    documentation._of_package.cache_clear()


def test_cause_page_uses_address_of_package(project):
    project("Source, https://git.example/keras", f"Documentation, {SITE}/")
    assert cause_page("savedmodel") == f"{SITE}/catalogue/causes/savedmodel.html"


def test_cause_page_prefers_address_of_variable(project, monkeypatch):
    project("Documentation, https://other.example")
    monkeypatch.setenv(VARIABLE, SITE)
    assert cause_page("savedmodel") == f"{SITE}/catalogue/causes/savedmodel.html"


@pytest.mark.parametrize(
    "urls",
    [
        (),
        ("Source, https://git.example/keras",),
        ("Documentation, https://OWNER.github.io/kerasmatrix",),
        ("Documentation, javascript:alert(1)",),
    ],
)
def test_cause_page_is_none_without_published_site(project, urls):
    project(*urls)
    assert cause_page("savedmodel") is None


def test_html_links_to_documentation_only_if_published(project, monkeypatch):
    project()
    assert "in the documentation</a>" not in render_html(make_results())
    monkeypatch.setenv(VARIABLE, SITE)
    assert f'href="{SITE}/catalogue/causes/' in render_html(make_results())
