"""``kerasmatrix can-upgrade``: which files work in one version and not in another?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from kerasmatrix.analysis.losses import accept_losses
from kerasmatrix.analysis.upgrade import Reason, Upgrade, examine
from kerasmatrix.cli.examples import example
from kerasmatrix.cli.exit_codes import NO
from kerasmatrix.cli.options import accept_option, names_option
from kerasmatrix.cli.output import say
from kerasmatrix.cli.stored_runs import read_run, store_option
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.report.file_verdict import find_environment
from kerasmatrix.results.schema import Results
from kerasmatrix.text.lines import brief_line

__all__ = ["can_upgrade"]


@click.command(epilog=example("kerasmatrix can-upgrade --from tf2.15 --to tf2.21"))
@click.option(
    "--from",
    "source",
    metavar="NAME",
    help="Version that saved the files.  [default: current: in matrix.yaml]",
)
@click.option(
    "--to",
    "target",
    metavar="NAME",
    help="Version to upgrade to.  [default: candidate: in matrix.yaml]",
)
@names_option("--scenarios", "scenarios")
@names_option("--formats", "formats")
@click.option("--accept-remedies", is_flag=True, help="Accept files that have a verified fix.")
@accept_option
@click.option(
    "--run", default="last", show_default=True, help="A results.json, or the id of a run."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
def can_upgrade(  # noqa: PLR0913 - one argument per option
    *,
    source: str | None,
    target: str | None,
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
    accept_remedies: bool,
    accept: tuple[str, ...],
    run: str,
    as_json: bool,
    store_folder: Path,
) -> int:
    """Can files saved with one version be used with another? Exit code 0 = yes, 1 = no."""
    results = accept_losses(read_run(run, store_folder), accept)
    source, target = source or results.current, target or results.candidate
    if source is None or target is None:
        raise UsageError(
            "--from and --to are missing",
            hint="pass both, or set current: and candidate: in matrix.yaml",
        )
    source, target = (find_environment(results, name) for name in (source, target))
    _check_names(results, scenarios, formats)
    upgrade = examine(results, source, target, scenarios=scenarios, formats=formats)
    if not upgrade.files:
        raise UsageError(
            f"no file that {source} saves and loads was measured in {target}",
            hint=f"run: kerasmatrix run --environments {source},{target}",
        )
    possible = upgrade.possible(accept_remedies=accept_remedies)
    if as_json:
        click.echo(json.dumps({"possible": possible, **upgrade.model_dump(mode="json")}, indent=1))
    else:
        say("\n".join(_summary(upgrade, possible=possible)))
    return 0 if possible else NO


def _check_names(results: Results, scenarios: tuple[str, ...], formats: tuple[str, ...]) -> None:
    names = {
        "scenario": ([scenario.name for scenario in results.scenarios], scenarios),
        "format": (list(results.formats), formats),
    }
    for kind, (known, requested) in names.items():
        for name in requested:
            if name not in known:
                raise UsageError(
                    f"run {results.run.id} has no {kind} {name!r}", hint=nearest(name, known)
                )


def _summary(upgrade: Upgrade, *, possible: bool) -> list[str]:
    worse = len(upgrade.reasons)
    fixable = sum(reason.remedy is not None for reason in upgrade.reasons)
    fixes = f" ({fixable} with a verified fix)" if fixable else ""
    answer = "Yes" if possible else "No"
    files = f"{worse} of {upgrade.files} files that work in {upgrade.source}"
    lines = [f"{answer}: {files} are worse in {upgrade.target}{fixes}."]
    if upgrade.unknown:
        lines.append(
            f"  {upgrade.unknown} more: not measured, or {upgrade.target} lacks the format"
        )
    return [*lines, *(line for reason in upgrade.reasons for line in _reason_lines(reason))]


def _reason_lines(reason: Reason) -> list[str]:
    summary = brief_line(reason.summary)
    lines = [f"  {reason.scenario} · {reason.format}: {reason.status}: {summary}"]
    if reason.cause:
        lines.append(f"    cause: {reason.cause}")
    loses = f" (loses {'; '.join(reason.remedy_lost)})" if reason.remedy_lost else ""
    lines.append(f"    fix: {reason.remedy or 'none found'}{loses}")
    return lines
