"""What each format shows of the texts that files and experiments brought along. Pure.

Every text that is not ours goes through one of these on its way into a report, so that it is read
and does nothing: neither to the page, nor to a terminal that prints the file, nor to a spreadsheet.
Texts of another format (JSON, Parquet) are data for programs, and stay as they are.
"""

from __future__ import annotations

import re

__all__ = ["for_markdown", "for_spreadsheet", "for_xml", "shown"]

# Characters that act on a terminal, or that reorder or hide text, are shown as what they are.
# elements.js does the same to what the page's script shows.
ACTING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
# XML 1.0 has no way to write these (its section 2.2), beside those above.
UNWRITABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
LONGEST_IN_XML = 20_000
# A spreadsheet takes a text that begins like this for a formula and runs it; some fold the
# full-width forms into the plain ones first.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARKUP = set("\\`*_{}[]<>()#+-.!|~@&")
LONGEST_IN_MARKDOWN = 200


def shown(text: str) -> str:
    """Return ``text`` with what would act unseen written as an escape."""
    return ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def for_spreadsheet(text: str) -> str:
    """Return ``text`` as a field of a table that a spreadsheet does not run.

    It is given a leading apostrophe if need be. The carriage return, which many readers take for
    the end of a row, becomes a line feed.
    """
    guarded = f"'{text}" if text.startswith(FORMULA_STARTS) else text
    return shown(guarded.replace("\r\n", "\n").replace("\r", "\n"))


def for_xml(text: str) -> str:
    """Return ``text`` as XML can hold it, its middle left out if it is very long."""
    if len(text) > LONGEST_IN_XML:
        half = LONGEST_IN_XML // 2
        text = f"{text[:half]}\n[…]\n{text[-half:]}"
    return UNWRITABLE.sub("\ufffd", shown(text))


def for_markdown(text: str) -> str:
    """Return ``text`` on one line, shortened, with nothing in it that Markdown acts on."""
    flat = "".join(each if each.isprintable() else " " for each in text)
    short = flat
    if len(flat) > LONGEST_IN_MARKDOWN:
        short = f"{flat[: LONGEST_IN_MARKDOWN - 1]}…"
    return "".join(f"\\{each}" if each in MARKUP else each for each in short)
