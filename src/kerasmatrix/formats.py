"""The formats a model is stored in, and which Keras has them: data, with its source.

Support is declared here and never guessed from an error, so that a format that a version does
not know is `unsupported` and a format that it should know but cannot read is `fail`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True)
class Format:
    """A way to store a model. ``since`` is the first TensorFlow whose Keras writes and reads it."""

    name: str
    title: str
    since: tuple[int, int]
    since_source: str


FORMATS: dict[str, Format] = {
    form.name: form
    for form in (
        Format(
            name="h5",
            title="HDF5 file",
            since=(1, 15),
            since_source="in every release here; Keras 3 still writes it as a legacy format",
        ),
        Format(
            name="keras",
            title="Keras v3 archive",
            # A `.keras` path given to an older release yields HDF5 or a SavedModel under that
            # name: another format, measured under its own.
            since=(2, 12),
            since_source="keras v2.12.0 keras/saving/saving_lib.py; the TensorFlow 2.12 release "
            "notes call it the new Keras format",
        ),
        Format(
            name="savedmodel",
            title="SavedModel",
            since=(1, 15),
            since_source="Keras 2: model.save(format 'tf'); Keras 3: model.export, read back "
            "with TFSMLayer, as its migration guide says",
        ),
        Format(
            name="weights",
            title="weights only",
            since=(1, 15),
            since_source="in every release here",
        ),
    )
}
