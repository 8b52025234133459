"""The results of a check of model files, for programs: the verdict, a frame, fixed files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from kerasmatrix.errors import UsageError
from kerasmatrix.files.file_check import FileCheck
from kerasmatrix.prediction.required_objects import RequiredObject
from kerasmatrix.report.file_verdict import (
    FilesVerdict,
    best_source,
    find_environment,
    judge_files,
    newest,
)
from kerasmatrix.report.symbols import LOOKS
from kerasmatrix.results.schema import Results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Checked"]


@dataclass(frozen=True, repr=False)
class Checked:
    """The results of a check.

    Attributes:
        results: everything, as in ``results.json``.
        refused: for each path that is not a model, a message with the type that it has instead.
        required: what a program must bring to load a file, by scenario.
        request: the check, which is made again, from the store, to write fixed files.
    """

    results: Results
    refused: tuple[str, ...] = ()
    required: Mapping[str, tuple[RequiredObject, ...]] = field(default_factory=dict)
    request: FileCheck | None = None

    def __repr__(self) -> str:
        names = ", ".join(env.name for env in self.results.environments if not env.added)
        return f"<Checked in {names}: {self.upgrade().headline()}>"

    def _repr_html_(self) -> str:
        """Return the table for a notebook: a row for each file, a column for each version."""
        names = [env.name for env in self.results.environments if not env.added]
        cells = {(cell.scenario, cell.loaded_with): cell for cell in self.results.asked_for}
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        rows = []
        for scenario in self.results.scenarios:
            row = [cells.get((scenario.name, name)) for name in names]
            looks = "".join(
                f'<td title="{escape(cell.summary)}">{LOOKS[cell.status].glyph} {cell.status}</td>'
                if cell
                else "<td></td>"
                for cell in row
            )
            rows.append(f"<tr><th>{escape(scenario.file or scenario.name)}</th>{looks}</tr>")
        verdict = escape(self.upgrade().headline())
        return f"<p>{verdict}</p><table><tr><th>file</th>{head}</tr>{''.join(rows)}</table>"

    def upgrade(self, source: str | None = None, target: str | None = None) -> FilesVerdict:
        """Return the verdict on an upgrade: ``headline()`` in a sentence, ``lines`` for each file.

        Args:
            source: the version to upgrade from; by default the one that loads most of the files.
            target: the version to upgrade to; by default the newest.

        Raises:
            UsageError: the check has no such version.
        """
        new = find_environment(self.results, target) if target else newest(self.results)
        old = find_environment(self.results, source) if source else best_source(self.results, new)
        return judge_files(self.results, new, old, required=self.required)

    def fix(
        self,
        folder: str | os.PathLike[str],
        *,
        target: str | None = None,
        overwrite: bool = False,
    ) -> FilesVerdict:
        """Write a fixed file for each file that does not load, and return the verdict with them.

        Args:
            folder: where they are written; it is made.
            target: the version that has to load them; by default the newest.
            overwrite: replace existing files in the folder.

        Raises:
            UsageError: the check has no such version, or it was not made in this program.
            InfrastructureError: the folder cannot be written.
        """
        if self.request is None:
            raise UsageError(
                "these results were read from a file", hint="check the files with kerasmatrix.check"
            )
        verdict = self.upgrade(target=target)
        fixed = self.request.fix(verdict.target, Path(folder), overwrite=overwrite)
        return judge_files(
            self.results, verdict.target, verdict.source, fixed=fixed, required=self.required
        )

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
