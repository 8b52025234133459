"""The boundary around what is done for one file: an exception of ours spoils its cells only.

What a file's process answered can provoke an exception in any step that judges, diagnoses or shows
it. Such a step runs inside `Boundary.apart`, or as a function of `Results` through `make_apart`.
The cell then has the status ``infra``, since its result says nothing about Keras, and its summary
names the place in kerasmatrix that is at fault.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from kerasmatrix.errors import InfrastructureError, KerasmatrixError
from kerasmatrix.results.bounds import LONGEST_LINE, cut
from kerasmatrix.results.observations import Cell, Save, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["Boundary", "describe_fault", "make_apart", "spoilt"]

Made = TypeVar("Made")
PACKAGE = Path(__file__).parents[1]


def describe_fault(error: BaseException) -> str:
    """Return what to say of an exception that kerasmatrix itself is to blame for."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    where = ""
    if ours:
        place = Path(ours[-1].filename).relative_to(PACKAGE.parent)
        where = f" in {place}, line {ours[-1].lineno}"
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return cut(f"a fault of kerasmatrix{where}: {said}. Please report it", LONGEST_LINE)


class _Apart:
    """A context manager that notes an exception and goes on after it."""

    def __init__(self, note: Callable[[BaseException], None]) -> None:
        self._note = note

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        # A store or an engine that is lost ends the run; an interrupt is no `Exception`.
        if not isinstance(error, Exception) or isinstance(error, InfrastructureError):
            return False
        self._note(error)
        return True


@dataclass
class Boundary:
    """The rows and cells that something of ours raised an exception for, and what it was."""

    faults: dict[Save | Cell, str] = field(default_factory=dict)

    def apart(self, of: Save | Cell) -> _Apart:
        """Return a context in which an exception is noted as a fault in a row or cell."""
        return _Apart(lambda error: self.note(of, error))

    def note(self, of: Save | Cell, error: BaseException) -> None:
        """Note what was raised for a row or cell; the first exception is the one to report."""
        self.faults.setdefault(of, describe_fault(error))

    def of(self, of: Save | Cell) -> str | None:
        """Return what was noted for a row or cell, or for the row of a cell; None if nothing."""
        return self.faults.get(of) or self.faults.get(Save(*of[:3]))


def spoilt(cell: CellResult | Cell, summary: str) -> CellResult:
    """Return a cell of which nothing is said but that a fault of kerasmatrix spoilt it."""
    return CellResult(
        scenario=cell.scenario,
        format=cell.format,
        saved_with=cell.saved_with,
        loaded_with=cell.loaded_with,
        status=Status.INFRA,
        summary=summary,
    )


def make_apart(results: Results, make: Callable[[Results], Made]) -> tuple[Results, Made]:
    """Return what ``make`` makes of ``results``, and the results that it was made of.

    Where cells make it raise an exception, those are spoilt, and it is made of the others.

    Raises:
        Exception: what ``make`` raised, if no cell is to blame for it.
    """
    try:
        return results, make(results)
    except (KerasmatrixError, OSError):
        raise
    except Exception:
        blamed = dict(_to_blame(results, make, range(len(results.cells))))
        if not blamed:
            raise
    cells = tuple(
        spoilt(cell, blamed[number]) if number in blamed else cell
        for number, cell in enumerate(results.cells)
    )
    results = results.model_copy(update={"cells": cells})
    return results, make(results)


def _to_blame(
    results: Results, make: Callable[[Results], object], numbers: Sequence[int]
) -> list[tuple[int, str]]:
    """Return the cells of ``numbers`` of which alone ``make`` makes nothing, by halves."""
    if not numbers:
        return []
    part = results.model_copy(update={"cells": tuple(results.cells[each] for each in numbers)})
    try:
        make(part)
    except (KerasmatrixError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - it is the cell's
        if len(numbers) == 1:
            return [(numbers[0], describe_fault(error))]
    else:
        return []
    half = len(numbers) // 2
    return [
        *_to_blame(results, make, numbers[:half]),
        *_to_blame(results, make, numbers[half:]),
    ]
