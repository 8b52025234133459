"""Writes a page for each release of Keras, and one for each step from a measured one to a later."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from class_pages import FILES, exhibits_by_class, page_name, page_of, reason
from generated import FOLDER, ORPHAN, counted, replace_pages, table

from kerasmatrix.diagnosis.catalogue import Catalogue, the_catalogue
from kerasmatrix.diagnosis.spans import within
from kerasmatrix.environments.keras_version import is_keras_3
from kerasmatrix.prediction.class_support import cells_of
from kerasmatrix.prediction.incompatibilities import REMOVED, REMOVED_OF_OLD
from kerasmatrix.prediction.keras_api import KerasApi, measured_api
from kerasmatrix.prediction.rules import Rule, the_rules
from kerasmatrix.prediction.zoo import PLAINEST, Exhibit, Zoo, measured_zoo

__all__ = ["write"]

MOST_SETTINGS, MOST_OWNERS = 4, 12
# Keras drops these from a stored config, or converts them.
DROPPED = REMOVED | REMOVED_OF_OLD
LOAD = "load"
RESULTS = {"pass": LOAD, "degraded": "load, lose something", "drift": "load, other numbers"}
FAIL, LEFT_OUT = "do not load", "left out"


def write(docs: Path) -> None:
    """Replace the pages of releases and steps, and the parts of guides, in the folder ``docs``."""
    zoo, api, catalogue = measured_zoo(), measured_api(), the_catalogue()
    steps = measured_steps(zoo)
    pages = {_step_name(*step): step_page(zoo, api, catalogue, *step) for step in steps}
    replace_pages(docs / FOLDER / "steps", {**pages, "index": steps_index(zoo, steps)})
    releases = {
        f"keras-{new}": release_page(zoo, api, catalogue, old, new)
        for old, new in pairwise(api.releases)
    }
    index = releases_index(list(pairwise(api.releases)), api)
    replace_pages(docs / FOLDER / "releases", {**releases, "index": index})
    replace_pages(docs / FOLDER / "parts", guide_parts(zoo, api, catalogue))


def measured_steps(zoo: Zoo) -> list[tuple[str, str]]:
    """Return each step to the next release, those to the newest, and that from Keras 2 to 3."""
    newest = zoo.releases[-1]
    to_newest = [(one, newest) for one in zoo.releases[:-1]]
    return list(dict.fromkeys([*pairwise(zoo.releases), *to_newest, _to_keras_3(zoo)]))


def _to_keras_3(zoo: Zoo) -> tuple[str, str]:
    """Return the last release of Keras 2 with a TensorFlow of its own, and the first of Keras 3."""
    own = [one for one in zoo.releases if not zoo.environments[one].endswith("-legacy")]
    return next((old, new) for old, new in pairwise(own) if not is_keras_3(old) and is_keras_3(new))


def guide_parts(zoo: Zoo, api: KerasApi, catalogue: Catalogue) -> dict[str, list[str]]:
    """Return the tables that the upgrade guides include, by name."""
    old, first = _to_keras_3(zoo)
    newest = zoo.releases[-1]
    near = list(pairwise(zoo.releases))
    within_3 = [step for step in near if is_keras_3(step[0])]
    of_3 = [pair for pair in pairwise(api.releases) if is_keras_3(pair[0])]
    parts = {
        "keras-2-to-3": _count_table(zoo, old, first),
        "keras-2-to-newest": _count_table(zoo, old, newest),
        "gone-since-1": _gone(zoo, api, api.releases[0], old),
        "known-2-to-3": _begun(catalogue, old, newest),
        "within-keras-2": _steps_table(zoo, [step for step in near if not is_keras_3(step[1])]),
        "within-keras-3": _steps_table(zoo, dict.fromkeys([*within_3, (first, newest)])),
        "releases-of-keras-3": _releases_table(of_3, api),
    }
    return {name: [_from_root(line) for line in lines] for name, lines in parts.items()}


def _from_root(line: str) -> str:
    """Return a line with links that are right in every folder."""
    line = re.sub(r"\((keras-[\d.]+-to-)", rf"(/{FOLDER}/steps/\1", line)
    line = re.sub(r"\((keras-[\d.]+\.md)", rf"(/{FOLDER}/releases/\1", line)
    return line.replace("(../", f"(/{FOLDER}/")


class Change(NamedTuple):
    """What became of the exhibits that one release saved in a format, when another loaded them."""

    results: Counter[str]
    by_outcome: Mapping[str, Sequence[Exhibit]]
    left_out: Sequence[Exhibit]


@cache
def _change(zoo: Zoo, form: str, writer: str, reader: str) -> Change:
    results: Counter[str] = Counter()
    by_outcome: dict[str, list[Exhibit]] = {}
    left_out = []
    for exhibit in (each for group in exhibits_by_class(zoo) for each in group):
        cells = cells_of(zoo, exhibit)
        saved = cells.get((form, writer, writer))
        if reader not in zoo.among(exhibit) or saved is None or saved.startswith("unsaved"):
            continue
        outcome = cells.get((form, writer, reader))
        if outcome is None:
            left_out.append(exhibit)
            results[LEFT_OUT] += 1
        else:
            by_outcome.setdefault(outcome, []).append(exhibit)
            results[RESULTS.get(outcome.partition(" ")[0], FAIL)] += 1
    return Change(results, by_outcome, left_out)


def step_page(zoo: Zoo, api: KerasApi, catalogue: Catalogue, old: str, new: str) -> Iterator[str]:
    """Yield the lines of the page of a step from one measured release to another."""
    yield from (*ORPHAN, f"# {_step_title(zoo, old, new)}", "")
    yield f"Each class of Keras {old}, with each argument, was saved by {old} and loaded by {new}"
    yield from ("([how](../../zoo.md)). This counts these small models, not your files:", "")
    yield from _count_table(zoo, old, new)
    if all(re.fullmatch(r"tf\d+\.\d+", zoo.environments[one]) for one in (old, new)):
        first, last = (zoo.environments[one].removeprefix("tf") for one in (old, new))
        command = f"kerasmatrix check models/ --from {first} --to {last} --fix fixed/"
        yield from ("Your files, and fixed ones for those that break:", "", "```console")
        yield from (command, "```", "")
    for form, name in FILES.items():
        change = _change(zoo, form, old, new)
        broken = {what: each for what, each in change.by_outcome.items() if what != "pass"}
        if broken:
            yield from (f"## Saved as {name}", "")
            yield from _broken(zoo, catalogue, broken)
    yield from _api_changes(zoo, api, old, new)
    yield from _titled(f"Other known problems in {_keras(new)}", _begun(catalogue, old, new))


def _count_table(zoo: Zoo, old: str, new: str) -> Iterator[str]:
    """Yield the table of the results of a step by format, and why models are left out."""
    changes = {form: _change(zoo, form, old, new) for form in FILES}
    shown = {form: change for form, change in changes.items() if change.results.total()}
    rows = [
        [result, *(change.results[result] or "" for change in shown.values())]
        for result in (*RESULTS.values(), FAIL, LEFT_OUT)
        if any(change.results[result] for change in shown.values())
    ]
    head = [f"saved with {old}, loaded with {new}", *(FILES[form] for form in shown)]
    yield from table(head, rows)
    for form, change in changes.items():
        if change.left_out:
            outcomes = {
                cells_of(zoo, exhibit).get((form, old, new))
                for name in PLAINEST[0]
                for exhibit in zoo.of_class(name.split("/")[1])
                if exhibit.name == name
            }
            reasons = (reason(what, the_catalogue()) for what in outcomes if what)
            causes = " or ".join(sorted(each.removeprefix("✕ ") for each in reasons))
            yield f"Left out: functional models in `.{form}`, of which none loads in this step"
            yield from (f"({causes}).", "")


def _broken(
    zoo: Zoo, catalogue: Catalogue, broken: Mapping[str, Sequence[Exhibit]]
) -> Iterator[str]:
    """Yield what breaks, by reason: those with the most classes first."""
    of_class = {page_of(each[0]): len(each) for each in exhibits_by_class(zoo)}
    by_reason: dict[str, list[Exhibit]] = {}
    for what, exhibits in broken.items():
        by_reason.setdefault(reason(what, catalogue), []).extend(exhibits)
    for why, exhibits in sorted(by_reason.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        grouped: dict[str, list[Exhibit]] = {}
        for exhibit in exhibits:
            grouped.setdefault(page_of(exhibit), []).append(exhibit)
        settings = counted(len(exhibits), "setting")
        yield f"- {why}, {settings} of {counted(len(grouped), 'class', 'classes')}:"
        named = (_named(each, of_class[page]) for page, each in sorted(grouped.items()))
        yield f"  {', '.join(named)}"
    yield ""


def _named(exhibits: Sequence[Exhibit], of_class: int) -> str:
    """Name a class, with the settings if only some of them break."""
    first = exhibits[0]
    link = f"[{first.class_name}](../classes/{page_of(first)}.md)"
    settings = [each.shown_setting for each in exhibits]
    if "" in settings or len(settings) == of_class:
        return link
    shown = ", ".join(f"`{each}`" for each in settings[:MOST_SETTINGS])
    more = len(settings) - MOST_SETTINGS
    return f"{link} ({shown}" + (f" and {more} more)" if more > 0 else ")")


def release_page(
    zoo: Zoo, api: KerasApi, catalogue: Catalogue, old: str, new: str
) -> Iterator[str]:
    """Yield the lines of the page of a release, compared with the release before it."""
    yield from (*ORPHAN, f"# No longer read by {_keras(new)}", "")
    yield f"{_keras(new)} compared with {_keras(old)}: the API of both, as measured, and the known"
    yield from ("problems of loads ([rules](../../prediction.md)) that begin or end with it.", "")
    begun = [rule for rule in the_rules() if _holds(rule, new) and not _holds(rule, old)]
    ended = [rule for rule in the_rules() if _holds(rule, old) and not _holds(rule, new)]
    changes = [
        *_api_changes(zoo, api, old, new),
        *_titled(f"Known problems that begin with {_keras(new)}", _rules(catalogue, begun)),
        *_titled(f"Known problems that end with {_keras(new)}", _rules(catalogue, ended)),
    ]
    if not any(line.startswith(("## Gone", "## Known problems that begin")) for line in changes):
        yield from ("Nothing is known that it stopped reading.", "")
    yield from changes
    for step in pairwise(zoo.releases):
        if _is_within(api, step, new):
            yield "Loads of each class were measured for"
            yield f"[{_step_title(zoo, *step)}](../steps/{_step_name(*step)}.md)."


def _is_within(api: KerasApi, step: tuple[str, str], release: str) -> bool:
    order = api.releases
    if not set(step) <= set(order):
        return False
    return order.index(step[0]) < order.index(release) <= order.index(step[1])


def _api_changes(zoo: Zoo, api: KerasApi, old: str, new: str) -> Iterator[str]:
    """Yield the classes and arguments that a release lacks, and those that only it has."""
    yield from _titled(f"Gone from the API of {_keras(new)}", _gone(zoo, api, old, new))
    if came := _difference(zoo, api, new, old):
        yield from (f"## New in the API of {_keras(new)}", "")
        yield from (f"{_keras(old)} does not know these, and refuses them in a file.", "", *came)


def _gone(zoo: Zoo, api: KerasApi, old: str, new: str) -> Iterator[str]:
    """Yield the classes and arguments that a release lacks, and what that means."""
    if gone := _difference(zoo, api, old, new):
        yield "A stored class of these is not found, and a config with one of these arguments is"
        yield from ("refused, unless Keras converts it.", "", *gone)


def _difference(zoo: Zoo, api: KerasApi, one: str, other: str) -> list[str]:
    """Return the lines on what release ``one`` has and ``other`` lacks."""
    first, second = api.classes(one), api.classes(other)
    lost = {
        each: names for each in sorted(first & second) if (names := _lost(api, each, one, other))
    }
    public = {(place, name) for place, name in first - second if not name.startswith("_")}
    return list(_api_table(zoo, public, lost))


def _lost(api: KerasApi, each: tuple[str, str], old: str, new: str) -> Sequence[str]:
    """Return the arguments that a class takes in ``old`` and not in ``new``."""
    before, after = api.takes(*each, old), api.takes(*each, new)
    return [] if before is None or after is None else sorted(before - after - DROPPED)


def _api_table(
    zoo: Zoo,
    classes: Iterable[tuple[str, str]],
    arguments: Mapping[tuple[str, str], Sequence[str]],
) -> Iterator[str]:
    """Yield the classes, and a table of the arguments with the classes that have each."""
    if classes := sorted(classes):
        yield from (f"Classes: {', '.join(_class(zoo, *each) for each in classes)}.", "")
    by_argument: dict[str, list[tuple[str, str]]] = {}
    for each, names in arguments.items():
        for name in names:
            by_argument.setdefault(name, []).append(each)
    by_classes: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, owners in sorted(by_argument.items()):
        by_classes.setdefault(tuple(owners), []).append(f"`{name}`")
    if by_classes:
        rows = [[", ".join(names), _owners(zoo, owners)] for owners, names in by_classes.items()]
        yield from table(["arguments", "of"], rows)


def _owners(zoo: Zoo, owners: Sequence[tuple[str, str]]) -> str:
    if len(owners) <= MOST_OWNERS:
        return ", ".join(_class(zoo, *each) for each in owners)
    places = Counter(place for place, _ in owners)
    return ", ".join(f"{counted(number, 'class', 'classes')} of `{place}`"
                     for place, number in places.items())  # fmt: skip


def _class(zoo: Zoo, place: str, name: str) -> str:
    has_page = any(exhibit.place == place for exhibit in zoo.of_class(name))
    return f"[{name}](../classes/{page_name(place, name)}.md)" if has_page else f"`{place}.{name}`"


def _titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a section, if it has lines."""
    if found := list(lines):
        yield from (f"## {title}", "", *found, "")


def _begun(catalogue: Catalogue, old: str, new: str) -> Iterable[str]:
    """Return what rules say of files of ``old`` that hold for ``new``, and not for ``old``."""
    return _rules(
        catalogue,
        (
            rule
            for rule in the_rules()
            if _holds(rule, new) and not _holds(rule, old) and within(rule.writer, old)
        ),
    )


def _rules(catalogue: Catalogue, rules: Iterable[Rule]) -> Iterable[str]:
    """Return what rules say, each with a link to its cause."""
    stories = {cause.slug: cause.story for cause in catalogue.causes}
    said = (
        f"- {rule.says}: [{stories[rule.cause]}](../causes/{rule.cause}.md)"
        for rule in rules
        if rule.cause
    )
    return dict.fromkeys(said)


def _holds(rule: Rule, reader: str) -> bool:
    return rule.reader is not None and within(rule.reader, reader)


def steps_index(zoo: Zoo, steps: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of the index of steps."""
    yield from ("# Upgrade steps", "")
    yield "Files of an earlier release, loaded by a later one, class by class. A number is that of"
    yield from ("small models, each with one class and one argument.", "")
    yield from _steps_table(zoo, steps)


def _steps_table(zoo: Zoo, steps: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a table of steps with the share of the small models that load, by format."""
    rows = []
    for step in steps:
        row = [f"[{_step_title(zoo, *step)}]({_step_name(*step)}.md)"]
        for form in FILES:
            change = _change(zoo, form, *step)
            whole = change.results.total() - change.results[LEFT_OUT]
            share = f"{change.results[LOAD]:,} of {whole:,}" if whole else ""
            row.append(f"{share}, no functional model" if change.left_out else share)
        rows.append(row)
    head = ["step", *(f"load unchanged from {name}" for name in FILES.values())]
    yield from table(head, rows)


def releases_index(pairs: Sequence[tuple[str, str]], api: KerasApi) -> Iterator[str]:
    """Yield the lines of the index of releases, each with the one before it."""
    yield from (
        "# Releases",
        "",
        "The classes and arguments that a release stopped reading, and those that are new.",
        "",
    )
    yield from _releases_table(pairs, api)


def _releases_table(pairs: Sequence[tuple[str, str]], api: KerasApi) -> Iterator[str]:
    rows = []
    for old, new in reversed(pairs):
        before, after = api.classes(old), api.classes(new)
        gone = sum(len(_lost(api, each, old, new)) for each in before & after)
        came = sum(len(_lost(api, each, new, old)) for each in before & after)
        counts = (len(before - after), gone, len(after - before), came)
        rows.append([f"[{_keras(new)}](keras-{new}.md)", *(number or "" for number in counts)])
    head = ["release", "classes gone", "arguments gone", "new classes", "new arguments"]
    yield from table(head, rows)


def _step_name(old: str, new: str) -> str:
    return f"keras-{old}-to-{new}"


def _step_title(zoo: Zoo, old: str, new: str) -> str:
    first, last = _title(zoo, old), _title(zoo, new)
    shared = first.split()[0]
    return f"{first} to {last.removeprefix(f'{shared} ')}"


def _title(zoo: Zoo, release: str) -> str:
    """Return the release as users name it: by its TensorFlow, if that installs it by default."""
    found = re.fullmatch(r"tf(\d+\.\d+)", zoo.environments[release])
    if found is None:
        return f"Keras {release}"
    own = f"TensorFlow {found[1]}"
    return own if found[1] == release else f"{own} (Keras {release})"


def _keras(release: str) -> str:
    if release == "2.16":
        return "tf_keras 2.16"
    return f"Keras {release}" if release.startswith("3.") else f"TensorFlow {release}"
