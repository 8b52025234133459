"""Finds the Keras that ran by the files in a traceback, which only some releases have."""

from __future__ import annotations

from packaging.version import Version

from kerasmatrix.diagnosis.keras_range import KerasRange
from kerasmatrix.text.patterns import Pattern

__all__ = ["reader_in_text"]

LONGEST = 100_000  # characters of a traceback, its end, that are searched
SEPARATOR = r"[/\\]"
# Keras moved its code into `keras/src` with 2.13, and has no `engine` there since 3.0.
FILES = tuple(
    (Pattern(path.replace("/", SEPARATOR)), KerasRange(Version(first), Version(last)))
    for path, first, last in (
        (
            r"packages/keras/src/(?:legacy|models|ops|trainers|callbacks/|layers/layer\.py|backend/\w+/)",
            *("3.0", "99"),
        ),
        (r"packages/keras/src/(?:engine|saving/legacy)/", "2.13", "2.15.99"),
        (r"packages/tf_keras/src/", "2.15", "2.99"),
        (
            r"packages/keras/(?:engine/(?:base_layer|functional|training)|saving/hdf5_format)",
            *("2.3", "2.12.99"),
        ),
        (r"packages/tensorflow/python/keras/(?:saving|engine)/", "2.2.4", "2.5.99"),
        (r"packages/tensorflow_core/python/keras/", "2.2.4", "2.3.1"),
    )
)


def reader_in_text(text: str) -> KerasRange | None:
    """Return the releases of Keras that ran, if the files in ``text`` are of one kind."""
    end = text[-LONGEST:]
    found = [releases for pattern, releases in FILES if pattern.is_in(end)]
    return found[0] if len(found) == 1 else None
