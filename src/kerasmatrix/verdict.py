"""What of a model came back: outputs, settings, compile state and training, compared. Pure.

`kerasmatrix.outcome.judge_load` makes a status of it.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kerasmatrix.meaning import Difference, differences, fold, same, shown

if TYPE_CHECKING:
    from kerasmatrix.outcome import (
        CompileState,
        Deviation,
        LoadFacts,
        OptimizerState,
        SaveFacts,
    )
    from kerasmatrix.tolerance import Tolerance

__all__ = [
    "drift",
    "is_state_lost",
    "lost_arguments",
    "lost_compile_state",
    "lost_settings",
    "lost_training",
    "not_compared",
    "unpacked",
]

# Rounding in a type is relative to the numbers that were added up, so that an element near zero of
# an output of thousands carries their error: this many times the spacing of numbers as large as the
# largest. Measured over the suite on ten versions: at most 8; see docs/tolerance.md.
ROUNDINGS = 64
# What `evaluate` gives, and how far weights move, are sums over rounded outputs.
EVALUATE_RELATIVE, EVALUATE_ABSOLUTE = 1e-3, 1e-5
STEP_RELATIVE = 1e-2
# A change of a weight that is below this share of the largest is rounding.
STEP_FLOOR = 1e-6
LARGEST_SETTINGS = 32 << 20
# More layers than this with one and the same loss are counted.
MOST_LAYERS_NAMED = 3
NO_LAYERS = "TFSMLayer"
# Layers to some releases only: inputs, and what Keras 2 makes of an operation in a model. Of their
# settings the outputs tell.
NOT_LAYERS = {
    "inputlayer", "tfoplambda", "slicingoplambda", "tensorflowoplayer", "classmethod",
    "instancemethod", "instanceproperty",
}  # fmt: skip


def drift(saved: SaveFacts, loaded: LoadFacts, tolerance: Tolerance) -> str | None:
    """Say which output is not what it was, or None."""
    if saved.structure is not None and loaded.structure is not None and _has_layers(loaded):
        before, after = _plain_structure(saved.structure), _plain_structure(loaded.structure)
        if before != after:
            return f"the outputs are arranged as {_text(after)}, and were as {_text(before)}"
    if not loaded.deviations:
        # Facts without detail: the largest difference is all that is known.
        allowed = tolerance.absolute + tolerance.relative * (loaded.max_abs_reference or 0.0)
        if loaded.max_abs_diff is not None and loaded.max_abs_diff > allowed:
            return f"outputs differ by up to {loaded.max_abs_diff:.3g} (allowed {allowed:.3g})"
        return None
    several = len(loaded.deviations) > 1
    found = []
    for number, deviation in enumerate(loaded.deviations, start=1):
        said = _output_drift(deviation, tolerance)
        if said:
            found.append(f"output {number}: {said}" if several else said)
    return "; ".join(found) or None


def _output_drift(deviation: Deviation, tolerance: Tolerance) -> str | None:
    ours, theirs = deviation.dtypes
    if not deviation.epsilon:
        if not deviation.exact:
            return "outputs differ, and are no floating-point numbers that may"
    elif deviation.corners:
        # numpy.allclose's rule, and the rounding of the output's own largest number.
        noise = ROUNDINGS * deviation.epsilon * deviation.max_abs_reference
        diff, size, place = max(
            deviation.corners,
            key=lambda corner: corner[0] - tolerance.relative * corner[1],
        )
        allowed = max(tolerance.absolute, noise) + tolerance.relative * size
        if diff > allowed:
            return (
                f"outputs differ by up to {diff:.3g} (allowed {allowed:.3g}), "
                f"where the reference is {size:.3g} (element {place})"
            )
    if ours != theirs and not _is_text(ours, theirs):
        return f"the outputs are {ours}, and were {theirs}"
    return None


def lost_settings(saved: SaveFacts, loaded: LoadFacts) -> list[str]:
    """List the settings of layers that are not what they were."""
    if not saved.layers or not loaded.layers or not _has_layers(loaded):
        return []
    return list(_lost_settings(saved.layers, loaded.layers))


@lru_cache(maxsize=4096)
def _lost_settings(saved: str, loaded: str) -> tuple[str, ...]:
    # Few cells of a run have settings that no other has.
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    pairs, missing, new = _matched(unpacked(saved), unpacked(loaded))
    for before, after in pairs:
        for each in _layer_differences(before, after):
            key = (".".join(each.path), shown(each.before), shown(each.after))
            found[key].append(before["path"][-1])
    said = [
        f"the {_words(setting)} of {_layers(names)} ({before} became {after})"
        for (setting, before, after), names in found.items()
    ]
    said += [f"the layer {layer['path'][-1]} ({layer['class']})" for layer in missing]
    if new and not missing:
        said += [f"the layers as they were ({layer['path'][-1]} is new)" for layer in new]
    return tuple(said)


def lost_compile_state(saved: SaveFacts, loaded: LoadFacts, *, trained: bool) -> list[str]:
    """List what of the compile state did not come back: that of the model, and of its file.

    The version that others are compared with may itself have lost something that the file holds.
    """
    config = saved.stored.config if saved.stored else None
    before, after = saved.compiled, loaded.compiled
    if before is None and not config:
        return []
    if after is None:
        return ["the compile state"]
    lost = lost_arguments(before, after) if before else []
    known = {_subject(each) for each in lost}
    lost += [each for each in _lost_from_file(config or {}, after) if _subject(each) not in known]
    if is_state_lost(saved, loaded, trained=trained):
        lost.append("the optimizer state")
    return lost


def _subject(lost: str) -> str:
    return lost.partition(" (")[0]


def _lost_from_file(config: Mapping[str, Any], after: CompileState) -> Iterator[str]:
    """Yield what a file says of loss and optimizer and the model that came back does not."""
    arguments = after.arguments or {"loss": after.loss}
    if config.get("loss"):
        yield from _lost_losses(config["loss"], arguments.get("loss"))
    if _loss_weights(config.get("loss_weights")) != _loss_weights(arguments.get("loss_weights")):
        yield (
            f"the loss weights ({shown(config.get('loss_weights'))} became "
            f"{shown(arguments.get('loss_weights'))})"
        )
    optimizer = config.get("optimizer_config") or config.get("optimizer")
    if not isinstance(optimizer, Mapping) or not isinstance(optimizer.get("config"), Mapping):
        return
    name = str(optimizer.get("class_name"))
    # Keras 1 wrote arrays into it.
    numbers = {
        key: value
        for key, value in optimizer["config"].items()
        if isinstance(value, bool | int | float | str)
    }
    yield from _lost_hyperparameters(name.rpartition(">")[2], numbers, after.optimizer)


def lost_arguments(before: CompileState, after: CompileState) -> list[str]:
    """List what `compile` was given and the model that came back was not."""
    lost = []
    ours, theirs = before.arguments, after.arguments
    if ours is None or theirs is None:
        ours, theirs = {"loss": before.loss}, {"loss": after.loss}
    lost += _lost_losses(ours.get("loss"), theirs.get("loss"))
    if _loss_weights(ours.get("loss_weights")) != _loss_weights(theirs.get("loss_weights")):
        lost.append(
            f"the loss weights ({shown(ours.get('loss_weights'))} became "
            f"{shown(theirs.get('loss_weights'))})"
        )
    for key, word in (("metrics", "metric"), ("weighted_metrics", "weighted metric")):
        lost += _lost_metrics(ours.get(key), theirs.get(key), word)
    if ours.get("run_eagerly") and not theirs.get("run_eagerly"):
        lost.append("the compile argument run_eagerly (True became False)")
    lost += _lost_optimizer(before.optimizer, after.optimizer)
    return lost


def is_state_lost(saved: SaveFacts, loaded: LoadFacts, *, trained: bool) -> bool:
    """Whether steps or moments that the model, or its file, had did not come back."""
    if loaded.compiled is None:
        return False
    after = loaded.compiled.optimizer
    stored = saved.stored
    if stored is not None and stored.slots and (stored.iterations or stored.iterations is None):
        # The file decides, and not what the version made of it that others are compared with.
        if after.unreadable:
            return False
        steps = stored.iterations
        same_steps = steps is None or after.iterations in {None, steps}
        return not same_steps or bool(Counter(stored.slots) - Counter(after.slots))
    if saved.compiled is None:
        return False
    before = saved.compiled.optimizer
    if trained and not before.slots:
        return not (after.slots or after.unreadable)
    # Before the first step there is no state to lose.
    if not before.iterations:
        return False
    same_count = before.iterations == after.iterations
    return not same_count or Counter(before.slots) != Counter(after.slots)


def lost_training(saved: SaveFacts, loaded: LoadFacts, *, explained: bool) -> list[str]:
    """List in what `evaluate` and one training step differ from what they were.

    Where other numbers are ``explained`` by what else was lost, only that training fails is new.
    """
    before, after = saved.training, loaded.training
    if before is None or after is None or before.not_compared is not None:
        return []
    if after.raised:
        kind = (after.not_compared or "").partition(":")[0]
        return [f"the ability to be trained ({kind})"]
    if after.not_compared is not None or explained:
        return []
    lost = []
    theirs = dict(_by_name(after.evaluate))
    for name, value in _by_name(before.evaluate):
        now = theirs.get(name, value)
        if abs(now - value) > EVALUATE_ABSOLUTE + EVALUATE_RELATIVE * abs(value):
            lost.append(f"what evaluate() gives ({name}: {value:.6g} became {now:.6g})")
    if not lost and not _same_steps(saved, loaded):
        largest = max(size for size, _ in before.steps)
        now = max(size for size, _ in after.steps)
        lost.append(
            f"the way it goes on training (a step moves weights by {largest:.3g} at the most, and "
            f"now {now:.3g}; as a root mean square, or in another direction)"
        )
    return lost


def not_compared(saved: SaveFacts, form: str, loaded: LoadFacts) -> Iterator[str]:
    """Yield what a pass does not say, and why."""
    if saved.layers and loaded.layers and _has_layers(loaded):
        pairs, _, _ = _matched(unpacked(saved.layers), unpacked(loaded.layers))
        for before, after in pairs:
            why = before.get("unknown") or after.get("unknown")
            if why:
                yield f"the settings of {before['path'][-1]}: {why}"
    elif _has_layers(loaded) and (saved.layers is None) != (loaded.layers is None):
        yield "the settings of the layers: there are too many of them"
    if saved.compiled is None or loaded.compiled is None or form == "weights":
        return
    before_training, after_training = saved.training, loaded.training
    if before_training is None or after_training is None:
        return
    why = before_training.not_compared or (
        None if after_training.raised else after_training.not_compared
    )
    if why:
        yield f"training: {why}"


def unpacked(settings: str) -> list[dict[str, Any]]:
    """Return the settings of layers that `harness/configuration.py` has packed; never too many."""
    try:
        reader = zlib.decompressobj()
        text = reader.decompress(base64.b64decode(settings), LARGEST_SETTINGS)
        found = json.loads(text.decode("utf-8", "surrogatepass")) if reader.eof else []
    except (ValueError, binascii.Error, zlib.error):
        return []
    if not isinstance(found, list):
        return []
    return [each for each in found if isinstance(each, dict) and each.get("path")]


def _has_layers(loaded: LoadFacts) -> bool:
    return loaded.model != NO_LAYERS and bool(loaded.weights)


def _matched(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> tuple[list[tuple[dict[str, Any], dict[str, Any]]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return which layer is which, and those of either side that are none of the other's.

    Of two layers of one class those of one name are the same.
    """
    ours, theirs = ([each for each in side if _is_layer(each)] for side in (before, after))
    if [_kind(each) for each in ours] == [_kind(each) for each in theirs]:
        return list(zip(ours, theirs, strict=True)), [], []
    pairs, left = [], []
    free = list(theirs)
    for layer in ours:
        same_name = next((each for each in free if each["path"][-1] == layer["path"][-1]), None)
        twin = same_name or next((each for each in free if _kind(each) == _kind(layer)), None)
        if twin is None:
            left.append(layer)
        else:
            free.remove(twin)
            pairs.append((layer, twin))
    return pairs, left, free


def _is_layer(layer: Mapping[str, Any]) -> bool:
    return _kind(layer) not in NOT_LAYERS


def _kind(layer: Mapping[str, Any]) -> str:
    return fold(str(layer.get("class")))


def _layer_differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[Difference]:
    if before.get("trainable") != after.get("trainable"):
        yield Difference(("trainable",), before.get("trainable"), after.get("trainable"))
    words = before.get("vocabulary"), after.get("vocabulary")
    if words[0] and words[1] and words[0] != words[1]:
        yield Difference(("vocabulary",), *words)
    if "config" not in before or "config" not in after:
        return
    sides = [
        {
            "class_name": layer["class"],
            # An attribute of the layer, which a config may have as it was when it was made.
            "config": {**layer["config"], "trainable": True, "name": layer["path"][-1]},
            "custom": layer.get("custom", False),
        }
        for layer in (before, after)
    ]
    yield from differences(*sides)


def _lost_losses(before: Any, after: Any) -> Iterator[str]:  # noqa: ANN401 - a loss, or several
    ours, theirs = _by_output(before), _by_output(after)
    if ours.keys() != theirs.keys():
        # One loss for every output, or the same ones by place and by name.
        losses = list(ours.values()), list(theirs.values())
        longest = max(map(len, losses))
        if not all(losses) or any(len(each) not in {1, longest} for each in losses):
            yield f"the loss ({shown(before)} became {shown(after)})"
            return
        ours, theirs = (
            {str(place): (each * longest)[place] for place in range(longest)} for each in losses
        )
    for key, loss in ours.items():
        of = f" of output {key}" if len(ours) > 1 else ""
        for each in differences(loss, theirs[key]):
            change = f"({shown(each.before)} became {shown(each.after)})"
            if each.path and each.path != ("name",):
                yield f"the loss's {_words('.'.join(each.path))}{of} {change}"
            elif not each.path:
                yield f"the loss{of} {change}"


def _by_output(loss: Any) -> dict[str, Any]:  # noqa: ANN401 - a loss, or several
    if isinstance(loss, list):
        return {str(place): each for place, each in enumerate(loss)}
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return dict(loss)
    return {"": loss}


def _loss_weights(weights: Any) -> list[float] | None:  # noqa: ANN401 - JSON
    """Return the weights in the order of the outputs' names or places; None where all are 1."""
    if isinstance(weights, Mapping):
        weights = [weights[key] for key in sorted(weights)]
    if not isinstance(weights, list):
        weights = [weights]
    numbers = [1.0 if each is None else each for each in weights]
    if not all(isinstance(each, int | float) for each in numbers):
        return None
    rounded = [float(f"{each:.6g}") for each in numbers]
    return None if set(rounded) <= {1.0} else rounded


def _lost_metrics(before: Any, after: Any, word: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    ours, theirs = list(_metrics(before)), list(_metrics(after))
    for metric in ours:
        if any(same(metric, each) for each in theirs):
            continue
        alike = [each for each in theirs if _metric_name(each) == _metric_name(metric)]
        # The first that none of the others is.
        twin = next((each for each in alike if not any(same(other, each) for other in ours)), None)
        found = list(differences(metric, twin)) if twin is not None else []
        if not found:
            yield f"the {word} {shown(metric)}"
        for each in found:
            yield (
                f"the {word} {shown(metric)}'s {_words('.'.join(each.path))} "
                f"({shown(each.before)} became {shown(each.after)})"
            )


def _metrics(value: Any) -> Iterator[Any]:  # noqa: ANN401 - JSON
    """Yield metrics out of lists by output and dictionaries by name."""
    if isinstance(value, list):
        for each in value:
            yield from _metrics(each)
    elif isinstance(value, Mapping) and "class_name" not in value:
        for key in sorted(value):
            yield from _metrics(value[key])
    elif value is not None:
        yield value


def _metric_name(metric: Any) -> str:  # noqa: ANN401 - JSON
    return fold(shown(metric))


def _lost_optimizer(before: OptimizerState, after: OptimizerState) -> Iterator[str]:
    if not before.unreadable or before.hyperparameters:
        yield from _lost_hyperparameters(before.name, before.hyperparameters, after)


def _lost_hyperparameters(
    name: str, hyperparameters: Mapping[str, Any], after: OptimizerState
) -> Iterator[str]:
    sides = [
        {"class_name": owner, "config": {key: value for key, value in each.items() if key != "name"}}
        for owner, each in ((name, hyperparameters), (after.name, after.hyperparameters))
    ]
    for found in differences(*sides):
        change = f"({shown(found.before)} became {shown(found.after)})"
        if found.path:
            yield f"the optimizer's {'.'.join(found.path)} {change}"
        else:
            yield f"the optimizer ({name} became {after.name})"


def _by_name(values: Sequence[tuple[str, float]]) -> Iterator[tuple[str, float]]:
    """Yield what `evaluate` gave by names that no release has numbered."""
    for name, value in values:
        yield fold(name.rstrip("0123456789")), value


def _same_steps(saved: SaveFacts, loaded: LoadFacts) -> bool:
    """Whether each weight has moved as it would have; weights are known by what they were."""
    before, after = saved.training, loaded.training
    if before is None or after is None or len(before.steps) != len(after.steps):
        return False
    largest = max((size for size, _ in (*before.steps, *after.steps)), default=0.0)
    floor = STEP_FLOOR + STEP_RELATIVE * largest * 0.1
    ours, theirs = _steps_by_weight(saved), _steps_by_weight(loaded)
    return all(
        len(ours[key]) == len(theirs[key])
        and all(
            math.isclose(size, now, rel_tol=STEP_RELATIVE, abs_tol=floor)
            and abs(mean - mean_now) <= STEP_RELATIVE * size + floor
            for (size, mean), (now, mean_now) in zip(ours[key], theirs[key], strict=True)
        )
        for key in {*ours, *theirs}
    )


def _steps_by_weight(facts: SaveFacts | LoadFacts) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    steps = facts.training.steps if facts.training else ()
    for place, step in enumerate(steps):
        known = place < len(facts.weights)
        found[facts.weights[place].sha256 if known else ""].append(step)
    for values in found.values():
        values.sort()
    return found


def _plain_structure(structure: Any) -> Any:  # noqa: ANN401 - JSON
    """Return an arrangement in which a list of one is what it holds: Keras 3 keeps the list."""
    if isinstance(structure, list):
        parts = [_plain_structure(each) for each in structure]
        return parts[0] if len(parts) == 1 else parts
    if isinstance(structure, Mapping):
        return {key: _plain_structure(value) for key, value in structure.items()}
    return structure


def _text(structure: Any) -> str:  # noqa: ANN401 - JSON
    return json.dumps(structure).replace('"', "")


def _is_text(*dtypes: str) -> bool:
    return all(dtype.startswith(("<U", ">U", "|S", "|O", "object")) for dtype in dtypes)


def _words(setting: str) -> str:
    return setting.replace("_", " ") if setting == "loss_weights" else setting


def _layers(names: list[str]) -> str:
    if len(names) > MOST_LAYERS_NAMED:
        return f"{len(names)} layers, the first {names[0]}"
    return ("layer " if len(names) == 1 else "layers ") + ", ".join(names)
