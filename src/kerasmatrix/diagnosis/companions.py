"""Says which releases of the packages that build on TensorFlow fit which TensorFlow."""

from __future__ import annotations

from functools import cache
from importlib import resources

import yaml

from kerasmatrix.text.patterns import Pattern
from kerasmatrix.versions import minor_text

__all__ = ["fact_about"]

# Messages of these packages name the TensorFlow that they find.
FOUND = Pattern(
    r"(?i)(?:Detected an installation of version|you are currently using is"
    r"|\btensorflow(?:-cpu|-gpu|-macos|-intel)?==) ?(?P<version>\d+\.\d+)"
)


def fact_about(package: str, text: str = "") -> str | None:
    """Return what is known of a package, by the name under which it is imported.

    If ``text`` says which TensorFlow is installed, the release for that one is named.
    """
    entry = _packages().get(package)
    if entry is None:
        return None
    releases = [pair.split("=") for pair in entry.get("made_for", "").split()]
    installed = next((found["version"] for found in FOUND.found_in(text)), None)
    fitting = [pair for pair in releases if minor_text(pair[1]) == installed]
    listed = ", ".join(f"{release} for {tensorflow}" for release, tensorflow in fitting or releases)
    made = f"{entry['install']} is made for one TensorFlow: {listed}" if listed else ""
    note = entry.get("note", "")
    return "; ".join(part for part in (made, note if made else f"{package}: {note}") if part)


@cache
def _packages() -> dict[str, dict[str, str]]:
    text = resources.files("kerasmatrix.diagnosis").joinpath("companions.yaml").read_text("utf-8")
    return dict(yaml.safe_load(text)["packages"])
