"""Makes a file that a version loads as it is, and verifies it before anything is written.

Three steps: `conversion_search` finds fixes that work in the target, `conversion_trial` turns them
into files and verifies each, and this module describes the best one in a manifest. The caller
writes it with `kerasmatrix.files.output`. The original is only read.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kerasmatrix import __version__
from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.fix_attempts import all_remedies
from kerasmatrix.files.conversion_search import TargetCheck, search_fixes
from kerasmatrix.files.conversion_trial import Trial, verify_plans
from kerasmatrix.files.manifest import (
    Action,
    ConversionAttempt,
    ConversionFailure,
    EnvironmentInfo,
    Manifest,
    StoredFile,
    Verification,
)
from kerasmatrix.files.model_input import ModelInput
from kerasmatrix.files.output import size_of
from kerasmatrix.files.session import Session
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.results.cells import LOADS, Save, Status, cell_of
from kerasmatrix.results.observations import LoadObservation
from kerasmatrix.results.verdict import Verdict

__all__ = ["Conversion", "convert"]

MODEL = "model"
SHOWN = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras")
# The formats that hold a whole model in every version that has them.
WHOLE = ("keras", "h5")


class Conversion(NamedTuple):
    """A verified file, to be written, and its manifest. Closing the session deletes the file."""

    manifest: Manifest
    path: Path


def convert(  # noqa: PLR0913 - a conversion is made of these
    session: Session,
    model_input: ModelInput,
    target: Environment,
    through: Sequence[Environment],
    *,
    file_format: str,
    output: str,
) -> Conversion | ConversionFailure:
    """Return a file of ``file_format`` that ``target`` loads as it is; or why there is none.

    Args:
        session: where and how files are loaded.
        model_input: the file.
        target: the version that has to load the new file.
        through: versions that may be the reference, or intermediate versions.
        file_format: h5, keras or savedmodel.
        output: the name of the new file, for the manifest.

    Raises:
        UsageError: the target does not have one of the formats.
        InfrastructureError: an environment that is needed is unavailable.
    """
    target_check = search_fixes(session, model_input, target, through)
    reason = _cannot_save(target_check, file_format)
    if reason:
        raise UsageError(f"{output}: {reason}", hint="call it .h5, which every version has")
    if target_check.cell.status in LOADS and file_format == target_check.cell.format:
        return _copied(target_check, output)
    if target_check.cell.status is Status.NOT_COMPARABLE:
        return _failure(
            target_check, f"its outputs cannot be compared: {target_check.cell.summary}"
        )
    if not target_check.has_reference:
        return _failure(
            target_check, "no version that was tried loads it, so there is nothing to compare with"
        )
    trials = verify_plans(target_check, file_format)
    if trials.best:
        return _converted(target_check, trials.best, trials.attempts, file_format, output)
    return _without_plan(target_check, trials.attempts, file_format)


def _without_plan(
    target_check: TargetCheck, attempts: tuple[ConversionAttempt, ...], file_format: str
) -> ConversionFailure:
    """Return why no plan works; another format may be possible."""
    instead = []
    for other in WHOLE:
        if other != file_format and not _cannot_save(target_check, other):
            trials = verify_plans(target_check, other)
            attempts += trials.attempts
            instead += [other] if trials.best else []
    why = (
        "the fix that works is made by the program that loads it, and cannot be saved in such a "
        "file"
        if target_check.has_fix
        else "no fix that was tried makes it load unchanged"
    )
    return _failure(target_check, why, attempts, tuple(instead))


def _cannot_save(target_check: TargetCheck, file_format: str) -> str | None:
    row = Save(target_check.cell.scenario, file_format, target_check.target.name)
    return target_check.checked.plan.cannot_save(row)


def _copied(target_check: TargetCheck, output: str) -> Conversion:
    """Return the file itself, which the target loads as it is."""
    path = next((target_check.model_input.scenario.folder / "given").iterdir())
    cell = target_check.cell
    loaded = target_check.checked.observed.loads[cell_of(cell)].observation
    verdict = Verdict(
        status=cell.status,
        summary=cell.summary,
        lost=cell.lost,
        weights_equal=cell.weights_equal,
        not_compared=cell.not_compared,
    )
    stored = _stored(path, output, cell.format)
    verification = _verification(target_check, verdict, loaded)
    return Conversion(_manifest(target_check, "copied", stored, verification), path)


def _converted(
    target_check: TargetCheck,
    trial: Trial,
    attempts: tuple[ConversionAttempt, ...],
    file_format: str,
    output: str,
) -> Conversion:
    """Return the file that a plan made."""
    last = trial.plan.chain[-1]
    by_target = last.environment == target_check.target.name
    action: Action = "saved-again" if by_target else "bridged"
    path = _model_in(target_check.session.store.artifacts / (trial.artifact or ""))
    cell = cell_of(target_check.cell)
    reference = target_check.checked.observed.saves[Save(*cell[:3])].observation.value
    assert reference is not None  # noqa: S101 - plans are executed only if there is a reference
    remedies = all_remedies(trial.plan.remedies, trial.plan.chain)
    verdict = target_check.checked.plan.judge(cell, reference, trial.loaded, remedies)
    manifest = _manifest(
        target_check,
        action if last.saved else "rewritten",
        _stored(path, output, file_format),
        _verification(target_check, verdict, trial.loaded),
        trial=trial,
        attempts=attempts,
    )
    return Conversion(manifest, path)


def _failure(
    target_check: TargetCheck,
    why: str,
    attempts: tuple[ConversionAttempt, ...] = (),
    instead: tuple[str, ...] = (),
) -> ConversionFailure:
    """Return why no file can be made, and the fixes that a program can use."""
    cell = target_check.cell
    verified = [fix.id for fix in cell.remedies if fix.status == "verified"]
    used = {part for name in verified for part in name.split(" + ")}
    in_program = tuple(
        ConversionAttempt(
            remedies=tuple(fix.id.split(" + ")),
            hops=fix.hops,
            format=None,
            status=fix.status,
            summary=fix.summary,
        )
        for fix in cell.remedies
    )
    return ConversionFailure(
        file=target_check.model_input.path,
        status=cell.status,
        cause=cell.cause,
        why=why,
        tried=(*in_program, *attempts),
        instead=instead,
        code=tuple(info for info in target_check.checked.results.remedies if info.id in used),
    )


def _manifest(  # noqa: PLR0913 - a manifest is made of these
    target_check: TargetCheck,
    action: Action,
    output: StoredFile,
    verification: Verification,
    *,
    trial: Trial | None = None,
    attempts: tuple[ConversionAttempt, ...] = (),
) -> Manifest:
    model_input = target_check.model_input
    return Manifest(
        kerasmatrix=__version__,
        made=datetime.datetime.now(datetime.UTC),
        action=action,
        source=StoredFile(
            path=model_input.path,
            format=target_check.cell.format,
            bytes=model_input.model_file.bytes,
            sha256=model_input.sha256,
        ),
        output=output,
        target=_environment_info(target_check, target_check.target.name),
        cause=target_check.cell.cause,
        remedies=trial.plan.remedies if trial else (),
        hops=tuple(hop.environment for hop in trial.plan.chain) if trial else (),
        did=trial.did if trial else (),
        verified=verification,
        tried=attempts,
    )


def _stored(path: Path, output: str, file_format: str) -> StoredFile:
    return StoredFile(
        path=output, format=file_format, bytes=size_of(path), sha256=digest_path(path)
    )


def _verification(
    target_check: TargetCheck, verdict: Verdict, loaded: LoadObservation
) -> Verification:
    facts = loaded.value
    return Verification(
        status=verdict.status,
        summary=verdict.summary,
        lost=verdict.lost,
        not_compared=verdict.not_compared,
        reference=_environment_info(target_check, target_check.cell.saved_with),
        weights_equal=verdict.weights_equal,
        max_abs_diff=facts.max_abs_diff if facts else None,
        max_abs_reference=facts.max_abs_reference if facts else None,
    )


def _environment_info(target_check: TargetCheck, name: str) -> EnvironmentInfo:
    env = next(env for env in target_check.checked.results.environments if env.name == name)
    packages: Mapping[str, str] = {key: env.packages[key] for key in SHOWN if key in env.packages}
    return EnvironmentInfo(environment=name, python=env.python, packages=packages, lock=env.lock)


def _model_in(artifact: Path) -> Path:
    """Return the model in an artifact, which also holds sample inputs and outputs."""
    return next(path for path in sorted(artifact.iterdir()) if path.name.startswith(MODEL))
