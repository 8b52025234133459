"""Rewrites a stored architecture as the Keras at hand would have written it.

A pure function of the architecture and of a reader (see `classes.Reader`). It changes the notation,
and drops arguments that the reader lacks. Whether the model is still the same, the caller measures.

`writer` goes through the objects; the rules are in the ``rewrite_`` modules: about classes, their
arguments, values, models, and the training configuration.
"""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

from .architecture import Stored
from .rewrite_models import MODELS, sequential_as_mapping
from .rewrite_training import write_training
from .writer import Writer, bare_name

__all__ = ["Rewritten", "rewrite"]


class Rewritten(NamedTuple):
    """A new architecture, what was changed, in short sentences, and classes to pass to the load."""

    config: dict
    training: dict | None
    changes: list
    custom_objects: dict


def rewrite(stored: Stored, reader: Any, functions: Any = ()) -> Rewritten:
    """Return ``stored`` as ``reader`` would have written it.

    Args:
        stored: the architecture.
        reader: the Keras at hand.
        functions: names for which the caller passes functions in place of Keras's own.
    """
    writer = Writer(stored, reader, functions)
    mapping = sequential_as_mapping(stored.config)
    if mapping != stored.config:
        writer.note("wrote a Sequential as a mapping, not as the list of its layers")
    config = writer.write(copy.deepcopy(mapping))
    if stored.archive and not writer.to_keras_3:
        # The outermost object in an archive has its module in every Keras that has archives.
        is_own = bare_name(config["class_name"]) not in MODELS
        registered = config["class_name"] if is_own else None
        config = dict(config, module=None if is_own else "keras", registered_name=registered)
    training = stored.training
    if training is not None:
        training = write_training(writer, copy.deepcopy(training))
    if config != stored.config or training != stored.training:
        writer.note("serialized it again with this Keras")
    return Rewritten(config, training, writer.changes, writer.experimental)
