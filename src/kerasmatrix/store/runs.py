"""The results of earlier runs, compressed, in a folder next to the database.

A run is named by its id, by ``last`` or ``previous``, or by the path of a ``results.json``.
Nothing here needs the store itself, so an archive can be read while a run is at work.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from kerasmatrix.errors import InfrastructureError, UsageError, nearest
from kerasmatrix.filesystem.atomic import write_atomic
from kerasmatrix.filesystem.named_files import LARGEST_RESULTS, decompress, read_text
from kerasmatrix.results import history
from kerasmatrix.results.boundary import make_apart
from kerasmatrix.results.history import RunSummary
from kerasmatrix.results.results_json import json_parts, read_results
from kerasmatrix.results.schema import Results
from kerasmatrix.text.escape import brief

__all__ = ["Archive", "find_results", "results_in"]

SUFFIX = ".json.gz"
# The same run in short, which is quick to read; made when it is missing.
SHORT_SUFFIX = ".short.gz"
# How many earlier runs the page shows for a cell.
LONGEST_PAST = 30
# Names for runs by their place, counted from the newest.
PLACES = {"last": -1, "previous": -2}
# Twice the speed of the default, for a tenth more bytes.
LEVEL = 3
# How many runs `recent` yields at most. Whole runs can be large.
LOOK_BACK = 8


class Archive:
    """The results of all runs that measured something, by run id; ids sort by time."""

    def __init__(self, store: Path) -> None:
        """Use the archive in the folder ``store``; it need not exist yet."""
        self.folder = store / "runs"

    def keep(self, results: Results) -> None:
        """Add ``results`` under the id of their run, whole or not at all.

        Raises:
            InfrastructureError: the folder cannot be written.
        """
        place = self.folder / f"{results.run.id}{SUFFIX}"
        make_apart(results, lambda part: self._write(place, json_parts(part)))

    def _write(self, place: Path, parts: Iterable[str]) -> None:
        # mtime=0: equal results give equal files.
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=LEVEL, mtime=0) as file:
            file.writelines(part.encode("utf-8", "replace") for part in parts)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomic(place, [packed.getvalue()])
        except OSError as error:
            raise InfrastructureError(
                f"{place}: cannot be written: {error}",
                hint="make space and run again: what is measured so far is kept",
            ) from error

    def before(self, run: str) -> list[RunSummary]:
        """Return the runs before ``run`` in short, oldest first, and no more than a few.

        Those that are damaged are left out: a page must not be lost for them.
        """
        # Ids begin with the time in UTC, so their order is that of the runs.
        earlier = [kept for kept in self.runs() if kept < run][-LONGEST_PAST:]
        summaries = (self._in_short(kept) for kept in earlier)
        return [summary for summary in summaries if summary is not None]

    def _in_short(self, run: str) -> RunSummary | None:
        place = self.folder / f"{run}{SHORT_SUFFIX}"
        whole = self.folder / f"{run}{SUFFIX}"
        with contextlib.suppress(OSError, ValueError):
            # A run that was gated again is kept again, with what it did then.
            if place.stat().st_mtime_ns >= whole.stat().st_mtime_ns:
                return history.from_json(decompress(place))
        try:
            short = history.summarize(self.read(run))
        except UsageError:
            return None
        with contextlib.suppress(InfrastructureError):  # it is as good unkept, and slower
            self._write(place, [history.to_json(short)])
        return short

    def runs(self) -> list[str]:
        """Return the ids of the runs that are kept, oldest first."""
        return sorted(path.name.removesuffix(SUFFIX) for path in self.folder.glob(f"*{SUFFIX}"))

    def files(self, run: str) -> list[Path]:
        """Return the files that hold a run."""
        names = (f"{run}{SUFFIX}", f"{run}{SHORT_SUFFIX}")
        return [path for name in names if (path := self.folder / name).exists()]

    def remove(self, run: str) -> None:
        """Remove a run.

        Raises:
            InfrastructureError: it cannot be removed.
        """
        try:
            for path in self.files(run):
                path.unlink(missing_ok=True)
        except OSError as error:
            raise InfrastructureError(
                f"{error.filename}: cannot be removed: {error.strerror}",
                hint="see that the folder can be written",
            ) from error

    def recent(self) -> Iterator[Results]:
        """Yield the results of the latest runs, the newest first, without damaged ones.

        Each is read when it is needed.
        """
        for run in reversed(self.runs()[-LOOK_BACK:]):
            with contextlib.suppress(UsageError):
                yield self.read(run)

    def read(self, run: str) -> Results:
        """Return the results of one run.

        Args:
            run: an id, ``last`` or ``previous``.

        Raises:
            UsageError: there is no such run, or its file is damaged.
        """
        known = self.runs()
        if run in PLACES:
            if len(known) < -PLACES[run]:
                raise UsageError(
                    f"{self.folder}: has no {run} run", hint="start one with `kerasmatrix run`"
                )
            run = known[PLACES[run]]
        if run not in known:
            raise UsageError(f"{self.folder}: has no run {brief(run)}", hint=nearest(run, known))
        place = self.folder / f"{run}{SUFFIX}"
        try:
            text = decompress(place)
        except OSError as error:
            raise UsageError(
                f"{place}: cannot be read: {error.strerror}",
                hint="remove it, or name another run that `kerasmatrix history` lists",
            ) from None
        return read_results(text, str(place))


def find_results(reference: str, archive: Archive) -> Results:
    """Return the results that ``reference`` names: a file of theirs, or a run in ``archive``.

    Raises:
        UsageError: there is neither, or it cannot be read.
    """
    path = Path(reference)
    # A run's id has a point in it, as a file's name has. Unlike Path.exists, os.path.exists is
    # False for a name that no file can have.
    is_there = os.path.exists(reference)  # noqa: PTH110
    if not is_there and path.suffix != ".json" and os.sep not in reference:
        return archive.read(reference)
    return results_in(path)


def results_in(path: Path) -> Results:
    """Return the results in the file ``path``.

    Raises:
        UsageError: there is none, or it cannot be read.
    """
    try:
        text = read_text(path, LARGEST_RESULTS)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}",
            hint="name a results.json, or a run that `kerasmatrix history` lists; "
            "`kerasmatrix run` makes one",
        ) from None
    return read_results(text, str(path))
