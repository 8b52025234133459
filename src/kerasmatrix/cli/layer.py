"""``kerasmatrix layer``: which releases write a class of Keras, and which of them read it."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence

import click

from kerasmatrix.cli.examples import example
from kerasmatrix.errors import UsageError, nearest
from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.prediction.zoo import Exhibit, Zoo, measured_zoo

__all__ = ["layer"]

INDENT, WIDTH = "  ", 80
EVERY_MODEL = """\
Left out: HDF5 files of Keras 3 in Keras 2, and archives in releases with another
module path, where no functional model loads. Other releases were not measured."""
Cell = tuple[str, str, str]
WORDS = {
    "pass": "loads",
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
            "exhibits": [
                {"name": each.name, "call": each.call, "written": _written(zoo, each), **each.data}
                for each in exhibits
            ],
        }
        click.echo(json.dumps(found, indent=1))
        return 0
    click.echo(f"{exhibits[0].class_name}, measured with Keras {', '.join(zoo.releases)}.")
    for place in dict.fromkeys(exhibit.place for exhibit in exhibits):
        click.echo("\n".join(_text(zoo, [each for each in exhibits if each.place == place])))
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


def _text(zoo: Zoo, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    """Yield the lines: the defaults, the settings that do not matter, and those that do."""
    first, *others = exhibits
    yield ""
    yield from _block(zoo, first, {})
    usual = _cells(zoo, first)
    alike: dict[str, list[str]] = {}
    different: list[Exhibit] = []
    for exhibit in others:
        cells = _cells(zoo, exhibit)
        if cells and all(usual.get(cell, what) == what for cell, what in cells.items()):
            span = span_of({writer for _, writer, _ in cells}, zoo.releases)
            alike.setdefault(span, []).append(exhibit.shown_setting)
        else:
            different.append(exhibit)
    for number, (writers, settings) in enumerate(alike.items()):
        if not number:
            yield ""
            yield "The same results with these settings, in the releases that have them:"
        lines = textwrap.wrap("; ".join(settings), WIDTH - len(INDENT * 2))
        yield f"{INDENT}{_span(writers)}"
        yield from (INDENT * 2 + line for line in lines)
    for exhibit in different:
        yield ""
        yield from _block(zoo, exhibit, usual)


def _block(zoo: Zoo, exhibit: Exhibit, usual: Mapping[Cell, str]) -> Iterator[str]:
    """Yield the results of an exhibit; of writers that differ from the ``usual`` results only."""
    yield exhibit.call if exhibit.place == "layers" else f"{exhibit.place}: {exhibit.call}"
    for error, releases in exhibit.refused.items():
        yield f"{INDENT}cannot be built with {_span(releases)}: {error}"
    cells = _cells(zoo, exhibit)
    for form in exhibit.formats:
        for writers, row in exhibit.data[form].items():
            if isinstance(row, str):
                yield f"{INDENT}{form}: {_outcome(row)} with {_span(writers)}"
            elif any(
                usual.get(cell) != what
                for cell, what in cells.items()
                if cell[0] == form and cell[1] in zoo.expanded(writers)
            ):
                yield from _row(form, writers, row)


def _row(form: str, writers: str, row: Mapping[str, str]) -> Iterator[str]:
    read = row.get("pass")
    yield f"{INDENT}{form} of {_span(writers)}" + (f": read by {_span(read)}" if read else "")
    for what, readers in row.items():
        if what != "pass":
            yield f"{INDENT * 2}{_outcome(what)}: {_span(readers)}"


def _cells(zoo: Zoo, exhibit: Exhibit) -> Mapping[Cell, str]:
    """Return the outcome for each format, writer and reader, without what every model does."""
    return {
        (form, writer, reader): what
        for form in exhibit.formats
        for writers, row in exhibit.data[form].items()
        for writer in zoo.expanded(writers)
        for what, readers in ({row: writer} if isinstance(row, str) else row).items()
        for reader in zoo.expanded(readers)
    }


def _written(zoo: Zoo, exhibit: Exhibit) -> Mapping[str, str]:
    """Return for each format the releases that write an exhibit."""
    found = {}
    for form in exhibit.formats:
        spans = [each for each, row in exhibit.data[form].items() if not isinstance(row, str)]
        writers = {writer for span in spans for writer in zoo.expanded(span)}
        found[form] = span_of(writers, zoo.releases)
    return found


def _outcome(what: str) -> str:
    status, _, detail = what.partition(" ")
    words = WORDS.get(status, status)
    if status in {"drift", "degraded"}:
        return f"{words} {detail.replace('+', ', ').replace('-', ' ')}"
    return f"{words} ({detail})" if detail else words


def _span(releases: str) -> str:
    return releases.replace("-", " to ").replace(",", ", ")
