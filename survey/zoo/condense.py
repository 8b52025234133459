"""Condenses the measured cells of the zoo to ranges of releases, and compares two such tables.

A line of ``zoo.json`` has an exhibit: the releases that cannot build it, and for each format the
releases that write it, with the outcome in those that read it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.recognize_cause import AmbiguousError, Evidence, recognize_cause
from kerasmatrix.environments.keras_version import is_keras_3
from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.results.cells import Status

TARGET = Path("src/kerasmatrix/prediction/zoo.json")
UNCLASSIFIED = "unclassified"
KERAS_2, KERAS_3 = 2, 3
FORMATS = ("h5", "keras")
DIFFERS = {"weights", "outputs"}
Record = dict[str, Any]
Table = dict[str, Any]


def condense(
    environments: Mapping[str, str],
    saved: Mapping[str, list[Record]],
    loaded: Mapping[str, list[Record]],
) -> Table:
    """Return the table of all exhibits that were measured completely.

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
    exhibits: dict[str, Table] = defaultdict(lambda: {"refused": defaultdict(set), "rows": {}})
    for writer in order:
        for record in saved[writer]:
            entry = exhibits[record["name"]]
            if "refused" in record:
                entry["refused"][refusal(record["refused"])].add(writer)
            elif "ended" in record:
                entry["refused"][record["ended"]].add(writer)
            elif "absent" not in record:
                row = entry["rows"].setdefault(record["format"], {})
                row[writer] = outcomes(record, writer, answers)
    tried = [{record["name"] for record in saved[release]} for release in order]
    readers = {form: _writers_of(form, saved) for form in FORMATS}
    return {
        "releases": dict(environments),
        "exhibits": {
            name: _entry(entry, order)
            for name, entry in sorted(exhibits.items())
            if (entry["refused"] or entry["rows"])
            and all(name in names for names in tried)
            and _is_read(entry["rows"], readers)
        },
    }


def _writers_of(form: str, saved: Mapping[str, list[Record]]) -> set[str]:
    return {
        release
        for release, records in saved.items()
        if any(record.get("format") == form for record in records)
    }


def _is_read(rows: Table, readers: Mapping[str, set[str]]) -> bool:
    """Return whether all releases that know a format have loaded each file."""
    return all(
        isinstance(row, str) or set(row) == readers[form]
        for form, by_writer in rows.items()
        for row in by_writer.values()
    )


def outcomes(
    record: Record, writer: str, answers: Mapping[str, Mapping[str, Record]]
) -> dict[str, str] | str:
    """Return the outcome in each reader of what ``writer`` saved; a text if it cannot save."""
    if "unsaved" in record:
        return "unsaved " + cause_of(
            record["unsaved"], record["format"], writer, writer, Status.SAVE_FAILED
        )
    task = f"{record['name']} {record['format']} {record['digest']}"
    return {
        reader: outcome(found[task], record["format"], writer, reader)
        for reader, found in answers.items()
        if task in found
    }


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


def _entry(entry: Table, order: list[str]) -> Table:
    found: Table = {}
    if entry["refused"]:
        found["refused"] = {
            kind: span_of(releases, order) for kind, releases in sorted(entry["refused"].items())
        }
    for form, rows in sorted(entry["rows"].items()):
        alike: dict[str, set[str]] = defaultdict(set)
        for writer, row in rows.items():
            alike[json.dumps(row, sort_keys=True)].add(writer)
        found[form] = {
            span_of(writers, order): _row(json.loads(text), order)
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
