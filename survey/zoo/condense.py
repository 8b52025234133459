"""Condenses the measured cells of the zoo to ranges of releases, and compares two such tables.

A line of ``zoo.json`` has an exhibit: the releases that cannot build it, and for each format the
releases that write it, with the outcome in those that read it.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.recognize_cause import AmbiguousError, Evidence, recognize_cause
from kerasmatrix.environments.keras_version import is_keras_3
from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.prediction.zoo import PLAINEST, plainest_of
from kerasmatrix.results.cells import Status

TARGET = Path("src/kerasmatrix/prediction/zoo.json")
UNCLASSIFIED = "unclassified"
KERAS_2, KERAS_3 = 2, 3
FORMATS = ("h5", "keras")
DIFFERS = {"weights", "outputs"}
FAILS = {"fail", "crash", "timeout"}
# Where none of these loads, no model of their kind does, and is not tried.
BASES = {name for names in PLAINEST for name in names}
Record = dict[str, Any]
Table = dict[str, Any]
Barred = dict[tuple[str, str], dict[str, set[str]]]


def condense(
    environments: Mapping[str, str],
    saved: Mapping[str, list[Record]],
    loaded: Mapping[str, list[Record]],
) -> Table:
    """Return the table of all exhibits, each with the releases that measured it completely.

    Args:
        environments: the environment of each release, in the order of releases.
        saved: each release's records of saving.
        loaded: each release's records of loading.
    """
    order = list(environments)
    answers = {
        release: {record["task"]: record for record in records}
        for release, records in loaded.items()
    }
    exhibits: dict[str, Table] = defaultdict(
        lambda: {"refused": defaultdict(set), "rows": {}, "tried": set()}
    )
    for writer in order:
        for record in saved[writer]:
            entry = exhibits[record["name"]]
            entry["tried"].add(writer)
            if "refused" in record:
                entry["refused"][refusal(record["refused"])].add(writer)
            elif "ended" in record:
                entry["refused"][record["ended"]].add(writer)
            elif "absent" not in record:
                row = entry["rows"].setdefault(record["format"], {})
                row[writer] = outcomes(record, writer, answers)
    readers = {form: _writers_of(form, saved) for form in FORMATS}
    condensed: Table = {}
    for name, entry in sorted(exhibits.items()):
        barred = _barred(exhibits, name)
        among = complete(entry["tried"], entry["rows"], readers, barred)
        for form, rows in entry["rows"].items():
            rows |= {
                writer: _own(row, among, barred.get((form, writer), {}))
                for writer, row in rows.items()
            }
        condensed[name] = _entry(entry, order, among)
    return {
        "releases": dict(environments),
        "exhibits": {name: entry for name, entry in condensed.items() if set(entry) - {"among"}},
    }


def _barred(exhibits: Table, name: str) -> Barred:
    """Return by format and writer the releases that load none of the plainest models, and why."""
    if name in BASES:
        return {}
    found: Barred = {}
    plainest = [exhibits[base]["rows"] for base in plainest_of(name) if base in exhibits]
    for form, by_writer in plainest[0].items() if plainest else ():
        for writer in by_writer:
            rows = [rows.get(form, {}).get(writer, {}) for rows in plainest]
            found[form, writer] = {
                reader: {row[reader] for row in rows}
                for reader in rows[0]
                if all(row.get(reader, "").partition(" ")[0] in FAILS for row in rows)
            }
    return found


def _own(
    row: dict[str, str] | str, among: set[str], barred: Mapping[str, set[str]]
) -> dict[str, str] | str:
    """Return a row without the releases in which it fails like the plainest models."""
    if isinstance(row, str):
        return row
    return {
        reader: what
        for reader, what in row.items()
        if reader in among and what not in barred.get(reader, ())
    }


def complete(
    tried: set[str],
    rows: Table,
    readers: Mapping[str, set[str]],
    barred: Barred,
) -> set[str]:
    """Return the releases that saved an exhibit, or tried to, and loaded each other's files.

    Args:
        tried: the releases that saved it or tried to.
        rows: by format and writer, its outcome in each release that loaded it.
        readers: the releases that know each format.
        barred: the releases that need not load it, by format and writer.
    """
    among = set(tried)
    while True:
        missing: Counter[str] = Counter()
        for form, by_writer in rows.items():
            for writer, row in by_writer.items():
                if writer in among and not isinstance(row, str):
                    needed = readers[form] & among - set(barred.get((form, writer), {}))
                    for reader in needed - set(row):
                        missing.update((writer, reader))
        if not missing:
            return among
        among.remove(missing.most_common(1)[0][0])


def _writers_of(form: str, saved: Mapping[str, list[Record]]) -> set[str]:
    return {
        release
        for release, records in saved.items()
        if any(record.get("format") == form for record in records)
    }


def outcomes(
    record: Record, writer: str, answers: Mapping[str, Mapping[str, Record]]
) -> dict[str, str] | str:
    """Return the outcome in each reader of what ``writer`` saved; a text if it cannot save."""
    if "unsaved" in record:
        return "unsaved " + cause_of(
            record["unsaved"], record["format"], writer, writer, Status.SAVE_FAILED
        )
    task = task_of(record)
    return {
        reader: outcome(found[task], record["format"], writer, reader)
        for reader, found in answers.items()
        if task in found
    }


def task_of(record: Record) -> str:
    """Return the name of the task to load a saved file; equal files have the same."""
    return f"{record['name']} {record['format']} {record['digest']}"


def outcome(answer: Record, form: str, writer: str, reader: str) -> str:
    """Return what came of a load: a status, and the cause or what was lost."""
    if "ended" in answer:
        return str(answer["ended"])
    if "failed" in answer:
        return "fail " + cause_of(answer["failed"], form, writer, reader)
    lost = answer.get("lost", [])
    if not lost:
        return "pass"
    if "call" in lost:
        return "fail call"
    if DIFFERS & set(lost):
        return "drift " + "+".join(sorted(DIFFERS & set(lost)))
    return "degraded " + "+".join(lost).replace(" ", "-")


def cause_of(
    chain: list[list[str]], form: str, writer: str, reader: str, status: Status = Status.FAIL
) -> str:
    """Return the cause that the catalogue knows for an error."""
    evidence = Evidence(
        chain=[(kind, text) for kind, text in chain],
        status=status,
        format=form,
        writer_keras=KERAS_3 if is_keras_3(writer) else KERAS_2,
        reader_keras=KERAS_3 if is_keras_3(reader) else KERAS_2,
    )
    try:
        cause = recognize_cause(the_catalogue(), evidence)
    except AmbiguousError:
        return UNCLASSIFIED
    return cause.slug if cause else UNCLASSIFIED


def refusal(chain: list[list[str]]) -> str:
    """Return the type of the error with which a release refuses to build an exhibit."""
    return chain[0][0].rpartition(".")[2]


def _entry(entry: Table, order: list[str], among: set[str]) -> Table:
    found: Table = {}
    if among != set(order):
        found["among"] = span_of(among, order)
    refused = {kind: releases & among for kind, releases in sorted(entry["refused"].items())}
    if any(refused.values()):
        found["refused"] = {
            kind: span_of(releases, order) for kind, releases in refused.items() if releases
        }
    for form, rows in sorted(entry["rows"].items()):
        alike: dict[str, set[str]] = defaultdict(set)
        for writer in among & set(rows):
            alike[json.dumps(_row(rows[writer], order))].add(writer)
        if alike:
            found[form] = {
                span_of(writers, order): json.loads(text)
                for text, writers in sorted(
                    alike.items(), key=lambda each: order.index(min(each[1], key=order.index))
                )
            }
    return found


def _row(row: dict[str, str] | str, order: list[str]) -> Table | str:
    if isinstance(row, str):
        return row
    readers: dict[str, set[str]] = defaultdict(set)
    for reader, what in row.items():
        readers[what].add(reader)
    return {what: span_of(releases, order) for what, releases in sorted(readers.items())}


def read_stored() -> Table:
    """Return the stored table; an empty one if there is none."""
    if not TARGET.exists():
        return {"releases": {}, "exhibits": {}}
    return dict(json.loads(TARGET.read_text(encoding="utf-8")))


def write(path: Path, table: Table) -> None:
    """Write a table with one line for each exhibit, so that a change can be read."""
    lines = [
        f"  {json.dumps(name)}: {json.dumps(entry, ensure_ascii=False)}"
        for name, entry in table["exhibits"].items()
    ]
    text = (
        f'{{\n "releases": {json.dumps(table["releases"])},\n "exhibits": {{\n'
        + ",\n".join(lines)
        + "\n }\n}\n"
    )
    path.write_text(text, encoding="utf-8")


def difference(before: Table, after: Table) -> str:
    """Return the exhibits that are new, gone or measured otherwise, one a line."""
    old, new = before["exhibits"], after["exhibits"]
    lines = []
    if before["releases"] != after["releases"]:
        lines.append(f"releases: {' '.join(before['releases'])} -> {' '.join(after['releases'])}")
    for name in sorted({*old, *new}):
        if name not in new:
            lines.append(f"- {name}")
        elif name not in old:
            lines.append(f"+ {name}")
        elif old[name] != new[name]:
            lines.append(f"~ {name}: {json.dumps(old[name])} -> {json.dumps(new[name])}")
    return "\n".join(lines) or "nothing changed"
