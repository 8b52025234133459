"""Writes a page for each class of Keras that the zoo measured, and their index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from generated import FOLDER, ORPHAN, counted, replace_pages, table

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.prediction.class_support import (
    Cell,
    cells_of,
    outcome_in_words,
    settings_text,
    span_in_words,
)
from kerasmatrix.prediction.release_spans import span_of
from kerasmatrix.prediction.zoo import Exhibit, Zoo, measured_zoo

__all__ = [
    "MARKS",
    "exhibits_by_class",
    "measured_section",
    "page_name",
    "page_of",
    "reason",
    "write",
]

KINDS = {
    "layers": "Layers",
    "activations": "Activations",
    "initializers": "Initializers",
    "regularizers": "Regularizers",
    "constraints": "Constraints",
    "optimizers": "Optimizers",
    "optimizers.legacy": "Optimizers of `optimizers.legacy`",
    "optimizers.schedules": "Learning rate schedules",
    "losses": "Losses",
    "metrics": "Metrics",
}
FILES = {"h5": "HDF5 (`.h5`)", "keras": "Archive (`.keras`)"}
MARKS = {"pass": "✓", "degraded": "◐", "drift": "≈", "unsaved": "⊘"}
WORDS = {
    "fail call": "✕ Loads, and cannot be called",
    "fail unclassified": "✕ Does not load",
    "crash": "✕ The process crashes",
    "timeout": "✕ The load does not end",
}
MOST_CLASSES = 20
# Causes of classes that are not Keras's: another message has the same words.
CUSTOM = "custom-"
FAILS, LEFT_OUT, UNKNOWN = "✕", "-", ""
LEGEND = (
    "✓ loads · ◐ loads and loses something · ≈ loads with other numbers · ✕ does not load · "
    "⊘ cannot be saved · - no functional model loads, whatever its layers · "
    "empty: no such class, or not measured"
)


def write(docs: Path) -> None:
    """Replace the pages of classes in the folder ``docs``."""
    zoo, catalogue = measured_zoo(), the_catalogue()
    classes = exhibits_by_class(zoo)
    pages = {page_of(each[0]): class_page(zoo, each, catalogue) for each in classes}
    replace_pages(docs / FOLDER / "classes", {**pages, "index": classes_index(zoo, classes)})


@cache
def exhibits_by_class(zoo: Zoo) -> list[tuple[Exhibit, ...]]:
    """Return the exhibits of each class in each module, with its defaults first."""
    found: dict[str, list[Exhibit]] = {}
    for exhibit in (each for name in zoo.classes for each in zoo.of_class(name)):
        found.setdefault(page_of(exhibit), []).append(exhibit)
    return [tuple(each) for each in found.values()]


def page_name(place: str, name: str) -> str:
    """Return the name of the page of a class or function, such as ``layers.Dense``.

    Some disks hold only one of ``losses.Huber`` and ``losses.huber``.
    """
    return f"{place}.{name}" if name[:1].isupper() else f"{place}.{name}-function"


def page_of(exhibit: Exhibit) -> str:
    """Return the name of the page of an exhibit's class."""
    return page_name(exhibit.place, exhibit.class_name)


def class_page(zoo: Zoo, exhibits: Sequence[Exhibit], catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of a class's page."""
    first = exhibits[0]
    yield from (*ORPHAN, f"# {first.class_name}", "")
    yield f"`keras.{first.place}.{first.class_name}`, in files that one release of Keras saved and"
    among = ", ".join(zoo.among(first))
    yield f"another loads. Measured with Keras {among}, with its default arguments."
    yield from ("", LEGEND, "")
    cells = cells_of(zoo, first)
    for form in first.formats:
        yield from (f"## {FILES[form]}", "")
        yield from _support(zoo, first, form, cells, catalogue)
    for error, releases in first.refused.items():
        yield f"Keras {span_in_words(releases)} cannot build it: {error}."
        yield ""
    settings = "\n".join(settings_text(zoo, exhibits)).strip()
    if settings:
        yield from ("## Other arguments and ways of wiring", "", "```text", settings, "```", "")
    yield f"`kerasmatrix layer {first.class_name}` prints the same;"
    yield "[how it was measured](../../zoo.md)."


def _support(
    zoo: Zoo, exhibit: Exhibit, form: str, cells: Mapping[Cell, str], catalogue: Catalogue
) -> Iterator[str]:
    """Yield the table of a format, and each failure with its fix."""
    among = zoo.among(exhibit)
    writers = [one for one in among if any(cell[:2] == (form, one) for cell in cells)]
    rows = [
        [f"**{writer}**", *(_mark(cells, form, writer, reader) for reader in among)]
        for writer in writers
    ]
    yield from table(["saved with ↓ loaded with →", *among], rows)
    found: dict[str, dict[str, list[str]]] = {}
    for (kind, writer, reader), what in cells.items():
        if kind == form and what != "pass":
            found.setdefault(what, {}).setdefault(writer, []).append(reader)
    for what, pairs in found.items():
        alike: dict[str, list[str]] = {}
        for writer, readers in pairs.items():
            alike.setdefault(span_of(readers, zoo.releases), []).append(writer)
        where = "; ".join(
            f"saved with {span_in_words(span_of(saved, zoo.releases))} and loaded with "
            f"{span_in_words(loaded)}"
            if not what.startswith("unsaved")
            else f"with {span_in_words(loaded)}"
            for loaded, saved in alike.items()
        )
        yield f"- {reason(what, catalogue)}: {where}."
    yield ""


def _mark(cells: Mapping[Cell, str], form: str, writer: str, reader: str) -> str:
    what = cells.get((form, writer, reader))
    if what is None:
        return UNKNOWN if cells.get((form, writer, writer), "").startswith("unsaved") else LEFT_OUT
    return MARKS.get(what.partition(" ")[0], FAILS)


def reason(what: str, catalogue: Catalogue) -> str:
    """Return an outcome in words, a known cause as a link to its page."""
    status, _, detail = what.partition(" ")
    cause = next((one for one in catalogue.causes if one.slug == detail), None)
    if what in WORDS:
        return WORDS[what]
    if detail.startswith(CUSTOM):
        return "✕ Does not load: the release does not know the class, or an argument of it"
    if status != "fail" or cause is None:
        return f"{MARKS.get(status, FAILS)} {outcome_in_words(what).capitalize()}"
    return f"✕ [{cause.story}](../causes/{cause.slug}.md)"


def measured_section(zoo: Zoo, slug: str) -> Iterator[str]:
    """Yield a section for a cause: the classes that fail for it, and between which releases."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for first, *_ in exhibits_by_class(zoo):
        pairs: dict[tuple[str, str], list[str]] = {}
        for (form, writer, reader), what in cells_of(zoo, first).items():
            if what == f"fail {slug}":
                pairs.setdefault((form, writer), []).append(reader)
        alike: dict[tuple[str, str], list[str]] = {}
        for (form, writer), readers in pairs.items():
            alike.setdefault((form, span_of(readers, zoo.releases)), []).append(writer)
        for (form, loaded), writers in alike.items():
            span = (form, span_of(writers, zoo.releases), loaded)
            link = f"[{first.class_name}](../classes/{page_of(first)}.md)"
            found.setdefault(span, []).append(link)
    if found and not slug.startswith(CUSTOM):
        yield from (
            "## Measured",
            "",
            "Classes of Keras, with their default arguments, that do not load",
        )
        yield from ("for this cause ([how it was measured](../../zoo.md)).", "")
        rows = (
            [f"`.{form}`", span_in_words(saved), span_in_words(loaded), _some(classes)]
            for (form, saved, loaded), classes in sorted(found.items(), key=_most_classes)
        )
        yield from table(["format", "saved with", "loaded with", "classes"], rows)


def _most_classes(found: tuple[object, Sequence[str]]) -> int:
    return -len(found[1])


def _some(classes: Sequence[str]) -> str:
    shown = ", ".join(classes[:MOST_CLASSES])
    more = len(classes) - MOST_CLASSES
    return f"{shown} and {more} more" if more > 0 else shown


def classes_index(zoo: Zoo, classes: Sequence[Sequence[Exhibit]]) -> Iterable[str]:
    """Yield the lines of the index: what each step from a release to the next does to a class."""
    steps = list(pairwise(zoo.releases))
    total = sum(map(len, classes))
    yield from ("# Layers and other classes", "")
    yield f"{counted(len(classes), 'class', 'classes')} of Keras in {counted(total, 'setting')},"
    yield f"measured with Keras {', '.join(zoo.releases)} ([how](../../zoo.md))."
    yield "A column is a step from a release to the next that was measured: what becomes of an HDF5"
    yield from ("file with the class, all arguments at their defaults.", "", LEGEND, "")
    for place, title in KINDS.items():
        of_place = [each for each in classes if each[0].place == place]
        if of_place:
            yield from (f"## {title}", "")
            rows = [_overview(zoo, each[0], steps) for each in sorted(of_place, key=_name)]
            yield from table(["class", *(f"{one} → {other}" for one, other in steps)], rows)


def _name(exhibits: Sequence[Exhibit]) -> str:
    return exhibits[0].class_name.lower()


def _overview(zoo: Zoo, first: Exhibit, steps: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f"[{first.class_name}]({page_of(first)}.md)"
    cells = cells_of(zoo, first)
    among = zoo.among(first)
    for writer, reader in steps:
        is_written = any(cell[:2] == ("h5", writer) for cell in cells)
        is_measured = is_written and reader in among
        yield _mark(cells, "h5", writer, reader) if is_measured else UNKNOWN
