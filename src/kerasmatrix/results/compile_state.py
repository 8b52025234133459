"""What `compile` was given and what the optimizer has learned, compared by value. Pure."""

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

__all__ = ["is_state_lost", "is_state_reordered", "lost_arguments", "lost_compile_state"]


LARGEST_WEIGHT = 1e300  # a larger whole number has no float


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
    if config:
        known = {_subject(each) for each in lost}
        lost += [each for each in _lost_from_file(config, after) if _subject(each) not in known]
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
    settings = {key: _readable(value) for key, value in optimizer["config"].items()}
    numbers = {key: value for key, value in settings.items() if value is not None}
    yield from _lost_hyperparameters(name.rpartition(">")[2], numbers, after.optimizer)


def _readable(value: Any) -> Any:
    """Return a setting that a file holds as others have it; None where it says nothing."""
    if isinstance(value, Mapping) and set(value) == {"type", "value"}:
        value = value["value"]  # an array, as Keras 1 wrote it
    is_object = isinstance(value, Mapping) and isinstance(value.get("class_name"), str)
    return value if is_object or isinstance(value, bool | int | float | str) else None


def lost_arguments(before: CompileState, after: CompileState) -> list[str]:
    """List what `compile` was given and the model that came back was not."""
    lost: list[str] = []
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
    if stored is not None and (stored.slots or stored.iterations):
        # The file decides, and not what the version made of it that others are compared with.
        return not after.unreadable and _has_less(stored, after)
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


def is_state_reordered(saved: SaveFacts, loaded: LoadFacts) -> bool:
    """Whether all moments came back, in another order."""
    if saved.compiled is None or loaded.compiled is None:
        return False
    before, after = saved.compiled.optimizer.slots, loaded.compiled.optimizer.slots
    return before != after and Counter(before) == Counter(after)


def _has_less(stored: StoredState, after: OptimizerState) -> bool:
    if stored.iterations == 0:
        return False  # moments of zeros, before the first step
    steps = {stored.iterations, None}
    same_steps = stored.iterations is None or after.iterations in steps
    return not same_steps or bool(Counter(stored.slots) - Counter(after.slots))


def _lost_losses(before: Any, after: Any) -> Iterator[str]:
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
                yield f"the loss's {'.'.join(each.path)}{of} {change}"
            elif not each.path:
                yield f"the loss{of} {change}"


def _by_output(loss: Any) -> dict[str, Any]:
    if isinstance(loss, list):
        return {str(place): each for place, each in enumerate(loss)}
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return dict(loss)
    return {"": loss}


def _loss_weights(weights: Any) -> list[float] | None:
    """Return the weights in the order of the outputs' names or places; None where all are 1."""
    if isinstance(weights, Mapping):
        weights = [weights[key] for key in sorted(weights)]
    if not isinstance(weights, list):
        weights = [weights]
    numbers = [1.0 if each is None else each for each in weights]
    if not all(isinstance(each, int | float) and abs(each) < LARGEST_WEIGHT for each in numbers):
        return None
    rounded = [float(f"{each:.6g}") for each in numbers]
    return None if set(rounded) <= {1.0} else rounded


def _lost_metrics(before: Any, after: Any, word: str) -> Iterator[str]:
    ours, theirs = list(_metrics(before)), list(_metrics(after))
    for metric in ours:
        if any(not _metric_differences(metric, each) for each in theirs):
            continue
        alike = [each for each in theirs if _metric_name(each) == _metric_name(metric)]
        # The first that none of the others is.
        twin = next(
            (each for each in alike if all(_metric_differences(other, each) for other in ours)),
            None,
        )
        found = _metric_differences(metric, twin) if twin is not None else []
        if not found:
            yield f"the {word} {shown(metric)}"
        for each in found:
            yield (
                f"the {word} {shown(metric)}'s {'.'.join(each.path)} "
                f"({shown(each.before)} became {shown(each.after)})"
            )


def _metrics(value: Any) -> Iterator[Any]:
    """Yield metrics out of lists by output and dictionaries by name."""
    if isinstance(value, list):
        for each in value:
            yield from _metrics(each)
    elif isinstance(value, Mapping) and "class_name" not in value:
        for key in sorted(value):
            yield from _metrics(value[key])
    elif value is not None:
        yield value


def _metric_differences(before: Any, after: Any) -> list[Difference]:
    """Return in what a metric is another one.

    Keras 2 puts an output's name before that of its metric, and again when it was loaded.
    """
    return [
        each
        for each in differences(before, after)
        if each.path != ("name",) or not _is_prefixed(str(each.before), str(each.after))
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
            "config": {key: value for key, value in each.items() if key != "name"},
        }
        for owner, each in ((name, hyperparameters), (after.name, after.hyperparameters))
    ]
    for found in differences(*sides):
        change = f"({shown(found.before)} became {shown(found.after)})"
        if found.path:
            yield f"the optimizer's {'.'.join(found.path)} {change}"
        else:
            yield f"the optimizer ({name} became {after.name})"
