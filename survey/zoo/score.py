"""Scores predictions on the measured files of the zoo, also without the exhibits of their class."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from condense import outcome, task_of

from kerasmatrix.inspection.read import read_contents
from kerasmatrix.prediction.prediction import Prediction
from kerasmatrix.prediction.predictor import predict_contents
from kerasmatrix.prediction.rules import CALIBRATION, calibration_text
from kerasmatrix.prediction.target import Target
from kerasmatrix.prediction.zoo import Zoo

TARGET = Path(__file__).parents[2] / "src/kerasmatrix/prediction" / CALIBRATION
FAILS = {"fail", "crash", "timeout"}
NO_CAUSE = {"", "call", "unclassified"}
MOST_SHOWN = 12
Record = dict[str, Any]


class Scored(NamedTuple):
    """A measured load with its prediction."""

    exhibit: str
    form: str
    writer: str
    outcome: str
    prediction: Prediction

    @property
    def fails(self) -> bool:
        """Whether the load failed."""
        return self.outcome.partition(" ")[0] in FAILS

    @property
    def is_seen(self) -> bool:
        """Whether the measurement can show what is predicted: only optimizers are trained."""
        return self.prediction.status != "degraded" or self.exhibit.startswith("optimizers")

    @property
    def is_right(self) -> bool:
        """Whether the status is right, and the cause if one is known."""
        status = "fail" if self.fails else self.outcome.partition(" ")[0]
        is_cause = not self.cause or self.cause == self.prediction.cause
        return status == self.prediction.status and (not self.fails or is_cause)

    @property
    def cause(self) -> str:
        """The measured cause, empty if none is known."""
        cause = self.outcome.partition(" ")[2]
        return "" if cause in NO_CAUSE else cause


def print_score(
    targets: Mapping[str, Target],
    saved: Mapping[str, list[Record]],
    loaded: Mapping[str, list[Record]],
    table: Mapping[str, Any],
    chosen: Callable[[str], object],
) -> list[Scored]:
    """Print precision and recall, with all exhibits and with those of other classes only.

    Return the loads, predicted by the exhibits of other classes.

    Args:
        targets: the environment of each release.
        saved: each release's records of saving.
        loaded: each release's records of loading.
        table: the condensed table.
        chosen: whether an exhibit counts.
    """
    measured = list(_measured(targets, saved, loaded, chosen))
    others = list(
        _scored(targets, measured, lambda name: Zoo(_without(table, _class_of(name))), Zoo(table))
    )
    _report("each class left out", others)
    _report("all exhibits", list(_scored(targets, measured, None, Zoo(table))))
    return others


def write_calibration(scored: Iterable[Scored]) -> None:
    """Write how often each rule was right in the loads of the zoo, by the exhibits of others."""
    decided: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for each in scored:
        rule = each.prediction.rule.partition(":")[0]
        if each.is_seen:
            decided[rule] += 1
            right[rule] += each.is_right
    stored = json.loads(TARGET.read_text("utf-8"))
    counts = {rule: [right[rule], decided[rule]] for rule in sorted(decided)}
    # Without its class an exhibit decides hardly a cell: it was counted exhibit by exhibit.
    counts["zoo"] = max(counts.get("zoo", [0, 0]), stored["zoo"]["zoo"], key=lambda each: each[1])
    TARGET.write_text(calibration_text({**stored, "zoo": counts}), "utf-8")


def _measured(
    targets: Mapping[str, Target],
    saved: Mapping[str, list[Record]],
    loaded: Mapping[str, list[Record]],
    chosen: Callable[[str], object],
) -> Iterator[tuple[Record, str, dict[str, str]]]:
    """Yield each saved file with its writer and the outcome in each release that loaded it."""
    answers = {release: {each["task"]: each for each in loaded[release]} for release in targets}
    seen = set()
    for writer in targets:
        for record in saved[writer]:
            if "path" not in record or not chosen(record["name"]):
                continue
            task = task_of(record)
            if task not in seen:
                seen.add(task)
                yield (
                    record,
                    writer,
                    {
                        reader: outcome(found[task], record["format"], writer, reader)
                        for reader, found in answers.items()
                        if task in found
                    },
                )


def _scored(
    targets: Mapping[str, Target],
    measured: Iterable[tuple[Record, str, dict[str, str]]],
    zoo_for: Callable[[str], Zoo] | None,
    whole: Zoo,
) -> Iterator[Scored]:
    """Yield each measured load with its prediction."""
    last, zoo = "", whole
    for record, writer, outcomes in sorted(measured, key=lambda each: str(each[0]["name"])):
        name = str(record["name"])
        if zoo_for and _class_of(name) != last:
            last, zoo = _class_of(name), zoo_for(name)
        contents = read_contents(Path(record["path"]))
        readers = list(outcomes)
        predictions = predict_contents(contents, [targets[each] for each in readers], (), zoo)
        for reader, prediction in zip(readers, predictions, strict=True):
            yield Scored(name, record["format"], writer, outcomes[reader], prediction)


def _without(table: Mapping[str, Any], left_out: str) -> Mapping[str, Any]:
    exhibits = {
        name: entry for name, entry in table["exhibits"].items() if _class_of(name) != left_out
    }
    return {**table, "exhibits": exhibits}


def _class_of(exhibit: str) -> str:
    return exhibit.split("/", 2)[1]


def _report(title: str, scored: list[Scored]) -> None:
    """Print the score, then what is missed and what is foreseen wrongly, by kind."""
    failing = [each for each in scored if each.fails]
    predicted = [each for each in scored if each.prediction.status == "fail"]
    right = [each for each in failing if each.prediction.status == "fail"]
    with_cause = [each for each in right if each.cause]
    other = [each for each in with_cause if each.cause != each.prediction.cause]
    print(f"\n{title}: {len(scored)} loads, {len(failing)} fail")
    print(f"  recall {_share(right, failing)}  precision {_share(right, predicted)}")
    print(f"  other cause {_share(other, with_cause)}")
    _print_kinds("missed", (each for each in failing if each.prediction.status != "fail"))
    _print_kinds("wrongly predicted to fail", (each for each in predicted if not each.fails))
    _print_kinds("other cause", other)


def _share(some: list[Scored], of: list[Scored]) -> str:
    return f"{len(some) / max(1, len(of)):.4f} ({len(some)} of {len(of)})"


def _print_kinds(title: str, scored: Iterable[Scored]) -> None:
    kinds: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for each in scored:
        key = (each.outcome, each.prediction.cause or "", each.prediction.rule.partition(":")[0])
        where = f"{each.writer} to {each.prediction.environment}"
        kinds[key][f"{each.exhibit} {each.form} {where}"] += 1
    for (measured, cause, rule), examples in sorted(
        kinds.items(), key=lambda item: -item[1].total()
    )[:MOST_SHOWN]:
        print(f"  {title}: {examples.total()} x {measured}; predicted by {rule}: {cause or '-'}")
        for example in list(examples)[:: max(1, len(examples) // 4)][:4]:
            print(f"      {example}")
