"""Limits an exception of kerasmatrix itself to the cells of the file that caused it.

The answer of a file's process can provoke an exception in any step that judges, diagnoses or shows
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
from kerasmatrix.results.cells import Cell, Save, Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["Boundary", "describe_fault", "make_apart", "spoilt"]

Made = TypeVar("Made")
PACKAGE = Path(__file__).parents[1]


def describe_fault(error: BaseException) -> str:
    """Return the message for an exception that is a bug of kerasmatrix."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    where = ""
    if ours:
        place = Path(ours[-1].filename).relative_to(PACKAGE.parent)
        where = f" in {place}, line {ours[-1].lineno}"
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return cut(f"a fault of kerasmatrix{where}: {text}. Please report it", LONGEST_LINE)


class _Apart:
    """A context manager that notes an exception and suppresses it."""

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
        # The loss of a store or an engine ends the run; an interrupt is not an `Exception`.
        if not isinstance(error, Exception) or isinstance(error, InfrastructureError):
            return False
        self._note(error)
        return True


@dataclass
class Boundary:
    """The rows and cells for which kerasmatrix raised an exception, with its message."""

    faults: dict[Save | Cell, str] = field(default_factory=dict)

    def apart(self, of: Save | Cell) -> _Apart:
        """Return a context in which an exception is noted as a fault in a row or cell."""
        return _Apart(lambda error: self.note(of, error))

    def note(self, of: Save | Cell, error: BaseException) -> None:
        """Note an exception for a row or cell; the first one is reported."""
        self.faults.setdefault(of, describe_fault(error))

    def of(self, of: Save | Cell) -> str | None:
        """Return the message for a row or cell, or for the row of a cell; None if there is none."""
        return self.faults.get(of) or self.faults.get(Save(*of[:3]))


def spoilt(cell: CellResult | Cell, summary: str) -> CellResult:
    """Return the result of a cell that a fault of kerasmatrix spoilt."""
    return CellResult(
        scenario=cell.scenario,
        format=cell.format,
        saved_with=cell.saved_with,
        loaded_with=cell.loaded_with,
        status=Status.INFRA,
        summary=summary,
    )


def make_apart(results: Results, make: Callable[[Results], Made]) -> tuple[Results, Made]:
    """Return the results, and the value of ``make`` for them.

    Cells for which ``make`` raises an exception are replaced by spoilt ones.

    Raises:
        Exception: the exception of ``make``, if it is not due to a cell.
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
    """Return the cells for which ``make`` raises an exception, found by bisection."""
    if not numbers:
        return []
    part = results.model_copy(update={"cells": tuple(results.cells[number] for number in numbers)})
    try:
        make(part)
    except (KerasmatrixError, OSError):
        raise
    except Exception as error:  # noqa: BLE001 - it is the cell's
        if len(numbers) == 1:
            return [(numbers[0], describe_fault(error))]
    else:
        return []
    # By bisection: exceptions are rare, and a run can have a hundred thousand cells.
    half = len(numbers) // 2
    return [
        *_to_blame(results, make, numbers[:half]),
        *_to_blame(results, make, numbers[half:]),
    ]
