"""``kerasmatrix can-upgrade``: yes or no, and why. Reads a run; measures nothing."""

from __future__ import annotations

import json
from pathlib import Path

import click

from kerasmatrix.analysis.upgrade import Reason, Upgrade, examine
from kerasmatrix.cli.options import names_option
from kerasmatrix.cli.output import say
from kerasmatrix.cli.stored_runs import read_run, store_option
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.results.schema import Results

__all__ = ["can_upgrade"]

NO = 1


@click.command()
@click.option(
    "--from", "source", metavar="NAME", help="The version files are from.  [default: the current]"
)
@click.option(
    "--to", "target", metavar="NAME", help="The version to go to.  [default: the candidate]"
)
@names_option("--scenarios", "scenarios")
@names_option("--formats", "formats")
@click.option("--accept-remedies", is_flag=True, help="A verified remedy is good enough.")
@click.option("--run", default="last", show_default=True, help="A results.json, or a run's id.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@store_option
def can_upgrade(  # noqa: PLR0913 - one argument per option
    *,
    source: str | None,
    target: str | None,
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
    accept_remedies: bool,
    run: str,
    as_json: bool,
    store_folder: Path,
) -> int:
    """Say whether the files of one version live on in another; exit code 0 for yes, 1 for no."""
    results = read_run(run, store_folder)
    source, target = source or results.current, target or results.candidate
    if source is None or target is None:
        raise UsageError(
            "which upgrade? matrix.yaml names no current and candidate",
            hint="say --from and --to, or name them in matrix.yaml",
        )
    _check_names(results, (source, target), scenarios, formats)
    found = examine(results, source, target, scenarios=scenarios, formats=formats)
    if not found.files:
        raise UsageError(
            f"no file that {source} saves and loads was measured with {target}",
            hint=f"nox -s matrix -- --environments {source},{target}",
        )
    possible = found.possible(accept_remedies=accept_remedies)
    if as_json:
        click.echo(json.dumps({"possible": possible, **found.model_dump(mode="json")}, indent=1))
    else:
        say("\n".join(_prose(found, possible=possible)))
    return 0 if possible else NO


def _check_names(
    results: Results,
    environments: tuple[str, ...],
    scenarios: tuple[str, ...],
    formats: tuple[str, ...],
) -> None:
    known = {
        "environment": ([each.name for each in results.environments], environments),
        "scenario": ([each.name for each in results.scenarios], scenarios),
        "format": (list(results.formats), formats),
    }
    for kind, (there, asked) in known.items():
        for name in asked:
            if name not in there:
                raise UsageError(
                    f"run {results.run.id} has no {kind} {name!r}", hint=nearest(name, there)
                )


def _prose(found: Upgrade, *, possible: bool) -> list[str]:
    helped = sum(reason.remedy is not None for reason in found.reasons)
    answer = "yes" if possible else "no"
    with_remedies = f", {helped} of them with a verified remedy" if helped else ""
    files = f"{found.files} files that {found.source} saves and loads"
    worse = f"{len(found.reasons)} are worse off with {found.target}{with_remedies}"
    lines = [f"{answer}: of {files}, {worse}"]
    if found.unknown:
        lines.append(
            f"  {found.unknown} more were not measured, or {found.target} has no such format"
        )
    return [*lines, *(line for reason in found.reasons for line in _reason(reason))]


def _reason(reason: Reason) -> list[str]:
    first = next(iter(reason.summary.strip().splitlines()), "")
    lines = [f"  {reason.scenario} · {reason.format}: {reason.status}: {first}"]
    if reason.cause:
        lines.append(f"    cause: {reason.cause}")
    lines.append(f"    remedy: {reason.remedy or 'none was seen to work'}")
    return lines
