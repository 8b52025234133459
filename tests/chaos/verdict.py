"""Compares a run with an undisturbed one: lost, duplicated and wrong results, leftovers."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasmatrix.filesystem.digests import digest_tree
from tests.chaos.project import Project

# Fields of a cell that depend on the time and the number of attempts.
OF_ITS_TIME = {"seconds", "save", "load", "flaky", "retries", "inferred_from"}
# `predictions.sqlite` caches what was predicted of an artifact.
IN_A_STORE = {"lock", "store.sqlite", "artifacts", "runs", "predictions.sqlite"}
NOT_MEASURED = {"not-run", "infra"}
VARYING = re.compile(
    r"task-\d+|home-\w+|\d{8}T\d{6}\.\d+-\d+|0x[0-9a-f]+|tmp\w{8}|\b\d+\.\d+ s(?:econds)?\b"
)

Table = dict[tuple[str, str, str, str], str]


def table_of(project: Project) -> tuple[Table, list[str]]:
    """Return every cell of the written report as text, and the duplicates."""
    results = json.loads((project.reports / "results.json").read_text())
    table: Table = {}
    twice = []
    for cell in results["cells"]:
        key = (cell["scenario"], cell["format"], cell["saved_with"], cell["loaded_with"])
        if key in table:
            twice.append(" ".join(key))
        table[key] = _plain({name: cell[name] for name in cell if name not in OF_ITS_TIME}, project)
    return table, twice


def compare(reference: Table, project: Project) -> dict[str, list[str]]:
    """Return the ``lost``, ``duplicated`` and ``wrong`` cells of a report."""
    table, twice = table_of(project)
    lost, wrong = [], []
    for key, expected in reference.items():
        actual = table.get(key)
        name = " ".join(key)
        if actual is None or json.loads(actual)["status"] in NOT_MEASURED:
            lost.append(f"{name}: {actual or 'is not there'}")
        elif actual != expected:
            wrong.append(f"{name}: {_difference(expected, actual)}")
    wrong += [f"{' '.join(key)}: is there" for key in table.keys() - reference.keys()]
    return {"lost": lost, "duplicated": twice, "wrong": wrong}


def rows(project: Project) -> dict[str, tuple[str, str]]:
    """Return the time and the run of each stored measurement, by key.

    Read from a copy, since opening a database repairs it.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path in project.store.glob("store.sqlite*"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(path, folder)
        if not Path(folder, "store.sqlite").exists():
            return {}
        with contextlib.closing(sqlite3.connect(Path(folder, "store.sqlite"))) as database:
            try:
                rows = database.execute("SELECT key, measured_at, run FROM observations")
                return {key: (at, run) for key, at, run in rows}
            except sqlite3.DatabaseError:
                return {}


def left_behind(project: Project) -> Iterator[str]:
    """Yield files that must not be left once no run is at work."""
    for path in project.temporary.iterdir():
        yield f"temporary file {path.name}"
    allowed = {"index.html", "runs.html", "results.json", "results.csv"}
    for path in project.reports.iterdir():
        if path.name not in allowed:
            yield f"report {path.name}"
    for path in project.store.iterdir():
        # A damaged database is set aside, not deleted.
        set_aside = path.name.startswith("store.damaged-")
        if not set_aside and path.name not in IN_A_STORE:
            yield f"store {path.name}"
    for path in (project.store / "runs").glob("*"):
        if not path.name.endswith(".gz") or path.name.startswith("."):
            yield f"archive {path.name}"
    with contextlib.closing(sqlite3.connect(project.store / "store.sqlite")) as database:
        named = database.execute("SELECT observation ->> '$.artifact' FROM observations")
        wanted = {name for (name,) in named if name}
    for path in (project.store / "artifacts").iterdir():
        if path.name not in wanted:
            yield f"artifact without a measurement: {path.name[:12]}"
        elif digest_tree(path) != path.name:
            yield f"damaged artifact {path.name[:12]}"
    yield from (f"no artifact {name[:12]}" for name in wanted - _names(project))


def _names(project: Project) -> set[str]:
    return {path.name for path in (project.store / "artifacts").iterdir()}


def _plain(cell: dict[str, Any], project: Project) -> str:
    """Return a cell as text without values that differ from run to run."""
    for tried in cell["remedies"]:
        tried["seconds"] = None
    if cell["error"]:
        cell["error"]["traceback"] = ""
    text = json.dumps(cell, sort_keys=True).replace(str(project.folder), "PROJECT")
    return VARYING.sub("…", text)


def _difference(expected: str, actual: str) -> str:
    ours, theirs = json.loads(expected), json.loads(actual)
    differing = [name for name in ours if ours[name] != theirs.get(name)]
    return "; ".join(f"{name} {theirs.get(name)!r}, not {ours[name]!r}" for name in differing)


def statuses(table: Table) -> Counter[str]:
    """Return how often each status stands in a table."""
    return Counter(json.loads(cell)["status"] for cell in table.values())
