"""Compares two model files of any formats and versions without TensorFlow. Runs none of their code.

Both are read in one process that a hostile file cannot harm others from; the comparison itself runs
there, too, since it reads all weights.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasmatrix.errors import UsageError
from kerasmatrix.files.diff_architecture import (
    Layer,
    Model,
    compared_outputs,
    compared_wiring,
    model_of,
)
from kerasmatrix.files.diff_layers import Pair, paired_layers
from kerasmatrix.files.diff_parts import changed_assets, changed_functions
from kerasmatrix.files.diff_result import Change, Difference, LayerChange, Sameness, Spelling
from kerasmatrix.files.diff_settings import Settings, Writers, compared_settings, grouped_spellings
from kerasmatrix.files.diff_training import changed_training
from kerasmatrix.files.diff_verdict import judged
from kerasmatrix.files.diff_weights import (
    Path as LayerPath,
)
from kerasmatrix.files.diff_weights import (
    aligned,
    changed_weights,
    fingerprint,
    layers_of,
)
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.inspection.array_owners import OwnedArray, owned_arrays
from kerasmatrix.inspection.contents import Contents
from kerasmatrix.inspection.facts import Writer
from kerasmatrix.inspection.inspect import inspect, read_time
from kerasmatrix.inspection.read import DAMAGE, read_contents
from kerasmatrix.inspection.reader_process import READER_LIMITS, run_in_subprocess
from kerasmatrix.inspection.stored_arrays import StoredArrays, open_arrays
from kerasmatrix.results.equal_settings import fold
from kerasmatrix.text.lines import first_line
from kerasmatrix.versions import minor_of

__all__ = ["diff", "read_difference"]

# Twice a weight's archive, if it is compressed, and the blocks of both.
MEMORY = 768 << 20


def diff(a: Path, b: Path) -> Difference:
    """Return the difference between two model files, read in a subprocess.

    Args:
        a: a file of any format, or a folder of one.
        b: another, perhaps of another format and version.

    Raises:
        UsageError: one is damaged or not a model; the message names it.
    """
    for path in (a, b):
        inspect(path)  # its error names the file
    limits = read_time(replace(READER_LIMITS, memory=MEMORY), a, b, times=3)
    found = run_in_subprocess(read_difference, limits, a, b)
    return found.model_copy(update={"a": _text(a), "b": _text(b)})


def _text(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode("utf-8")


def read_difference(a: Path, b: Path) -> Difference:
    """Do the same as `diff` in this process, which a hostile file may crash."""
    if _same_bytes(a, b):
        return judged(Difference(a=_text(a), b=_text(b), same_bytes=True))
    contents = (read_contents(a), read_contents(b))
    place = contents[0].path
    try:
        with open_arrays(contents[0]) as ours:
            place = contents[1].path
            with open_arrays(contents[1]) as theirs:
                place = Path(f"{a} or {b}")
                return judged(_Comparison(contents, (ours, theirs)).result())
    except DAMAGE as error:
        raise UsageError(f"{place}: is damaged: {first_line(error)[:500]}") from None


def _same_bytes(a: Path, b: Path) -> bool:
    try:
        if a.is_dir() != b.is_dir() or (a.is_file() and a.stat().st_size != b.stat().st_size):
            return False
        return digest_path(a) == digest_path(b)
    except OSError:  # a checkpoint has no file of its name; a folder may hold links
        return False


class _Comparison:
    """Compares two open files."""

    def __init__(
        self, contents: tuple[Contents, Contents], arrays: tuple[StoredArrays, StoredArrays]
    ) -> None:
        self._contents = contents
        self._arrays = arrays
        self._models = tuple(_model(each.config) for each in contents)
        self._writers = _writers(contents[0].writer, contents[1].writer)
        owned = self._read_owned()
        # Their identities are the keys, so that no path of a file can be mistaken for another.
        self._prints = {id(each.array): fingerprint(each.array) for side in owned for each in side}
        models = [model for model in self._models if model]
        order = [layer.path for layer in models[0].layers] if models else []
        self._owned = aligned(*owned, order, self._prints)

    def result(self) -> Difference:
        """Return the whole difference."""
        a, b = self._models
        pairs = self._pairs(a, b)
        layers, spellings = self._layers(pairs)
        model = tuple(self._model_changes(a, b, pairs)) if a and b else ()
        functions = changed_functions(*self._contents)
        return Difference(
            a=str(self._contents[0].path),
            b=str(self._contents[1].path),
            architecture=_sameness_of_architecture(a, b, layers, model),
            weights=self._sameness_of_weights(layers),
            model=model,
            layers=layers,
            spellings=spellings,
            training=changed_training(self._contents, self._arrays),
            assets=tuple(changed_assets(*self._contents)),
            functions=functions.changes,
            notes=(*functions.notes, *self._notes()),
        )

    def _read_owned(self) -> tuple[list[OwnedArray], list[OwnedArray]]:
        configs = [_mapping(each.config) for each in self._contents]
        # Weights without an architecture are read by that of the other file.
        sides = [
            owned_arrays(arrays, config or other)
            for arrays, config, other in zip(self._arrays, configs, reversed(configs), strict=True)
        ]
        return sides[0], sides[1]

    def _pairs(self, a: Model | None, b: Model | None) -> list[Pair]:
        """Return the layers of both; for a file without an architecture those with weights."""
        bare = [_bare_layers(owned) for owned in self._owned]
        if not (a and b and a.layers and b.layers):
            sides = [
                list(model.layers) if model and model.layers else layers
                for model, layers in zip((a, b), bare, strict=True)
            ]
            return _paired_by_path(*sides)
        prints = [
            {
                path: tuple(self._prints[id(each.array)].digest for each in held)
                for path, held in layers_of(owned).items()
            }
            for owned in self._owned
        ]
        pairs = paired_layers(a.layers, b.layers, (prints[0], prints[1]))
        # Two SavedModels number their arrays alike.
        if self._homeless[0] == self._homeless[1]:
            homeless = [[each for each in side if each.path in self._homeless[0]] for side in bare]
            pairs += _paired_by_path(*homeless)
        return pairs

    @cached_property
    def _homeless(self) -> tuple[frozenset[LayerPath], frozenset[LayerPath]]:
        """The owners of arrays that the architecture of their file does not have."""
        found = []
        for model, owned in zip(self._models, self._owned, strict=True):
            known = {layer.path for layer in model.layers} if model and model.layers else None
            owners = {each.layer for each in owned}
            found.append(frozenset(owners - known if known is not None else ()))
        return found[0], found[1]

    def _layers(self, pairs: list[Pair]) -> tuple[tuple[LayerChange, ...], tuple[Spelling, ...]]:
        names = {ours.path: theirs.path for ours, theirs in pairs if ours and theirs}
        several = frozenset(
            layer.path
            for pair in pairs
            for layer in pair
            if layer and len(layer.calls) > 1 and not layer.is_model
        )
        both = self._models[0] is not None and self._models[1] is not None
        held = (layers_of(self._owned[0]), layers_of(self._owned[1]))
        changes: list[LayerChange] = []
        spellings: list[tuple[str, tuple[str, str, str]]] = []
        for ours, theirs in pairs:
            settings = Settings((), (), ())
            wiring = None
            if ours and theirs and both:
                settings = compared_settings(ours, theirs, self._writers)
                wiring = compared_wiring(ours, theirs, names, several)
                spellings += [(ours.name, spelling) for spelling in settings.spellings]
            known = ours or theirs
            assert known is not None  # noqa: S101 - a pair has a layer
            changes.append(
                LayerChange(
                    a=ours.name if ours else None,
                    b=theirs.name if theirs else None,
                    class_name=known.class_name,
                    is_model=known.is_model,
                    arguments=settings.changes,
                    wiring=wiring,
                    weights=changed_weights(
                        held[0].get(ours.path, ()) if ours else (),
                        held[1].get(theirs.path, ()) if theirs else (),
                        self._prints,
                    ),
                    not_compared=settings.not_compared,
                )
            )
        return tuple(self._with_moves(changes, pairs, held)), grouped_spellings(spellings)

    def _with_moves(
        self,
        changes: list[LayerChange],
        pairs: list[Pair],
        held: tuple[dict[LayerPath, list[OwnedArray]], dict[LayerPath, list[OwnedArray]]],
    ) -> Iterator[LayerChange]:
        """Yield the changes with the layers whose weights another layer has in the second file."""
        places: dict[tuple[str, ...], str] = {}
        for change, (_, theirs) in zip(changes, pairs, strict=True):
            key = self._key(held[1].get(theirs.path, ())) if theirs else ()
            if key and not (change.weights and change.weights.state == "equal"):
                places.setdefault(key, "/".join(theirs.path) if theirs else "")
        for change, (ours, _) in zip(changes, pairs, strict=True):
            is_equal = change.weights is None or change.weights.state == "equal"
            key = self._key(held[0].get(ours.path, ())) if ours and not is_equal else ()
            place = places.get(key) if key else None
            yield change.model_copy(update={"moved_to": place}) if place else change

    def _key(self, arrays: object) -> tuple[str, ...]:
        """Return the digests of a layer's weights, if they cannot be equal by chance."""
        prints = [self._prints[id(owned.array)] for owned in arrays]  # type: ignore[attr-defined]
        if all(each.constant for each in prints):
            return ()
        return tuple(sorted(each.digest for each in prints))

    def _model_changes(self, a: Model, b: Model, pairs: list[Pair]) -> Iterator[Change]:
        names = {ours.path: theirs.path for ours, theirs in pairs if ours and theirs}
        if a.has_layers and b.has_layers:
            yield from compared_outputs(a, b, names, frozenset())
            return
        if fold(a.class_name) != fold(b.class_name) or a.has_layers != b.has_layers:
            yield Change(what="another class", a=a.class_name, b=b.class_name)
            return
        ours, theirs = (
            Layer((), each.class_name, each.config, each.custom, is_model=False) for each in (a, b)
        )
        settings = compared_settings(ours, theirs, self._writers)
        yield from settings.changes

    def _sameness_of_weights(self, layers: tuple[LayerChange, ...]) -> Sameness:
        if not (self._owned[0] and self._owned[1]):
            if self._owned[0] or self._owned[1]:
                return "missing in b" if self._owned[0] else "missing in a"
            return "none"
        if self._arrays[0].elsewhere or self._arrays[1].elsewhere:
            return "unknown"
        digests = [
            Counter(self._prints[id(owned.array)].digest for owned in side) for side in self._owned
        ]
        if self._is_unmatched and digests[0] == digests[1]:
            return "equal"
        states = {layer.weights.state for layer in layers if layer.weights}
        if self._is_unmatched:
            return "different" if "retrained" in states else "unknown"
        return "equal" if states <= {"equal"} else "different"

    @cached_property
    def _is_unmatched(self) -> bool:
        """Whether it is unknown to which layers of the other file some arrays correspond."""
        if self._homeless[0] != self._homeless[1]:
            return True
        owners = [{owned.layer for owned in side} for side in self._owned]
        named = all(owned.named for side in self._owned for owned in side)
        return not named and owners[0] != owners[1]

    def _notes(self) -> Iterator[str]:
        for name, contents, arrays, owned, model in zip(
            "ab", self._contents, self._arrays, self._owned, self._models, strict=True
        ):
            if contents.second:
                yield f"{name} has two types at once: only the {contents.kind} is compared"
            if arrays.elsewhere:
                yield f"arrays of {name} in other files are not read: {arrays.elsewhere}"
            if contents.stored.weights.arrays and not owned:
                yield f"the weights of {name} are not read"
            if model and not model.has_layers:
                yield (
                    f"{name} is of the class {model.class_name}, whose code makes the layers: "
                    "its wiring is not compared"
                )
        if self._is_unmatched:
            yield "not all arrays could be matched with layers of the other file"


def _writers(a: Writer, b: Writer) -> Writers:
    ages = [minor_of(each.keras) if each.keras else (each.keras_major or 0,) for each in (a, b)]
    return Writers(
        majors=(a.keras_major, b.keras_major),
        newer_first=ages[0] > ages[1],
        one_release=a.keras is not None and a.keras == b.keras,
    )


def _mapping(config: Any) -> Mapping[str, Any] | None:  # noqa: ANN401 - JSON of any shape
    return config if isinstance(config, Mapping) else None


def _model(config: Any) -> Model | None:  # noqa: ANN401 - JSON of any shape
    return model_of(config) if isinstance(config, Mapping) else None


def _bare_layers(owned: list[OwnedArray]) -> list[Layer]:
    """Return the layers of a file without an architecture: those that have weights."""
    return [Layer(path, "layer", {}, False, False) for path in layers_of(owned)]


def _paired_by_path(a: list[Layer], b: list[Layer]) -> list[Pair]:
    theirs = {layer.path: layer for layer in b}
    ours = {layer.path for layer in a}
    return [
        *((layer, theirs.get(layer.path)) for layer in a),
        *((None, layer) for layer in b if layer.path not in ours),
    ]


def _sameness_of_architecture(
    a: Model | None,
    b: Model | None,
    layers: tuple[LayerChange, ...],
    model: tuple[Change, ...],
) -> Sameness:
    if a is None or b is None:
        return "missing in b" if a else "missing in a" if b else "none"
    if model or any(layer.state not in {"same", "renamed"} for layer in layers):
        return "different"
    if any(layer.not_compared for layer in layers):
        return "unknown"
    return "equal" if a.has_layers and b.has_layers else "unknown"
