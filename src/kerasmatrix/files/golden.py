"""Chooses small files of a run that Keras could keep: by every release, of every plain scenario.

A scenario is plain if its program only calls ``load_model``. So the test that is written with the
files needs Keras, NumPy and pytest, and nothing of this project.
"""

from __future__ import annotations

import ast
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.named_files import read_bytes
from kerasmatrix.harness.formats import FILE_NAMES
from kerasmatrix.results.cells import LOADS, Status
from kerasmatrix.results.schema import CellResult, Results
from kerasmatrix.results.tolerance import Tolerance
from kerasmatrix.text.lines import brief_line

__all__ = ["FORMATS", "GoldenFile", "choose_golden", "is_plain", "write_golden"]

# Those whose files `load_model` of every Keras may be asked for.
FORMATS = {form: FILE_NAMES[form] for form in ("h5", "keras", "keras-archive")}
SAMPLE, INDEX, TEST = "probe.npz", "golden.json", "test_golden.py"
PLAIN = "keras.models.load_model(path)"
PLAIN_IMPORTS = {"sys", "tensorflow"}


@dataclass(frozen=True)
class GoldenFile:
    """A saved file, its sample inputs and outputs, and its result in the newest version.

    Attributes:
        cell: the result of its load.
        folder: the artifact.
        size: of both, in bytes.
    """

    cell: CellResult
    folder: Path
    size: int

    @property
    def name(self) -> str:
        """The path of the file in the set."""
        ending = Path(FORMATS[self.cell.format]).suffix
        archive = "-archive" if self.cell.format == "keras-archive" else ""
        return f"{self.cell.scenario}/{self.cell.saved_with}{archive}{ending}"

    @property
    def known(self) -> str | None:
        """Why it is not expected to compute the same, or None if it is."""
        if self.cell.status in LOADS:
            return None
        summary = brief_line(self.cell.summary)
        return f"{self.cell.cause}: {summary}" if self.cell.cause else summary


def is_plain(load_script: str) -> bool:
    """Return whether a program calls ``load_model`` with a path, and does nothing else."""
    tree = ast.parse(load_script)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    loads = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return (
        imported <= PLAIN_IMPORTS
        and len(loads) == 1
        and ast.unparse(loads[0].body[-1]) == f"return {PLAIN}"
        and len(loads[0].body) == 1
    )


def choose_golden(
    results: Results,
    newest: str,
    scripts: Mapping[str, str],
    artifacts: Path,
    most_bytes: int,
) -> tuple[list[GoldenFile], int]:
    """Return the files, smallest first as far as they fit, and the number of those left out.

    Args:
        results: a run.
        newest: the version whose results say what is expected.
        scripts: the ``load.py`` of each scenario.
        artifacts: the folder with the artifacts of the store.
        most_bytes: the limit for all of them.
    """
    plain = {name for name, text in scripts.items() if is_plain(text)}
    found = []
    for cell in results.cells:
        if cell.loaded_with != newest or cell.scenario not in plain or cell.artifact is None:
            continue
        if cell.format in FORMATS and cell.status in {*LOADS, Status.FAIL, Status.DRIFT}:
            folder = artifacts / cell.artifact
            parts = (folder / FORMATS[cell.format], folder / SAMPLE)
            if all(part.is_file() for part in parts):
                size = sum(part.stat().st_size for part in parts)
                found.append(GoldenFile(cell, folder, size))
    chosen: list[GoldenFile] = []
    total = 0
    for golden in sorted(found, key=lambda each: (each.size, each.name)):
        total += golden.size
        if total > most_bytes:
            break
        chosen.append(golden)
    return sorted(chosen, key=lambda each: each.name), len(found) - len(chosen)


def write_golden(files: list[GoldenFile], folder: Path, tolerance: Tolerance) -> None:
    """Write the files, an index of them, and a test.

    Raises:
        UsageError: the folder exists and is not empty.
        InfrastructureError: it cannot be written.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError(f"{folder}: is not empty", hint="name a folder that does not exist")
    test = resources.files("kerasmatrix.files").joinpath("template", TEST).read_text("utf-8")
    index = []
    try:
        for golden in files:
            target = folder / golden.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(golden.folder / FORMATS[golden.cell.format], target)
            sample = target.with_name(f"{target.name}.npz")
            sample.write_bytes(read_bytes(golden.folder / SAMPLE))
            index.append(
                {
                    "file": golden.name,
                    "sample": f"{golden.name}.npz",
                    "saved_with": golden.cell.saved_with,
                    "known": golden.known,
                    "relative": tolerance.relative,
                    "absolute": tolerance.absolute,
                }
            )
        folder.mkdir(parents=True, exist_ok=True)
        (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
        (folder / TEST).write_text(test, encoding="utf-8")
    except OSError as error:
        raise InfrastructureError(f"{folder}: cannot be written: {error.strerror}") from error
