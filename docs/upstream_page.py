"""Writes the page of what TensorFlow and Keras promise, and of known issues."""

from __future__ import annotations

from collections.abc import Iterable

from generated import ORPHAN

from kerasmatrix.diagnosis.upstream import KnownIssue, Promise, Upstream

__all__ = ["issue_line", "upstream_page"]

KINDS = {
    "promised": "It is promised that this works",
    "announced": "It was announced that this ends",
    "not-promised": "This is not promised",
}
INTRODUCTION = (
    "This is what TensorFlow and Keras say of loading files that other versions saved. The panel",
    "of a cell shows it, and `results.json` has it under `upstream`. So a broken promise is told",
    "from a break that was announced, and from one of which nothing was said.",
    "",
    "A date is the day of the source, or the day on which a copy of it was read: the state of an",
    "issue may have changed since.",
    "",
)
REMARK = (
    "A promise about the graph of a SavedModel is broken only where `tf.saved_model.load` fails,",
    "too; one about data, only where the loading program has all classes that the file needs.",
    "",
)
NAME = slice(-3, None)  # owner's repository, "issues", number


def upstream_page(upstream: Upstream) -> Iterable[str]:
    """Return the lines of the page."""
    yield from (*ORPHAN, "# Promises and known issues", "")
    yield from INTRODUCTION
    for kind, title in KINDS.items():
        yield from (f"## {title}", "")
        for promise in upstream.promises:
            if promise.kind == kind:
                yield _promise_line(promise)
        yield ""
    yield from (*REMARK, "## Known issues", "")
    ordered = sorted(upstream.known_issues, key=lambda issue: issue.state != "open")
    yield from (issue_line(issue, "../causes/", with_causes=True) for issue in ordered)
    yield ""


def _promise_line(promise: Promise) -> str:
    formats = ", ".join(f"`{form}`" for form in promise.formats)
    return f"- {promise.says.strip()} ([source]({promise.link}), {promise.as_of}; {formats})"


def issue_line(issue: KnownIssue, causes: str = "", *, with_causes: bool = False) -> str:
    """Return an issue as a line of a list; ``causes`` is the path to the pages of causes."""
    repository, _, number = issue.link.split("/")[NAME]
    named = ", ".join(f"[`{slug}`]({causes}{slug}.md)" for slug in issue.causes)
    more = f": {named}" if with_causes else ""
    return (
        f"- [{repository}#{number}]({issue.link}) ({issue.state}, {issue.as_of}): "
        f"{issue.says.strip().rstrip('.')}{more}"
    )
