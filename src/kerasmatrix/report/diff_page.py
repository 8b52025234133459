"""The page of a difference between two model files: one file that needs no network or script."""

from __future__ import annotations

from markupsafe import Markup

from kerasmatrix.files.diff_result import Difference
from kerasmatrix.report.diff_text import rows_of, size_of_change
from kerasmatrix.report.html import hash_source, page_style, page_template

__all__ = ["render_diff"]

# The classes of the report's style by the change of a layer's architecture.
LOOKS = {
    "added": "fail", "removed": "fail", "changed": "drift", "renamed": "degraded", "same": "pass",
}  # fmt: skip


def render_diff(difference: Difference) -> str:
    """Return a difference as one HTML page, in the style of the report."""
    style = page_style()
    return page_template("diff.html.j2").render(
        difference=difference,
        rows=[(row, LOOKS[row.state]) for row in rows_of(difference)],
        retrained=[
            (layer.name, array)
            for layer in difference.layers
            if layer.weights
            for array in layer.weights.arrays
        ],
        size=size_of_change,
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src {hash_source(style)}",
        style=Markup(style),  # noqa: S704 - our own file
    )
