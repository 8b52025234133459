"""``kerasmatrix layer``: which releases write a class of Keras, and which of them read it."""

from __future__ import annotations

import json

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.prediction.class_support import EVERY_MODEL, support_text, written_by
from kerasmatrix.prediction.zoo import Zoo, measured_zoo

__all__ = ["layer"]


@click.command(epilog=example("kerasmatrix layer MultiHeadAttention"))
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def layer(name: str, *, as_json: bool) -> int:
    """Show which releases of Keras write the class NAME, and which read it.

    NAME is a layer such as Attention, an optimizer, loss, metric, initializer, regularizer,
    constraint or activation. Each argument was measured at a value other than its default, as HDF5
    and as a .keras archive. Other combinations, and other releases, were not measured.
    """
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
    measured = {release for exhibit in exhibits for release in zoo.among(exhibit)}
    releases = ", ".join(release for release in zoo.releases if release in measured)
    click.echo(f"{exhibits[0].class_name}, measured with Keras {releases}.")
    for place in dict.fromkeys(exhibit.place for exhibit in exhibits):
        click.echo("\n".join(support_text(zoo, [each for each in exhibits if each.place == place])))
    click.echo(f"\n{EVERY_MODEL}")
    return 0


def _known(zoo: Zoo, name: str) -> str:
    wanted = name.strip().rpartition(".")[2].partition("(")[0]
    for known in zoo.classes:
        if known.lower() == wanted.lower():
            return known
    close = nearest(wanted, zoo.classes)
    hint = close if close and close.startswith("did") else "it must be a public class of Keras"
    raise UsageError(f"{name}: no such class was measured", hint=hint)
