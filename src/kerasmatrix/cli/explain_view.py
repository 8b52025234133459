"""Prints an explanation for a person."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from textwrap import wrap

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.explain import Explanation
from kerasmatrix.diagnosis.occurrences import Checked, Occurrences
from kerasmatrix.diagnosis.upstream import the_upstream
from kerasmatrix.inspection.model_info import ModelFile
from kerasmatrix.text.escape import cut, escape_control_characters

__all__ = ["prose"]

LIKELY = {"high": "", "medium": " (likely)", "low": " (possible)"}
LONGEST_TEMPLATE = 100
MOST_SOURCES = 3
WIDTH = 79
CODE_INDENT = "      "  # code is not wrapped: it is copied


def prose(
    explanation: Explanation,
    model: ModelFile | None = None,
    checked: Checked | None = None,
    seen: Occurrences | None = None,
) -> Iterator[str]:
    """Yield the lines: a stored check first, then the cause and its fixes, then the evidence."""
    for line in _lines(explanation, model, checked, seen):
        if len(line) <= WIDTH or line.startswith(CODE_INDENT):
            yield line
        else:
            hanging = "    " if line.startswith("  - ") else ""
            yield from wrap(
                line,
                WIDTH,
                subsequent_indent=hanging,
                break_long_words=False,
                break_on_hyphens=False,
            )


def _lines(
    explanation: Explanation,
    model: ModelFile | None,
    checked: Checked | None,
    seen: Occurrences | None,
) -> Iterator[str]:
    if checked:
        yield from _checked(checked)
    if model:
        yield from _model(model)
    if explanation.cause:
        yield from _cause(explanation)
    elif not checked:
        yield from _nothing(explanation)
    yield from _origins(explanation)
    if explanation.cause:
        sources = explanation.cause.sources[:MOST_SOURCES]
        yield from ("", "Seen in:", *(f"  - {source}" for source in sources))
        yield from _issues(explanation.cause.slug)
    if seen:
        yield from _measured(seen)


def _cause(explanation: Explanation) -> Iterator[str]:
    cause, confidence = explanation.cause, explanation.confidence
    if cause is None or confidence is None:
        return
    yield f"{cause.slug}: {cause.story}{LIKELY[confidence]}"
    yield from ("", cause.what.strip())
    if explanation.matched:
        yield from ("", f"Recognized by: {_shown(explanation.matched)}")
    yield from _known(explanation)
    yield from ("", "Fixes:")
    for advice in explanation.advice:
        loses = f" (gives up {advice.loses})" if advice.loses else ""
        yield f"  - {advice.do}{loses}"
        yield from (f"      {line}" for line in (advice.code or "").splitlines())
    if any(the_catalogue().remedy(advice.id) for advice in explanation.advice):  # `check` tries it
        yield from ("", "With the file, find the fix that works and write a fixed copy:")
        yield f"{CODE_INDENT}kerasmatrix check FILE --fix fixed/"
    if explanation.near:
        others = ", ".join(near.slug for near in explanation.near)
        yield from ("", f"If that is not it, see also: {others}.")


def _issues(cause: str) -> Iterator[str]:
    issues = the_upstream().issues_of(cause)[:MOST_SOURCES]
    if issues:
        yield from ("", "Known issues:")
    for issue in issues:
        yield f"  - {issue.state} on {issue.as_of}: {issue.says.strip()} {issue.link}"


def _known(explanation: Explanation) -> Iterator[str]:
    yield from (f"Known: {_shown(fact)}." for fact in explanation.known)


def _nothing(explanation: Explanation) -> Iterator[str]:
    if not (explanation.near or explanation.raised_by):
        yield "unclassified: no known cause matches this error."
    else:
        yield "unclassified: the message alone does not tell the cause."
    for near in explanation.near:
        yield f"  - possible: {near.slug}: {near.story}"
    yield from _known(explanation)
    if explanation.needs:
        yield from ("", "It would help to have:", *(f"  - {need}" for need in explanation.needs))


def _origins(explanation: Explanation) -> Iterator[str]:
    if not explanation.raised_by:
        return
    yield from ("", "The message:")
    for origin in explanation.raised_by:
        template = " ".join(origin.template.split())
        if len(template) > LONGEST_TEMPLATE:
            template = f"{template[:LONGEST_TEMPLATE]}…"
        releases = origin.releases.replace(" ", ", ").replace("-", " to ")
        place = origin.place.replace(":", ".").rstrip(".")
        yield f"  - raised by {place}; worded so in {origin.package} {releases}: {template}"
    advice = dict.fromkeys(origin.do for origin in explanation.raised_by if origin.do)
    if advice and not explanation.cause:
        yield from ("", "For messages of this place:", *(f"  - {do}" for do in advice))


def _model(model: ModelFile) -> Iterator[str]:
    writer = model.writer.keras or "an unknown version"
    yield f"{_shown(model.path)}: {model.kind}, saved with Keras {writer}"
    if model.custom_objects:
        yield f"  - needs your classes or functions: {_shown(', '.join(model.custom_objects))}"
    for one in model.lambdas:
        python = f", readable by Python {one.python}" if one.python else ""
        yield f"  - Lambda layer {_shown(one.layer)} holds Python bytecode{python}"
    if model.training and model.training.optimizer:
        yield f"  - compiled with {_shown(model.training.optimizer)}"
    yield from (f"  - {_shown(note)}" for note in model.notes)
    yield ""


def _checked(checked: Checked) -> Iterator[str]:
    yield f"Your check of {_shown(checked.file)} (run {checked.run}):"
    for cell in checked.cells:
        cause = f", {cell.cause}" if cell.cause else ""
        fix = f"; fix {cell.repaired_by} worked" if cell.repaired_by else ""
        yield f"  - loaded with {cell.loaded_with}: {cell.status}{cause}{fix}"
    yield ""


def _measured(seen: Occurrences) -> Iterator[str]:
    if not seen.cells:
        yield f"\nNot measured in your last run, {seen.run}."
        return
    cases = "1 case" if seen.cells == 1 else f"{seen.cells} cases"
    yield f"\nMeasured in {cases} of the run {seen.run}:"
    for reader, pairs in groupby(seen.pairs, key=lambda pair: pair.loaded_with):
        yield f"  - loaded with {reader}: saved with {', '.join(p.saved_with for p in pairs)}"
    for remedy, cells in seen.repaired_by.items():
        yield f"  Fix {remedy} worked in {cells} of {seen.cells}."


def _shown(text: str) -> str:
    return cut(escape_control_characters(text))
