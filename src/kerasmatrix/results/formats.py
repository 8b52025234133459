"""The formats a model is stored in, and which releases write them: data, with its source.

Support is declared here and never guessed from an error, so that a format that a release cannot
write is `unsupported`. A release that cannot read what another wrote is `fail`: the program that
calls `load_model` fails there.
"""

from __future__ import annotations

from dataclasses import dataclass

from kerasmatrix.versions import minor_of

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True)
class Format:
    """A way to store a model.

    ``since`` is the first TensorFlow that writes it. Where ``until`` is set, later releases write
    the same file as the format ``later``, so that it has no rows of theirs. Up to ``hdf5_until``
    the file holds what the format ``h5`` does. Where ``needs_tensorflow``, Keras 3 neither writes
    nor reads it without TensorFlow, whatever its backend is.

    The methods take a version of TensorFlow, or None for Keras 3 without TensorFlow.
    """

    name: str
    title: str
    since: tuple[int, int]
    since_source: str
    until: tuple[int, int] | None = None
    later: str = ""
    hdf5_until: tuple[int, int] | None = None
    needs_tensorflow: bool = False

    def is_hdf5_by_another_name(self, tensorflow: str | None) -> bool:
        """Whether a release writes the content of the format ``h5``."""
        if self.hdf5_until is None or tensorflow is None:
            return False
        return minor_of(tensorflow) <= self.hdf5_until

    def why_not_read(self, tensorflow: str | None) -> str | None:
        """Say why a release is not asked to read this format, or None if it is."""
        if self.needs_tensorflow and tensorflow is None:
            return f"the format {self.name} needs TensorFlow, which is not installed"
        return None

    def why_not_written(self, tensorflow: str | None) -> str | None:
        """Say why a release does not write this format, or None if it does."""
        if tensorflow is None:
            later = f"Keras 3 writes the same file as the format {self.later}"
            return later if self.until else self.why_not_read(tensorflow)
        minor = minor_of(tensorflow)
        if minor < self.since:
            return (
                f"TensorFlow {tensorflow} has no format {self.name} "
                f"(it came with {self.since[0]}.{self.since[1]})"
            )
        if self.until is not None and minor > self.until:
            return f"TensorFlow {tensorflow} writes the same file as the format {self.later}"
        return None

    def has_rows(self, tensorflow: str | None) -> bool:
        """Whether the table has rows of this format for a release, if only to say that it lacks it.

        A format of some releases only has rows of theirs and no others.
        """
        return self.until is None or self.why_not_written(tensorflow) is None


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
            title="File with the ending .keras",
            since=(1, 15),
            since_source="measured: model.save('m.keras') writes HDF5 in TensorFlow 1.15 to 2.12, "
            "a Keras v3 archive from 2.13 on",
            hdf5_until=(2, 12),
        ),
        Format(
            name="keras-archive",
            title="Keras v3 archive, asked for by name",
            since=(2, 12),
            since_source="measured: in TensorFlow 2.12 the ending .keras and save_format='keras' "
            "give HDF5, save_format='keras_v3' the archive",
            until=(2, 12),
            later="keras",
        ),
        Format(
            name="savedmodel",
            title="SavedModel; from Keras 3 what model.export writes",
            since=(1, 15),
            since_source="Keras 2: model.save(format 'tf'); Keras 3: model.export, as its "
            "migration guide says",
            needs_tensorflow=True,
        ),
        Format(
            name="weights",
            title="weights only, into a model built by code",
            since=(1, 15),
            since_source="in every release here",
        ),
    )
}
