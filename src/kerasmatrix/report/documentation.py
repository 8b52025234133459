"""The address of the published documentation, to which reports link."""

from __future__ import annotations

import importlib.metadata
import os
from functools import cache

__all__ = ["VARIABLE", "cause_page", "documentation"]

# A fork that publishes the site sets this, or `Documentation` under [project.urls].
VARIABLE = "KERASMATRIX_DOCUMENTATION"
PLACEHOLDER = "//OWNER."


def documentation() -> str | None:
    """Return the address of the site that ``nox -s docs`` builds; None if none is published."""
    address = os.environ.get(VARIABLE) or _of_package()
    if not address.startswith(("https://", "http://")) or PLACEHOLDER in address:
        return None
    return address.rstrip("/")


def cause_page(slug: str) -> str | None:
    """Return the address of a cause's page in the documentation; None if none is published."""
    site = documentation()
    return f"{site}/catalogue/causes/{slug}.html" if site else None


@cache
def _of_package() -> str:
    try:
        urls = importlib.metadata.metadata("kerasmatrix").get_all("Project-URL") or []
    except importlib.metadata.PackageNotFoundError:  # a checkout that is not installed
        return ""
    named: dict[str, str] = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "")
