"""Measures the zoo: each release saves every exhibit, each other one loads what was saved.

Measurements stay in the cache folder, so that a killed one
continues, and a new release costs its own row and column only.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from condense import (
    BASES,
    TARGET,
    condense,
    difference,
    read_stored,
    task_of,
    write,
)
from covered import print_coverage
from figures import print_figures
from score import print_score, write_calibration

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.config.project import Project
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.prediction.select_targets import target_of
from kerasmatrix.prediction.target import Target
from kerasmatrix.prediction.zoo import plainest_of
from kerasmatrix.versions import minor_of

INSIDE = Path(__file__).with_name("inside.py")
# Their content decides what an exhibit's name means.
BUILDERS = ("exhibits.py", "inside.py", "models.py", "values.py")
# The environments of each group: those of `default` in matrix.yaml, and the four that decide most.
GROUPS = {"zoo": ("default",), "zoo-quick": ("tf2.4", "tf2.15", "tf2.16", "tf2.21")}
Record = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """A release of Keras, with the environment that stands for it."""

    name: str
    environment: str
    python: Path
    variables: Mapping[str, str]
    folder: Path

    def run(self, *command: str | Path) -> str:
        """Run `inside.py` in the environment, and return what it prints."""
        done = subprocess.run(
            ["nice", "-n", "10", self.python, INSIDE, *command],
            env={"PATH": "/usr/bin:/bin", **self.variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=True,
        )
        return done.stdout

    @cached_property
    def listed(self) -> Record:
        """The classes, arguments and exhibits of the release."""
        path = self.folder / "list.json"
        if not path.exists():
            lines = self.run("list").splitlines()
            text = next(line for line in lines if line.startswith("LIST "))
            path.write_text(text.removeprefix("LIST "), encoding="utf-8")
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def save(self, tasks: list[Record]) -> None:
        """Save exhibits."""
        files = self.folder / "files"
        files.mkdir(exist_ok=True)
        self._do("save", tasks, files, self.folder / "saved.jsonl")

    def load(self, tasks: list[Record]) -> None:
        """Load files."""
        self._do("load", tasks, self.folder / "loaded.jsonl")

    def _do(self, what: str, tasks: list[Record], *places: Path) -> None:
        print(f"{self.environment}: {what} {len(tasks)}", file=sys.stderr)
        if tasks:
            path = write_lines(self.folder / f"{what}-tasks.jsonl", tasks)
            self.run(f"{what}-all", path, *places)

    def saved(self) -> list[Record]:
        """Return the records of what it saved."""
        return read_lines(self.folder / "saved.jsonl")

    def loaded(self) -> list[Record]:
        """Return the records of what it loaded."""
        return read_lines(self.folder / "loaded.jsonl")


def main(options: argparse.Namespace) -> None:
    """Measure what is not measured yet, and write the table that predictions use."""
    project = Project(Path("matrix.yaml"))
    matrix = load_matrix(project.matrix_file)
    groups = options.environments or ["zoo"]
    names = matrix.ungrouped(part for name in groups for part in GROUPS.get(name, (name,)))
    releases: list[Release] = []
    targets: dict[str, Target] = {}
    pattern = re.compile(options.only or "")
    for name in dict.fromkeys(names):
        environment = matrix.environments[name]
        lock = read_lock(project.locks_with(name), environment)
        folder = (options.folder or default_cache() / "zoo" / builders()) / name
        folder.mkdir(parents=True, exist_ok=True)
        python = ensure_venv(environment, lock, default_cache())
        variables = worker_variables(environment, str(folder))
        releases.append(Release(release_of(environment, lock), name, python, variables, folder))
        targets[releases[-1].name] = target_of(environment, lock)
    releases.sort(key=lambda release: minor_of(release.name))
    if options.coverage:
        print_coverage({release.name: release.listed for release in releases}, read_stored())
        return
    if options.figures or options.score or options.calibrate:
        saved = {release.name: release.saved() for release in releases}
        loaded = {release.name: release.loaded() for release in releases}
        if options.figures:
            print_figures(saved, loaded)
        else:
            scored = print_score(targets, saved, loaded, read_stored(), pattern.search)
            if options.calibrate:
                write_calibration(scored)
        return
    if not options.no_run:
        exhibits = {name for release in releases for name in release.listed["exhibits"]}
        chosen = {name for name in exhibits if pattern.search(name)}
        measure(releases, chosen, options.jobs)
    before = read_stored()
    after = condense(
        {release.name: release.environment for release in releases},
        {release.name: release.saved() for release in releases},
        {release.name: release.loaded() for release in releases},
    )
    write(TARGET, after)
    print(difference(before, after))


def measure(releases: Iterable[Release], chosen: set[str], jobs: int) -> None:
    """Have every release save the exhibits ``chosen``, then load what the others saved."""
    releases = list(releases)
    in_parallel(jobs, [(each.save, to_save(each, chosen | BASES)) for each in releases])
    files = unique_files(releases)
    plainest = [file for file in files if file["name"] in BASES]
    in_parallel(jobs, [(each.load, to_load(each, plainest)) for each in releases])
    asked = [file for file in files if file["name"] in chosen]
    work = []
    for release in releases:
        barred = barred_at(release, releases)
        tried = [file for file in asked if is_tried(file, barred)]
        work.append((release.load, to_load(release, tried)))
    in_parallel(jobs, work)


def in_parallel(
    jobs: int, work: Iterable[tuple[Callable[[list[Record]], None], list[Record]]]
) -> None:
    """Do the tasks of ``jobs`` releases at a time, beginning with the most."""
    longest_first = sorted(work, key=lambda each: -len(each[1]))
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda each: each[0](each[1]), longest_first))


def builders() -> str:
    """Return a digest of the code that builds and compares exhibits."""
    content = b"".join(INSIDE.with_name(name).read_bytes() for name in BUILDERS)
    return hashlib.sha256(content).hexdigest()[:12]


def to_save(release: Release, exhibits: set[str]) -> list[Record]:
    """Return the exhibits that a release has not tried to save yet."""
    done = {record["name"] for record in release.saved()}
    return [
        {"name": name, "number": hashlib.sha256(name.encode()).hexdigest()[:16]}
        for name in sorted(exhibits - done)
    ]


def unique_files(releases: Iterable[Release]) -> list[Record]:
    """Return the saved files; of those with equal configs and arrays only the first."""
    found: dict[tuple[str, str, str], Record] = {}
    for release in releases:
        for record in release.saved():
            if "path" in record:
                key = (record["name"], record["format"], record["digest"])
                found.setdefault(key, {**record, "writer": release.name, "number": task_of(record)})
    return list(found.values())


def barred_at(reader: Release, releases: Iterable[Release]) -> set[tuple[str, str, str]]:
    """Return name, writer and format of the plainest models that a release does not load."""
    answers = {record["task"]: record for record in reader.loaded()}
    failed = {task for task, record in answers.items() if "failed" in record or "ended" in record}
    return {
        (record["name"], writer.name, record["format"])
        for writer in releases
        for record in writer.saved()
        if record["name"] in BASES and "path" in record and task_of(record) in failed
    }


def is_tried(file: Record, barred: set[tuple[str, str, str]]) -> bool:
    """Return whether one of the plainest models like a file loads where ``barred`` is from."""
    plainest = {(name, file["writer"], file["format"]) for name in plainest_of(file["name"])}
    return not plainest <= barred


def to_load(release: Release, files: Iterable[Record]) -> list[Record]:
    """Return the files that a release has not loaded yet."""
    done = {record["task"] for record in release.loaded()}
    archives = "keras" in {record["format"] for record in release.saved() if "path" in record}
    return [
        file
        for file in files
        if file["number"] not in done and (archives or file["format"] != "keras")
    ]


def read_lines(path: Path) -> list[Record]:
    """Return the records of a file; a last line that a kill cut off is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def write_lines(path: Path, records: Iterable[Record]) -> Path:
    """Write records, one a line."""
    text = "".join(json.dumps(record) + "\n" for record in records)
    path.write_text(text, encoding="utf-8")
    return path


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environments", nargs="*", help="or groups: zoo (default), zoo-quick")
    parser.add_argument("--only", metavar="REGEX", help="the exhibits whose names match")
    parser.add_argument("--jobs", type=int, default=1, help="releases at a time (default: 1)")
    parser.add_argument("--folder", type=Path, help="where files and measurements stay")
    parser.add_argument("--coverage", action="store_true", help="list what no exhibit covers")
    parser.add_argument("--figures", action="store_true", help="print cells, cost, unknown causes")
    parser.add_argument("--score", action="store_true", help="score predictions on what is there")
    parser.add_argument(
        "--calibrate", action="store_true", help="... and write how often each rule was right"
    )
    parser.add_argument("--no-run", action="store_true", help="write the table from what is there")
    return parser.parse_args()


if __name__ == "__main__":
    main(parse())
