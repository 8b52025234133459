"""Scores `explain` on reports of others: python survey/score_reports.py FILE [FILE …] [--wrong].

FILE is YAML: a list of reports with `url`, `error`, the true cause in `slug` or `expected` (several
are separated by " / ", each may begin with "new: ") and what helped in `remedy`. An optional
`advised` is a regular expression that one advice of a right answer matches; without it, an advice
is taken for the remedy if it has half of the words of one of the remedy's alternatives.

Each report is scored as it is and in the forms in which people pass messages on. An answer is wrong
advice if it is sure of another cause; below its threshold, `explain` gives no advice and is silent.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml

from kerasmatrix.diagnosis.catalogue import the_catalogue
from kerasmatrix.diagnosis.explain import explain_message, explain_symptom

OUTCOMES = ("right", "right, remedy not advised", "wrong advice", "silent")
NOT_CONFIRMED = re.compile(r"(?i)|ns\b.*|none.*|unconfirmed|as above|fixed.*|fix in .*|fix of .*")
CUT_AT = 160
SYMPTOM = "model gives different predictions after loading"  # where nothing is raised
SHORTEST_MESSAGE = 12  # shorter ones say nothing without their type: `KeyError: 0`

# Words that reporters and the catalogue use for one thing, and words that say nothing.
SAME = {
    **dict.fromkeys(("upgrade", "newer", "newest"), "later"),
    **dict.fromkeys(("pin", "pip", "downgrade"), "install"),
    **dict.fromkeys(("strip", "dropping"), "drop"),
    **dict.fromkeys(("replace", "edit", "rename", "renamed"), "rewrite"),
    **dict.fromkeys(("tf_keras", "legacy_keras", "tf_use_legacy_keras"), "legacy"),
    **dict.fromkeys(("config", "json"), "file"),
    **dict.fromkeys(("rebuild", "exact"), "build"),
    **dict.fromkeys(("download", "get"), "fetch"),
    "tf": "tensorflow",
    "loader": "load",
}
LITTLE = {
    "or",
    "and",
    "the",
    "to",
    "in",
    "of",
    "with",
    "for",
    "it",
    "is",
    "by",
    "from",
    "on",
    "use",
}

Report = Mapping[str, str | None]


def cut(text: str) -> str:
    """Return the beginning, as in the title of a report."""
    return text[:CUT_AT]


def indented(text: str) -> str:
    """Return it as code in a list."""
    return "\n".join(f"        {line}" for line in text.splitlines())


def logged(text: str) -> str:
    """Return it with the prefix of a logger."""
    return f"2026-03-02 11:59:07,120 [worker-3] ERROR app.models: {text}"


def without_type(text: str) -> str:
    """Return the message alone, if it then still says something."""
    message = re.sub(r"^[\w.]*(Error|Exception|Warning|BadZipFile): ", "", text)
    return message if len(message) >= SHORTEST_MESSAGE else text


FORMS: Mapping[str, Callable[[str], str]] = {
    "as shown": str,
    "cut": cut,
    "indented": indented,
    "in a log": logged,
    "without type": without_type,
}


def causes_of(report: Report) -> set[str]:
    """Return the slugs that are right, without the mark of causes that were once missing."""
    named = (report.get("slug") or report.get("expected") or "").replace("new: ", "")
    return {slug.strip() for slug in named.split("/") if slug.strip()}


def is_advised(report: Report, advice: str) -> bool:
    """Return whether ``advice`` has what helped the reporter, if anything was seen to."""
    remedy = report.get("remedy") or ""
    if report.get("advised"):
        return re.search(str(report["advised"]), advice, re.IGNORECASE) is not None
    if NOT_CONFIRMED.fullmatch(remedy.strip()):
        return True
    words = set(_words(advice))
    alternatives = re.split(r";| or | / |, ", remedy)
    found = [list(_words(alternative)) for alternative in alternatives]
    return any(sum(w in words for w in ws) * 2 >= len(ws) for ws in found if ws)


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"[A-Za-z_]{2,}|\d+(?:\.\d+)*", text.lower()):
        if word not in LITTLE:
            yield SAME.get(word, word.removesuffix("s").removesuffix("ing"))


def outcome_of(report: Report, form: Callable[[str], str]) -> tuple[str, str]:
    """Return the outcome, and the cause that is named."""
    error = report.get("error")
    if error:
        explanation = explain_message(form(error))
    else:
        explanation = explain_symptom(str(report.get("symptom") or SYMPTOM))
    if explanation.cause is None:
        return "silent", "-"
    slug = explanation.cause.slug
    if not causes_of(report) & {slug, *_wider(slug)}:
        return "wrong advice", slug
    advice = "\n".join(f"{one.do} {one.code or ''}" for one in explanation.advice)
    return (OUTCOMES[0] if is_advised(report, advice) else OUTCOMES[1]), slug


def is_recognized(report: Report) -> bool:
    """Return whether `explain` knows the message at all: its cause, or where it is raised."""
    found = explain_message(str(report.get("error") or SYMPTOM))
    return found.cause is not None or bool(found.raised_by)


def _wider(slug: str) -> Iterator[str]:
    """Yield the causes of which ``slug`` is a special case."""
    within = the_catalogue()[slug].within
    while within:
        yield within
        within = the_catalogue()[within].within


def main() -> int:
    """Print the table of one or more files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--wrong", action="store_true", help="list what is not right, as shown")
    options = parser.parse_args()
    for file in options.files:
        reports = yaml.safe_load(file.read_text(encoding="utf-8"))
        print(f"{file.name}: {len(reports)} reports")
        for name, form in FORMS.items():
            counts = Counter(outcome_of(report, form)[0] for report in reports)
            shares = (f"{counts[o]:3} {o} ({counts[o] / len(reports):.0%})" for o in OUTCOMES)
            print(f"  {name:13}", ", ".join(shares))
        known = sum(is_recognized(report) for report in reports)
        print(f"  {known} have a cause or a template of the atlas ({known / len(reports):.0%})")
        if options.wrong:
            _list_wrong(reports)
    return 0


def _list_wrong(reports: list[Report]) -> None:
    for report in reports:
        outcome, named = outcome_of(report, str)
        if outcome != OUTCOMES[0]:
            error = (report.get("error") or "-").replace("\n", " ")[:110]
            right = ", ".join(sorted(causes_of(report)))
            print(f"  {outcome}: {named}, right: {right}: {error}\n      {report.get('remedy')}")


if __name__ == "__main__":
    sys.exit(main())
