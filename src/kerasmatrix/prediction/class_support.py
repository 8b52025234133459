"""The results of the zoo for a class: which releases write and read it, with each setting. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.prediction.rules import story_of
from kerasmatrix.prediction.zoo import Exhibit, Zoo

__all__ = [
    "EVERY_MODEL",
    "Cell",
    "cells_of",
    "outcome_in_words",
    "pair_text",
    "settings_text",
    "span_in_words",
    "support_text",
    "written_by",
]

FORMATS = ("h5", "keras")
INDENT, WIDTH = "  ", 80
EVERY_MODEL = """\
Left out: HDF5 files of Keras 3 in Keras 2, and archives in releases with
another module path, where no functional model loads. Other releases were not
measured."""
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


def support_text(zoo: Zoo, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    """Yield the lines: the defaults, the settings that do not matter, and those that do."""
    yield ""
    yield from _block(zoo, exhibits[0], {})
    yield from settings_text(zoo, exhibits)


def settings_text(zoo: Zoo, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    """Yield the lines on all exhibits but the first, with whose results they are compared."""
    first, *others = exhibits
    usual = cells_of(zoo, first)
    alike: dict[str, list[str]] = {}
    different: list[Exhibit] = []
    for exhibit in others:
        cells = cells_of(zoo, exhibit)
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
        yield f"{INDENT}{span_in_words(writers)}"
        yield from (INDENT * 2 + line for line in lines)
    for exhibit in different:
        yield ""
        yield from _block(zoo, exhibit, usual)


def pair_text(zoo: Zoo, exhibits: Sequence[Exhibit], writer: str, reader: str) -> Iterator[str]:
    """Yield what comes of files of ``writer`` in ``reader``, for each format.

    First with the defaults, then the settings with another outcome.
    """
    first, *others = exhibits
    for form in FORMATS:
        usual = zoo.outcome(first, form, writer, reader)
        yield f"{INDENT}{form}: {_in_words(usual)}"
        for exhibit in others:
            outcome = zoo.outcome(exhibit, form, writer, reader)
            if outcome is not None and outcome != usual:
                yield f"{INDENT * 2}{exhibit.shown_setting}: {_in_words(outcome)}"


def _in_words(outcome: str | None) -> str:
    """Return an outcome with its cause's title."""
    if outcome is None:
        return "not measured, or no functional model loads"
    words = outcome_in_words(outcome)
    story = story_of(outcome.partition(" ")[2])
    return f"{words}: {story}" if story else words


def _block(zoo: Zoo, exhibit: Exhibit, usual: Mapping[Cell, str]) -> Iterator[str]:
    """Yield the results of an exhibit; of writers that differ from the ``usual`` results only."""
    yield exhibit.call if exhibit.place == "layers" else f"{exhibit.place}: {exhibit.call}"
    for error, releases in exhibit.refused.items():
        yield f"{INDENT}cannot be built with {span_in_words(releases)}: {error}"
    cells = cells_of(zoo, exhibit)
    for form in exhibit.formats:
        for writers, row in exhibit.data[form].items():
            if isinstance(row, str):
                yield f"{INDENT}{form}: {outcome_in_words(row)} with {span_in_words(writers)}"
            elif any(
                usual.get(cell) != what
                for cell, what in cells.items()
                if cell[0] == form and cell[1] in zoo.expanded(writers)
            ):
                yield from _row(form, writers, row)


def _row(form: str, writers: str, row: Mapping[str, str]) -> Iterator[str]:
    read = row.get("pass")
    yield f"{INDENT}{form} of {span_in_words(writers)}" + (
        f": read by {span_in_words(read)}" if read else ""
    )
    for what, readers in row.items():
        if what != "pass":
            yield f"{INDENT * 2}{outcome_in_words(what)}: {span_in_words(readers)}"


def cells_of(zoo: Zoo, exhibit: Exhibit) -> Mapping[Cell, str]:
    """Return the outcome for each format, writer and reader, without what every model does."""
    return {
        (form, writer, reader): what
        for form in exhibit.formats
        for writers, row in exhibit.data[form].items()
        for writer in zoo.expanded(writers)
        for what, readers in ({row: writer} if isinstance(row, str) else row).items()
        for reader in zoo.expanded(readers)
    }


def written_by(zoo: Zoo, exhibit: Exhibit) -> Mapping[str, str]:
    """Return for each format the releases that write an exhibit."""
    found = {}
    for form in exhibit.formats:
        spans = [each for each, row in exhibit.data[form].items() if not isinstance(row, str)]
        writers = {writer for span in spans for writer in zoo.expanded(span)}
        found[form] = span_of(writers, zoo.releases)
    return found


def outcome_in_words(what: str) -> str:
    """Return an outcome of the zoo, such as ``fail call``, in words."""
    status, _, detail = what.partition(" ")
    words = WORDS.get(status, status)
    if status in {"drift", "degraded"}:
        return f"{words} {detail.replace('+', ', ').replace('-', ' ')}"
    return f"{words} ({detail})" if detail else words


def span_in_words(releases: str) -> str:
    """Return a span such as ``2.4-2.15,3.15`` in words."""
    return releases.replace("-", " to ").replace(",", ", ")
