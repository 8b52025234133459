"""The results of a check of model files, for programs: a pandas frame, or the written reports."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmatrix.results.schema import Results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Checked"]


@dataclass(frozen=True)
class Checked:
    """The results of a check.

    Attributes:
        results: everything, as in ``results.json``.
        refused: for each path that is not a model, a message with the type that it has instead.
    """

    results: Results
    refused: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """One row for each file and environment.

        Columns: ``file``, ``environment``, ``status``, ``summary``, ``cause``, ``remedy`` (the
        first verified fix), ``lost`` (what the load loses), ``max_abs_diff`` (of the outputs),
        ``reference`` (the environment whose outputs are compared).
        """
        import pandas as pd  # noqa: PLC0415 - it is slow to import

        files = {scenario.name: scenario.file for scenario in self.results.scenarios}
        rows = [
            {
                "file": files[cell.scenario],
                "environment": cell.loaded_with,
                "status": cell.status.value,
                "summary": cell.summary,
                "cause": cell.cause,
                "remedy": cell.repaired_by.id if cell.repaired_by else None,
                "lost": "; ".join(cell.lost),
                "max_abs_diff": cell.max_abs_diff,
                "reference": cell.saved_with,
            }
            for cell in self.results.asked_for
        ]
        columns = ["file", "environment", "status", "summary", "cause", "remedy", "lost",
                   "max_abs_diff", "reference"]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def write(self, folder: str | os.PathLike[str]) -> Path:
        """Write the page, ``results.json`` and ``results.csv``; return the page's path.

        Raises:
            InfrastructureError: the folder cannot be written.
        """
        from kerasmatrix.report.write import write_reports  # noqa: PLC0415 - it imports pandas

        return write_reports(self.results, Path(folder))
