"""The pages of the documentation that are made from the catalogue."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from kerasmatrix.diagnosis.catalogue import the_catalogue

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("catalogue_pages", DOCS / "catalogue_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(pages, tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    pages.write(folder)
    return folder / "catalogue"


def test_write_catalogue_gives_each_cause_and_fix_a_page(written):
    causes = {page.stem for page in (written / "causes").glob("*.md")} - {"index"}
    fixes = {page.stem for page in (written / "fixes").glob("*.md")} - {"index"}
    assert causes == {cause.slug for cause in the_catalogue().causes}
    assert fixes == {fix.id for fix in the_catalogue().remedies}


def test_write_again_removes_pages_of_former_causes(pages, tmp_path):
    pages.write(tmp_path)
    former = tmp_path / "catalogue/causes/former.md"
    former.write_text("# Former")
    pages.write(tmp_path)
    assert not former.exists()


def test_write_links_lead_to_pages(written):
    for page in written.rglob("*.md"):
        for target in re.findall(r"\]\((\.\./[^)#]+)\)", page.read_text()):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"


def test_cause_page_lists_advice_and_sources(pages):
    catalogue = the_catalogue()
    for cause in catalogue.causes:
        page = "\n".join(pages.cause_page(cause, catalogue))
        assert all(advice.do.rstrip(".") in page for advice in cause.advice)
        assert all(source in page for source in cause.sources)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"Unknown layer: ['\"]?Functional\b", "Unknown layer: Functional"),
        (r"(?s)deserializing class 'InputLayer'.*'batch_shape'", None),
        (r"TypeError: \(.*\) got", "TypeError: (…) got"),
        (r"layer [\w\pL]+ expects \d+ inputs?[,.]?", "layer … expects … inputs"),
        (r"name '(A|B|C|D|E|F|G|H|I)' is not", "name '(A|B|C|…)' is not"),
        (r"(?P<name>Adam|SGD) state", "(Adam|SGD) state"),
    ],
)
def test_readable_pattern_becomes_searchable_text(pages, pattern, text):
    expected = text or "deserializing class 'InputLayer'…'batch_shape'"
    assert pages.readable(pattern) == expected
