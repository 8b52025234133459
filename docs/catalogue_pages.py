"""Writes the pages of the site that come from data: one per cause, one per fix, and their indexes.

They are written into ``docs/catalogue/``, which is not committed, each time the site is built.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from class_pages import measured_section
from generated import FOLDER, ORPHAN, replace_pages
from upstream_page import issue_line, upstream_page

from kerasmatrix.diagnosis.catalogue import (
    Advice,
    Catalogue,
    Cause,
    Remedy,
    Signature,
    the_catalogue,
)
from kerasmatrix.diagnosis.upstream import the_upstream
from kerasmatrix.prediction.zoo import measured_zoo

WAYS = {
    "load": "loads the same file in another way, in the same environment",
    "environment": "loads the file with the same TensorFlow in another setting",
    "bridge": "loads the file with a version in between, and saves it again there",
}
# The states of names of `diagnosis.python_names`, in words.
NAMED = {
    "keras": "a name of Keras",
    "tensorflow": "a name of TensorFlow",
    "argument": "an argument",
}
STATES = {
    "gone": "that only earlier releases have",
    "newer": "that only later releases have",
    "there": "that all releases have",
    "passing": "that only releases in between have",
    "unknown": "that no release has",
}
# What may follow a backslash in a pattern, apart from a literal character.
CLASSES = {"d": "0", "w": "x", "s": " ", "b": "", "S": "x"}


def write(docs: Path) -> None:
    """Replace the pages of causes and fixes in the folder ``docs``."""
    catalogue = the_catalogue()
    causes = {cause.slug: cause_page(cause, catalogue) for cause in catalogue.causes}
    replace_pages(docs / FOLDER / "causes", {**causes, "index": causes_index(catalogue)})
    fixes = {fix.id: fix_page(fix, catalogue) for fix in catalogue.remedies}
    replace_pages(docs / FOLDER / "fixes", {**fixes, "index": fixes_index(catalogue)})
    replace_pages(docs / FOLDER / "upstream", {"index": upstream_page(the_upstream())})


def cause_page(cause: Cause, catalogue: Catalogue) -> Iterable[str]:
    """Return the lines of the page of a cause."""
    yield from (*ORPHAN, f"# {cause.story}", "", f"Cause `{cause.slug}`.", "")
    if cause.within:
        wider = catalogue[cause.within]
        yield from (f"A special case of [{wider.story}]({wider.slug}.md).", "")
    yield from (cause.what, "")
    yield from ("## Fixes, best first", "")
    for number, advice in enumerate(cause.advice, 1):
        yield from _advice(number, advice, catalogue)
    yield ""
    yield from _messages(cause)
    yield from measured_section(measured_zoo(), cause.slug)
    yield from ("## Sources", "")
    yield from (f"- {_link(source)}" for source in cause.sources)
    yield ""
    issues = the_upstream().issues_of(cause.slug)
    if issues:
        yield from ("## Known issues", "", *map(issue_line, issues), "")


def _messages(cause: Cause) -> Iterable[str]:
    """List the patterns of errors by which the cause is recognized, and other evidence."""
    yield from ("## How it is recognized", "", "One of these rows is enough:", "")
    yield from ("| error or printed text | other conditions |", "| --- | --- |")
    rows = (_row(signature) for signature in cause.signatures)
    yield from dict.fromkeys(rows)
    yield ""


def _row(signature: Signature) -> str:
    text = signature.error or signature.log or signature.lost or ""
    conditions = []
    if signature.name:
        conditions.append("the text names " + " or ".join(map(_state, signature.name)))
    if signature.log and signature.error:
        conditions.append("another text is printed")
    if signature.lost:
        conditions.append("the model loses a part")
    if signature.status:
        conditions.append(" or ".join(f"`{status}`" for status in signature.status))
    if signature.format:
        conditions.append("format " + ", ".join(f"`{form}`" for form in signature.format))
    if signature.writer_keras:
        conditions.append(f"saved with Keras {signature.writer_keras}")
    if signature.reader_keras:
        conditions.append(f"loaded with Keras {signature.reader_keras}")
    shown = f"{_code(readable(text))}" if text else ""
    return f"| {shown} | {', '.join(conditions)} |"


def _state(state: str) -> str:
    """Return a state of a name, such as ``keras gone``, in words."""
    kind, _, rest = state.partition(" ")
    if kind in NAMED and rest in STATES:
        return f"{NAMED[kind]} {STATES[rest]}"
    if rest == "missing":
        return "a missing package" if kind == "other" else f"a missing package ({kind})"
    return "a file of another package" if rest == "raised" else f"`{state}`"


def _advice(number: int, advice: Advice, catalogue: Catalogue) -> Iterable[str]:
    fix = catalogue.remedy(advice.id)
    name = f" ([`{fix.id}`](../fixes/{fix.id}.md), tried in each failing cell)" if fix else ""
    yield f"{number}. {advice.do.rstrip('.')}{name}."
    if advice.loses:
        yield f"   Gives up: {advice.loses.rstrip('.')}."
    code = advice.code or (fix.code if fix else None)
    if code:
        yield from ("", "   ```python" if _is_python(code) else "   ```console")
        yield from (f"   {line}".rstrip() for line in code.rstrip().splitlines())
        yield from ("   ```", "")


def fix_page(fix: Remedy, catalogue: Catalogue) -> Iterable[str]:
    """Return the lines of the page of a fix."""
    yield from (*ORPHAN, f"# {fix.title}", "", f"Fix `{fix.id}`: kerasmatrix {WAYS[fix.by]}.", "")
    yield from ("```python" if _is_python(fix.code) else "```console", fix.code.rstrip(), "```", "")
    formats = ", ".join(f"`{form}`" for form in fix.formats)
    yield from ("| | |", "| --- | --- |", f"| formats | {formats} |")
    if fix.reader_keras:
        yield f"| loaded with | Keras {fix.reader_keras} |"
    yield f"| gives up, even if it works | {fix.gives_up or 'nothing by itself'} |"
    yield from (f"| source | {_link(fix.source)} |", "")
    causes = [c for c in catalogue.causes if any(a.id == fix.id for a in c.advice)]
    yield from ("## Causes that it is tried for", "")
    if fix.general:
        yield from ("Every cause.", "")
    yield from (f"- [{cause.story}](../causes/{cause.slug}.md)" for cause in causes)
    yield ""


def causes_index(catalogue: Catalogue) -> Iterable[str]:
    """Return the lines of the index of causes."""
    yield from ("# Causes", "", f"{len(catalogue.causes)} causes are known.", "")
    yield "To find the cause of an error, [paste it](../../explain.md), run `kerasmatrix explain`,"
    yield from ("or search this site for a part of the message.", "")
    yield from (f"- [{cause.story}]({cause.slug}.md)" for cause in catalogue.causes)
    yield ""


def fixes_index(catalogue: Catalogue) -> Iterable[str]:
    """Return the lines of the index of fixes."""
    yield from ("# Fixes", "", "These are tried in failing cells, cheapest first. A fix is", "")
    yield from ("*verified* in a cell if the model then has the same weights and outputs.", "")
    yield from (f"- [{fix.title}]({fix.id}.md)" for fix in catalogue.remedies)
    yield ""


def readable(pattern: str) -> str:
    r"""Return a regular expression as the text that a person would search for.

    Groups that capture or give flags go, ``.*`` becomes ``…``, and ``\\(`` a parenthesis:
    ``Unknown layer: ['\"]?Functional\\b`` is shown as ``Unknown layer: Functional``.
    """
    text = re.sub(r"\(\?[a-zA-Z]+\)", "", pattern)
    text = re.sub(r"\(\?(P<\w+>|:)", "(", text)
    text = re.sub(r"(?<!\\)\[(?:\\.|[^\]\\])[^\]]*\][?*]", "", text)
    many = r"(?<!\\)(\.|\[(?:\\.|[^\]\\])(?:\\.|[^\]])*\]|\\[SsWwDd])([*+]|\{[\d,]+\})\??"
    text = re.sub(many, "…", text)
    text = re.sub(r"(?<!\\)\?", "", text)  # an optional part is shown
    text = re.sub(r"\((\w+(?:\|\w+){2})(?:\|[^()|]*){5,}\)", r"(\1|…)", text)
    text = re.sub(r"\\(.)", lambda found: CLASSES.get(found[1], found[1]), text)
    return re.sub(r"\s+", " ", text).strip("^$ …")


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    padded = f" {text} " if "`" in text else text
    escaped = padded.replace("|", "\\|")
    return f"{fence}{escaped}{fence}"


def _link(source: str) -> str:
    return f"<{source}>" if re.fullmatch(r"https?://\S+", source) else source


def _is_python(code: str) -> bool:
    """Whether code is Python; other code is for a shell."""
    decorated = "\nclass Layer: ..." if code.startswith("@") else ""
    try:
        ast.parse(code + decorated)
    except SyntaxError:
        return False
    return True
