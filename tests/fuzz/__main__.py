"""Has `inspect` and `predict` read changed model files, thousands of them, and counts what happens.

Run as ``nox -s fuzz -- --files 10000 --seed 1 --check 200``. Each file is read as the reading child
reads it, but so that what goes wrong is seen and not turned into a message: in children of this
process that read many files each, under the same bounds. Then it is taken in as `check` does it.

With ``--check N``, N of those that were read (``all`` for all of them) and some that were not are
loaded by `check` in containers of two versions; see ``tests/fuzz/containers.py``. For that, Docker
and the images have to be there: ``kerasmatrix images --environments tf2.4,tf2.16``. ``--seeds``
names a folder with real models to change besides those that are made here.
"""

import argparse
import json
import math
import os
import random
import resource
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from kerasmatrix.errors import UsageError
from kerasmatrix.files.discover import find_models
from kerasmatrix.files.import_models import make_scenario
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import FileState, file_state
from kerasmatrix.inspection.inspect import inspect, prepare, read_model_file
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.inspection.reader_process import READER_LIMITS
from kerasmatrix.prediction.predict import prepare as prepare_rules
from kerasmatrix.prediction.predict import read_and_predict
from kerasmatrix.prediction.target import Target
from tests.fuzz.containers import Checks
from tests.fuzz.mutation import NEIGHBOUR, SECRET, mutate, seeds

TARGETS = [
    Target("tf2.4", "2.4", "2.4.4", "3.8", frozenset()),
    Target("tf2.16", "3.4", "2.16.2", "3.12", frozenset({"keras"})),
]
EACH = 50  # files that a child reads
SECONDS = READER_LIMITS.cpu_seconds  # of processor time that one file may take
MOST_MB = 512
LONGEST_MESSAGE = 5000
GOOD = ("read", "refused")


def read(path: Path, *, digest: bool) -> str:
    """Read a file in every way there is; return what became of it.

    Raises:
        Exception: any but the one that a user understands.
    """
    try:
        before = file_state(path)
        told = read_model_file(path, digest=digest)
        told.model_dump_json()
        read_and_predict(path, TARGETS).model_dump_json()
        take_in(told, before, path)
    except UsageError as error:
        if str(path) not in error.message or len(error.message) > LONGEST_MESSAGE:
            raise
        return "refused"
    return "read"


def take_in(told: ModelFile, before: FileState, path: Path) -> None:
    """Copy a file as `check` does, and look at what was copied.

    Raises:
        AssertionError: something else than plain files was, or what a link leads to.
    """
    code = path.parent / NEIGHBOUR / "code.py"  # weights are nothing without it
    with tempfile.TemporaryDirectory() as folder:
        given = make_scenario(told, Path(folder, "it"), ModelAssets(code), before)
        for copied in (given.scenario.folder / "given").rglob("*"):
            mode = copied.lstat().st_mode
            assert stat.S_ISDIR(mode) or stat.S_ISREG(mode), copied
            assert stat.S_ISDIR(mode) or SECRET.encode() not in copied.read_bytes(), copied


def child(number: int, count: int, seed: int, originals: list[Path], send: int) -> None:
    """Read ``count`` changed files; tell of each in a line."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    address_space = pages * resource.getpagesize() + READER_LIMITS.memory
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder, os.fdopen(send, "w", buffering=1) as out:
        place_neighbour(Path(folder))
        for each in range(number, number + count):
            # A maker that trips over what it made itself says nothing about the reader.
            try:
                path, chance = make(each, seed, originals, Path(folder))
            except Exception as error:  # noqa: BLE001
                print(json.dumps([each, "not made", type(error).__name__]), file=out)
                continue
            print(json.dumps([each, "begun", path.name]), file=out)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # whose signal ends this process
            try:
                found = read(path, digest=chance.random() < 0.3)
            except BaseException as error:  # noqa: BLE001 - it is what is looked for
                found = f"{type(error).__name__}: {str(error)[:200]}"
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
            print(json.dumps([each, "ended", found, peak]), file=out)
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def place_neighbour(folder: Path) -> None:
    """Write the files to which links in the changed files lead, next to them."""
    (folder / NEIGHBOUR).mkdir()
    (folder / NEIGHBOUR / "secret").write_text(SECRET)
    (folder / NEIGHBOUR / "code.py").write_text("def build(): ...\n")


def make(number: int, seed: int, originals: list[Path], folder: Path) -> tuple[Path, random.Random]:
    """Write file ``number`` of a seed into ``folder``; return its path, and the chance so far."""
    chance = random.Random(f"{seed}/{number}")
    original = chance.choice(originals)
    return mutate(original, folder / f"file{number}", chance), chance


def watch(number: int, count: int, seed: int, originals: list[Path]) -> tuple[list, int]:
    """Have a child read files; return its report on each, and how it ended."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(receive)
            child(number, count, seed, originals, send)
            code = 0
        finally:
            os._exit(code)
    os.close(send)
    with os.fdopen(receive) as told:
        lines = [json.loads(line) for line in told]
    return lines, os.waitpid(pid, 0)[1]


def guardedly(number: int, seed: int, originals: list[Path]) -> str | None:
    """Read a file that ends its reader as a user does; None if that is an error in words."""
    with tempfile.TemporaryDirectory() as folder:
        place_neighbour(Path(folder))
        path, chance = make(number, seed, originals, Path(folder))
        try:
            inspect(path, digest=chance.random() < 0.3)
        except UsageError as error:
            return None if error.message.startswith(f"{path}: ") else error.message
    return "it ended its reader, and was read all the same"


def fuzz(files: int, seed: int, originals: list[Path], minutes: float = math.inf) -> dict:
    """Read ``files`` changed files and return the figures, with what should not have happened.

    File ``n`` of a seed is always the same: `make` makes it again. ``numbers`` are those of the
    files that were read, and of those that were refused.
    """
    counts: Counter = Counter()
    faults: list[str] = []
    numbers: dict[str, list[int]] = {name: [] for name in GOOD}
    peak = number = 0
    until = time.monotonic() + 60 * minutes
    while number < files and time.monotonic() < until:
        lines, status = watch(number, min(EACH, files - number), seed, originals)
        for each, what, *more in lines:
            number = each + 1
            if what == "ended":
                counts[more[0] if more[0] in GOOD else "fault"] += 1
                peak = max(peak, more[1])
                numbers.get(more[0], []).append(each)
                faults += [f"file {each}: {more[0]}"] if more[0] not in GOOD else []
            elif what == "not made":
                counts[what] += 1
        if status:
            # The last that was begun ended its reader: by a signal, or its time was over.
            counts["ended its reader"] += 1
            said = guardedly(number - 1, seed, originals) if lines else "nothing was begun"
            faults += [f"file {number - 1}: {said}"] if said else []
            if not lines:
                break
    return {"files": number, **counts, "peak_mb": peak, "faults": faults, "numbers": numbers}


def check_in_containers(
    numbers: dict[str, list[int]],
    seed: int,
    originals: list[Path],
    folder: Path,
    each: int,
    *,
    shared: bool,
) -> dict:
    """Check the files of these numbers, ``each`` at a time; return the figures and the faults."""
    folder.mkdir()
    place_neighbour(folder)
    wanted = sorted([*numbers["read"], *numbers["refused"]])
    checks = Checks(folder / "out", shared=shared)
    checks.check([make(number, seed, originals, folder)[0] for number in wanted], each)
    return {**checks.counts, "faults": checks.faults}


def main() -> int:
    """Fuzz, print the figures, and return 1 if there was a surprise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=math.inf, help="to read at most")
    parser.add_argument("--check", default="0", help="how many of them to load, or all")
    parser.add_argument("--each", type=int, default=40, help="how many to check at a time")
    parser.add_argument("--shared", action="store_true", help="files with code share containers")
    parser.add_argument("--seeds", type=Path, help="a folder with more models to change")
    options = parser.parse_args()
    prepare()
    prepare_rules()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        originals = seeds(Path(folder))
        if options.seeds:
            originals += find_models([options.seeds]).paths
        found = fuzz(options.files, options.seed, originals, options.minutes)
        numbers = found.pop("numbers")
        found["seconds"] = round(time.monotonic() - started, 1)
        if options.check != "0":
            most = options.files if options.check == "all" else int(options.check)
            chosen = {"read": numbers["read"][:most], "refused": numbers["refused"][: most // 10]}
            place = Path(folder, "check")
            found["check"] = check_in_containers(
                chosen, options.seed, originals, place, options.each, shared=options.shared
            )
            found["faults"] += found["check"].pop("faults")
            found["check"]["seconds"] = round(time.monotonic() - started - found["seconds"], 1)
    print(json.dumps(found, indent=1))
    return 1 if found["faults"] or found["peak_mb"] > MOST_MB else 0


if __name__ == "__main__":
    sys.exit(main())
