"""The pages of the documentation that are made from data."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import pytest

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.prediction.class_support import cells_of
from kerasmatrix.prediction.keras_api import measured_api
from kerasmatrix.prediction.zoo import PLAINEST, measured_zoo, plainest_of

DOCS = Path(__file__).parents[2] / "docs"


LINK = re.compile(r"\]\((\.\./[^)#]+|[\w.-]+\.md)\)")


@pytest.fixture(scope="module")
def module():
    """Return a function that imports a module of the documentation."""
    sys.path.insert(0, str(DOCS))
    yield importlib.import_module
    sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def pages(module):
    return module("catalogue_pages")


@pytest.fixture(scope="module")
def written(module, tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    for page in ("zoo.md", "prediction.md", "explain.md"):
        (folder / page).touch()
    for name in ("catalogue_pages", "class_pages", "release_pages"):
        module(name).write(folder)
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


def test_write_again_leaves_equal_pages_alone(written, pages):
    page = written / "causes/index.md"
    before = page.stat().st_mtime_ns
    pages.write(written.parent)
    assert page.stat().st_mtime_ns == before


def test_write_links_lead_to_pages(written):
    found = 0
    for page in written.rglob("*.md"):
        for target in LINK.findall(page.read_text()):
            found += 1
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
    assert found > 1000


def test_parts_of_guides_link_from_the_root(written):
    for part in (written / "parts").glob("*.md"):
        targets = re.findall(r"\]\(([^)]+)\)", part.read_text())
        assert targets, part.name
        assert all((written.parent / target.lstrip("/")).is_file() for target in targets)


def test_each_measured_class_has_a_page_with_its_cells(module, written):
    zoo = measured_zoo()
    for exhibits in module("class_pages").exhibits_by_class(zoo):
        name = module("class_pages").page_of(exhibits[0])
        page = (written / "classes" / f"{name}.md").read_text()
        passed = sum(what == "pass" for what in cells_of(zoo, exhibits[0]).values())
        assert page.count("| ✓") == passed


def test_pages_of_classes_differ_without_case(written):
    names = [page.name.lower() for page in (written / "classes").iterdir()]
    assert len(set(names)) == len(names)


def test_cause_page_names_classes_that_fail_for_it(written):
    page = (written / "causes" / "config-key-removed.md").read_text()
    assert "[LSTM](../classes/layers.LSTM.md)" in page.partition("## Measured")[2]
    assert "## Measured" not in (written / "causes" / "custom-class-missing.md").read_text()


def test_step_counts_every_exhibit_that_was_saved(module):
    release_pages, zoo = module("release_pages"), measured_zoo()
    for old, new in release_pages.measured_steps(zoo):
        results = release_pages._change(zoo, "h5", old, new).results
        exhibits = [exhibit for name in zoo.classes for exhibit in zoo.of_class(name)]
        both = [exhibit for exhibit in exhibits if {old, new} <= set(zoo.among(exhibit))]
        own = [cells_of(zoo, exhibit).get(("h5", old, old), "unsaved") for exhibit in both]
        assert results.total() == sum(not what.startswith("unsaved") for what in own)


def test_left_out_are_cells_where_no_plainest_model_loads(module):
    release_pages, zoo = module("release_pages"), measured_zoo()
    plainest = {name: each for names in PLAINEST for name in names
                for each in zoo.of_class(name.split("/")[1]) if each.name == name}  # fmt: skip
    for step in release_pages.measured_steps(zoo):
        for form in ("h5", "keras"):
            for exhibit in release_pages._change(zoo, form, *step).left_out:
                outcomes = [zoo.outcome(plainest[name], form, *step) or ""
                            for name in plainest_of(exhibit.name)]  # fmt: skip
                assert not any(what.startswith(("pass", "degraded")) for what in outcomes)


def test_class_page_gives_keras_no_cause_of_custom_classes(written):
    for page in (written / "classes").glob("*.md"):
        assert "causes/custom-" not in page.read_text()


def test_each_surveyed_release_but_the_first_has_a_page(written):
    pages = {page.stem.removeprefix("keras-") for page in (written / "releases").glob("keras*.md")}
    assert pages == set(measured_api().releases[1:])


def test_cause_page_lists_advice_and_sources(pages):
    catalogue = the_catalogue()
    for cause in catalogue.causes:
        page = "\n".join(pages.cause_page(cause, catalogue))
        assert all(advice.do.rstrip(".") in page for advice in cause.advice)
        assert all(source in page for source in cause.sources)


def test_cause_page_has_no_row_without_a_text_or_condition(written):
    for page in (written / "causes").glob("*.md"):
        assert "|  |  |" not in page.read_text(), page.name


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
