"""Writes the fixed files of a check, or the converted ones of a folder: each file by itself.

A file that cannot be converted or written is reported, and the others go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.files.check import CheckResult
from kerasmatrix.files.conversion_search import target_checks
from kerasmatrix.files.convert import Conversion, Converted, convert, convert_checked
from kerasmatrix.files.manifest import ConversionFailure, Manifest
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.output import (
    WEIGHTS,
    WEIGHTS_ENDINGS,
    Output,
    check_output,
    default_manifest,
    is_within,
    is_written,
    outputs_in,
    write_file,
)
from kerasmatrix.files.session import Session
from kerasmatrix.prediction.required_objects import RequiredObject
from kerasmatrix.results.cells import FIXABLE, Status
from kerasmatrix.strict_model import StrictModel

__all__ = [
    "FixedFile",
    "Outcome",
    "OutputFile",
    "OutputFolder",
    "convert_files",
    "fix_files",
    "module_notes",
]


class FixedFile(StrictModel):
    """The file that was written for a source, or why there is none."""

    source: str
    path: str | None = Field(default=None, description="null if none was written")
    action: str | None = None
    remedies: tuple[str, ...] = ()
    lost: tuple[str, ...] = Field(default=(), description="what the new file does not bring back")
    custom_objects: tuple[RequiredObject, ...] = ()
    modules: tuple[str, ...] = Field(
        default=(), description="files next to the new one, which a program imports before it"
    )
    trouble: str | None = Field(default=None, description="why no file was written")


def module_notes(files: Iterable[FixedFile]) -> Iterator[str]:
    """Yield which modules a program imports before it loads the new files."""
    groups: dict[Path, list[str]] = {}
    for file in files:
        for name in file.modules if file.path else ():
            groups.setdefault(Path(file.path or "").with_name(name), []).append(file.path or "")
    for module, paths in groups.items():
        yield f"A program imports {module.stem} ({module}) before it loads {', '.join(paths)}."


class OutputFolder(NamedTuple):
    """Where new files are written.

    Attributes:
        path: the folder; it is made.
        named: the files and folders that the user named: subfolders below them are kept.
        overwrite: whether existing files are replaced.
    """

    path: Path
    named: tuple[Path, ...]
    overwrite: bool = False

    def holds(self, path: Path) -> bool:
        """Return whether a file is in it, such as one that was written earlier."""
        return is_within(path, self.path)

    def plan(
        self, model_inputs: Iterable[ModelInput]
    ) -> tuple[dict[str, Output], dict[str, KerasmatrixError]]:
        """Return the output of each file by scenario, and an error where it cannot be written."""
        models = {Path(model.path): model for model in model_inputs}
        formats = {path: model.format for path, model in models.items()}
        outputs: dict[str, Output] = {}
        refused: dict[str, KerasmatrixError] = {}
        for path, output in outputs_in(self.path, formats, self.named).items():
            name = models[path].scenario.name
            try:
                # Whether an existing file is the very one is known once that is made.
                check_output(path, output.path, default_manifest(output.path), overwrite=True)
            except KerasmatrixError as error:
                refused[name] = error
            else:
                outputs[name] = output
        return outputs, refused


class OutputFile(NamedTuple):
    """The single file that is written, and its manifest."""

    path: Path
    file_format: str
    manifest: Path
    overwrite: bool = False

    def plan(
        self, model_inputs: Iterable[ModelInput]
    ) -> tuple[dict[str, Output], dict[str, KerasmatrixError]]:
        """Return the output of the file by scenario; it was checked before."""
        return {model.scenario.name: self._of(model) for model in model_inputs}, {}

    def _of(self, model: ModelInput) -> Output:
        is_weights = model.format == WEIGHTS and self.path.name.endswith(WEIGHTS_ENDINGS[0])
        file_format = WEIGHTS if is_weights else self.file_format
        return Output(self.path, (file_format,), manifest=self.manifest)


class Outcome(NamedTuple):
    """The result of a conversion, and the new file."""

    result: Converted
    file: FixedFile


def convert_files(
    session: Session,
    model_inputs: Sequence[ModelInput],
    target: Environment,
    through: Sequence[Environment],
    place: OutputFolder | OutputFile,
) -> list[Outcome]:
    """Convert files for ``target``, all in one batch, and write them."""
    outputs, refused = place.plan(model_inputs)
    wanted = [(model, outputs[model.scenario.name]) for model in model_inputs
              if model.scenario.name in outputs]  # fmt: skip
    converted = convert(session, wanted, target, through) if wanted else []
    done: dict[str, Converted] = dict(refused)
    for (model, output), result in zip(wanted, converted, strict=True):
        done[model.scenario.name] = _write(result, model, output, overwrite=place.overwrite)
    return [Outcome(done[model.scenario.name], _as_file(model, done[model.scenario.name]))
            for model in model_inputs]  # fmt: skip


def fix_files(
    session: Session,
    model_inputs: Sequence[ModelInput],
    target: Environment,
    checked: CheckResult,
    folder: OutputFolder,
) -> dict[str, FixedFile]:
    """Write a fixed file for each file that does not load in ``target``, if a fix was verified.

    A file that loads with losses gets one, too, if that loses less.

    Returns:
        The new files by scenario; files that load as they are have none.
    """
    broken = [
        each
        for each in target_checks(session, model_inputs, target, checked)
        if (each.cell.status in FIXABLE and each.has_fix)
        or (each.cell.status is Status.DEGRADED and each.has_reference)
    ]
    outputs, refused = folder.plan([each.model_input for each in broken])
    done: dict[str, Converted] = dict(refused)
    wanted = [(each, outputs[each.cell.scenario]) for each in broken
              if each.cell.scenario in outputs]  # fmt: skip
    for (each, output), result in zip(wanted, convert_checked(wanted), strict=True):
        if each.cell.status not in FIXABLE and not _is_new(result):
            continue
        done[each.cell.scenario] = _write(
            result, each.model_input, output, overwrite=folder.overwrite
        )
    return {each.cell.scenario: _as_file(each.model_input, done[each.cell.scenario])
            for each in broken if each.cell.scenario in done}  # fmt: skip


def _is_new(result: Converted) -> bool:
    """Return whether a file that loads was not copied: the new one loses less."""
    return isinstance(result, Conversion) and result.manifest.action != "copied"


def _write(
    result: Converted, model_input: ModelInput, output: Output, *, overwrite: bool
) -> Converted:
    """Write a new file with its manifest; return the error if that fails."""
    if not isinstance(result, Conversion):
        return result
    path = Path(result.manifest.output.path)
    manifest = output.manifest or default_manifest(path)
    if is_written(result.manifest) and manifest.is_file():
        return result
    try:
        check_output(Path(model_input.path), path, manifest, overwrite=overwrite)
        write_file(result.path, result.manifest, path, manifest)
    except KerasmatrixError as error:
        return error
    return result


def _as_file(model_input: ModelInput, result: Converted) -> FixedFile:
    source = model_input.path
    if isinstance(result, Conversion):
        return _described(source, result.manifest)
    if isinstance(result, ConversionFailure):
        return FixedFile(source=source, trouble=result.why)
    hint = f" ({result.hint})" if isinstance(result, UsageError) and result.hint else ""
    return FixedFile(source=source, trouble=f"{result.message}{hint}")


def _described(source: str, manifest: Manifest) -> FixedFile:
    return FixedFile(
        source=source,
        path=manifest.output.path,
        action=manifest.action,
        remedies=manifest.remedies,
        lost=manifest.verified.lost,
        custom_objects=manifest.custom_objects,
        modules=manifest.modules,
    )
