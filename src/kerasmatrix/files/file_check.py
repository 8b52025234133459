"""A check of files that a program asks for, and asks again to write fixed files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.files.check import CheckResult, check
from kerasmatrix.files.discover import FoundModels
from kerasmatrix.files.fix import FixedFile, OutputFolder, fix_files
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.output import check_folder
from kerasmatrix.files.reference_candidates import ReferencePolicy
from kerasmatrix.files.session import Session, SessionOptions

__all__ = ["FileCheck", "OpenCheck"]

COMMAND = "kerasmatrix.check"


class OpenCheck(NamedTuple):
    """A check whose session is open.

    Attributes:
        refused: an error for each path that is not a model.
    """

    session: Session
    model_inputs: list[ModelInput]
    refused: list[KerasmatrixError]
    checked: CheckResult


@dataclasses.dataclass(frozen=True)
class FileCheck:
    """The arguments of a check.

    Attributes:
        named: the files and folders that the program named.
        models: the models among them, and below them.
        assets: the files that come with the models.
        environments: names of environments or of groups.
        exports: formats to which the models are also exported.
        reference: the environment to compare with, instead of a search.
        options: how files are measured.
        session: opens a session with such options.
        downloads: whatever keeps downloaded files, as long as the check may be made again.
    """

    named: tuple[Path, ...]
    models: FoundModels
    assets: ModelAssets
    environments: tuple[str, ...]
    exports: tuple[str, ...]
    reference: str | None
    options: SessionOptions
    session: Callable[[SessionOptions], AbstractContextManager[Session]]
    downloads: object = None

    @contextmanager
    def measured(self, *, again: bool = False) -> Iterator[OpenCheck]:
        """Load the files and yield the results, while the session is open.

        Args:
            again: reuse stored results, also if the options ignore them.

        Raises:
            UsageError: no path is a model, or there is no such environment.
        """
        if not self.models.paths:
            raise next(iter(self.models.refused.values()), UsageError("no file is named"))
        options = dataclasses.replace(self.options, fresh=self.options.fresh and not again)
        with (
            self.session(options) as session,
            import_models(self.models.paths, session.store, self.assets) as (inputs, unreadable),
        ):
            refused = [*self.models.refused.values(), *unreadable]
            if not inputs:
                raise refused[0]
            selected = session.select(self.environments).environments
            only = session.environment(self.reference).name if self.reference else None
            policy = ReferencePolicy(only=only)
            exporting = session.exporting(self.exports, selected)
            columns = (*selected, *exporting)
            checked = check(session, inputs, columns, policy=policy, command=COMMAND)
            if checked.interruption:
                raise checked.interruption
            yield OpenCheck(session, inputs, refused, checked)

    def fix(self, target: str, folder: Path, *, overwrite: bool) -> Mapping[str, FixedFile]:
        """Write fixed files for a version into ``folder``; return them by scenario."""
        check_folder(folder)
        place = OutputFolder(folder, self.named, overwrite)
        with self.measured(again=True) as found:
            new = found.session.matrix.environments[target]
            return fix_files(found.session, found.model_inputs, new, found.checked, place)
