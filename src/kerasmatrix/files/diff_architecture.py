"""Reads an architecture as layers and their wiring, and compares the wiring of two. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kerasmatrix.files.diff_result import Change
from kerasmatrix.inspection.architecture import inside, is_custom
from kerasmatrix.inspection.array_owners import is_model, name_of
from kerasmatrix.results.equal_settings import fold

__all__ = ["Layer", "Model", "Path", "compared_outputs", "compared_wiring", "model_of", "text_of"]

DEEPEST, DEEPEST_NODE = 64, 16
LONGEST_TEXT = 60
INPUT = "InputLayer"
PLACE = 3  # layer, call and output
# Keys of an object that are not shown.
STORAGE = {"module", "registered_name", "build_config", "shared_object_id"}

Path = tuple[str, ...]
# ``("layer", path, call, output)``, ``("input", path of the model, number)`` or a value.
Source = tuple[Any, ...]


@dataclass(frozen=True)
class Layer:
    """A layer, or a model in the model.

    Attributes:
        calls: the sources of each call, in order.
    """

    path: Path
    class_name: str
    config: Mapping[str, Any]
    custom: bool
    is_model: bool
    calls: tuple[tuple[Source, ...], ...] = ()

    @property
    def name(self) -> str:
        """The names from the outermost model to the layer."""
        return "/".join(self.path)

    @property
    def kind(self) -> str:
        """The class without its spelling."""
        kind = fold(self.class_name)
        return "functional" if kind == "model" and self.is_model else kind


@dataclass(frozen=True)
class Model:
    """An architecture. ``has_layers`` is False for a user's class, whose code makes the layers."""

    class_name: str
    layers: tuple[Layer, ...]
    inputs: tuple[object, ...]
    outputs: tuple[Source, ...]
    has_layers: bool
    config: Mapping[str, Any] = field(default_factory=dict)
    custom: bool = False


def model_of(config: Mapping[str, Any]) -> Model:
    """Return the layers of a stored architecture, with those of models in it."""
    reader = _Reader()
    own = config.get("config")
    listed = own if isinstance(own, list) else isinstance(own, Mapping) and own.get("layers")
    outputs = reader.read(config, ())
    name = str(config.get("class_name"))
    return Model(
        class_name=name.rpartition(">")[2],
        layers=tuple(reader.layers),
        inputs=tuple(reader.inputs.values()),
        outputs=outputs,
        has_layers=isinstance(listed, list),
        config=own if isinstance(own, Mapping) else {},
        custom=is_custom(name, config.get("module"), config.get("registered_name")),
    )


class _Reader:
    """Collects the layers of a model and of the models in it."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.inputs: dict[Path, object] = {}  # the shapes of the outermost model's inputs

    def read(self, model: Mapping[str, Any], path: Path) -> tuple[Source, ...]:
        """Read a model's layers; return the sources of its outputs."""
        config = model.get("config")
        held = list(inside(config))
        is_chain = str(model.get("class_name")) == "Sequential" or isinstance(config, list)
        places = {} if is_chain or not isinstance(config, Mapping) else _inputs_of(config)
        sources: dict[str, Source] = {}
        for layer in held:
            name = name_of(layer)
            if layer.get("class_name") == INPUT:
                place = places.get(name, 0 if is_chain else len(places))
                sources[name] = ("input", path, place)
            else:
                sources[name] = ("layer", (*path, name))
        if not path:
            self._read_inputs(held, places)
        last: Source = ("input", path, 0)
        for layer in held:
            if layer.get("class_name") == INPUT:
                continue
            calls = ((last,),) if is_chain else _calls(layer, sources)
            self._add(layer, path, calls)
            last = sources[name_of(layer)]
        if is_chain:
            return (last,)
        outputs = config.get("output_layers") if isinstance(config, Mapping) else None
        return tuple(_sources(outputs, sources, 0))

    def _add(
        self, layer: Mapping[str, Any], path: Path, calls: tuple[tuple[Source, ...], ...]
    ) -> None:
        config, name = layer.get("config"), str(layer.get("class_name"))
        here = (*path, name_of(layer))
        nested = is_model(layer)
        self.layers.append(
            Layer(
                path=here,
                class_name=name.rpartition(">")[2],
                config={} if nested or not isinstance(config, Mapping) else config,
                custom=is_custom(name, layer.get("module"), layer.get("registered_name")),
                is_model=nested,
                calls=calls,
            )
        )
        if nested and len(path) < DEEPEST:
            self.read(layer, here)

    def _read_inputs(self, held: Sequence[Mapping[str, Any]], places: Mapping[str, int]) -> None:
        found = [layer for layer in held if layer.get("class_name") == INPUT] or list(held[:1])
        found.sort(key=lambda layer: places.get(name_of(layer), 0))
        for layer in found:
            config = layer.get("config")
            config = config if isinstance(config, Mapping) else {}
            shape = config.get("batch_shape") or config.get("batch_input_shape")
            if isinstance(shape, list | tuple):
                self.inputs[(name_of(layer),)] = list(shape)


def _inputs_of(config: Mapping[str, Any]) -> dict[str, int]:
    """Return the number of each input of a functional model, by the name of its layer."""
    names: list[str] = []
    for found in _places(config.get("input_layers"), 0):
        if str(found[0]) not in names:
            names.append(str(found[0]))
    return {name: number for number, name in enumerate(names)}


def _calls(layer: Mapping[str, Any], sources: Mapping[str, Source]) -> tuple[Any, ...]:
    nodes = layer.get("inbound_nodes")
    return tuple(
        tuple(_sources(node, sources, 0)) for node in (nodes if isinstance(nodes, list) else ())
    )


def _sources(node: object, sources: Mapping[str, Source], depth: int) -> Iterator[Source]:
    """Yield the tensors and the numbers that a layer is called on, in order."""
    for found in _places(node, depth):
        source = sources.get(str(found[0]))
        if len(found) == 1:
            yield ("value", found[0])
        elif source is None:
            yield ("layer", (str(found[0]),), found[1], found[2])
        elif source[0] == "input":
            yield source
        else:
            yield (*source, found[1], found[2])


def _places(node: object, depth: int) -> Iterator[tuple[Any, ...]]:
    """Yield the places of tensors in a node of Keras 2 or 3, and plain numbers alone."""
    if depth > DEEPEST_NODE:
        return
    inner: Iterable[object] = ()
    if isinstance(node, Mapping):
        inner = _arguments(node)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        yield (node,)
    elif isinstance(node, list | tuple) and _is_place(node):
        yield (node[0], node[1], node[2])
        inner = node[PLACE:]  # other tensors of the same call, in Keras 2
    elif isinstance(node, list | tuple):
        inner = node
    for item in inner:
        yield from _places(item, depth + 1)


def _arguments(node: Mapping[str, Any]) -> list[object]:
    """Return what a node of Keras 3 has: the place of a tensor, or the arguments of a call."""
    history = node.get("config")
    if node.get("class_name") == "__keras_tensor__" and isinstance(history, Mapping):
        return [history.get("keras_history")]
    return [value for key, value in node.items() if key not in {"mask", "training", "name"}]


def _is_place(node: Sequence[object]) -> bool:
    return (
        len(node) >= PLACE
        and isinstance(node[0], str)
        and all(type(number) is int for number in node[1:PLACE])
    )


def compared_wiring(
    a: Layer, b: Layer, names: Mapping[Path, Path], several: frozenset[Path]
) -> Change | None:
    """Return how two layers are called on other sources; None if they are not.

    Args:
        a: a layer.
        b: its twin.
        names: the path in the second model by that in the first.
        several: the layers of either model that are called several times.
    """
    ours = [[_mapped(source, names, several) for source in call] for call in a.calls]
    theirs = [[_mapped(source, {}, several) for source in call] for call in b.calls]
    if ours == theirs:
        return None
    return Change(what="called on", a=_calls_text(a.calls), b=_calls_text(b.calls))


def compared_outputs(
    a: Model, b: Model, names: Mapping[Path, Path], several: frozenset[Path]
) -> Iterator[Change]:
    """Yield the differences of the inputs and outputs of two models."""
    if a.inputs and b.inputs and a.inputs != b.inputs:
        yield Change(what="other inputs", a=text_of(list(a.inputs)), b=text_of(list(b.inputs)))
    ours = [_mapped(source, names, several) for source in a.outputs]
    theirs = [_mapped(source, {}, several) for source in b.outputs]
    if ours != theirs:
        yield Change(what="other outputs", a=_calls_text((a.outputs,)), b=_calls_text((b.outputs,)))


def _mapped(source: Source, names: Mapping[Path, Path], several: frozenset[Path]) -> Source:
    if source[0] == "value":
        return source
    path = names.get(source[1], source[1])
    if source[0] == "input":
        return ("input", path, source[2])
    # Keras 2 counts the calls of a nested model from the one that made it, Keras 3 does not.
    call = source[2] if len(source) > PLACE - 1 and source[1] in several else 0
    return ("layer", path, call, source[3] if len(source) > PLACE else 0)


def _calls_text(calls: Sequence[Sequence[Source]]) -> str:
    return "; ".join(", ".join(map(_source_text, call)) or "nothing" for call in calls) or "nothing"


def _source_text(source: Source) -> str:
    if source[0] == "value":
        return str(source[1])
    if source[0] == "input":
        return f"input {source[2]}" + (f" of {'/'.join(source[1])}" if source[1] else "")
    output = source[3] if len(source) > PLACE else 0
    return "/".join(source[1]) + (f" output {output}" if output else "")


def text_of(value: Any) -> str:
    """Return a value of a config in a few characters."""
    text = _text(value, 0)
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _text(value: Any, depth: int) -> str:
    if depth > DEEPEST_NODE:
        return "…"
    if isinstance(value, Mapping):
        return _object_text(value, depth)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_text(item, depth + 1) for item in value)}]"
    if isinstance(value, float):
        return f"{value:.7g}" if not value.is_integer() else f"{value:.1f}"
    return str(value) if isinstance(value, str | int | None) else "unset"


def _object_text(value: Mapping[str, Any], depth: int) -> str:
    if "class_name" not in value:
        return "{" + ", ".join(f"{k}: {_text(v, depth + 1)}" for k, v in value.items()) + "}"
    name, inner = str(value["class_name"]), value.get("config")
    if not isinstance(inner, Mapping):
        return name if inner is None else f"{name} {_text(inner, depth + 1)}"
    given = (
        f"{key}={_text(item, depth + 1)}"
        for key, item in inner.items()
        if item is not None and key not in STORAGE
    )
    return f"{name}({', '.join(given)})"
