"""Finds what this package was installed from, so that a workflow can install the same."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from kerasmatrix import __version__
from kerasmatrix.text.redaction import mask_secrets

__all__ = ["Origin", "installed_from"]

# PEP 610: written by installers for everything that is not from an index.
RECORD = "direct_url.json"


class Origin(NamedTuple):
    """A requirement for pip, or a wheel on this machine that has to be copied first."""

    requirement: str
    wheel: Path | None = None
    trouble: str | None = None


def installed_from() -> Origin:
    """Return the origin of this package; a release of the index if nothing else is recorded."""
    release = Origin(f"kerasmatrix=={__version__}")
    try:
        record = importlib.metadata.distribution("kerasmatrix").read_text(RECORD)
        recorded: dict[str, Any] = json.loads(record) if record else {}
    except (importlib.metadata.PackageNotFoundError, ValueError):
        recorded = {}
    url = str(recorded.get("url", ""))
    parts = urlsplit(url)
    if "vcs_info" in recorded:
        info = recorded["vcs_info"]
        return Origin(f"kerasmatrix @ {info['vcs']}+{url}@{info['commit_id']}")
    if parts.scheme in {"http", "https"} and url == mask_secrets(url):
        return Origin(f"kerasmatrix @ {url}")
    path = Path(unquote(parts.path))
    if parts.scheme == "file" and path.suffix == ".whl" and path.is_file():
        return Origin(path.name, path)
    if not recorded:
        return release
    return release._replace(
        trouble=f"kerasmatrix was installed from {mask_secrets(url)}, "
        "which a workflow cannot install"
    )
