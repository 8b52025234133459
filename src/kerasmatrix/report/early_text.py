"""The early warning as Markdown: what a coming version breaks, repairs and computes otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kerasmatrix.analysis.compare import Change
from kerasmatrix.analysis.early_warning import BrokenKind, ComingVersion
from kerasmatrix.text.lines import brief_line

__all__ = ["early_warning_text", "issue_of_scenario"]

MOST_ROWS = 30


def early_warning_text(
    release: str,
    versions: Sequence[ComingVersion],
    issues: Mapping[tuple[str, str | None], str],
) -> str:
    """Return the report.

    Args:
        release: the environment of the last release.
        versions: the comparisons with it.
        issues: the file with the text for an issue, by environment and cause.
    """
    lines = [f"# Early warning: what comes after {release}", ""]
    for version in versions:
        lines += [*_version(version, issues), ""]
    return "\n".join(lines).rstrip() + "\n"


def _version(version: ComingVersion, issues: Mapping[tuple[str, str | None], str]) -> Iterator[str]:
    yield f"## {version.environment}: TensorFlow {version.tensorflow}, Keras {version.keras}"
    yield ""
    if version.trouble:
        yield f"Not measured: {brief_line(version.trouble)}"
        return
    yield (
        f"{version.compared} cells compared: {len(version.broken)} worse, "
        f"{len(version.improved)} better, {len(version.other_numbers)} with other numbers."
        + (f" {version.unmeasured} could not be measured." if version.unmeasured else "")
    )
    if version.broken:
        yield from ("", "### Breaks")
        for kind in version.broken_kinds:
            issue = issues.get((version.environment, kind.cause))
            yield from ("", f"**{kind.cause or 'unclassified'}**, {_cells(kind)}")
            if issue:
                yield f"Text for an issue: [{issue}]({issue})"
            yield from ("", *_table(kind.changes))
    for title, changes in (
        ("### Repaired", version.improved),
        ("### Other numbers", version.other_numbers),
    ):
        if changes:
            yield from ("", title, "", *_table(changes))


def _cells(kind: BrokenKind) -> str:
    count = len(kind.changes)
    return f"{count} cell{'' if count == 1 else 's'}."


def _table(changes: Sequence[Change]) -> Iterator[str]:
    yield "| model | format | saved with | before | now | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for change in changes[:MOST_ROWS]:
        summary = brief_line(change.summary).replace("|", "\\|")
        yield (
            f"| {change.scenario} | {change.format} | {change.saved_with} | {change.before} | "
            f"{change.after} | {summary} |"
        )
    if len(changes) > MOST_ROWS:
        yield f"| … and {len(changes) - MOST_ROWS} more | | | | | |"


def issue_of_scenario(
    version: ComingVersion, change: Change, release: str, scripts: Mapping[str, str]
) -> str:
    """Return a text for an issue of which the steps are the scripts of a scenario.

    Args:
        version: the version in which it is worse.
        change: a cell that is worse.
        release: the environment of the last release.
        scripts: the content of each script by its name.
    """
    ending = {"h5": ".h5", "keras": ".keras", "keras-archive": ".keras", "weights": ".weights.h5"}
    file = f"model{ending.get(change.format, '')}"
    saved = "the last release" if change.saved_with == release else "the same version"
    shown = "\n\n".join(f"`{name}`:\n\n```python\n{text}```" for name, text in scripts.items())
    return (
        f"# {brief_line(change.summary)}\n\n"
        f"**Versions:** TensorFlow {version.tensorflow}, Keras {version.keras}. The file was saved "
        f"with {saved}; there the result is: {change.before}.\n\n"
        f"**Steps:** `python save.py {file}` with {saved}, `python load.py {file}` with this "
        f"version.\n\n{shown}\n\n"
        f"**Expected:** {change.before}, as in the last release.\n\n"
        f"**Actual:** {change.after}: {brief_line(change.summary)}\n"
    )
