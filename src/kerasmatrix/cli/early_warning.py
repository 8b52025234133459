"""``kerasmatrix early-warning``: measures coming versions against the last release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kerasmatrix import api
from kerasmatrix.analysis.early_warning import BrokenKind, ComingVersion, coming_versions
from kerasmatrix.cli.error_output import show
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import INCONCLUSIVE, NO
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, names_option, output_option
from kerasmatrix.cli.output import say
from kerasmatrix.cli.run import RunOptions, measure_matrix
from kerasmatrix.cli.session import MeasuringOptions, measuring_options
from kerasmatrix.cli.versions import coming_environments, matrix_with
from kerasmatrix.config.matrix import Environment, Matrix, load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.engines.select import Cluster
from kerasmatrix.environments.index import newest_environment
from kerasmatrix.environments.locks import resolve
from kerasmatrix.errors import InfrastructureError, KerasmatrixError
from kerasmatrix.files.golden import FORMATS, is_plain
from kerasmatrix.filesystem.named_files import read_text, write_bytes
from kerasmatrix.report.early_text import early_warning_text, issue_of_scenario
from kerasmatrix.results.schema import Results
from kerasmatrix.store.runs import results_in

__all__ = ["early_warning"]

GROUP = "early-warning"
REPORT = "early-warning.md"


@click.command(
    epilog=example(
        "kerasmatrix early-warning --output early/", "kerasmatrix early-warning models/ --trust"
    )
)
@click.argument("files", nargs=-1, type=NamedPath(path_type=Path))
@names_option("--scenarios", "scenarios")
@names_option("--formats", "formats")
@companions_options
@output_option
@measuring_options
def early_warning(  # noqa: PLR0913 - one argument per option
    *,
    files: tuple[Path, ...],
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
    code: Path | None,
    inputs: Path | None,
    output: Path,
    measuring: MeasuringOptions,
) -> int:
    """Measure the newest pre-release and nightly builds against the last release.

    The versions are found on the package index and locked. Test models, and your FILES, are loaded
    with each; early-warning.md has what breaks, what is repaired and what changes numbers. For each
    kind of break, there is a text for an issue of Keras or TensorFlow.

    Exit code 1 if something breaks; 3 if nothing does, and a version could not be measured.
    """
    folder = output / GROUP
    matrix_file, release, coming = _prepare(measuring, folder)
    options = RunOptions(
        matrix_file=matrix_file, group=GROUP, environments=(), scenarios=scenarios, formats=formats,
        columns=(), cluster=Cluster(), remedies="none", shard=None, gate=False, baseline=None,
        no_infer=False, isolate=False, retries=0, accept_flaky=False, dry_run=False,
        engine_name=measuring.engine_name, jobs=measuring.jobs, output=folder / "matrix",
        store_folder=measuring.store_folder, fresh=measuring.fresh,
    )  # fmt: skip
    measure_matrix(options)
    results = results_in(folder / "matrix" / "results.json")
    versions = coming_versions(results, release, coming)
    issues = _Issues(folder, matrix_file, release, results, measuring)
    written = {
        (version.environment, kind.cause): issues.write(version, kind)
        for version in versions
        for kind in version.broken_kinds
    }
    text = early_warning_text(release, versions, written)
    all_versions = list(versions)
    if files:
        checked = api.check(
            list(files), environments=[release, *coming], custom_objects=code, inputs=inputs,
            engine=measuring.engine_name, trust=measuring.trust,
            jobs=measuring.jobs, fresh=measuring.fresh, matrix=matrix_file,
            store=measuring.store_folder,
        )  # fmt: skip
        of_files = coming_versions(checked.results, release, coming)
        text += "\n" + early_warning_text(f"{release}, for your files", of_files, {})
        all_versions += of_files
    _write(folder / REPORT, text)
    say(text)
    say(f"Written: {folder / REPORT}", err=True)
    return _exit_code(all_versions)


def _exit_code(versions: Sequence[ComingVersion]) -> int:
    if any(version.broken or version.other_numbers for version in versions):
        return NO
    return 0 if all(version.compared for version in versions) else INCONCLUSIVE


def _prepare(measuring: MeasuringOptions, folder: Path) -> tuple[Path, str, list[str]]:
    """Write a matrix of the last release and the coming versions; lock those.

    Returns:
        The matrix, the name of the last release, and the names of the coming versions. A version
        that cannot be locked is left out, with a message.

    Raises:
        InfrastructureError: the index does not answer, or has no coming version.
    """
    matrix = load_matrix(measuring.matrix_file)
    release = newest_environment(matrix).name
    coming = coming_environments(matrix)
    locked: list[Environment] = []
    project = Project(folder / "matrix.yaml")
    for environment in coming:
        say(f"Locking {environment.name} …", err=True)
        try:
            resolve(matrix, environment, project.locks)
        except KerasmatrixError as error:
            show(error)
        else:
            locked.append(environment)
    if not locked:
        raise InfrastructureError(
            "the package index has no pre-release and no nightly build that can be locked",
            hint="check the network, and the index that uv is configured for",
        )
    path = project.matrix_file
    names = [release, *(environment.name for environment in locked)]
    group = _group(matrix, names)
    _write(path, matrix_with(measuring.matrix_file, path, locked, {GROUP: group}))
    return path, release, names[1:]


def _group(matrix: Matrix, names: list[str]) -> dict[str, object]:
    """Return the group to measure: all scenarios, in the formats that the release writes."""
    return {"environments": names, "scenarios": list(matrix.scenarios), "formats": "*"}


class _Issues:
    """Writes a text for an issue of each kind of break, with a minimal script if there is one."""

    def __init__(
        self,
        folder: Path,
        matrix_file: Path,
        release: str,
        results: Results,
        measuring: MeasuringOptions,
    ) -> None:
        self._folder = folder / "issues"
        self._matrix_file = matrix_file
        self._release = release
        self._measuring = measuring
        self._artifacts = {
            (cell.scenario, cell.format, cell.saved_with): cell.artifact for cell in results.cells
        }

    def write(self, version: ComingVersion, kind: BrokenKind) -> str:
        """Write the text; return its path, relative to the report."""
        change = kind.changes[0]
        scripts = self._scripts(change.scenario)
        text = self._reproduced(version, kind) or issue_of_scenario(
            version, change, self._release, scripts
        )
        path = self._folder / f"{version.environment}-{kind.cause or 'unclassified'}.md"
        _write(path, text)
        return f"{self._folder.name}/{path.name}"

    def _reproduced(self, version: ComingVersion, kind: BrokenKind) -> str | None:
        """Return the issue of the smallest model that fails alike, or None if none does."""
        for change in kind.changes:
            artifact = self._artifacts[change.scenario, change.format, change.saved_with]
            name = FORMATS.get(change.format)
            if change.after != "fail" or artifact is None or name is None:
                continue
            if not is_plain(read_text(self._scenario(change.scenario) / "load.py")):
                continue  # it needs its own classes, and the files that its scripts write
            try:
                found = api.reproduce(
                    self._measuring.store_folder / "artifacts" / artifact / name,
                    version.environment,
                    engine=self._measuring.engine_name,
                    trust=True,  # a scenario of the matrix, not a file of a stranger
                    matrix=self._matrix_file,
                    store=self._measuring.store_folder,
                )
            except KerasmatrixError as error:
                show(error)
                return None
            if found.issue:
                return found.issue
        return None

    def _scenario(self, name: str) -> Path:
        return Project(self._matrix_file).scenario(name)

    def _scripts(self, scenario: str) -> Mapping[str, str]:
        folder = self._scenario(scenario)
        return {path.name: read_text(path) for path in sorted(folder.glob("*.py"), reverse=True)}


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, text.encode())
    except OSError as error:
        raise InfrastructureError(f"{path}: cannot be written: {error.strerror}") from error
