"""The requirements of a model's architecture on its inputs, read from its config alone.

Values are followed from each input through layers that pass them on unchanged (Reshape,
Concatenate, casts, nested models), to the layers that give them a meaning: an Embedding takes
indices, a StringLookup words, a Rescaling pixels. Sizes are followed through strides and pools.
The config may be of any Keras; none is imported here.
"""

from __future__ import annotations

import math
from typing import Any

__all__ = ["Wanted", "wanted_inputs"]

# Layers that pass on their input values, or some of them.
PASSES_ON = {
    "InputLayer", "Reshape", "Flatten", "Permute", "RepeatVector", "Concatenate", "Masking",
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "ActivityRegularization",
    "Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
    "UpSampling1D", "UpSampling2D", "UpSampling3D", "Identity", "Merge", "Lambda", "CenterCrop",
    "RandomCrop", "RandomFlip", "RandomTranslation", "RandomRotation", "Resizing", "GaussianNoise",
    "GaussianDropout", "AlphaDropout", "ModuleWrapper",
    "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "GlobalMaxPooling1D", "GlobalMaxPool1D",
    # Operations of Keras 3.
    "Cast", "ExpandDims", "Squeeze", "Transpose", "GetItem", "Stack", "Split", "Ravel", "Slice",
    "Repeat", "Tile", "Unstack", "Copy", "SlicingOpLambda", "StopGradient",
}  # fmt: skip
# Operations of TensorFlow, by the end of their name in a TFOpLambda or TensorFlowOpLayer.
PASSING_OPERATIONS = {
    "reshape", "concat", "concatv2", "cast", "expand_dims", "expanddims", "squeeze", "transpose",
    "strided_slice", "stridedslice", "identity", "stack", "pack", "split", "unstack", "unpack",
    "__getitem__", "getitem", "flatten", "tile", "slice", "stop_gradient", "to_int32", "to_int64",
    "to_float", "placeholder",
}  # fmt: skip
OPERATION_LAYERS = {"TFOpLambda", "TensorFlowOpLayer", "SlicingOpLambda"}
ONE_HOT = {"OneHot", "one_hot", "onehot"}
TEXTS = {"StringLookup", "TextVectorization"}
# Names of the argument that limits indices, in layers of Keras and of users.
INDEX_LIMITS = ("vocab_size", "vocabulary_size", "num_embeddings", "num_tokens", "max_tokens")
PIXELS = 1.0 / 16  # a Rescaling by less than this is for numbers up to 255
GLOBAL = "Global"
VALID = "valid"
MOST_NESTED = 50
MOST_LAYERS = 50_000


class Wanted:
    """The requirements on an input, by the layers that its values reach.

    Attributes:
        name: of the input.
        below: indices must be smaller; None if it is not an index.
        text: whether it is text; ``words`` are some that the model knows.
        integers: whether it is a key of a lookup; ``known`` are some keys.
        pixels: whether it has numbers from 0 to 255.
        mean: the mean with which the model normalizes it, with ``deviation``.
        factor: a free size must be a multiple of it.
        least: a free size must not be below it.
        shape: the shape with which the first layer was built; None if unknown.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.below: int | None = None
        self.text = False
        self.words: list = []
        self.integers = False
        self.known: list = []
        self.pixels = False
        self.mean: list | None = None
        self.deviation: list | None = None
        self.factor = 1
        self.least = 1
        self.shape: list | None = None

    def limit(self, number: Any) -> None:
        """Note that indices must be below ``number``."""
        if isinstance(number, int) and not isinstance(number, bool) and number > 0:
            self.below = number if self.below is None else min(self.below, number)


class _Flow:
    """A tensor in the graph: the inputs whose values it has, and the reduction of sizes.

    ``sizes`` has for each input on which it depends the product of strides on the way, and by how
    much the input must at least be larger than one.
    """

    def __init__(self, values: frozenset = frozenset(), sizes: dict | None = None) -> None:
        self.values = values
        self.sizes: dict = sizes or {}


class _Inputs(list):
    """The requirements on each input, and how many more layers may be visited.

    A model that contains another twice, which contains another twice, has exponentially many paths.
    """

    left = MOST_LAYERS


def wanted_inputs(config: Any) -> list:
    """Return the requirements on each input of a model, in the order of its inputs.

    Args:
        config: the config of a Functional or Sequential model; or a dict with its ``class_name``
            and ``config``.

    Returns:
        An empty list if the config does not describe such a model.
    """
    if isinstance(config, dict) and "class_name" in config and "config" in config:
        config = config["config"]
    if isinstance(config, list):  # a Sequential of Keras 2.2 and before
        config = {"layers": config}
    if not isinstance(config, dict) or not isinstance(config.get("layers"), list):
        return []
    names = _input_names(config)
    found = _Inputs(Wanted(name) for name in names)
    flows = [_Flow(frozenset([number]), {number: (1, 0)}) for number in range(len(found))]
    _walk(config, flows, found, 0)
    return list(found)


def _input_names(config: dict) -> list:
    if "input_layers" not in config:
        first = config["layers"][0] if config["layers"] else {}
        return [_name(first)] if isinstance(first, dict) else []
    return [reference[0] for reference in _references(config["input_layers"], None)]


def _walk(config: dict, given: list, found: _Inputs, depth: int) -> list:
    """Follow the tensors ``given`` to a model through its layers; return its outputs."""
    if depth > MOST_NESTED:
        return [_Flow()]
    if "input_layers" not in config:
        flow = given[0] if given else _Flow()
        for layer in config["layers"]:
            if isinstance(layer, dict):
                flow = _through(layer, [flow], found, depth)[0]
        return [flow]
    layers = [layer for layer in config["layers"] if isinstance(layer, dict)]
    names = {_name(layer) for layer in layers}
    known: dict = dict(zip(_references(config["input_layers"], names), given))
    waiting = [
        (_name(layer), number, layer, _references(node, names))
        for layer in layers
        for number, node in enumerate(layer.get("inbound_nodes") or [])
    ]
    progress = True
    while waiting and progress:
        progress, later = False, []
        for name, number, layer, references in waiting:
            if any(reference not in known for reference in references) and not _given_up(
                references, known
            ):
                later.append((name, number, layer, references))
                continue
            flows = [known[reference] for reference in references if reference in known]
            for index, flow in enumerate(_through(layer, flows, found, depth)):
                known[name, number, index] = flow
            progress = True
        waiting = later
    outputs = _references(config.get("output_layers"), names)
    return [known.get(reference, _Flow()) for reference in outputs] or [_Flow()]


def _given_up(references: list, known: dict) -> bool:
    """Whether only further outputs are missing, of layers whose first output is known."""
    return all(
        reference in known or (reference[2] > 0 and (*reference[:2], 0) in known)
        for reference in references
    )


def _references(node: Any, names: set | None, depth: int = 0) -> list:
    """Return the tensors in a node, as (layer, node, tensor), in order.

    Releases write them in different nestings of lists and dicts.
    """
    if depth > MOST_NESTED:
        return []
    if isinstance(node, dict):
        return [
            found
            for key in sorted(node, key=str)
            for found in _references(node[key], names, depth + 1)
        ]
    if not isinstance(node, (list, tuple)):
        return []
    if (
        len(node) >= 3  # noqa: PLR2004 - layer, node, tensor
        and isinstance(node[0], str)
        and type(node[1]) is int
        and type(node[2]) is int
        and (names is None or node[0] in names)
    ):
        rest = [found for part in node[3:] for found in _references(part, names, depth + 1)]
        return [(node[0], node[1], node[2]), *rest]
    return [found for part in node for found in _references(part, names, depth + 1)]


def _through(layer: dict, flows: list, found: _Inputs, depth: int) -> list:
    """Return the outputs of a layer; note its requirements on the inputs whose values it has."""
    found.left -= 1
    if found.left < 0:
        return [_Flow()]
    config = layer.get("config")
    config = config if isinstance(config, dict) else {}
    kind = str(layer.get("class_name", "")).rpartition(">")[2]
    if isinstance(config.get("layers"), list):
        return _walk(config, flows, found, depth + 1)
    inner = config.get("layer")
    if isinstance(inner, dict) and "class_name" in inner:  # a wrapper
        return _through(inner, flows, found, depth + 1)
    values: frozenset = frozenset().union(*(flow.values for flow in flows))
    sizes = _resized(kind, config, _together(flows))
    for number, (stride, more) in sizes.items():
        wanted = found[number]
        wanted.factor = max(wanted.factor, stride)
        wanted.least = max(wanted.least, more + stride)
    for number in values:
        _ask(found[number], kind, config, layer)
    return [_Flow(values if _passes_on(kind, config, layer) else frozenset(), sizes)]


def _together(flows: list) -> dict:
    sizes: dict = {}
    for flow in flows:
        for number, (stride, more) in flow.sizes.items():
            before = sizes.get(number, (1, 0))
            sizes[number] = (max(before[0], stride), max(before[1], more))
    return sizes


def _resized(kind: str, config: dict, sizes: dict) -> dict:
    """Return the sizes after a layer: strides multiply, kernels without padding add."""
    if kind.startswith(GLOBAL):
        return sizes
    stride, window = _largest(config.get("strides")), 1
    if "Pool" in kind:
        window = _largest(config.get("pool_size"), config.get("pool_length"))
        stride = stride if config.get("strides") is not None else window
    elif "kernel_size" in config:
        window = 1 + (_largest(config["kernel_size"]) - 1) * _largest(config.get("dilation_rate"))
    elif kind.startswith("UpSampling"):
        up = _largest(config.get("size"), config.get("length"))
        return {key: (max(1, s // up), more) for key, (s, more) in sizes.items()}
    elif kind.startswith("Cropping"):
        crop = sum(_numbers(config.get("cropping")))
        return {key: (s, more + s * crop) for key, (s, more) in sizes.items()}
    else:
        return sizes
    if "Transpose" in kind or kind.startswith("Deconvolution"):
        return {key: (max(1, s // stride), more) for key, (s, more) in sizes.items()}
    taken = window - 1 if config.get("padding", config.get("border_mode", VALID)) == VALID else 0
    return {
        key: (min(s * stride, 1 << 12), more + s * min(taken, 1 << 12))
        for key, (s, more) in sizes.items()
    }


def _numbers(value: Any) -> list:
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in _numbers(part)]
    return [value] if isinstance(value, int) else []


def _largest(*values: Any) -> int:
    found: int = max([1, *(number for value in values for number in _numbers(value))])
    return found


def _passes_on(kind: str, config: dict, layer: dict) -> bool:
    if kind in OPERATION_LAYERS:
        return any(name in PASSING_OPERATIONS for name in _operations(config, layer))
    return kind in PASSES_ON or (kind == "Activation" and config.get("activation") == "linear")


def _operations(config: dict, layer: dict) -> set:
    """Return the names of an operation's layer: in its config, and its own."""
    node = config.get("node_def")
    text = node if isinstance(node, str) else ""
    ops = [part.split('"')[1] for part in text.split("op: ")[1:] if part.count('"') > 1]
    if isinstance(node, dict):
        ops.append(str(node.get("op", "")))
    names = [str(config.get("function", "")), _name(layer), *ops]
    found = set()
    for name in names:
        last = name.rpartition(".")[2].lower()
        found |= {last, last.rstrip("0123456789").rstrip("_")}
    return found


def _ask(wanted: Wanted, kind: str, config: dict, layer: dict) -> None:  # noqa: C901, PLR0912
    """Note the requirements of a layer on an input: a branch for each kind of layer."""
    if kind == "Embedding":
        wanted.limit(config.get("input_dim"))
    elif kind == "CategoryEncoding":
        wanted.limit(config.get("num_tokens", config.get("max_tokens")))
    elif kind == "OneHot":
        wanted.limit(config.get("num_classes", config.get("depth")))
    elif kind in TEXTS:
        words = config.get("vocabulary")
        wanted.text = True
        if isinstance(words, (list, tuple)):
            wanted.words += [word for word in words if isinstance(word, str) and word]
    elif kind == "IntegerLookup":
        known = config.get("vocabulary")
        wanted.integers = True
        if isinstance(known, (list, tuple)):
            wanted.known += [number for number in known if isinstance(number, int)]
    elif kind in {"Hashing", "HashedCrossing"}:
        wanted.integers = True
    elif kind == "Rescaling":
        scale = config.get("scale")
        if isinstance(scale, (int, float)) and 0 < abs(scale) < PIXELS:
            wanted.pixels = True
    elif kind == "Normalization":
        wanted.mean, wanted.deviation = _statistics(config)
    elif kind in OPERATION_LAYERS:
        if ONE_HOT & _operations(config, layer):
            wanted.limit(_argument(layer.get("inbound_nodes"), "depth"))
            for constant in (config.get("constants") or {}).values():
                wanted.limit(constant)
    elif kind not in PASSES_ON:
        for key in INDEX_LIMITS:
            wanted.limit(config.get(key))
    built = layer.get("build_config")
    shape: Any = built.get("input_shape") if isinstance(built, dict) else None
    is_shape = isinstance(shape, (list, tuple)) and all(
        size is None or type(size) is int for size in shape
    )
    if wanted.shape is None and is_shape and kind not in PASSES_ON:
        wanted.shape = list(shape)


def _statistics(config: dict) -> tuple:
    """Return mean and standard deviation as lists, or twice None."""
    found = []
    for key in ("mean", "variance"):
        value = config.get(key)
        numbers: Any = value if isinstance(value, (list, tuple)) else [value]
        while len(numbers) == 1 and isinstance(numbers[0], (list, tuple)):
            numbers = numbers[0]
        if not numbers or not all(
            isinstance(number, (int, float)) and math.isfinite(number) for number in numbers
        ):
            return None, None
        found.append([float(number) for number in numbers])
    return found[0], [math.sqrt(abs(number)) for number in found[1]]


def _argument(node: Any, name: str, depth: int = 0) -> Any:
    """Return a keyword argument of an operation, at any depth in its node."""
    if isinstance(node, dict) and name in node:
        return node[name]
    parts = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    if depth < MOST_NESTED:
        for part in parts:
            found = _argument(part, name, depth + 1)
            if found is not None:
                return found
    return None


def _name(layer: dict) -> str:
    config = layer.get("config")
    inner = config.get("name", "") if isinstance(config, dict) else ""
    return str(layer.get("name") or inner)
