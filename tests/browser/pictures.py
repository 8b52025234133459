"""Compares pictures of pages as if seen from a distance.

Two machines never draw the same letters: edges are smoothed in another way, a line is a pixel off.
So both pictures are averaged over small squares, and a few of these may differ.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageChops

# References are kept at half their size and in few colours, which takes an eighth of the bytes.
SCALE = 2
COLOURS = 64
# Of a reference: squares of so many pixels a side are averaged, and count as different from so many
# of 255 levels on.
SQUARE = 8
LEVELS = 24
# The part of all squares that may be different.
TOLERANCE = 0.003


class Difference(NamedTuple):
    """How far a picture is from its reference: the share of squares, and where they are."""

    share: float
    where: tuple[int, int, int, int] | None

    @property
    def small(self) -> bool:
        return self.share <= TOLERANCE


def to_reference(picture: Image.Image) -> Image.Image:
    """Return a picture as references are kept."""
    return picture.convert("RGB").reduce(SCALE)


def save(picture: Image.Image, path: Path) -> None:
    """Write a picture that is made by ``to_reference``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    few = picture.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def compare(picture: Image.Image, reference: Image.Image) -> Difference:
    """Compare two pictures that are made by ``to_reference``.

    The part by which one is longer counts as different.
    """
    width, height = (max(sides) for sides in zip(picture.size, reference.size, strict=True))
    few = [
        _enlarged(each.convert("RGB"), width, height).reduce(SQUARE)
        for each in (picture, reference)
    ]
    bands = ImageChops.difference(*few).split()
    largest = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    marked = largest.point(lambda level: 255 if level >= LEVELS else 0)
    share = marked.histogram()[255] / (marked.width * marked.height)
    box = marked.getbbox()
    where = None if box is None else tuple(side * SQUARE * SCALE for side in box)
    return Difference(share, where)


def _enlarged(picture: Image.Image, width: int, height: int) -> Image.Image:
    # No page has this colour.
    ground = Image.new("RGB", (width, height), (255, 0, 255))
    ground.paste(picture)
    return ground
