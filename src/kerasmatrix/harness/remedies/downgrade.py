"""Takes from a stored graph what an older TensorFlow does not know, where nothing depends on it.

A graph says of each operation all its attributes, those that a later release has added as well,
and with them an older runtime refuses the whole. The file also says what the defaults were: an
attribute that has its default means what the older release does anyway. (measured: savedmodel,
tf2.15 to tf2.2: `exponential_avg_factor`, `validate_shape`)
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

__all__ = ["downgrade", "write_copy"]

# Operations without outputs whose effect a prediction does not need. DisableCopyOnRead (TF 2.13)
# only spares the writer of a checkpoint a copy (measured: savedmodel, tf2.21 to tf2.9).
WITHOUT_EFFECT = ("DisableCopyOnRead",)
# Attributes that say nothing about what is computed, whatever their value. A variable's name for
# debugging came with TF 2.12 or earlier (measured: savedmodel, tf2.12 to tf2.4).
WITHOUT_MEANING = ("VarHandleOp.debug_name",)


def downgrade(stored: Any) -> list:
    """Change a ``MetaGraphDef`` so that this runtime can read it; return what was done.

    What it does not know and cannot do without stays as it is, and is refused when it is loaded.
    """
    known = _known_operations()
    defaults = {
        operation.name: {each.name: each.default_value for each in operation.attr}
        for operation in stored.meta_info_def.stripped_op_list.op
    }
    left_out: set = set()
    graph = stored.graph_def
    _drop_operations(graph.node, known, left_out)
    for function in graph.library.function:
        dropped = _drop_operations(function.node_def, known, left_out)
        for name, node in list(function.control_ret.items()):
            if node in dropped:
                del function.control_ret[name]
                function.signature.control_output.remove(name)
    for nodes in [graph.node] + [function.node_def for function in graph.library.function]:
        for node in nodes:
            _drop_attributes(node, known, defaults, left_out)
    return [f"left out {name}" for name in sorted(left_out)]


def write_copy(path: str, stored: Any) -> str:
    """Return a new folder with ``stored`` in place of the graph of the SavedModel in ``path``."""
    from tensorflow.core.protobuf import saved_model_pb2

    copy = os.path.join(tempfile.mkdtemp(), "model")
    os.makedirs(copy)
    for name in ("variables", "assets"):
        if os.path.isdir(os.path.join(path, name)):
            os.symlink(os.path.abspath(os.path.join(path, name)), os.path.join(copy, name))
    changed = saved_model_pb2.SavedModel(saved_model_schema_version=1, meta_graphs=[stored])
    with open(os.path.join(copy, "saved_model.pb"), "wb") as handle:
        handle.write(changed.SerializeToString())
    return copy


def _known_operations() -> Any:
    """Return a function that gives the definition of an operation, or None."""
    from tensorflow.python.framework import op_def_registry

    if hasattr(op_def_registry, "get"):
        return op_def_registry.get
    return op_def_registry.get_registered_ops().get  # TF 1.15


def _drop_operations(nodes: Any, known: Any, left_out: set) -> set:
    """Remove nodes without effect of which this runtime has no definition; return their names."""
    dropped = {node.name for node in nodes if node.op in WITHOUT_EFFECT and known(node.op) is None}
    if not dropped:
        return dropped
    left_out.update(node.op for node in nodes if node.name in dropped)
    kept = [node for node in nodes if node.name not in dropped]
    for node in kept:
        inputs = [name for name in node.input if name.lstrip("^") not in dropped]
        if len(inputs) != len(node.input):
            del node.input[:]
            node.input.extend(inputs)
    del nodes[:]
    nodes.extend(kept)
    return dropped


def _drop_attributes(node: Any, known: Any, defaults: dict, left_out: set) -> None:
    definition = known(node.op)
    if definition is None:
        return
    names = {each.name for each in definition.attr}
    for name in list(node.attr):
        if name.startswith("_") or name in names:
            continue
        full = f"{node.op}.{name}"
        if full in WITHOUT_MEANING or defaults.get(node.op, {}).get(name) == node.attr[name]:
            del node.attr[name]
            left_out.add(full)
