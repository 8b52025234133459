"""``kerasmatrix layer``: which releases write a class of Keras, and which of them read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.prediction.zoo import Exhibit, Zoo, measured_zoo

__all__ = ["layer"]

INDENT = "  "
AS_EVERY = ", as every such model does"
WORDS = {
    "pass": "loads with the same outputs",
    "fail": "fails",
    "drift": "loads with other",
    "degraded": "loads, but loses",
    "crash": "crashes",
    "timeout": "hangs",
    "unsaved": "cannot be saved",
}


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
            "exhibits": [{"name": each.name, "call": each.call, **each.data} for each in exhibits],
        }
        click.echo(json.dumps(found, indent=1))
    else:
        click.echo("\n".join(_text(zoo, exhibits)))
    return 0


def _known(zoo: Zoo, name: str) -> str:
    wanted = name.strip().rpartition(".")[2].partition("(")[0]
    for known in zoo.classes:
        if known.lower() == wanted.lower():
            return known
    close = nearest(wanted, zoo.classes)
    hint = close if close and close.startswith("did") else "it must be a public class of Keras"
    raise UsageError(f"{name}: no such class was measured", hint=hint)


def _text(zoo: Zoo, exhibits: Iterable[Exhibit]) -> Iterator[str]:
    """Yield the lines: exhibits with equal results stand together."""
    exhibits = list(exhibits)
    alike: dict[str, list[Exhibit]] = {}
    for exhibit in exhibits:
        alike.setdefault(f"{exhibit.place} {json.dumps(exhibit.data)}", []).append(exhibit)
    yield f"Measured with Keras {', '.join(zoo.releases)}; other releases were not."
    for group in alike.values():
        yield ""
        yield from (f"{_shown(exhibit)}" for exhibit in group)
        yield from _results(zoo, group[0])


def _shown(exhibit: Exhibit) -> str:
    return exhibit.call if exhibit.place == "layers" else f"{exhibit.place}: {exhibit.call}"


def _results(zoo: Zoo, exhibit: Exhibit) -> Iterator[str]:
    for error, releases in exhibit.refused.items():
        yield f"{INDENT}cannot be built with {_span(releases)}: {error}"
    for form in exhibit.formats:
        for writers, row in exhibit.data[form].items():
            if isinstance(row, str):
                yield f"{INDENT}{form}: {_outcome(row)} with {_span(writers)}"
                continue
            yield f"{INDENT}{form}: written by {_span(writers)}"
            for what, readers in row.items():
                yield f"{INDENT * 2}{_outcome(what)}: {_span(readers)}"
            for what, readers in _of_every_model(zoo, exhibit, form, writers, row).items():
                yield f"{INDENT * 2}{_outcome(what)}{AS_EVERY}: {_span(readers)}"


def _of_every_model(
    zoo: Zoo, exhibit: Exhibit, form: str, writers: str, row: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the failures of all models of the exhibit's kind, with the releases."""
    told = {reader for readers in row.values() for reader in zoo.expanded(readers)}
    found: dict[str, set[str]] = {}
    for reader in zoo.among(exhibit):
        outcomes = {zoo.every(exhibit, form, each, reader) for each in zoo.expanded(writers)}
        for outcome in filter(None, outcomes if reader not in told else ()):
            found.setdefault(outcome, set()).add(reader)
    return {outcome: span_of(readers, zoo.releases) for outcome, readers in found.items()}


def _outcome(what: str) -> str:
    status, _, detail = what.partition(" ")
    words = WORDS.get(status, status)
    if status in {"drift", "degraded"}:
        return f"{words} {detail.replace('+', ', ').replace('-', ' ')}"
    return f"{words} ({detail})" if detail else words


def _span(releases: str) -> str:
    return releases.replace("-", " to ").replace(",", ", ")
