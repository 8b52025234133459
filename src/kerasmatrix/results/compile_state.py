"""Compares the arguments of `compile` and the state of the optimizer by value. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kerasmatrix.results.equal_settings import Difference, differences, fold, shown

if TYPE_CHECKING:
    from kerasmatrix.results.observations import (
        CompileState,
        LoadFacts,
        OptimizerState,
        SaveFacts,
        StoredState,
    )

__all__ = [
    "is_state_lost",
    "is_state_reordered",
    "lost_arguments",
    "lost_compile_state",
    "readable",
]


LARGEST_WEIGHT = 1e300  # a larger integer has no float


def lost_compile_state(saved: SaveFacts, loaded: LoadFacts, *, trained: bool) -> list[str]:
    """List the losses of the compile state, compared with the model and with its file.

    The reference may itself have lost something that the file holds.
    """
    config = saved.stored.config if saved.stored else None
    before, after = saved.compiled, loaded.compiled
    if before is None and not config:
        return []
    if after is None:
        return ["the compile state"]
    lost = lost_arguments(before, after) if before else []
    if config:
        known = {_subject(loss) for loss in lost}
        lost += [loss for loss in _lost_from_file(config, after) if _subject(loss) not in known]
    if is_state_lost(saved, loaded, trained=trained):
        lost.append("the optimizer state")
    return lost


def _subject(lost: str) -> str:
    return lost.partition(" (")[0]


def _lost_from_file(config: Mapping[str, Any], after: CompileState) -> Iterator[str]:
    """Yield losses and optimizer settings of the file that the loaded model does not have."""
    arguments = after.arguments or {"loss": after.loss}
    if config.get("loss"):
        yield from _lost_losses(config["loss"], arguments.get("loss"))
    yield from _lost_loss_weights(config, arguments)
    name, settings = _optimizer_of(config)
    if settings is not None:
        readables = {key: readable(value) for key, value in settings.items()}
        numbers = {key: value for key, value in readables.items() if value is not None}
        yield from _lost_hyperparameters(name, numbers, after.optimizer)


def _optimizer_of(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None]:
    """Return the class of a file's optimizer and its settings; None if they are not readable."""
    # Keras 2 stores it as `optimizer_config`, Keras 3 as `optimizer`.
    optimizer = config.get("optimizer_config") or config.get("optimizer")
    if not isinstance(optimizer, Mapping) or not isinstance(optimizer.get("config"), Mapping):
        return "", None
    # A class that was registered under a name is stored as `package>Class`.
    return str(optimizer.get("class_name")).rpartition(">")[2], optimizer["config"]


def readable(value: Any) -> Any:
    """Return a setting that a file holds as others have it; None where it says nothing."""
    if isinstance(value, Mapping) and set(value) == {"type", "value"}:
        value = value["value"]  # an array, as Keras 1 wrote it
    is_object = isinstance(value, Mapping) and isinstance(value.get("class_name"), str)
    return value if is_object or isinstance(value, bool | int | float | str) else None


def lost_arguments(before: CompileState, after: CompileState) -> list[str]:
    """List the arguments of `compile` that differ."""
    lost: list[str] = []
    ours, theirs = before.arguments, after.arguments
    if ours is None or theirs is None:
        ours, theirs = {"loss": before.loss}, {"loss": after.loss}
    lost += _lost_losses(ours.get("loss"), theirs.get("loss"))
    lost += _lost_loss_weights(ours, theirs)
    for key, word in (("metrics", "metric"), ("weighted_metrics", "weighted metric")):
        lost += _lost_metrics(ours.get(key), theirs.get(key), word)
    if ours.get("run_eagerly") and not theirs.get("run_eagerly"):
        lost.append("the compile argument run_eagerly (True became False)")
    lost += _lost_optimizer(before.optimizer, after.optimizer)
    return lost


def is_state_lost(saved: SaveFacts, loaded: LoadFacts, *, trained: bool) -> bool:
    """Whether steps or moments of the model, or of its file, were lost."""
    if loaded.compiled is None:
        return False
    after = loaded.compiled.optimizer
    stored = saved.stored
    if stored is not None and (stored.slots or stored.iterations):
        # The file decides, not the reference, which may have lost the state itself.
        return not after.unreadable and _has_less(stored, after)
    if saved.compiled is None:
        return False
    before = saved.compiled.optimizer
    if trained and not before.slots:
        return not (after.slots or after.unreadable)
    # There is no state before the first step.
    if not before.iterations:
        return False
    same_count = before.iterations == after.iterations
    return not same_count or Counter(before.slots) != Counter(after.slots)


def is_state_reordered(saved: SaveFacts, loaded: LoadFacts) -> bool:
    """Whether all moments came back in another order."""
    if saved.compiled is None or loaded.compiled is None:
        return False
    before, after = saved.compiled.optimizer.slots, loaded.compiled.optimizer.slots
    return before != after and Counter(before) == Counter(after)


def _has_less(stored: StoredState, after: OptimizerState) -> bool:
    if stored.iterations == 0:
        return False  # before the first step all moments are zero
    steps = {stored.iterations, None}
    same_steps = stored.iterations is None or after.iterations in steps
    slots = () if _keeps_unused_slots(stored.config) else stored.slots
    return not same_steps or bool(Counter(slots) - Counter(after.slots))


def _keeps_unused_slots(config: Mapping[str, Any] | None) -> bool:
    """Return whether the file has an SGD without momentum.

    TensorFlow 2.11 to 2.15 store its last step as a momentum, which the next one does not use.
    (measured: SGD(0.01) as h5, tf2.15 to tf2.21)
    """
    name, settings = _optimizer_of(config or {})
    return name == "SGD" and settings is not None and settings.get("momentum") == 0


def _lost_losses(before: Any, after: Any) -> Iterator[str]:
    ours, theirs = _by_output(before), _by_output(after)
    if ours.keys() != theirs.keys():
        # One loss may stand for every output, and losses may be given by position or by name.
        losses = list(ours.values()), list(theirs.values())
        longest = max(map(len, losses))
        if not all(losses) or any(len(side) not in {1, longest} for side in losses):
            yield f"the loss ({shown(before)} became {shown(after)})"
            return
        ours, theirs = (
            {str(place): side[place % len(side)] for place in range(longest)} for side in losses
        )
    for key, loss in ours.items():
        of = f" of output {key}" if len(ours) > 1 else ""
        for difference in differences(loss, theirs[key]):
            change = f"({shown(difference.before)} became {shown(difference.after)})"
            if difference.path and difference.path != ("name",):
                yield f"the loss's {'.'.join(difference.path)}{of} {change}"
            elif not difference.path:
                yield f"the loss{of} {change}"


def _by_output(loss: Any) -> dict[str, Any]:
    if isinstance(loss, list):
        return {str(place): item for place, item in enumerate(loss)}
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return dict(loss)
    return {"": loss}


def _lost_loss_weights(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    ours, theirs = before.get("loss_weights"), after.get("loss_weights")
    if _loss_weights(ours) != _loss_weights(theirs):
        yield f"the loss weights ({shown(ours)} became {shown(theirs)})"


def _loss_weights(weights: Any) -> list[float] | None:
    """Return the weights in the order of the outputs' names or places; None where all are 1."""
    if isinstance(weights, Mapping):
        weights = [weights[key] for key in sorted(weights)]
    if not isinstance(weights, list):
        weights = [weights]
    numbers = [1.0 if weight is None else weight for weight in weights]
    if not all(
        isinstance(weight, int | float) and abs(weight) < LARGEST_WEIGHT for weight in numbers
    ):
        return None
    rounded = [float(f"{weight:.6g}") for weight in numbers]
    return None if set(rounded) <= {1.0} else rounded


def _lost_metrics(before: Any, after: Any, word: str) -> Iterator[str]:
    ours, theirs = list(_metrics(before)), list(_metrics(after))
    for metric in ours:
        if any(not _metric_differences(metric, other) for other in theirs):
            continue
        namesakes = [other for other in theirs if _metric_name(other) == _metric_name(metric)]
        # The first namesake that is not equal to another metric.
        twin = next(
            (other for other in namesakes if all(_metric_differences(own, other) for own in ours)),
            None,
        )
        changes = _metric_differences(metric, twin) if twin is not None else []
        if not changes:
            yield f"the {word} {shown(metric)}"
        for change in changes:
            yield (
                f"the {word} {shown(metric)}'s {'.'.join(change.path)} "
                f"({shown(change.before)} became {shown(change.after)})"
            )


def _metrics(value: Any) -> Iterator[Any]:
    """Yield metrics out of lists by output and dictionaries by name."""
    if isinstance(value, list):
        for item in value:
            yield from _metrics(item)
    elif isinstance(value, Mapping) and "class_name" not in value:
        for key in sorted(value):
            yield from _metrics(value[key])
    elif value is not None:
        yield value


def _metric_differences(before: Any, after: Any) -> list[Difference]:
    """Return the differences of a metric.

    Keras 2 prefixes a metric's name with that of its output, once more after each load.
    """
    return [
        difference
        for difference in differences(before, after)
        if difference.path != ("name",)
        or not _is_prefixed(str(difference.before), str(difference.after))
    ]


def _is_prefixed(before: str, after: str) -> bool:
    return before.endswith(f"_{after}") or after.endswith(f"_{before}")


def _metric_name(metric: Any) -> str:
    return fold(shown(metric))


def _lost_optimizer(before: OptimizerState, after: OptimizerState) -> Iterator[str]:
    if not before.unreadable or before.hyperparameters:
        yield from _lost_hyperparameters(before.name, before.hyperparameters, after)


def _lost_hyperparameters(
    name: str, hyperparameters: Mapping[str, Any], after: OptimizerState
) -> Iterator[str]:
    sides = [
        {
            "class_name": owner,
            "config": {key: value for key, value in config.items() if key != "name"},
        }
        for owner, config in ((name, hyperparameters), (after.name, after.hyperparameters))
    ]
    for difference in differences(*sides):
        change = f"({shown(difference.before)} became {shown(difference.after)})"
        if difference.path:
            yield f"the optimizer's {'.'.join(difference.path)} {change}"
        else:
            yield f"the optimizer ({name} became {after.name})"
