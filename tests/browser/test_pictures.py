"""The comparison of pictures: what it lets pass, and what it finds."""

import pytest

Image = pytest.importorskip("PIL.Image", reason="Pillow is in the dependency group `tests`")
ImageDraw = pytest.importorskip("PIL.ImageDraw")
pictures = pytest.importorskip("tests.browser.pictures")


def draw(*, shift=0, height=600, ink=(30, 30, 30), box=True):
    """Return a page with lines of grey and, if asked for, a box of colour in a corner."""
    picture = Image.new("RGB", (800, height), "white")
    pen = ImageDraw.Draw(picture)
    for top in range(20, 580, 20):
        for left in range(20, 600, 7):
            pen.line((left + shift, top, left + shift, top + 9), fill=ink)
    if box:
        pen.rectangle((650, 30, 720, 60), fill=(214, 69, 65))
    return pictures.to_reference(picture)


def test_compare_with_itself_finds_nothing():
    assert pictures.compare(draw(), draw()) == (0.0, None)


def test_compare_with_letters_a_pixel_off_passes():
    assert pictures.compare(draw(shift=1), draw()).small


def test_compare_with_letters_a_shade_off_passes():
    assert pictures.compare(draw(ink=(50, 50, 50)), draw()).small


def test_compare_without_a_box_fails():
    found = pictures.compare(draw(box=False), draw())
    assert not found.small
    left, top, right, bottom = found.where
    assert left >= 640
    assert top >= 16
    assert right <= 736
    assert bottom <= 64


def test_compare_with_a_longer_page_fails():
    assert not pictures.compare(draw(height=640), draw()).small


def test_saved_reference_is_near_its_picture(tmp_path):
    pictures.save(draw(), tmp_path / "folder" / "page.png")
    assert pictures.compare(draw(), Image.open(tmp_path / "folder" / "page.png")).share == 0
