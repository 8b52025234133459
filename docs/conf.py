"""Sphinx configuration. ``nox -s docs`` builds the site; warnings are errors."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

import boxes_bundle
import catalogue_pages
import class_pages
import release_pages

from kerasmatrix import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "kerasmatrix"
author = "The kerasmatrix authors"
release = version = __version__
extensions = ["myst_parser", "sphinx_click"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"kerasmatrix {__version__}"
html_show_copyright = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
templates_path = ["templates"]
exclude_patterns = ["boxes", "templates", "catalogue/parts"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nitpicky = True


def setup(app: Sphinx) -> None:
    """Write the pages that are made from data before Sphinx looks for pages."""
    app.connect("builder-inited", _write_pages)
    app.connect("build-finished", _bundle)
    app.connect("sphinx-click-process-description", _mark_code)


def _write_pages(app: Sphinx) -> None:
    for pages in (catalogue_pages, class_pages, release_pages):
        pages.write(Path(app.srcdir))


def _bundle(app: Sphinx, exception: Exception | None) -> None:
    """Write the scripts of the pages with a box next to the other files of the site."""
    if exception is None and app.builder.format == "html":
        boxes_bundle.write(Path(app.outdir, "_static", "boxes"))


def _mark_code(app: Sphinx, context: object, lines: list[str]) -> None:  # noqa: ARG001 - Sphinx's
    """Turn the Markdown code of help texts into that of reStructuredText."""
    lines[:] = [re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", line) for line in lines]
