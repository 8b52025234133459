"""Makes files that a version loads as they are, and verifies each before anything is written.

Three steps: `conversion_search` finds fixes that work in the target, `conversion_trial` turns them
into files and verifies each, and this module describes the best one in a manifest. The caller
writes it with `kerasmatrix.files.output`. The originals are only read.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kerasmatrix import __version__
from kerasmatrix.config.matrix import Environment
from kerasmatrix.errors import KerasmatrixError, UsageError
from kerasmatrix.execution.fix_attempts import all_remedies
from kerasmatrix.files.conversion_plan import is_program_code
from kerasmatrix.files.conversion_search import TargetCheck, search_fixes
from kerasmatrix.files.conversion_trial import Trial, Trials, verify_plans
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
from kerasmatrix.files.output import Output, modules_of, size_of
from kerasmatrix.files.session import Session
from kerasmatrix.filesystem.digests import digest_path
from kerasmatrix.prediction.required_objects import RequiredObject, required_objects
from kerasmatrix.results.cells import LOADS, Save, Status, cell_of
from kerasmatrix.results.observations import LoadObservation
from kerasmatrix.results.verdict import Verdict
from kerasmatrix.text.lines import brief_line
from kerasmatrix.versions import KERAS_DISTRIBUTIONS, TENSORFLOW_DISTRIBUTIONS

__all__ = ["Conversion", "Converted", "convert", "convert_checked"]

MODEL = "model"
SHOWN = (*TENSORFLOW_DISTRIBUTIONS, *KERAS_DISTRIBUTIONS, "tf-keras")
# The formats that hold a whole model, the last for those of Keras 2 that no other can hold.
WHOLE = ("keras", "h5", "savedmodel")


class Conversion(NamedTuple):
    """A verified file, to be written, and its manifest. Closing the session deletes the file."""

    manifest: Manifest
    path: Path


# The result for one file: a new file, why there is none, or what prevented the attempt.
Converted = Conversion | ConversionFailure | KerasmatrixError


def convert(
    session: Session,
    wanted: Sequence[tuple[ModelInput, Output]],
    target: Environment,
    through: Sequence[Environment],
) -> list[Converted]:
    """Return for each file a new one that ``target`` loads as it is, or why there is none.

    Args:
        session: where and how files are loaded.
        wanted: the files, and what is to be made of each.
        target: the version that has to load the new files.
        through: versions that may be the reference, or intermediate versions.
    """
    found = search_fixes(session, [model for model, _ in wanted], target, through)
    return convert_checked(
        [(each, output) for each, (_, output) in zip(found, wanted, strict=True)]
    )


def convert_checked(wanted: Sequence[tuple[TargetCheck, Output]]) -> list[Converted]:
    """Return the same as `convert` for files that were checked already, all in one batch."""
    done: dict[int, Converted] = {}
    to_try: list[tuple[int, TargetCheck, tuple[str, ...]]] = []
    for number, (each, output) in enumerate(wanted):
        at_once = _without_trial(each, output)
        if at_once is not None:
            done[number] = at_once
        else:
            formats = tuple(form for form in output.formats if not _cannot_save(each, form))
            own = each.cell.format if each.cell.status in LOADS else None
            to_try.append((number, each, tuple(form for form in formats if form != own)))
    trials = verify_plans([(each, formats) for _, each, formats in to_try])
    failed: list[tuple[int, TargetCheck, Trials]] = []
    for (number, each, formats), tried in zip(to_try, trials, strict=True):
        result = _after_trial(each, wanted[number][1], tried, formats)
        if result is None:
            failed.append((number, each, tried))
        else:
            done[number] = result
    done.update(_without_plan(failed, [output for _, output in wanted]))
    return [done[number] for number in range(len(wanted))]


def _after_trial(
    target_check: TargetCheck, output: Output, tried: Trials, formats: Sequence[str]
) -> Converted | None:
    """Return the best new file, or the old one if that loads and loses no more; None if neither."""
    cell, best = target_check.cell, tried.best(formats)
    if tried.fault:
        return tried.fault
    loads = cell.status in LOADS and cell.format in output.formats
    if best and not (loads and not set(best.result.lost) < set(cell.lost)):
        return _converted(target_check, best, tried.attempts, output)
    return _copied(target_check, output) if loads else None


def _without_trial(target_check: TargetCheck, output: Output) -> Converted | None:
    """Return the result where no plan has to be tried, else None."""
    cell = target_check.cell
    if target_check.obstacle:
        return target_check.obstacle
    reasons = [_cannot_save(target_check, form) for form in output.formats]
    if all(reasons):
        return UsageError(
            f"{output.path}: {reasons[0]}", hint="call it .h5, which every version has"
        )
    may_lose_less = (
        cell.status is Status.DEGRADED and target_check.has_reference and len(output.formats) > 1
    )
    if cell.status in LOADS and cell.format in output.formats and not may_lose_less:
        return _copied(target_check, output)
    if cell.status is Status.NOT_COMPARABLE:
        return _failure(target_check, f"its outputs cannot be compared: {cell.summary}")
    if not target_check.has_reference:
        return _failure(target_check, _why_no_reference(target_check))
    return None


def _why_no_reference(target_check: TargetCheck) -> str:
    why = "no version that was tried loads it, so there is nothing to compare with"
    required = target_check.model_input.required
    if target_check.cell.cause != "custom-class-missing" or not required:
        return why
    names = ", ".join(each.name for each in required)
    return f"{why}; it needs {names}: name the module that defines them with --custom-objects"


def _without_plan(
    failed: Sequence[tuple[int, TargetCheck, Trials]], outputs: Sequence[Output]
) -> dict[int, Converted]:
    """Return a file of another format where the user has not chosen one, else why there is none."""
    others = [
        (
            each,
            tuple(
                form
                for form in WHOLE
                if form not in outputs[number].formats and not _cannot_save(each, form)
            ),
        )
        for number, each, _ in failed
    ]
    done: dict[int, Converted] = {}
    again = verify_plans(others)
    for (number, each, tried), (_, formats), more in zip(failed, others, again, strict=True):
        attempts, best = tried.attempts + more.attempts, more.best(formats)
        if best and len(outputs[number].formats) > 1:
            done[number] = _converted(each, best, attempts, outputs[number])
            continue
        instead = tuple(form for form in formats if more.best((form,)))
        done[number] = _failure(each, _why_no_file(each, attempts), attempts, instead)
    return done


def _why_no_file(target_check: TargetCheck, attempts: Sequence[ConversionAttempt]) -> str:
    """Return why a fix that works in a program, if there is one, does not work in a file."""
    verified = [fix.id for fix in target_check.cell.remedies if fix.status == "verified"]
    if not verified:
        return "no fix that was tried makes it load unchanged"
    why = f"{verified[0]} works in a program, and no file that loads plainly can be made with it"
    said = [f"as {each.format}, {brief_line(each.summary)}" for each in attempts]
    return f"{why}: {said[0]}" if said else why


def _cannot_save(target_check: TargetCheck, file_format: str) -> str | None:
    row = Save(target_check.cell.scenario, file_format, target_check.target.name)
    return target_check.checked.plan.cannot_save(row)


def _copied(target_check: TargetCheck, output: Output) -> Conversion | UsageError:
    """Return the file itself, which the target loads as it is."""
    paths = list((target_check.model_input.scenario.folder / "given").iterdir())
    if len(paths) > 1:
        return UsageError(
            f"{target_check.model_input.path}: consists of several files, which load as they are",
            hint="copy them as they are",
        )
    path, cell = paths[0], target_check.cell
    # An archive that was in a pickle, or unpacked, has another name.
    same = path.suffix == output.path.suffix
    place = output.path if same else output.path_as(cell.format, path)
    loaded = target_check.checked.state.loads[cell_of(cell)].observation
    verdict = Verdict(
        status=cell.status,
        summary=cell.summary,
        lost=cell.lost,
        weights_equal=cell.weights_equal,
        not_compared=cell.not_compared,
    )
    stored = _stored(path, place, cell.format)
    verification = _verification(target_check, verdict, loaded)
    return Conversion(_manifest(target_check, "copied", stored, verification, path), path)


def _converted(
    target_check: TargetCheck,
    trial: Trial,
    attempts: tuple[ConversionAttempt, ...],
    output: Output,
) -> Conversion:
    """Return the file that a plan made."""
    last = trial.plan.chain[-1]
    by_target = last.environment == target_check.target.name
    action: Action = "saved-again" if by_target else "bridged"
    path = _model_in(target_check.session.store.artifacts / (trial.artifact or ""))
    reference = target_check.checked.state.saves[target_check.row].observation.value
    assert reference is not None  # noqa: S101 - plans are executed only if there is a reference
    remedies = all_remedies(trial.plan.remedies, trial.plan.chain)
    verdict = target_check.checked.plan.judge(
        cell_of(target_check.cell), reference, trial.loaded, remedies
    )
    manifest = _manifest(
        target_check,
        action if last.saved else "rewritten",
        _stored(path, output.path_as(trial.format, path), trial.format),
        _verification(target_check, verdict, trial.loaded),
        path,
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
    used = {part for name in verified if is_program_code(name) for part in name.split(" + ")}
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
    made: Path,
    *,
    trial: Trial | None = None,
    attempts: tuple[ConversionAttempt, ...] = (),
) -> Manifest:
    model_input = target_check.model_input
    modules = modules_of(made) if trial else ()
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
        custom_objects=_required(made, model_input, modules),
        modules=modules,
        tried=attempts,
    )


def _required(
    made: Path, model_input: ModelInput, modules: tuple[str, ...]
) -> tuple[RequiredObject, ...]:
    try:
        found = required_objects(made)
    except UsageError:  # it was loaded, whatever its reader says
        found = model_input.required
    brought = {Path(module).stem for module in modules}
    return tuple(
        each for each in found if not all(key.partition(">")[0] in brought for key in each.keys)
    )


def _stored(path: Path, output: Path, file_format: str) -> StoredFile:
    return StoredFile(
        path=str(output), format=file_format, bytes=size_of(path), sha256=digest_path(path)
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
