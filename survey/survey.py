"""Queries the Keras of every environment, and writes the table that `kerasmatrix predict` uses.

The table ``src/kerasmatrix/prediction/keras_api.json`` has the releases with each class of
Keras, and the releases that accept each key of a config.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasmatrix.config.matrix import Environment, load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.config.project import Project
from kerasmatrix.environments.keras_version import release_of
from kerasmatrix.environments.locks import Lock, read_lock
from kerasmatrix.environments.variables import worker_variables
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.filesystem.digests import HARNESS
from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.versions import minor_of

ASK = Path(__file__).with_name("ask.py")
TARGET = Path(__file__).parent.parent / "src/kerasmatrix/prediction/keras_api.json"
MARK = "SURFACE "
ANY = "*"


def main(kept: Path | None) -> None:
    """Query all environments, except those with an answer in the folder ``kept``."""
    project = Project(Path("matrix.yaml"))
    answers: dict[str, Any] = {}
    for environment in load_matrix(project.matrix_file).releases:
        lock = read_lock(project.locks_with(environment.name), environment)
        release = release_of(environment, lock)
        if release not in answers:
            print(f"{release}: {environment.name}", file=sys.stderr)
            answers[release] = _answer(environment, lock, kept)
    order = sorted(answers, key=minor_of)
    TARGET.write_text(_compact(_summary(order, answers)), encoding="utf-8")


def _answer(environment: Environment, lock: Lock, kept: Path | None) -> Any:
    file = kept / f"{environment.name}.json" if kept else None
    if file and file.exists():
        return json.loads(file.read_text(encoding="utf-8"))
    python = ensure_venv(environment, lock, default_cache())
    done = subprocess.run(
        [str(python), "-I", str(ASK), str(HARNESS)],
        env=worker_variables(environment, "/tmp"),
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith(MARK))
    if file:
        file.write_text(line.removeprefix(MARK), encoding="utf-8")
    return json.loads(line.removeprefix(MARK))


def _summary(order: list[str], answers: Mapping[str, Any]) -> dict[str, Any]:
    having: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    takes: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    needs: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    functions: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    operations: dict[str, set[str]] = defaultdict(set)
    for release, answer in answers.items():
        for place, classes in answer["classes"].items():
            for name, keys in classes.items():
                having[place][name].add(release)
                for key in [ANY] if keys["takes"] is None else keys["takes"]:
                    takes[place, name][key].add(release)
                for key in keys["needs"]:
                    needs[place, name][key].add(release)
        for place, names in answer["functions"].items():
            for name in names:
                functions[place][name].add(release)
        for name in answer["operations"]:
            operations[name].add(release)
    return {
        "releases": {release: answers[release]["keras"] for release in order},
        "classes": {
            place: {
                name: {
                    "in": span_of(releases, order),
                    "takes": _by_range(takes[place, name], order),
                    **(
                        {"needs": _by_range(needs[place, name], order)}
                        if needs[place, name]
                        else {}
                    ),
                }
                for name, releases in sorted(classes.items())
            }
            for place, classes in sorted(having.items())
        },
        "functions": {
            place: {name: span_of(releases, order) for name, releases in sorted(names.items())}
            for place, names in sorted(functions.items())
        },
        "operations": {
            name: span_of(releases, order) for name, releases in sorted(operations.items())
        },
    }


def _by_range(keys: Mapping[str, set[str]], order: list[str]) -> dict[str, list[str]]:
    by_range: dict[str, list[str]] = defaultdict(list)
    for key, releases in sorted(keys.items()):
        by_range[span_of(releases, order)].append(key)
    return dict(sorted(by_range.items()))


def _compact(summary: Mapping[str, Any]) -> str:
    """Return JSON with one line for each name, so that a change can be read."""
    lines = ["{"]
    for number, (section, content) in enumerate(summary.items()):
        lines.append(f' "{section}": {{')
        entries = []
        for name, value in content.items():
            if section == "classes":
                inner = [
                    f"   {json.dumps(key)}: {json.dumps(entry)}" for key, entry in value.items()
                ]
                entries.append(f"  {json.dumps(name)}: {{\n" + ",\n".join(inner) + "\n  }")
            else:
                entries.append(f"  {json.dumps(name)}: {json.dumps(value)}")
        lines += [",\n".join(entries), " }" + ("," if number < len(summary) - 1 else "")]
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
