"""Rules about the classes in a stored architecture: which class of the reader stands for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .writer import Writer

__all__ = ["KerasClass", "find", "rename", "substitute"]

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
# Initializers that were functions up to TensorFlow 2.3: scale and distribution of the class that
# they returned (tensorflow/python/ops/init_ops_v2.py; measured: objects_as_arguments as h5, tf2.15
# to tf2.2).
SCALED = {
    "HeNormal": (2.0, "truncated_normal"),
    "HeUniform": (2.0, "uniform"),
    "LecunNormal": (1.0, "truncated_normal"),
    "LecunUniform": (1.0, "uniform"),
}


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


def substitute(writer: Writer, name: str, config: dict) -> tuple:
    """Return an equivalent class and its config; (None, config) if there is none."""
    for what, rule in SUBSTITUTES:
        replacement = rule(name, config)
        if replacement is None:
            continue
        kind = find(writer, replacement[0])
        if kind is not None:
            writer.note(f"wrote {what} {name} as {kind.name}")
            return kind, replacement[1]
    return None, config


def _l1_or_l2(name: str, config: dict) -> tuple | None:
    return ("L1L2", config) if name in ("L1", "L2") else None


def _scaled_initializer(name: str, config: dict) -> tuple | None:
    if name not in SCALED:
        return None
    scale, distribution = SCALED[name]
    return "VarianceScaling", dict(
        scale=scale, mode="fan_in", distribution=distribution, seed=config.get("seed")
    )


# Functions that return another class and its config, or None.
SUBSTITUTES = (("regularizer", _l1_or_l2), ("initializer", _scaled_initializer))
