"""Operations of Keras 3 as expressions of TensorFlow, for readers without them.

In an expression ``{0}`` is the first argument of the call, and ``{axis}`` an argument of the
operation. (Source: keras/src/ops/numpy.py, nn.py and image.py of 3.15, and their functions in
keras/src/backend/tensorflow.)
"""

from __future__ import annotations

import string
from typing import Any

__all__ = ["EXPRESSIONS", "expression"]

REDUCED = {
    "Mean": "mean", "Sum": "sum", "Max": "max", "Min": "min", "Prod": "prod", "Var": "variance",
    "Std": "std",
}  # fmt: skip
# The function of TensorFlow for each operation with one argument.
UNARY = {
    "Absolute": "abs", "Abs": "abs", "Exp": "exp", "Log": "math.log", "Sqrt": "sqrt",
    "Square": "square", "Negative": "negative", "Sin": "sin", "Cos": "cos", "Tanh": "tanh",
    "Sigmoid": "sigmoid", "Relu": "nn.relu", "Relu6": "nn.relu6", "Softplus": "nn.softplus",
    "Elu": "nn.elu", "Selu": "nn.selu", "Sign": "sign", "Floor": "floor", "Ceil": "math.ceil",
    "Round": "round", "Rsqrt": "math.rsqrt", "Reciprocal": "math.reciprocal",
    "Log1p": "math.log1p", "Expm1": "math.expm1", "Erf": "math.erf",
}  # fmt: skip
BINARY = {
    "Maximum": "maximum", "Minimum": "minimum", "Matmul": "matmul", "Greater": "greater",
    "GreaterEqual": "greater_equal", "Less": "less", "LessEqual": "less_equal", "Equal": "equal",
    "NotEqual": "not_equal", "FloorDivide": "math.floordiv", "Mod": "math.floormod",
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "TrueDivide": "math.truediv",
    "Divide": "math.divide", "Power": "pow",
}  # fmt: skip
EXPRESSIONS = {
    **{
        name: f"tf.reduce_{kind}({{0}}, axis={{axis}}, keepdims={{keepdims}})"
        if kind not in ("variance", "std")
        else f"tf.math.reduce_{kind}({{0}}, axis={{axis}}, keepdims={{keepdims}})"
        for name, kind in REDUCED.items()
    },
    **{name: f"tf.{function}({{0}})" for name, function in UNARY.items()},
    **{name: f"tf.{function}({{0}}, {{1}})" for name, function in BINARY.items()},
    "Silu": "{0} * tf.sigmoid({0})",
    "Concatenate": "tf.concat({0}, axis={axis})",
    "Stack": "tf.stack({0}, axis={axis})",
    "Reshape": "tf.reshape({0}, {newshape})",
    "Transpose": "tf.transpose({0}, {axes})",
    "ExpandDims": "tf.expand_dims({0}, {axis})",
    "Squeeze": "tf.squeeze({0}, {axis})",
    "Clip": "tf.clip_by_value({0}, {x_min}, {x_max})",
    "Cast": "tf.cast({0}, {dtype})",
    "Softmax": "tf.nn.softmax({0}, axis={axis})",
    "Tile": "tf.tile({0}, {repeats})",
    "Resize": "tf.compat.v2.image.resize({0}, {size}, method={interpolation}, "
    "antialias={antialias})",
}
# Arguments with which these operations compute something else.
NOT_THESE = {"data_format": ("channels_first",), "crop_to_aspect_ratio": (True,)}


def expression(name: str, config: dict, arguments: list) -> str | None:
    """Return an operation as an expression; None if it is not known, or an argument is missing.

    Args:
        name: the class of the operation.
        config: its arguments.
        arguments: those of its call, as source.
    """
    pattern = EXPRESSIONS.get(name)
    if pattern is None or any(config.get(key) in values for key, values in NOT_THESE.items()):
        return None
    fields = {field for _, field, _, _ in string.Formatter().parse(pattern) if field}
    named = {key: _source(config[key]) for key in fields if key in config}
    if any(not field.isdigit() and field not in named for field in fields):
        return None
    if any(field.isdigit() and int(field) >= len(arguments) for field in fields):
        return None
    return pattern.format(*arguments, **named)


def _source(value: Any) -> str:
    """Return a value of a config as source; a tuple is an object there."""
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        value = value.get("items", value.get("config", {}).get("value"))
    return repr(value)
