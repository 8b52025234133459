"""Compares pages with their reference pictures, which were reviewed.

A page that is meant to look different gets new ones with `nox -s screenshots`.
"""

import base64
import io
import os
from pathlib import Path

import pytest

from tests.browser.pages import confirm_result, draw_all, fit_height, insert_rules, panel_of, visit
from tests.browser.samples import REPORTS
from tests.browser.test_layout import OLD_FAULT, WIDTHS

pytestmark = pytest.mark.browser

Image = pytest.importorskip("PIL.Image", reason="Pillow is in the dependency group `tests`")
pictures = pytest.importorskip("tests.browser.pictures")

HERE = Path(__file__).parent
REFERENCES = HERE / "screenshots"
LIMIT = 1_000_000
HEIGHT = 900
# Of a whole page; what is further down is in a picture of a wider window.
LONGEST = 3300
# Every machine has these; see fonts/README.md.
FACES = (
    ("Reference", "400", "DejaVuSans"),
    ("Reference", "700", "DejaVuSans-Bold"),
    ("Reference Mono", "400", "DejaVuSansMono"),
)
SET_IN = (
    "* { font-family: Reference !important; }",
    "code, code *, pre, pre * { font-family: 'Reference Mono' !important; }",
    # Letters are as wide as the font says, whatever the machine rounds them to.
    "* { text-rendering: geometricPrecision !important; }",
)
SCENES = [
    (report, scene, width, scheme)
    for report in REPORTS
    for scene in ("page", "panel")
    for width in WIDTHS
    for scheme in ("light", "dark")
]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return {name: write(tmp_path_factory.mktemp(name)) for name, write in REPORTS.items()}


@pytest.fixture
def show(browser, paths):
    """Open a scene and return its page, set in the fonts of the references."""
    opened = []

    def open_scene(report, scene, width, scheme):
        page = browser.new_page(
            viewport={"width": width, "height": HEIGHT}, color_scheme=scheme,
            reduced_motion="reduce", device_scale_factor=1,
        )  # fmt: skip
        opened.append(page)
        visit(page, paths[report].as_uri())
        set_in_reference_fonts(page)
        draw_all(page)
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        if scene == "page":
            fit_height(page, width)
        else:
            page.evaluate("window.scrollTo(0, 0)")
            page.locator("#causes").scroll_into_view_if_needed()
            panel_of(page, "fail")
            page.evaluate("window.scrollTo(0, 0)")
        page.mouse.move(0, 0)
        confirm_result(page)
        return page

    yield open_scene
    for page in opened:
        page.close()


def set_in_reference_fonts(page):
    faces = [
        (family, weight, base64.b64encode((HERE / "fonts" / f"{name}.woff2").read_bytes()).decode())
        for family, weight, name in FACES
    ]
    page.evaluate(
        """async faces => {
          for (const [family, weight, packed] of faces) {
            const bytes = Uint8Array.from(atob(packed), letter => letter.charCodeAt(0));
            document.fonts.add(await new FontFace(family, bytes.buffer, { weight }).load());
          }
        }""",
        faces,
    )
    insert_rules(page, *SET_IN)
    confirm_result(page)


def photograph(page):
    """Return the window as a reference would show it."""
    size = page.viewport_size
    window = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], LONGEST)}
    taken = page.screenshot(animations="disabled", caret="hide", clip=window)
    return pictures.to_reference(Image.open(io.BytesIO(taken)))


def reference_of(*scene):
    return REFERENCES / f"{'-'.join(map(str, scene))}.png"


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: "-".join(map(str, scene)))
def test_scene_looks_like_its_reference(show, scene, tmp_path):
    picture = photograph(show(*scene))
    path = reference_of(*scene)
    if os.environ.get("KERASMATRIX_UPDATE_SCREENSHOTS"):
        pictures.save(picture, path)
    found = pictures.compare(picture, Image.open(path))
    if not found.small:
        actual = tmp_path / path.name
        picture.save(actual)
        pytest.fail(
            f"{found.share:.1%} of {actual} differs from {path}, within {found.where}. Look at "
            "both; if the new look is meant, run: nox -s screenshots"
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_panel_with_the_old_fault_differs_from_its_reference(show, width, scheme):
    scene = ("matrix", "panel", width, scheme)
    page = show(*scene)
    insert_rules(page, OLD_FAULT)
    confirm_result(page)
    found = pictures.compare(photograph(page), Image.open(reference_of(*scene)))
    assert found.share > 2 * pictures.TOLERANCE


def test_references_are_of_every_scene_and_small():
    kept = sorted(REFERENCES.glob("*"))
    assert kept == sorted(reference_of(*scene) for scene in SCENES)
    assert sum(path.stat().st_size for path in kept) < LIMIT


def test_no_text_is_set_in_a_font_of_the_machine(show):
    """A sign that the fonts of the references lack would look different on every machine."""
    page = show("matrix", "page", 1440, "light")
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument", {"depth": 1})["root"]["nodeId"]
    found = session.send("DOM.querySelectorAll", {"nodeId": root, "selector": "body, body *"})
    own, others = 0, set()
    for node in found["nodeIds"]:
        for font in session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]:
            own += font["isCustomFont"]
            if not font["isCustomFont"]:
                others.add(font["familyName"])
    assert own > 100
    assert others == set()
