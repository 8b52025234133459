"""``kerasmatrix versions``: list releases of TensorFlow and Keras that the matrix lacks."""

from __future__ import annotations

import datetime
import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.named_path import NamedPath
from kerasmatrix.cli.options import any_matrix_option, group_option
from kerasmatrix.config.bundled import BUNDLED, bundled_folder, is_installed
from kerasmatrix.config.matrix import ALL, Environment, Matrix, load_matrix
from kerasmatrix.environments.index import (
    NIGHTLIES,
    ask_index,
    keras_with,
    new_environments,
    newer_than,
    newest_environment,
    newest_of,
    nightly_environments,
)
from kerasmatrix.errors import InfrastructureError, UsageError
from kerasmatrix.filesystem.named_files import read_bytes, write_bytes
from kerasmatrix.versions import version_key

__all__ = ["coming_environments", "matrix_with", "versions"]

# The name of each package in the index; both must have wheels.
PACKAGES = {"tensorflow": "tensorflow-cpu", "keras": "keras"}
# The first line of a file that the command may overwrite starts like this.
MARK = "# Made by `kerasmatrix versions`"
HEADER = f"{MARK}, which overwrites it."


@click.command(
    epilog=example("kerasmatrix versions --write next.yaml", "kerasmatrix run --matrix next.yaml")
)
@any_matrix_option
@group_option
@click.option("--new", "only_new", is_flag=True, help="Print new environments only.")
@click.option("--pre", is_flag=True, help="Include pre-releases.")
@click.option("--nightly", is_flag=True, help="Add the newest nightly builds of both.")
@click.option(
    "--cooling-off",
    metavar="DAYS",
    type=click.IntRange(min=0, max=3650),
    default=7,
    show_default=True,
    help="Skip younger releases, which may still be withdrawn.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--write",
    "target",
    type=NamedPath(path_type=Path, dir_okay=False),
    help="Write a matrix that extends this one by the new environments.",
)
def versions(  # noqa: PLR0913 - one argument per option
    *,
    matrix_file: Path,
    group: str,
    only_new: bool,
    pre: bool,
    nightly: bool,
    cooling_off: int,
    as_json: bool,
    target: Path | None,
) -> int:
    """Find newer TensorFlow and Keras releases, and print their entries for matrix.yaml.

    A pre-release of TensorFlow gets the Keras that it depends on.
    """
    matrix = load_matrix(matrix_file)
    matrix.select(group=group)  # an unknown group is an error before the index is queried
    if target:
        _check_target(target, matrix_file)
    # The index as of some days ago, since a release may be withdrawn in its first days (PEP 592).
    as_of = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=cooling_off)
    known = {name: _newest_known(matrix, name) for name in PACKAGES}
    releases = {name: _ask(matrix, name, known[name], as_of, pre=pre) for name in PACKAGES}
    newest_keras = newest_of([releases["keras"][0], known["keras"] or releases["keras"][0]])
    added = new_environments(
        matrix,
        tensorflow=releases["tensorflow"][1],
        keras=releases["keras"][1],
        keras_of=functools.partial(_keras_of, matrix, newest_keras, as_of),
        as_of=as_of,
    )
    if nightly:
        added += _nightlies(matrix, newest_keras)
    if as_json:
        click.echo(json.dumps(_document(as_of, known, releases, added), indent=1))
    else:
        if not only_new:
            click.echo(_prose(as_of, known, releases))
        if added:
            click.echo("\n".join(["environments:", *map(_entry, added)]))
    if target:
        _write(target, _extension(matrix, matrix_file, target, group, added))
    return 0


def coming_environments(matrix: Matrix) -> list[Environment]:
    """Return environments for the newest pre-releases and nightly builds, as of today.

    Raises:
        InfrastructureError: the index does not answer.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    found = {}
    for name in PACKAGES:
        released, _ = _ask(matrix, name, None, today, pre=False)
        _, newer = _ask(matrix, name, released, today, pre=True)
        found[name] = (released, [version for version in newer if version_key(version).pre])
    newest_keras = found["keras"][0]
    pre_releases = new_environments(
        matrix,
        tensorflow=found["tensorflow"][1][-1:],
        keras=found["keras"][1][-1:],
        keras_of=functools.partial(_keras_of, matrix, newest_keras, today),
        as_of=today,
    )
    return [*pre_releases, *_nightlies(matrix, newest_keras)]


def _nightlies(matrix: Matrix, newest_keras: str) -> list[Environment]:
    """Return environments for the newest nightly builds of TensorFlow and Keras.

    Args:
        matrix: the present environments.
        newest_keras: the release of Keras for a TensorFlow that depends on no nightly build.
    """
    today = datetime.datetime.now(datetime.UTC).date()
    python = newest_environment(matrix).python
    builds = {
        package: {
            name: build
            for name in names
            if (build := ask_index(name, matrix=matrix, python=python, as_of=today, pre=True))
        }
        for package, names in NIGHTLIES.items()
    }
    return nightly_environments(
        matrix,
        tensorflow=builds["tensorflow"],
        keras=next(iter(builds["keras"].values()), None),
        keras_of=lambda build: (
            keras_with(build, matrix=matrix, python=python, as_of=today) or newest_keras
        ),
        as_of=today,
    )


def _keras_of(matrix: Matrix, newest_keras: str, as_of: datetime.date, tensorflow: str) -> str:
    """Return the Keras for a new TensorFlow: the newest, as its users get; a pre-release's own."""
    if not version_key(tensorflow).is_prerelease:
        return newest_keras
    requirement = f"{PACKAGES['tensorflow']}=={tensorflow}"
    python = newest_environment(matrix).python
    return keras_with(requirement, matrix=matrix, python=python, as_of=as_of) or newest_keras


def _newest_known(matrix: Matrix, name: str) -> str | None:
    """Return the newest release of a package in the matrix; None if it has none."""
    named = [getattr(env, name) for env in matrix.environments.values()]
    return newest_of([version for version in named if version]) if any(named) else None


def _ask(
    matrix: Matrix, name: str, known: str | None, as_of: datetime.date, *, pre: bool
) -> tuple[str, list[str]]:
    """Return the newest release of a package, and those newer than ``known``."""
    python = newest_environment(matrix).python
    ask = functools.partial(ask_index, matrix=matrix, python=python, as_of=as_of, pre=pre)
    package = PACKAGES[name]
    newest = ask(package)
    if newest is None:
        raise InfrastructureError(
            f"the package index has no {package} for Python {python} as of {as_of}",
            hint="check which index uv is configured for, and whether it has upload times",
        )
    if known is None:
        return newest, []
    return newest, newer_than(known, newest, lambda version: ask(f"{package}<{version}"))


def _prose(
    as_of: datetime.date, known: dict[str, str | None], releases: dict[str, tuple[str, list[str]]]
) -> str:
    lines = [f"As of {as_of}:"]
    for name, (newest, new) in releases.items():
        news = f"new: {', '.join(new)}" if new else "nothing new"
        has = known[name] or "none"
        lines.append(f"  {name}: {has} in the matrix, {newest} in the index, {news}")
    return "\n".join(lines)


def _entry(environment: Environment) -> str:
    """Return an environment as a line of matrix.yaml."""
    # JSON's strings are YAML's, and a version must never be taken for a number.
    is_usual = environment.distribution == PACKAGES["tensorflow"]
    fields = {
        "tensorflow": json.dumps(environment.tensorflow),
        **({} if is_usual else {"distribution": environment.distribution}),
        "keras": json.dumps(environment.keras),
        "python": json.dumps(environment.python),
        "as_of": environment.as_of.isoformat(),
    }
    text = ", ".join(f"{key}: {value}" for key, value in fields.items())
    return f"  {environment.name}: {{{text}}}"


def _document(
    as_of: datetime.date,
    known: dict[str, str | None],
    releases: dict[str, tuple[str, list[str]]],
    added: list[Environment],
) -> dict[str, object]:
    fields = {"tensorflow", "distribution", "keras", "python", "as_of"}
    return {
        "as_of": as_of.isoformat(),
        "packages": {
            name: {"known": known[name], "newest": newest, "new": new}
            for name, (newest, new) in releases.items()
        },
        "environments": {env.name: env.model_dump(mode="json", include=fields) for env in added},
    }


def _extension(
    matrix: Matrix, matrix_file: Path, target: Path, group: str, added: list[Environment]
) -> str:
    """Return a matrix that extends another, with environments added to one of its groups."""
    if not added:
        return matrix_with(matrix_file, target, [], {})
    merged = matrix.groups[group].model_dump(mode="json")
    if merged["environments"] != ALL:
        merged["environments"] = [*merged["environments"], *(env.name for env in added)]
    return matrix_with(matrix_file, target, added, {group: merged})


def matrix_with(
    matrix_file: Path,
    target: Path,
    added: Sequence[Environment],
    groups: Mapping[str, Mapping[str, object]],
) -> str:
    """Return a matrix for ``target`` that extends another by environments and groups."""
    base = os.path.relpath(matrix_file.resolve(), target.resolve().parent)
    if is_installed() and matrix_file.resolve().parent == bundled_folder():
        base = BUNDLED  # its path is different on every machine
    lines = [HEADER, "schema_version: 1", f"extends: {json.dumps(base)}"]
    if added:
        lines += ["environments:", *map(_entry, added)]
    if groups:
        # JSON is YAML too.
        lines += ["groups:", *(f"  {name}: {json.dumps(group)}" for name, group in groups.items())]
    return "\n".join(lines) + "\n"


def _check_target(target: Path, matrix_file: Path) -> None:
    """Check that the target is absent, or was written by this command.

    Raises:
        UsageError: it is another file.
    """
    try:
        is_ours = read_bytes(target).decode("utf-8", "replace").startswith(MARK)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unwritable(target, error) from error
    if not is_ours or target.resolve() == matrix_file.resolve():
        raise UsageError(
            f"{target}: exists, and was not written by this command",
            hint="name a file that does not exist",
        )


def _write(target: Path, text: str) -> None:
    try:
        write_bytes(target, text.encode())
    except OSError as error:
        raise _unwritable(target, error) from error


def _unwritable(target: Path, error: OSError) -> InfrastructureError:
    return InfrastructureError(f"{target}: cannot be written: {error.strerror}")
