"""Escapes texts of files and experiments for the formats of the report. Pure.

Every foreign text goes through one of these functions on its way into a report, so that it cannot
act: neither on the page, nor on a terminal that prints the file, nor on a spreadsheet. In JSON and
Parquet texts are data for programs and stay as they are.
"""

from __future__ import annotations

import re

from kerasmatrix.text.escape import HIDDEN

__all__ = ["for_markdown", "for_spreadsheet", "for_xml", "shown"]

# Characters that act on a terminal, or that reorder or hide text, are shown as escapes.
# elements.js does the same for the page's script.
ACTING = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{HIDDEN}]")
# XML 1.0 (section 2.2) cannot represent these either.
UNWRITABLE = re.compile("[\ud800-\udfff\ufffe\uffff]")
LONGEST_IN_XML = 20_000
# A spreadsheet runs a text that begins like this as a formula; some fold full-width forms first.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
MARKUP = set("\\`*_{}[]<>()#+-.!|~@&")
LONGEST_IN_MARKDOWN = 200


def shown(text: str) -> str:
    """Return ``text`` with escapes for characters that act or hide."""
    return ACTING.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def for_spreadsheet(text: str) -> str:
    """Return ``text`` as a field of a table that a spreadsheet does not run.

    It gets a leading apostrophe if necessary. A carriage return, which ends a row for many readers,
    becomes a line feed.
    """
    guarded = f"'{text}" if text.startswith(FORMULA_STARTS) else text
    return shown(guarded.replace("\r\n", "\n").replace("\r", "\n"))


def for_xml(text: str) -> str:
    """Return ``text`` without characters that XML cannot hold, shortened if it is very long."""
    if len(text) > LONGEST_IN_XML:
        half = LONGEST_IN_XML // 2
        text = f"{text[:half]}\n[…]\n{text[-half:]}"
    return UNWRITABLE.sub("\ufffd", shown(text))


def for_markdown(text: str) -> str:
    """Return ``text`` on one line, shortened, with all markup escaped."""
    flat = "".join(char if char.isprintable() else " " for char in ACTING.sub(" ", text))
    short = flat
    if len(flat) > LONGEST_IN_MARKDOWN:
        short = f"{flat[: LONGEST_IN_MARKDOWN - 1]}…"
    return "".join(f"\\{char}" if char in MARKUP else char for char in short)
