"""Holds the verdict against differences that matter and differences that do not.

Plants each in models that real releases have saved and loaded, lets the harness report what it sees
and `judge_load` say what that means. Every difference that matters has to be seen and named, in
every format that holds it; none that does not matter may change the verdict.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.places import default_cache
from kerasmatrix.engines.local import worker_variables
from kerasmatrix.environments.locks import read_lock
from kerasmatrix.environments.venvs import ensure_venv
from kerasmatrix.harness import precision
from kerasmatrix.results.cells import Status
from kerasmatrix.results.observations import LoadObservation, SaveFacts
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.results.verdict import Verdict, judge_load

ROOT = Path(__file__).parent.parent.parent
FORMATS = ("h5", "keras", "savedmodel", "weights")
ENVIRONMENTS = "tf2.4,tf2.15,tf2.21"
HARNESS = ROOT / "src" / "kerasmatrix"


class Case(NamedTuple):
    """A difference in one format and environment, and how it was judged."""

    environment: str
    format: str
    kind: str
    name: str
    right: bool
    verdict: Verdict


def main() -> int:
    """Plant, judge, print the table; 1 where a difference was judged wrongly."""
    parser = argparse.ArgumentParser(prog="nox -s sabotage --", description=__doc__)
    parser.add_argument("--environments", default=ENVIRONMENTS)
    parser.add_argument("--keep", type=Path, help="a folder for what the harness reported")
    parser.add_argument("--judge-only", action="store_true", help="judge what is kept there")
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--models", default="", help="only these of models.py, or `spelled`")
    options = parser.parse_args()
    names = options.environments.split(",")
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        cases: list[Case] = []
        for name in names:
            for part in ("whole", "half"):
                path = folder / f"{name}-{part}.jsonl"
                if not options.judge_only:
                    models = options.models.split(",") if options.models else []
                    _plant(name, path, Path(scratch), [options.formats, part, *models])
                cases += _judged(name, path)
    return _print(cases, names)


def _plant(name: str, path: Path, home: Path, which: list[str]) -> None:
    environment = load_matrix(ROOT / "matrix.yaml").environments[name]
    lock = read_lock(ROOT / "images" / "locks", environment)
    python = ensure_venv(environment, lock, default_cache())
    script = Path(__file__).parent / "planted.py"
    variables = {"PATH": "/usr/bin:/bin", **worker_variables(environment, str(home))}
    if which[1] == "half":
        del variables[precision.LIMIT]  # as a task does for a file of half precision
    command = [str(python), "-B", str(script), str(HARNESS), str(path), *which]
    done = subprocess.run(
        command, env=variables, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")[-2000:]
        raise SystemExit(f"{name}: it ended with {done.returncode}: {said}")


def _judged(environment: str, path: Path) -> Iterator[Case]:
    controls: dict[tuple[str, str], Verdict] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        if told["kind"] == "no-model":
            print(f"{environment}: no {told['model']} {told.get('format', '')}: {told['error']}")
            continue
        if told["load"] is None:
            continue  # the format does not bring back what was to be changed
        verdict = _verdict(told)
        place = (told["model"], told["format"])
        if told["kind"] == "control":
            controls[place] = verdict
            continue
        control = controls.get(place)
        if told["kind"] == "matters":
            right = _is_seen(verdict, control, told["words"])
        else:
            right = _is_let_be(verdict, control)
        yield Case(environment, told["format"], told["kind"], told["name"], right, verdict)


def _verdict(told: dict[str, Any]) -> Verdict:
    saved = SaveFacts.parse(told["saved"])
    load = LoadObservation.parse(told["load"])
    return judge_load(saved, told["format"], load, Tolerance())


def _is_seen(verdict: Verdict, control: Verdict | None, words: str) -> bool:
    """Whether it is not a pass, and what is said names the difference.

    Where the release itself loses in saving what is planted, it says so without the difference, too.
    """
    said = (verdict.summary, *verdict.lost)
    known = {control.summary, *control.lost} if control else set()
    lost_anyway = any(re.search(words, each) for each in known)
    new = [each for each in said if each not in known or lost_anyway]
    return verdict.status is not Status.PASS and any(re.search(words, each) for each in new)


def _is_let_be(verdict: Verdict, control: Verdict | None) -> bool:
    """Whether it is a pass, or no worse than without the difference."""
    if verdict.status is Status.PASS:
        return True
    if control is None or verdict.status is not control.status:
        return False
    return set(verdict.lost) <= set(control.lost)


def _print(cases: list[Case], environments: list[str]) -> int:
    columns = [(name, form) for name in environments for form in FORMATS]
    columns = [each for each in columns if any((c.environment, c.format) == each for c in cases)]
    for kind, title in (("matters", "DIFFERENCES THAT MATTER: seen and named"),
                        ("vain", "DIFFERENCES THAT DO NOT: let be")):  # fmt: skip
        table: dict[str, dict[tuple[str, str], bool]] = defaultdict(dict)
        for case in cases:
            if case.kind == kind:
                cell = table[case.name]
                place = (case.environment, case.format)
                cell[place] = cell.get(place, True) and case.right
        print(f"\n{title}")
        print(f"{'':44}" + " ".join(f"{name[2:]}/{form[:2]:2}" for name, form in columns))
        for name, cell in table.items():
            marks = {None: "   ·   ", True: "   ✓   ", False: "   ✗   "}
            print(f"{name:44}" + " ".join(f"{marks[cell.get(each)]:7}" for each in columns))
    bad = [case for case in cases if not case.right]
    print()
    for case in bad:
        said = "; ".join((case.verdict.summary, *case.verdict.lost))
        print(f"WRONG {case.environment} {case.format} {case.kind}: {case.name}: {said[:300]}")
    for kind, word in (("matters", "that matter are seen and named"),
                       ("vain", "that do not matter are let be")):  # fmt: skip
        of = [case for case in cases if case.kind == kind]
        right = sum(case.right for case in of)
        different = len({case.name for case in of})
        print(f"{right} of {len(of)} differences {word} ({different} different ones)")
    return 1 if bad or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
