"""Prints figures of a measurement of the zoo: cells, cost, and failures that have no cause."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from condense import UNCLASSIFIED, outcome

# Messages of one kind differ in quoted names, numbers, shapes and names with numbers.
DETAILS = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`|<[^>]*>|\[[^\]]*\]|\([^)]*\)|[\w.]*\d[\w.]*")
LONGEST = 110
MOST_KINDS = 25
FAILING = ("fail", "crash", "timeout")
Record = dict[str, Any]


def print_figures(saved: Mapping[str, list[Record]], loaded: Mapping[str, list[Record]]) -> None:
    """Print the figures of the records of saving and loading, by release."""
    answers = {
        release: {record["task"]: record for record in records}
        for release, records in loaded.items()
    }
    statuses: Counter[str] = Counter()
    kinds: dict[str, list[str]] = defaultdict(list)
    for writer, records in saved.items():
        for record in records:
            if "path" not in record:
                continue
            task = f"{record['name']} {record['format']} {record['digest']}"
            for reader, found in answers.items():
                if task not in found:
                    continue
                what = outcome(found[task], record["format"], writer, reader)
                statuses[what.partition(" ")[0]] += 1
                if what.endswith(UNCLASSIFIED):
                    cell = f"{record['name']} {record['format']} {writer} to {reader}"
                    kinds[_kind(found[task]["failed"])].append(cell)
    _print_cells(statuses, loaded)
    for what, by_release in (("saving", saved), ("loading", loaded)):
        _print_cost(what, by_release)
    failing = sum(statuses[status] for status in FAILING)
    unclassified = sum(map(len, kinds.values()))
    share = 100 * unclassified / max(1, failing)
    print(f"{unclassified} of {failing} failing cells have no cause: {share:.1f} %")
    for kind, cells in sorted(kinds.items(), key=lambda each: -len(each[1]))[:MOST_KINDS]:
        print(f"  {len(cells)} x {kind}\n      {cells[0]}")


def _print_cells(statuses: Counter[str], loaded: Mapping[str, list[Record]]) -> None:
    loads = sum(map(len, loaded.values()))
    counts = ", ".join(f"{count} {status}" for status, count in statuses.most_common())
    print(f"{sum(statuses.values())} cells from {loads} loads: {counts}")


def _print_cost(what: str, by_release: Mapping[str, Iterable[Record]]) -> None:
    for release, records in by_release.items():
        costs = [record["cpu"] for record in records if "cpu" in record]
        if costs:
            mean = sum(costs) / len(costs)
            print(f"{what} with {release}: {len(costs)} x {mean:.3f} s = {sum(costs):.0f} s of CPU")


def _kind(chain: list[list[str]]) -> str:
    error, message = chain[0]
    return f"{error}: {DETAILS.sub('…', message)[:LONGEST]}"
