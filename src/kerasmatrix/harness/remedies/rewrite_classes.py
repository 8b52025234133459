"""Rules about the classes in a stored architecture: which class of the reader stands for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import lambdas, substitutes

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["OLDER_PLACE", "KerasClass", "find", "is_usable", "rename", "substitute"]

# The same class under an earlier name (TensorFlow 1.15's `tf.keras` has both).
RENAMED = {
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "LSTMV2": "LSTM",
    "GRUV2": "GRU",
    # Keras 3.0 to 3.4 write the first of its two public names (measured: lstm as h5, tf2.16 to
    # tf2.12).
    "OrthogonalInitializer": "Orthogonal",
    "IdentityInitializer": "Identity",
}


# Where preprocessing layers are up to TensorFlow 2.5.
OLDER_PLACE = "layers.experimental"


class KerasClass(NamedTuple):
    """A class of the reader, its name, and the module of Keras that it is in."""

    type: Any
    name: str
    place: str


def rename(writer: Writer, name: str) -> str:
    """Return the later name of a class."""
    if name not in RENAMED:
        return name
    writer.note(f"renamed class {name} to {RENAMED[name]}")
    return RENAMED[name]


def find(writer: Writer, name: str, module: str = "") -> KerasClass | None:
    """Return the reader's class called ``name``; None if it has none.

    Args:
        writer: with the reader.
        name: the name of the class.
        module: where the file says that the class is.
    """
    place = module.partition("keras.")[2]
    # Losses and metrics share names. Other places changed between releases.
    match = writer.reader.find(name, place if place in ("losses", "metrics") else "")
    return None if match is None else KerasClass(match[0], name, match[1])


def is_usable(kind: KerasClass, config: dict) -> bool:
    """Return whether the reader's class can do what the config says."""
    if substitutes.is_never_usable(kind.name):
        return False
    # Up to TensorFlow 2.5 a Normalization has weights also for statistics that it is given.
    is_given = kind.name == "Normalization" and config.get("mean") is not None
    return not (is_given and kind.place.startswith(OLDER_PLACE))


def substitute(writer: Writer, name: str, config: dict) -> tuple:
    """Return an equivalent class and its config; (None, config) if there is none."""
    found = substitutes.find_substitute(name, config)
    kind = find(writer, found.name) if found is not None else None
    if found is None or kind is None:
        return None, config
    writer.note(found.note or f"wrote {name} as {kind.name}")
    if found.source:
        return kind, lambdas.of_source(found.source, str(config.get("name")))
    return kind, found.config
