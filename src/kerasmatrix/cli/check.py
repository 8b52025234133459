"""``kerasmatrix check``: which versions load a model file; writes fixed ones."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kerasmatrix.cli.error_output import show_all
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import INCONCLUSIVE, USAGE
from kerasmatrix.cli.file_gate import FileGate, gate_options
from kerasmatrix.cli.file_output import print_verdict, say_required
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import (
    companions_options,
    names_option,
    output_option,
    remedies_options,
    split_names,
)
from kerasmatrix.cli.output import say
from kerasmatrix.cli.remote import with_downloads
from kerasmatrix.cli.session import (
    MeasuringOptions,
    measuring_or_cluster_options,
    session_from_options,
)
from kerasmatrix.cli.terminal import print_files
from kerasmatrix.config.matrix import Environment
from kerasmatrix.environments.platforms import PLATFORMS, can_install, missing_wheels
from kerasmatrix.errors import UsageError
from kerasmatrix.execution.plan import Remedies
from kerasmatrix.files.check import check as check_files
from kerasmatrix.files.discover import find_models
from kerasmatrix.files.fix import FixedFile, OutputFolder, fix_files
from kerasmatrix.files.import_models import import_models
from kerasmatrix.files.model_assets import ModelAssets
from kerasmatrix.files.model_input import CHANGED, ModelInput
from kerasmatrix.files.output import check_folder as check_fix_folder
from kerasmatrix.files.reference_candidates import ReferencePolicy
from kerasmatrix.files.session import Session
from kerasmatrix.report.file_verdict import FilesVerdict, best_source, judge_files, newest
from kerasmatrix.report.write import check_folder, publish
from kerasmatrix.results.cells import Status
from kerasmatrix.results.schema import FixedResult, Results
from kerasmatrix.text.redaction import command_line

__all__ = ["check"]


@click.command(epilog=example("kerasmatrix check models/ --from 2.15 --to 2.21 --fix fixed/"))
@click.argument("files", nargs=-1, required=True, type=NamedPath(path_type=Path, any_length=True))
@click.option(
    "--from",
    "source",
    metavar="VERSION",
    help="Version to upgrade from.  [default: the one that loads most of the files]",
)
@click.option(
    "--to", "target", metavar="VERSION", help="Version to upgrade to.  [default: the newest]"
)
@click.option(
    "--fix",
    "fix_folder",
    metavar="DIR",
    type=NamedPath(path_type=Path),
    help="Write a fixed file into DIR for each file that does not load in --to.",
)
@gate_options
@click.option("--overwrite", is_flag=True, help="Let --fix replace existing files in DIR.")
@names_option("--environments", "environments, or groups of them")
@click.option(
    "--exports",
    multiple=True,
    metavar="A,B",
    callback=split_names,
    help="Also export the models to these formats (onnx, tflite), and run and compare the exports.",
)
@click.option(
    "--platform",
    type=click.Choice(list(PLATFORMS)),
    help="Where the models are used: advise only versions that can be installed there.",
)
@companions_options
@click.option("--reference", metavar="NAME", help="The version to compare the others with.")
@measuring_or_cluster_options
@remedies_options
@output_option
@with_downloads("files")
def check(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[Path, ...],
    source: str | None,
    target: str | None,
    fix_folder: Path | None,
    overwrite: bool,
    gate: bool,
    baseline: Path | None,
    accept: tuple[str, ...],
    environments: tuple[str, ...],
    exports: tuple[str, ...],
    platform: str | None,
    code: Path | None,
    inputs: Path | None,
    reference: str | None,
    measuring: MeasuringOptions,
    remedies: Remedies,
    output: Path,
) -> int:
    """Check whether model files load in other TensorFlow versions, and write fixed ones.

    FILES can be files, folders or addresses (hf://, models:/, s3://). Writes DIR/check/index.html,
    a table with a row for each file. Versions are names of environments, or numbers such as 2.15 or
    keras3.4.
    """
    rules = FileGate.of(is_on=gate, baseline=baseline, accept=accept)
    output /= "check"
    check_folder(output)
    folder = OutputFolder(fix_folder, files, overwrite) if fix_folder else None
    if folder:
        check_fix_folder(folder.path)
    models = find_models(files)
    show_all(models.refused.values())
    # DIR may be in a folder of FILES: what an earlier check has fixed needs no fix.
    paths = [path for path in models.paths if not (folder and folder.holds(path))]
    if not paths:
        return USAGE
    assets = ModelAssets(code, inputs)
    with (
        session_from_options(measuring, remedies, platform) as session,
        import_models(paths, session.store, assets) as (model_inputs, refused),
    ):
        show_all(refused)
        if not model_inputs:
            return USAGE
        say_required(model_inputs, code)
        versions = _Versions(session, environments, source, target, reference)
        exporting = session.exporting(exports, versions.environments)
        checked = check_files(
            session,
            model_inputs,
            (*versions.environments, *exporting),
            policy=versions.policy,
            command=command_line(["kerasmatrix", *sys.argv[1:]]),
        )
        results = versions.answered(checked.results)
        results, page = publish(results, output)
        fixed: dict[str, FixedFile] = {}
        if checked.interruption:  # which ended the check early; its results are written
            raise checked.interruption
        if folder and results.candidate:
            new = session.matrix.environments[results.candidate]
            fixed = fix_files(session, model_inputs, new, checked, folder)
            results, page = publish(_with_fixed(results, fixed), output)
    print_files(results)
    _say_changed(results)
    verdict = _verdict(results, fixed, model_inputs)
    command = _fix_command(verdict, asked=folder is not None)
    print_verdict(verdict, results, page, command, [*models.refused.values(), *refused])
    if platform:
        _say_missing(results, platform)
    exit_code = rules.decide(results)
    if models.refused or refused:
        return USAGE
    if gate:
        return exit_code
    infra = any(cell.status is Status.INFRA for cell in results.asked_for)
    return INCONCLUSIVE if infra else 0


class _Versions:
    """The environments of a check, from the options that name them."""

    def __init__(
        self,
        session: Session,
        names: tuple[str, ...],
        source: str | None,
        target: str | None,
        reference: str | None,
    ) -> None:
        """Resolve the names.

        Raises:
            UsageError: there is no such environment, or source and target are one.
        """
        self._source = session.environment(source, "--from").name if source else None
        self._target = session.environment(target, "--to").name if target else None
        if source and self._source == self._target:
            raise UsageError(f"{source}: is both --from and --to", hint="name two versions")
        only = session.environment(reference, "--reference").name if reference else None
        self.policy = ReferencePolicy(only=only, preferred=None if only else self._source)
        if source and not target and not names:
            self._target = session.matrix.releases[-1].name
        upgrade = [name for name in (self._source, self._target) if name]
        selected = session.select((*names, *upgrade) or ("default",))
        self.environments: Sequence[Environment] = selected.environments

    def answered(self, results: Results) -> Results:
        """Return the results with the upgrade that they answer."""
        target = self._target or newest(results)
        source = self._source or best_source(results, target)
        return results.model_copy(update={"current": source, "candidate": target})


def _with_fixed(results: Results, fixed: Mapping[str, FixedFile]) -> Results:
    """Return the results with the fixed files."""
    written = {
        name: FixedResult(path=new.path, remedies=new.remedies, lost=new.lost)
        for name, new in fixed.items()
        if new.path
    }
    scenarios = tuple(
        scenario.model_copy(update={"fixed": written.get(scenario.name)})
        for scenario in results.scenarios
    )
    return results.model_copy(update={"scenarios": scenarios})


def _verdict(
    results: Results, fixed: dict[str, FixedFile], model_inputs: Sequence[ModelInput]
) -> FilesVerdict:
    required = {model.scenario.name: model.required for model in model_inputs}
    return judge_files(
        results, results.candidate or newest(results), results.current, fixed=fixed,
        required=required,
    )  # fmt: skip


def _say_missing(results: Results, platform: str) -> None:
    """Print which of the versions cannot be installed on a platform."""
    lacking = {
        env.name: env.tensorflow
        for env in results.environments
        if env.tensorflow and can_install(env.tensorflow, platform) is False
    }
    if sentence := missing_wheels(lacking.values(), platform):
        say(f"Not to be installed on {platform}: {', '.join(lacking)} ({sentence}).")


def _say_changed(results: Results) -> None:
    for scenario in results.scenarios:
        if scenario.shows.endswith(CHANGED):
            say(f"kerasmatrix: {scenario.file}: {CHANGED}", err=True)


def _fix_command(verdict: FilesVerdict, *, asked: bool) -> str | None:
    """Return the command that writes fixed files, unless it is this one or there are none."""
    if asked or not any(line.cell.repaired_by for line in verdict.broken):
        return None
    more = () if "--to" in sys.argv else ("--to", verdict.target)
    return shlex.join(["kerasmatrix", *sys.argv[1:], *more, "--fix", "fixed"])
