"""Has `check` load changed files in containers, many at a time, with ordinary files among them.

An ordinary file has to get the result that it gets when it is checked alone;
every file has a row, or is refused by its name; and no check ends otherwise than it says.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from kerasmatrix.config.bundled import bundled_folder
from tests.fuzz.mutation import ordinary

VERSIONS = ("tf2.4", "tf2.16")
GOOD, USAGE = 0, 2  # exit codes: all was loaded, or some files were refused
SECONDS_OF_START, SECONDS_EACH = 600, 60
# What differs from one check to the next.
NOT_COMPARED = {"scenario", "seconds", "load", "save", "prediction"}
NO_RESULT = {"infra", "timeout", "crash", "not-run"}
Cells = dict[str, dict[str, object]]


class Checks:
    """Checks files in batches and counts what happens. ``faults`` should stay empty."""

    def __init__(
        self, folder: Path, versions: Sequence[str] = VERSIONS, *, shared: bool = False
    ) -> None:
        """Check the ordinary files alone; nothing else is compared with anything.

        Files with code in them share a container if ``shared``, as `check --trust` has it: many
        more of them are checked in the same time, and a row is easier to spoil.

        Raises:
            RuntimeError: none passes, or they have no result of their own, so that nothing could be
                said of others.
        """
        self.faults: list[str] = []
        self.counts: Counter[str] = Counter()
        self._folder = folder
        self._versions = versions
        self._options = ["--trust"] if shared else []
        (folder / "ordinary").mkdir(parents=True)
        self._ordinary = ordinary(folder / "ordinary")
        table, said = self._check("alone", self._ordinary)
        cells = {path: _cells(table, path) for path in self._ordinary} if table else {}
        self._expected = cells
        found = {cell["status"] for each in cells.values() for cell in each.values()}
        if "pass" not in found or found & NO_RESULT:
            raise RuntimeError(f"ordinary files do not pass: {found or said[-2000:]}")

    def check(self, paths: Sequence[Path], each: int) -> None:
        """Check ``paths``, ``each`` of them at a time, with an ordinary file before and after."""
        for number, start in enumerate(range(0, len(paths), each)):
            batch = paths[start : start + each]
            first, *others = self._ordinary
            table, said = self._check(str(number), [first, *batch, *others])
            self.counts["checks"] += 1
            if table is None:
                self.faults.append(f"check {number} of {batch[0].name} to {batch[-1].name}: {said}")
                continue
            self.counts["checked"] += len(batch)
            self.faults += self._judged(table, said, batch)

    def _judged(self, table: dict, said: str, batch: Sequence[Path]) -> Iterator[str]:
        """Yield what should not have happened; count what may."""
        for path in self._ordinary:
            if _cells(table, path) != self._expected[path]:
                self.counts["spoilt"] += 1
                yield f"{path.name}, checked with {batch[0].name} to {batch[-1].name}: is another"
        for path in batch:
            cells = _cells(table, path)
            if not cells and str(path) in said:
                self.counts["refused"] += 1
            elif set(cells) != set(self._versions):
                yield f"{path.name}: has cells in {sorted(cells)} and is not refused"
            self.counts.update(str(cell["status"]) for cell in cells.values())

    def _check(self, name: str, paths: Sequence[Path]) -> tuple[dict | None, str]:
        """Return the table of a check and its output; None if the check ended wrongly."""
        folder = self._folder / "checks" / name
        command = [
            sys.executable, "-m", "kerasmatrix", "check", *map(str, paths), "--engine", "docker",
            "--matrix", str(bundled_folder() / "matrix.yaml"), "--remedies", "none",
            *self._options,
            "--environments", ",".join(self._versions),
            "--store", str(folder / "store"), "--output", str(folder),
        ]  # fmt: skip
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as process:
            try:
                out, _ = process.communicate(timeout=SECONDS_OF_START + SECONDS_EACH * len(paths))
            except subprocess.TimeoutExpired:
                self.counts["hangs"] += 1
                os.killpg(process.pid, signal.SIGKILL)
                return None, "it does not end"
        said = out.decode("utf-8", "replace")
        results = folder / "check" / "results.json"
        if process.returncode not in {GOOD, USAGE} or "Traceback" in said or not results.is_file():
            self.counts["crashes"] += 1
            return None, f"it ends with {process.returncode}: {said[-2000:]}"
        table = json.loads(results.read_text(encoding="utf-8"))
        shutil.rmtree(folder)
        return table, said


def _cells(table: dict, path: Path) -> Cells:
    """Return the results of a file by version, without values that differ each time."""
    names = {told["name"] for told in table["scenarios"] if told["file"] == str(path)}
    return {
        cell["loaded_with"]: {key: said for key, said in cell.items() if key not in NOT_COMPARED}
        for cell in table["cells"]
        if cell["scenario"] in names
    }
