"""``kerasmatrix bisect``: the first release with which a model file breaks."""

from __future__ import annotations

from pathlib import Path

import click

from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import companions_options, store_folder_option
from kerasmatrix.cli.output import say, say_json
from kerasmatrix.cli.session import measuring_options, set_up
from kerasmatrix.config.places import default_cache
from kerasmatrix.errors import UsageError
from kerasmatrix.files.bisect import Bisector
from kerasmatrix.files.bisect_result import Bisection, Look
from kerasmatrix.files.check import taken_in_one
from kerasmatrix.files.model_input import Companions

__all__ = ["bisect"]

MOST_PACKAGES = 8


@click.command()
@click.argument("file", type=NamedPath(path_type=Path))
@click.option("--good", required=True, metavar="NAME", help="A version that loads the file.")
@click.option("--bad", required=True, metavar="NAME", help="A version that does not.")
@click.option(
    "--strict", is_flag=True, help="A load that loses something, such as the optimizer, is bad."
)
@click.option(
    "--within-matrix",
    is_flag=True,
    help="Stop at two neighbours in the matrix; make no environment for releases in between.",
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
    matrix_file: Path,
    engine_name: str,
    jobs: int | None,
    trust: bool,
    fresh: bool,
    store_folder: Path,
) -> int:
    """Find the release with which FILE breaks, or its numbers change, between two versions.

    First among the environments of the matrix, then among the single releases of TensorFlow and
    Keras between two of them, for which environments are made. --bad may be the older one: then it
    is the first release that FILE loads with.
    """
    with set_up(
        matrix_file, engine_name, store_folder, jobs=jobs, trust=trust, fresh=fresh
    ) as setup:
        matrix = setup.matrix
        ends = matrix.environment(good, "--good"), matrix.environment(bad, "--bad")
        if ends[0] is ends[1]:
            raise UsageError(f"{good} is said to be both good and bad", hint="name two versions")
        with taken_in_one(file, setup.store, Companions(code, inputs)) as given:
            bisector = Bisector(
                setup,
                given,
                cache=default_cache(),
                strict=strict,
                within_matrix=within_matrix,
                told=_tell,
            )
            found = bisector.find(*ends)
    if as_json:
        say_json(found)
    else:
        say(_prose(found))
    return 0


def _tell(look: Look) -> None:
    """Say what a look found, as it goes on."""
    say(f"{look.finding:<8} {_line(look)}", err=True)


def _line(look: Look) -> str:
    cause = f"{look.cause}: " if look.cause and look.cause != "unclassified" else ""
    return f"{look.environment}: {look.status.value}: {cause}{look.summary}"


def _prose(found: Bisection) -> str:
    good, bad = found.last_good, found.first_bad
    changed = ", ".join(f"{change.package} {change.newer}" for change in found.releases)
    changed = changed or "another package"
    # In the order in which the versions came out.
    if found.downwards:
        lines = [
            f"{found.file}: it is good from {changed} on.",
            f"  last bad: {_line(bad)}",
            f"  first good: {_line(good)}",
        ]
    else:
        lines = [
            f"{found.file}: it changes with {changed}.",
            f"  last good: {_line(good)}",
            f"  first bad: {_line(bad)}",
        ]
    for change in found.releases:
        before = f"{change.older} to " if change.older else ""
        lines.append(f"  {change.package} {before}{change.newer}: {change.notes}")
    if found.bad.cause != bad.cause:
        lines.append(f"  and for another reason: {_line(found.bad)}")
    if found.also:
        also = [f"{name} {old} to {new}" for name, (old, new) in found.also.items()]
        more = len(also) - MOST_PACKAGES
        told = ", ".join(also[:MOST_PACKAGES]) + (f" and {more} more" if more > 0 else "")
        lines.append(f"  other packages differ too: {told}")
    if found.skipped:
        lines.append(
            f"  or one of {', '.join(found.skipped)}, which could not be had: the change lies "
            "somewhere between the two"
        )
    lines += [f"  {note}" for note in found.notes]
    lines.append(
        f"{found.loads} loads among {found.candidates} versions; {found.measured} tasks were done "
        "for it, the rest was known."
    )
    return "\n".join(lines)
