"""Writes the reports into a folder: results.json, results.csv and index.html, all or none.

Where there are earlier runs, runs.html lists them.

This is the only module of the report that writes files.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.analysis.compare import Comparison
from kerasmatrix.errors import InfrastructureError, KerasmatrixError, UsageError
from kerasmatrix.filesystem.atomic import AtomicFile
from kerasmatrix.filesystem.named_files import try_folder
from kerasmatrix.results.boundary import make_apart
from kerasmatrix.results.history import RunSummary
from kerasmatrix.results.results_json import content_of, json_parts
from kerasmatrix.results.schema import Results

__all__ = ["Written", "check_folder", "publish", "write_reports"]


class Written(NamedTuple):
    """The results that were written, and the path of the page."""

    results: Results
    page: Path


def check_folder(folder: Path) -> None:
    """Check before a long run that ``folder`` can be created and written. Leaves nothing behind.

    Raises:
        UsageError: there is a file of that name.
        InfrastructureError: it cannot be written.
    """
    try:
        try_folder(folder)
    except FileExistsError:
        raise UsageError(
            f"{folder}: is not a folder: the reports cannot be written there",
            hint="name another folder with --output",
        ) from None
    except OSError as error:
        raise _unwritable(folder, error) from error


def write_reports(
    results: Results,
    folder: Path,
    comparison: Comparison | None = None,
    past: Callable[[], Sequence[RunSummary]] = tuple,
) -> Path:
    """Write the reports and return the page's path; see `publish`."""
    return publish(results, folder, comparison, past).page


def publish(
    results: Results,
    folder: Path,
    comparison: Comparison | None = None,
    past: Callable[[], Sequence[RunSummary]] = tuple,
) -> Written:
    """Write ``index.html``, ``results.json`` and ``results.csv``, and return the results in them.

    The page also shows ``comparison``, the changes since a baseline, and the history of cells,
    for which ``past`` returns the earlier runs if a page is rendered; ``runs.html`` lists these. If
    a run measured nothing and the existing page shows the same results, page and table are left
    alone, since they have the time of the measurement.

    All files are written under other names before the first is replaced, so that a full disk leaves
    the old report whole. A cell that makes rendering fail is shown as spoilt.

    Raises:
        InfrastructureError: the folder cannot be written.
    """
    page = folder / "index.html"
    earlier = cache(past)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            _write(results, folder, comparison, earlier)
        except (KerasmatrixError, OSError):
            raise
        except Exception:  # noqa: BLE001 - a cell is at fault, or it is raised again
            results, _ = make_apart(results, lambda part: _rehearse(part, comparison, earlier()))
            _write(results, folder, comparison, earlier)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return Written(results, page)


def _rehearse(results: Results, comparison: Comparison | None, past: Sequence[RunSummary]) -> None:
    """Render all files of ``results`` without writing them."""
    content = [("results.json", json_parts(results)), *_drawn(results, comparison, past, mark="")]
    # The parts are made while they are written: an exception comes only if all are asked for.
    for _, parts in content:
        for part in parts:
            part.encode("utf-8", "replace")
    _fingerprint(results, comparison)


def _write(
    results: Results,
    folder: Path,
    comparison: Comparison | None,
    past: Callable[[], Sequence[RunSummary]],
) -> None:
    """Write the files, all or none."""
    page, table = folder / "index.html", folder / "results.csv"
    mark = f"<!-- {_fingerprint(results, comparison)} -->\n"
    staged: list[AtomicFile] = []

    def stage(name: str, parts: Iterable[str]) -> None:
        encoded = (part.encode("utf-8", "replace") for part in parts)
        staged.append(AtomicFile(folder / name, encoded))

    try:
        stage("results.json", json_parts(results))
        if results.run.measured or not (table.is_file() and _ends_with(page, mark)):
            for name, parts in _drawn(results, comparison, past(), mark):
                stage(name, parts)
        for written in staged:
            written.commit()
    finally:
        for written in staged:
            written.discard()


def _drawn(
    results: Results, comparison: Comparison | None, past: Sequence[RunSummary], mark: str
) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the table and the page, which ends with ``mark``: their names, and texts in parts."""
    # Imported late: a run that changes nothing writes neither.
    from kerasmatrix.report.csv_parquet import csv_parts  # noqa: PLC0415
    from kerasmatrix.report.html import render_html  # noqa: PLC0415
    from kerasmatrix.report.runs_page import render_runs  # noqa: PLC0415

    yield "results.csv", csv_parts(results)
    if past:
        yield "runs.html", (render_runs(results, past),)
    page = render_html(results, comparison, past, runs_page=bool(past))
    yield "index.html", (page, mark)


def _fingerprint(results: Results, comparison: Comparison | None) -> str:
    """Return the digest of the content of a page, without the times of its run.

    The templates and the code count as content: a newer kerasmatrix draws the page again.
    """
    total = hashlib.sha256(f"{results.run.engine} {results.run.complete}".encode())
    for part in content_of(results):
        total.update(part)
    total.update(comparison.model_dump_json().encode() if comparison else b"")
    total.update(_code_digest())
    return total.hexdigest()


@cache
def _code_digest() -> bytes:
    """Return the digest of the code and the templates that draw pages."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in {".py", ".j2", ".css", ".js"}:
            total.update(path.read_bytes())
    return total.digest()


def _ends_with(page: Path, mark: str) -> bool:
    """Whether the file ``page`` is there and ends with ``mark``."""
    try:
        with page.open("rb") as file:
            file.seek(-len(mark), os.SEEK_END)
            return file.read() == mark.encode()
    except OSError:
        return False


def _unwritable(folder: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(
        f"{folder}: the reports cannot be written: {error}",
        hint="name another folder with --output",
    )
