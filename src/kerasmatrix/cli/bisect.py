"""``kerasmatrix bisect``: finds the first release with which a model file breaks."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, store_folder_option
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.session import MeasuringOptions, measuring_options, session_from_options
from kerasmatrix.config.places import default_cache
from kerasmatrix.errors import UsageError
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.files.bisect_result import Bisection, Probe
from kerasmatrix.files.import_models import import_model
from kerasmatrix.files.model_assets import ModelAssets

__all__ = ["bisect"]

MOST_PACKAGES = 8


@click.command(epilog=example("kerasmatrix bisect model.h5 --good 2.15 --bad 2.18"))
@click.argument("file", type=NamedPath(path_type=Path))
@click.option("--good", required=True, metavar="NAME", help="A version that loads the file.")
@click.option("--bad", required=True, metavar="NAME", help="A version that does not.")
@click.option(
    "--strict",
    is_flag=True,
    help="Count a load that loses something, such as the optimizer, as bad.",
)
@click.option(
    "--within-matrix",
    is_flag=True,
    help="Stop at two neighbours in the matrix; create no environments for releases in between.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@companions_options
@store_folder_option
@measuring_options
def bisect(  # noqa: PLR0913 - one argument per option
    *,
    file: Path,
    good: str,
    bad: str,
    strict: bool,
    within_matrix: bool,
    as_json: bool,
    code: Path | None,
    inputs: Path | None,
    measuring: MeasuringOptions,
) -> int:
    """Find the release with which FILE breaks, or its outputs change, between two versions.

    First tries environments of the matrix, then creates environments for single releases of
    TensorFlow and Keras between two of them. If --bad is the older one, finds the first release
    that loads FILE.
    """
    with session_from_options(measuring) as session:
        ends = session.environment(good, "--good"), session.environment(bad, "--bad")
        if ends[0] is ends[1]:
            raise UsageError(f"{good}: is both --good and --bad", hint="name two versions")
        with import_model(file, session.store, ModelAssets(code, inputs)) as model_input:
            bisector = Bisector(
                session,
                model_input,
                cache=default_cache(),
                strict=strict,
                within_matrix=within_matrix,
                on_probe=_show,
            )
            bisection = bisector.find(*ends)
    if as_json:
        say_json(bisection)
    else:
        say(_prose(bisection))
    return 0


def _show(probe: Probe) -> None:
    """Print a probe as soon as it is made."""
    say(f"{probe.finding:<8} {_line(probe)}", err=True)


def _line(probe: Probe) -> str:
    cause = f"{probe.cause}: " if probe.cause and probe.cause != "unclassified" else ""
    return f"{probe.environment}: {probe.status.value}: {cause}{probe.summary}"


def _prose(bisection: Bisection) -> str:
    good, bad = (
        f"last good: {_line(bisection.last_good)}",
        f"first bad: {_line(bisection.first_bad)}",
    )
    changes = " with ".join(f"{change.package} {change.newer}" for change in bisection.releases)
    # In the order in which the versions were released.
    if bisection.downwards:
        bad, good = bad.replace("first", "last", 1), good.replace("last", "first", 1)
        lines = [f"{bisection.file}: first good release: {changes or 'another package'}"]
        lines += [f"  {bad}", f"  {good}"]
    else:
        lines = [f"{bisection.file}: first bad release: {changes or 'another package'}"]
        lines += [f"  {good}", f"  {bad}"]
    for change in bisection.releases:
        older = f"{change.older} → " if change.older else ""
        lines.append(f"  {change.package} {older}{change.newer}: {change.notes}")
    if bisection.bad.cause != bisection.first_bad.cause:
        lines.append(f"  --bad fails for another reason: {_line(bisection.bad)}")
    if bisection.also:
        lines.append(f"  other packages that differ: {_other_packages(bisection)}")
    if bisection.skipped:
        lines.append(
            f"  skipped, because unavailable: {', '.join(bisection.skipped)}; one of them may be "
            "the first"
        )
    lines += [f"  {note}" for note in bisection.notes]
    lines.append(
        f"Tried {bisection.loads} of {bisection.candidates} versions, in {bisection.measured} new "
        "tasks."
    )
    return "\n".join(lines)


def _other_packages(bisection: Bisection) -> str:
    absent = "not installed"
    changes = [
        f"{name} {older or absent} → {newer or absent}"
        for name, (older, newer) in bisection.also.items()
    ]
    more = len(changes) - MOST_PACKAGES
    return ", ".join(changes[:MOST_PACKAGES]) + (f" and {more} more" if more > 0 else "")
