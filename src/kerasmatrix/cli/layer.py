"""``kerasmatrix layer``: which releases write a class of Keras, and which of them read it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.cli.options import any_matrix_option
from kerasmatrix.config.matrix import load_matrix
from kerasmatrix.config.project import Project
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.prediction.class_support import (
    EVERY_MODEL,
    pair_text,
    support_text,
    written_by,
)
from kerasmatrix.prediction.select_targets import select_targets
from kerasmatrix.prediction.zoo import Exhibit, Zoo, measured_zoo
from kerasmatrix.versions import minor_text

__all__ = ["layer"]


@click.command(
    epilog=example(
        "kerasmatrix layer MultiHeadAttention",
        "kerasmatrix layer MultiHeadAttention --from 2.15 --to 2.21",
    )
)
@click.argument("name")
@click.option("--from", "source", metavar="VERSION", help="Only files of this version.")
@click.option("--to", "target", metavar="VERSION", help="Only how this version reads them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@any_matrix_option
def layer(
    name: str, *, source: str | None, target: str | None, as_json: bool, matrix_file: Path
) -> int:
    """Show which releases of Keras write the class NAME, and which read it.

    NAME is a layer such as Attention, an optimizer, loss, metric, initializer, regularizer,
    constraint or activation. Each argument was measured at a value other than its default, as HDF5
    and as a .keras archive. Other combinations, and other releases, were not measured.
    """
    if bool(source) != bool(target):
        raise UsageError("--from and --to: belong together", hint="name both versions")
    zoo = measured_zoo()
    exhibits = zoo.of_class(_known(zoo, name))
    if as_json:
        found = {
            "class": exhibits[0].class_name,
            "releases": zoo.releases,
            "exhibits": [
                {
                    "name": each.name,
                    "call": each.call,
                    "written": written_by(zoo, each),
                    **each.data,
                }
                for each in exhibits
            ],
        }
        click.echo(json.dumps(found, indent=1))
        return 0
    if source and target:
        click.echo("\n".join(_pair(zoo, exhibits, matrix_file, source, target)))
        return 0
    measured = {release for exhibit in exhibits for release in zoo.among(exhibit)}
    releases = ", ".join(
        f"{release} ({environment})" if environment != f"tf{release}" else release
        for release, environment in zoo.environments.items()
        if release in measured
    )
    click.echo(f"{exhibits[0].class_name}, measured with Keras {releases}.")
    for place in dict.fromkeys(exhibit.place for exhibit in exhibits):
        click.echo("\n".join(support_text(zoo, [each for each in exhibits if each.place == place])))
    click.echo(f"\n{EVERY_MODEL}")
    return 0


def _pair(
    zoo: Zoo, exhibits: Sequence[Exhibit], matrix_file: Path, source: str, target: str
) -> Iterator[str]:
    """Yield what comes of files of one version in another: by default, and with which settings."""
    matrix, project = load_matrix(matrix_file), Project(matrix_file)
    ends = [select_targets(matrix, project, (version,))[-1] for version in (source, target)]
    writer, reader = (minor_text(end.release) for end in ends)
    saved, loaded = (f"{end.environment} (Keras {minor_text(end.release)})" for end in ends)
    yield f"{exhibits[0].class_name}, saved with {saved} and loaded with {loaded}:"
    yield from pair_text(zoo, exhibits, writer, reader)


def _known(zoo: Zoo, name: str) -> str:
    wanted = name.strip().rpartition(".")[2].partition("(")[0]
    for known in zoo.classes:
        if known.lower() == wanted.lower():
            return known
    close = nearest(wanted, zoo.classes)
    hint = close if close and close.startswith("did") else "it must be a public class of Keras"
    raise UsageError(f"{name}: no such class was measured", hint=hint)
