"""Where a release's notes are. The addresses are shown as links; nothing is fetched."""

from __future__ import annotations

from typing import NamedTuple

from kerasmatrix.results.schema import EnvironmentResult

__all__ = ["ReleaseNotes", "release_notes"]

# How the projects tag their releases (their release pages).
PAGES = {
    "tensorflow": "https://github.com/tensorflow/tensorflow/releases/tag/v{version}",
    "tensorflow-cpu": "https://github.com/tensorflow/tensorflow/releases/tag/v{version}",
    "keras": "https://github.com/keras-team/keras/releases/tag/v{version}",
    "tf-keras": "https://github.com/keras-team/tf-keras/releases/tag/v{version}",
}
# Before it was part of TensorFlow's releases Keras tagged its own without a letter.
KERAS_WITHOUT_A_LETTER = ("2.2.", "2.3.", "2.4.")


class ReleaseNotes(NamedTuple):
    """The notes of one package in the version that an environment has."""

    package: str
    version: str
    address: str


def release_notes(environment: EnvironmentResult) -> list[ReleaseNotes]:
    """Return the notes of what makes an environment what it is, TensorFlow's first."""
    found = []
    for package, page in PAGES.items():
        version = environment.packages.get(package)
        if version is None:
            continue
        plain = package == "keras" and version.startswith(KERAS_WITHOUT_A_LETTER)
        address = page.replace("v{version}", "{version}") if plain else page
        found.append(ReleaseNotes(package, version, address.format(version=version)))
    return found
